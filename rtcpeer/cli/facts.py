"""All that the doctor's probes found, together."""

import ipaddress
from dataclasses import dataclass, field

from rtcpeer.aio.interfaces import Interface
from rtcpeer.cli.nat_kind import NatKind, nat_kind
from rtcpeer.cli.probes import MdnsResult, NameResult, UdpResult
from rtcpeer.cli.turn_probe import ServerResult
from rtcpeer.core import TransportAddress
from rtcpeer.stack.servers import ServerUrl

__all__ = ["Facts", "UdpServer"]


@dataclass(frozen=True, slots=True)
class UdpServer:
    """How a server that is asked over UDP took it."""

    server: ServerUrl
    is_answered: bool
    error: str


@dataclass(slots=True)
class Facts:
    """Filled in by the doctor as it goes."""

    servers: tuple[ServerUrl, ...]
    interfaces: list[Interface] = field(default_factory=list)
    local_hosts: list[str] = field(default_factory=list)
    names: dict[str, NameResult] = field(default_factory=dict)  # by host
    out_of_reach: list[ServerUrl] = field(default_factory=list)  # for want of a common address family
    endpoints: dict[bool, dict[TransportAddress, ServerUrl]] = field(default_factory=dict)  # by "is IPv6"
    udp: dict[bool, UdpResult] = field(default_factory=dict)
    results: list[ServerResult] = field(default_factory=list)
    mdns: MdnsResult | None = None

    @property
    def is_offline(self) -> bool:
        """Whether there is no address but the machine's own."""
        return all(ipaddress.ip_address(host).is_loopback for host in self.local_hosts)

    @property
    def kind(self) -> NatKind | None:
        """What is in front of us: over IPv4 where that was tested."""
        kinds = (self.kind_over(is_ipv6=is_ipv6) for is_ipv6 in (False, True))
        return next((kind for kind in kinds if kind is not None), None)

    def kind_over(self, *, is_ipv6: bool) -> NatKind | None:
        """What is in front of us over one family; None where that was not tested."""
        result = self.udp.get(is_ipv6)
        if result is None or result.behavior is None:
            return None
        kind = nat_kind(result.behavior)
        # A relay may leave questions without an allocation unanswered.
        return NatKind.UNKNOWN if kind is NatKind.UDP_BLOCKED and self._has_relay_over(is_ipv6=is_ipv6) else kind

    @property
    def is_udp_tested(self) -> bool:
        """Whether any server was asked over UDP."""
        return any(result.behavior is not None for result in self.udp.values())

    @property
    def is_udp_reached(self) -> bool:
        """Whether any server answered over UDP."""
        return any(self.is_reached(is_ipv6=is_ipv6) for is_ipv6 in (False, True))

    @property
    def relays(self) -> list[ServerResult]:
        """The TURN URLs through which data came back."""
        return [result for result in self.results if result.relayed is not None and result.relayed.received]

    def is_reached(self, *, is_ipv6: bool) -> bool:
        """Whether any server answered over UDP over this family."""
        return self.kind_over(is_ipv6=is_ipv6) not in {None, NatKind.UDP_BLOCKED}

    def is_dead(self, *, is_ipv6: bool) -> bool:
        """Whether this family leads nowhere, although the other one does."""
        return is_ipv6 in self.udp and not self.is_reached(is_ipv6=is_ipv6) and self.is_reached(is_ipv6=not is_ipv6)

    def _has_relay_over(self, *, is_ipv6: bool) -> bool:
        return any(
            result.is_answered
            and not result.server.is_stream
            and any((":" in address) == is_ipv6 for address in self.names[result.server.host].addresses)
            for result in self.results
        )

    def stun_servers(self) -> list[UdpServer]:
        """Each STUN server that was asked over UDP, however many addresses it has. (Relays are judged by relaying.)"""
        servers: dict[str, UdpServer] = {}
        for is_ipv6, result in self.udp.items():
            if result.behavior is None:
                continue
            for answer in result.behavior.answers:
                server = self.endpoints[is_ipv6][answer.server]
                if server.scheme.is_turn:
                    continue
                known = servers.get(server.url)
                if known is None or not known.is_answered:
                    servers[server.url] = UdpServer(server, answer.mapped is not None, answer.error or "")
        return list(servers.values())
