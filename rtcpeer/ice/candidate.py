"""Candidates: what they are, their priorities and their foundations (RFC 8445 section 5.1)."""

import ipaddress
import zlib
from dataclasses import dataclass, replace
from enum import Enum
from typing import Self

from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate_line import CandidateLine, parse_candidate_line, serialize_candidate_line

__all__ = [
    "DISCARD_PORT",
    "Candidate",
    "CandidateType",
    "TcpType",
    "candidate_priority",
    "can_pair",
    "compute_foundation",
    "reflexive_priority",
    "same_scope",
    "tcp_host_candidate",
    "tcp_local_preference",
]

DISCARD_PORT = 9
"""Of active TCP candidates, which open each connection from a port of its own (RFC 6544 section 4.5)."""


class CandidateType(Enum):
    """How an address was learned; values as candidate lines have them."""

    HOST = "host"
    SERVER_REFLEXIVE = "srflx"
    PEER_REFLEXIVE = "prflx"
    RELAYED = "relay"


class TcpType(Enum):
    """Who opens the connection (RFC 6544 section 4.5)."""

    ACTIVE = "active"
    PASSIVE = "passive"
    SIMULTANEOUS_OPEN = "so"

    @property
    def connects(self) -> bool:
        """Whether a candidate of this type opens connections."""
        return self is not TcpType.PASSIVE

    @property
    def accepts(self) -> bool:
        """Whether a candidate of this type takes connections, so that its port says where to."""
        return self is not TcpType.ACTIVE


