"""What a program may decide about ICE; where a default leaves an RFC, docs/deviations.md has the reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rtcpeer.ice.address_rewrite import AddressRewrite
from rtcpeer.ice.binding_request import BindingRequest
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.choice import GATHERED_TYPES, CandidateTypeName, check_choices
from rtcpeer.ice.filters import AddressRule, NameRule
from rtcpeer.ice.mdns import is_resolvable
from rtcpeer.stun.attributes import AttributeType

__all__ = ["IceSettings"]

NetworkType = Literal["udp4", "udp6", "tcp4", "tcp6"]

_ICE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

_CHOICES = {"network_types": ("udp4", "udp6", "tcp4", "tcp6"), "tcp_candidates": ("active", "passive", "so")}


@dataclass(frozen=True, slots=True)
class IceSettings:
    """Durations are seconds. Sections are those of RFC 8445 unless said."""

    # Checking checks
    check_interval: float = 0.05  # Ta, section 14.2: at least 0.005
    rto: float = 0.5  # Deviation: section 14.3 lets it grow with the number of pairs, which delays small losses
    max_requests: int = 7  # Rc, RFC 8489 section 6.2.1
    tcp_check_timeout: float = 39.5  # Ti, RFC 8489 section 6.2.2; the opening of the connection is part of it
    host_acceptance_wait: float = 0.0  # how long the controlling side hopes for a better pair before it nominates
    srflx_acceptance_wait: float = 0.5
    prflx_acceptance_wait: float = 1.0
    relay_acceptance_wait: float = 2.0  # not waited for where there are to be no other candidates
    tcp_acceptance_wait: float = 1.0  # for a pair over UDP, if we have any; data flows over TCP meanwhile
    patience: float = 39.5  # RFC 8863 section 4: no earlier failure, even with no pair left
    # Answer checks and never check (section 2.5), with host candidates only: for servers that the peer can reach.
    lite: bool = False
    # Called for each authenticated binding request that may change something; True: use its pair.
    binding_request_handler: Callable[[BindingRequest], bool] | None = None

    # Renomination (draft-thatcher-ice-renomination), where both sides announce it
    renomination: bool = True
    nomination_attribute: int = 0xC001  # that we send: libwebrtc's, or 0x0030, which is Pion's default; both are heard
    automatic_renomination: bool = False  # leave the selected pair for one that measures better
    renomination_interval: float = 3.0  # between looks at the other pairs, which are measured each time
    renomination_rtt_gain: float = 0.01  # a round trip shorter by more than this is better
    renomination_score_gain: float = 0.15  # and so is a score higher by this share

    # Liveness
    # Deviation: RFC 8445 section 11 has keepalives 15 s apart, RFC 7675 section 5.1 consent checks 4 to 6 s. Ours are
    # both in one: a dead path is to be seen within disconnected_timeout although a packet may be lost.
    keepalive_interval: float = 2.0  # section 11, varied by 1.0 to 1.2; 0: consent checks alone keep the path open
    disconnected_timeout: float = 5.0  # without any traffic; 0: never
    lite_disconnected_timeout: float = 10.0  # the same where we are lite, for then only the peer keeps the path alive
    failed_timeout: float = 25.0  # after disconnected; 0: never
    consent_interval: float = 5.0  # RFC 7675 section 5.1, varied by 0.8 to 1.2
    consent_timeout: float = 30.0  # RFC 7675 section 5.1

    # Bounds on what a peer can make us keep
    max_remote_candidates: int = 100
    max_pairs: int = 100  # section 6.1.2.5
    max_early_checks: int = 32  # binding requests that came before the remote description
    max_tcp_connections: int = 64  # that are open or being opened, in both directions together
    tcp_accept_timeout: float = 10.0  # for who connects to us to show that it knows our password

    # Credentials (section 5.3); None: random
    username_fragment: str | None = None
    password: str | None = None
    username_fragment_length: int = 8  # at least 24 random bits
    password_length: int = 24  # at least 128 random bits

    # Which local candidates may be used
    transport_policy: Literal["all", "relay", "nohost"] = "all"
    candidate_types: Sequence[CandidateTypeName] = GATHERED_TYPES  # within the policy; prflx follows its base
    interface_filter: NameRule | None = None  # a callable on the name, or the names
    local_address_filter: AddressRule | None = None  # a callable on the address, or addresses and networks (CIDR)
    remote_address_filter: AddressRule | None = None  # the peer's: its candidates, and where its checks come from
    candidate_filter: Callable[[Candidate], Candidate | None] | None = None  # None drops, another one is signalled
    address_rewrites: Sequence[AddressRewrite] = ()  # 1:1 NAT
    bind_addresses: Sequence[str] = ()  # these and no others; empty: what the interfaces have
    port_range: tuple[int, int] | None = None  # first and last; not for TURN over TCP
    include_loopback: bool = False
    include_unique_local: bool = False  # fc00::/7 although there is other IPv6
    network_types: tuple[NetworkType, ...] = ("udp4", "udp6", "tcp4", "tcp6")  # of host candidates
    # RFC 6544 section 4.1. To open connections costs nothing until the peer waits for one; browsers offer the same. Who
    # waits for connections ("passive") has open ports, and "so" needs both sides to send SYN in the same moment.
    tcp_candidates: tuple[Literal["active", "passive", "so"], ...] = ("active",)

    # Gathering: read by the stack, not by the agent
    # "continually": interfaces that come later get candidates, those that go take theirs with them, and gathering never
    # completes. Every change costs the peer room for a candidate (its max_remote_candidates) until the next restart.
    gathering_policy: Literal["once", "continually"] = "once"
    network_poll_interval: float = 2.0  # between looks at the interfaces; where the kernel tells, it tells at once
    dns_timeout: float = 2.0
    stun_timeout: float = 5.0
    turn_timeout: float = 5.0  # to connect to the server, where it takes a connection, and once more for the allocation
    gathering_timeout: float = 5.0
    gathering_interval: float = 0.005  # Ta between new questions to servers, section 14.1
    bulk_wait: float = 0.3  # bulk signalling takes what is there after that time, once a server has answered
    bulk_patience: float = 1.5  # and after that time if none has: two retransmissions were given their chance
    trickle: bool | Literal["auto"] = "auto"
    tls_ca_file: str | None = None  # PEM: who may vouch for turns: servers; None: whom the system trusts

    # Names in .local (RFC 6762, draft-ietf-mmusic-mdns-ice-candidates): read by aio
    mdns: Literal["disabled", "query", "query_and_gather"] = "query"
    mdns_timeout: float = 3.0  # for the peer's names; the three questions are out after 0.75 s
    mdns_host_name: str | None = None  # for all our addresses, a single label in .local; None: a random one for each

    def __post_init__(self) -> None:
        """Refuse what can not work, naming the field."""
        if self.check_interval < 0.005:
            raise ValueError("check_interval must be at least 0.005 s (RFC 8445 section 14.2)")
        positive = ("rto", "consent_interval", "consent_timeout", "renomination_interval", "network_poll_interval")
        for name in (*positive, "tcp_check_timeout", "tcp_accept_timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0")
        if self.lite and self.transport_policy != "all":
            raise ValueError('transport_policy must be "all" where lite is set: a lite agent has host candidates only')
        if self.nomination_attribute not in {AttributeType.NOMINATION, AttributeType.NOMINATION_OF_PION}:
            raise ValueError("nomination_attribute must be 0xC001 or 0x0030")
        for name in ("max_requests", "max_remote_candidates", "max_pairs", "max_tcp_connections"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        self._check_not_negative()
        self._check_credentials()
        check_choices(self)
        for name, allowed in _CHOICES.items():
            if not set(allowed).issuperset(getattr(self, name)):
                raise ValueError(f"{name} may have no others than {', '.join(allowed)}")

    def _check_not_negative(self) -> None:
        waits = tuple(f"{kind}_acceptance_wait" for kind in ("host", "srflx", "prflx", "relay", "tcp"))
        liveness = (
            "patience",
            "keepalive_interval",
            "disconnected_timeout",
            "lite_disconnected_timeout",
            "failed_timeout",
            "max_early_checks",
            "renomination_rtt_gain",
            "renomination_score_gain",
        )
        gathering = (
            "dns_timeout",
            "stun_timeout",
            "turn_timeout",
            "gathering_timeout",
            "gathering_interval",
            "bulk_wait",
            "bulk_patience",
            "mdns_timeout",
        )
        for name in (*waits, *liveness, *gathering):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")

    def _check_credentials(self) -> None:
        if not 4 <= self.username_fragment_length <= 256:
            raise ValueError("username_fragment_length must be between 4 and 256 (RFC 8445 section 5.3)")
        if not 22 <= self.password_length <= 256:
            raise ValueError("password_length must be between 22 and 256 (RFC 8445 section 5.3)")
        for name, shortest in (("username_fragment", 4), ("password", 22)):
            value = getattr(self, name)
            if value is not None and not (shortest <= len(value) <= 256 and _ICE_CHARACTERS.issuperset(value)):
                raise ValueError(f"{name} must be {shortest} to 256 letters, digits, + or / (RFC 8445 section 5.3)")
        if self.mdns not in {"disabled", "query", "query_and_gather"}:
            raise ValueError('mdns must be "disabled", "query" or "query_and_gather"')
        if self.mdns_host_name is not None and not is_resolvable(self.mdns_host_name):
            raise ValueError("mdns_host_name must be a single label in .local")
        if self.gathering_policy not in {"once", "continually"}:
            raise ValueError('gathering_policy must be "once" or "continually"')
        if self.trickle not in {True, False, "auto"}:
            raise ValueError('trickle must be "auto", True or False')