_TYPE_PREFERENCES = {
    CandidateType.HOST: 126,
    CandidateType.PEER_REFLEXIVE: 110,
    CandidateType.SERVER_REFLEXIVE: 100,
}
# Deviation: RFC 8445 section 5.1.2.1 wants one preference for all relayed candidates; what a relay costs depends on how
# we reach it, and one over UDP should win whatever its server's rank.
_RELAY_PREFERENCES = {"udp": 3, "dtls": 2, "tcp": 1, "tls": 0}
_TCP_PENALTY = 27
# RFC 6544 section 4.2: what is likely to work, by the type of the candidate.
_HOST_DIRECTIONS = {TcpType.ACTIVE: 6, TcpType.PASSIVE: 4, TcpType.SIMULTANEOUS_OPEN: 2}
_REFLEXIVE_DIRECTIONS = {TcpType.SIMULTANEOUS_OPEN: 6, TcpType.ACTIVE: 4, TcpType.PASSIVE: 2}
# RFC 6544 section 6.2: who opens meets who waits.
_COUNTERPARTS = {
    TcpType.ACTIVE: TcpType.PASSIVE,
    TcpType.PASSIVE: TcpType.ACTIVE,
    TcpType.SIMULTANEOUS_OPEN: TcpType.SIMULTANEOUS_OPEN,
}
_OWN_ADDRESS = TransportAddress("", 0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One transport address that a side may be reached at, or may send from.

    ``address`` may be a name in ``.local`` (mDNS). ``base`` is where packets for it leave from; for a remote candidate,
    whose base nobody needs, and where it is not given, it is the candidate's own address.
    """

    foundation: str
    component: int
    protocol: str  # "udp" or "tcp"
    priority: int
    address: str
    port: int
    type: CandidateType
    related_address: str | None = None
    related_port: int | None = None
    tcp_type: TcpType | None = None
    username_fragment: str | None = None
    generation: int | None = None
    network_id: int | None = None
    network_cost: int | None = None
    extensions: tuple[tuple[str, str], ...] = ()  # what else the line had, in order
    base: TransportAddress = _OWN_ADDRESS
    url: str | None = None  # of the server it was learned from; local candidates only, not in the line
    relay_protocol: str | None = None  # between us and the TURN server; local candidates only, not in the line

    def __post_init__(self) -> None:
        """Give a candidate without a base its own address."""
        if self.base == _OWN_ADDRESS:
            object.__setattr__(self, "base", self.transport_address)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a line with or without ``candidate:`` or ``a=candidate:``; `ValueError` says what is wrong with it."""
        line = parse_candidate_line(text)
        try:
            candidate_type = CandidateType(line.type)
            tcp_type = None if line.tcp_type is None else TcpType(line.tcp_type)
        except ValueError as error:
            raise ValueError(f"candidate line {text!r}: {error}") from error
        return cls(
            line.foundation, line.component, line.protocol, line.priority, line.address, line.port, candidate_type,
            line.related_address, line.related_port, tcp_type, line.username_fragment, line.generation,
            line.network_id, line.network_cost, line.extensions,
        )  # fmt: skip

    def serialize(self) -> str:
        """The line, beginning with ``candidate:``."""
        return serialize_candidate_line(
            CandidateLine(
                self.foundation, self.component, self.protocol, self.priority, self.address, self.port, self.type.value,
                self.related_address, self.related_port, None if self.tcp_type is None else self.tcp_type.value,
                self.username_fragment, self.generation, self.network_id, self.network_cost, self.extensions,
            )
        )  # fmt: skip

    @property
    def transport_address(self) -> TransportAddress:
        """Address and port, with an IP address in its canonical spelling and without a zone."""
        return TransportAddress(canonical_host(self.address), self.port, self.protocol)

    @property
    def is_numeric(self) -> bool:
        """Whether the address is an IP address rather than a name that somebody would have to resolve."""
        return _parse_ip(self.address) is not None

    @property
    def is_pairable(self) -> bool:
        """Whether the agent can send checks to it: a usable IP address, and over TCP one that takes connections."""
        ip = _parse_ip(self.address)
        if ip is None or self.port == 0 or (self.protocol == "tcp" and not self._is_tcp_reachable):
            return False
        return not (ip.is_unspecified or ip.is_multicast)

    @property
    def _is_tcp_reachable(self) -> bool:
        # An active candidate has no port of its own until it has connected to us, which makes it peer reflexive.
        return self.tcp_type is not None and (self.tcp_type.accepts or self.type is CandidateType.PEER_REFLEXIVE)

    def with_address(self, address: str) -> Self:
        """The same remote candidate at the address that its name was resolved to."""
        return replace(self, address=address, base=_OWN_ADDRESS)

    def with_related(self, related: TransportAddress) -> Self:
        """The same candidate with another related address, such as a hidden one (RFC 8839 section 5.1)."""
        return replace(self, related_address=related.host, related_port=related.port)


def candidate_priority(
    candidate_type: CandidateType,
    local_preference: int = 65535,
    *,
    component: int = 1,
    protocol: str = "udp",
    relay_protocol: str = "udp",
) -> int:
    """Section 5.1.2.1; ``local_preference`` is to be unique among the bases of an agent.

    For TCP it is a `tcp_local_preference`.
    """
    preference = _TYPE_PREFERENCES.get(candidate_type, _RELAY_PREFERENCES.get(relay_protocol, 0))
    if protocol == "tcp":
        preference = max(preference - _TCP_PENALTY, 0)
    return preference << 24 | (local_preference & 0xFFFF) << 8 | (256 - component)


def tcp_local_preference(candidate_type: CandidateType, tcp_type: TcpType, other_preference: int) -> int:
    """RFC 6544 section 4.2; ``other_preference`` is 8191 for the best base, and unique among those of one type."""
    is_reflexive = candidate_type in {CandidateType.SERVER_REFLEXIVE, CandidateType.PEER_REFLEXIVE}
    directions = _REFLEXIVE_DIRECTIONS if is_reflexive else _HOST_DIRECTIONS
    return directions[tcp_type] << 13 | (other_preference & 0x1FFF)


def tcp_host_candidate(base: TransportAddress, preference: int, tcp_type: TcpType) -> Candidate:
    """A host candidate over TCP; ``preference`` 0 is the best base. An active one's port is `DISCARD_PORT`."""
    local_preference = tcp_local_preference(CandidateType.HOST, tcp_type, 8191 - preference)
    return Candidate(
        foundation=compute_foundation(CandidateType.HOST, base.host, base.protocol),
        component=1,
        protocol=base.protocol,
        priority=candidate_priority(CandidateType.HOST, local_preference, protocol=base.protocol),
        address=base.host,
        port=base.port,
        type=CandidateType.HOST,
        tcp_type=tcp_type,
    )


def reflexive_priority(base: Candidate) -> int:
    """The priority of a peer-reflexive candidate with the base of this one (section 7.1.1)."""
    preference = (base.priority >> 8) & 0xFFFF
    if base.tcp_type is not None:
        preference = tcp_local_preference(CandidateType.PEER_REFLEXIVE, base.tcp_type, preference)
    return candidate_priority(
        CandidateType.PEER_REFLEXIVE, preference, component=base.component, protocol=base.protocol
    )


def compute_foundation(candidate_type: CandidateType, base: str, protocol: str = "udp", server: str = "") -> str:
    """Section 5.1.1.3: the same for candidates of the same type, base address, protocol and server."""
    return str(zlib.crc32(f"{candidate_type.value} {base} {protocol} {server}".encode()))


def can_pair(local: Candidate, remote: Candidate) -> bool:
    """Whether two candidates make a pair: same component, transport and scope (section 6.1.2.2).

    Over TCP, one of the two opens the connection that the other waits for (RFC 6544 section 6.2).
    """
    if local.component != remote.component or local.protocol != remote.protocol:
        return False
    if local.tcp_type is not None and remote.tcp_type is not _COUNTERPARTS[local.tcp_type]:
        return False
    return same_scope(local.base.host, remote.address)


def same_scope(local: str, remote: str) -> bool:
    """Whether two IP addresses can be paired: same family, IPv6 link-local only among themselves (section 6.1.2.2)."""
    a, b = _parse_ip(local), _parse_ip(remote)
    if a is None or b is None or a.version != b.version:
        return False
    return a.version == 4 or a.is_link_local == b.is_link_local


def canonical_host(host: str) -> str:
    """One spelling for each IP address; names in lower case."""
    ip = _parse_ip(host)
    return host.lower() if ip is None else str(ip)


def _parse_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
