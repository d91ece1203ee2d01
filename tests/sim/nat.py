"""What a NAT box does to UDP, in the terms of RFC 4787: mapping, filtering, hairpinning, lifetimes, port assignment."""

import random
from dataclasses import dataclass
from enum import Enum, auto

from rtcpeer.core import TransportAddress


class Dependence(Enum):
    """On what of the remote endpoint a mapping or a filter depends (RFC 4787 sections 4.1 and 5)."""

    ENDPOINT_INDEPENDENT = auto()
    ADDRESS_DEPENDENT = auto()
    ADDRESS_AND_PORT_DEPENDENT = auto()

    def key(self, remote: TransportAddress) -> tuple[str | int, ...]:
        """What of the remote endpoint counts."""
        match self:
            case Dependence.ENDPOINT_INDEPENDENT:
                return ()
            case Dependence.ADDRESS_DEPENDENT:
                return (remote.host,)
            case Dependence.ADDRESS_AND_PORT_DEPENDENT:
                return (remote.host, remote.port)


class PortAssignment(Enum):
    """How the external port is chosen (RFC 4787 section 4.2)."""

    RANDOM = auto()
    PRESERVED = auto()  # the internal port while it is free, else the next one that is
    SEQUENTIAL = auto()


@dataclass(frozen=True, slots=True)
class NatSettings:
    """One box; the default is the well-behaved one of RFC 4787 with strict filtering."""

    mapping: Dependence = Dependence.ENDPOINT_INDEPENDENT
    filtering: Dependence = Dependence.ADDRESS_AND_PORT_DEPENDENT
    hairpinning: bool = True  # section 6; the source is the external address (REQ-9)
    lifetime: float = 120.0  # section 4.3: at least two minutes
    inbound_refreshes: bool = False  # section 4.3, REQ-6: outbound does, inbound may
    ports: PortAssignment = PortAssignment.RANDOM
    blocks_udp: bool = False  # nothing of it passes in either direction; TCP does

    def __post_init__(self) -> None:
        if self.lifetime <= 0:
            raise ValueError("lifetime is positive")


FULL_CONE = NatSettings(filtering=Dependence.ENDPOINT_INDEPENDENT)
ADDRESS_RESTRICTED = NatSettings(filtering=Dependence.ADDRESS_DEPENDENT)
PORT_RESTRICTED = NatSettings()
SYMMETRIC = NatSettings(mapping=Dependence.ADDRESS_AND_PORT_DEPENDENT)
ADDRESS_SYMMETRIC = NatSettings(mapping=Dependence.ADDRESS_DEPENDENT, filtering=Dependence.ADDRESS_DEPENDENT)
BLOCKED = NatSettings(blocks_udp=True)

FIRST_PORT, LAST_PORT = 1024, 65535


class Permissions:
    """To whom an internal endpoint has sent lately, as far as the filter cares."""

    def __init__(self, filtering: Dependence, lifetime: float) -> None:
        self._filtering = filtering
        self._lifetime = lifetime
        self._expiries: dict[tuple[str | int, ...], float] = {}

    def note(self, remote: TransportAddress, now: float) -> None:
        """The internal endpoint sent to this one."""
        self._expiries[self._filtering.key(remote)] = now + self._lifetime

    def permits(self, remote: TransportAddress, now: float) -> bool:
        """Whether this one may send in."""
        return self._expiries.get(self._filtering.key(remote), 0.0) > now


class _Mapping:
    __slots__ = ("expiry", "external", "internal", "key", "permissions")

    def __init__(
        self,
        internal: TransportAddress,
        external: TransportAddress,
        key: tuple[str | int, ...],
        permissions: Permissions,
    ) -> None:
        self.internal = internal
        self.external = external
        self.key = key
        self.permissions = permissions
        self.expiry = 0.0


class NatTable:
    """The mappings of one box with one external address."""

    def __init__(self, settings: NatSettings, address: str, rng: random.Random) -> None:
        self.settings = settings
        self.address = address
        self._rng = rng
        self._by_internal: dict[tuple[TransportAddress, tuple[str | int, ...]], _Mapping] = {}
        self._by_port: dict[tuple[str, int], _Mapping] = {}
        self._next_port = FIRST_PORT

    def outbound(self, internal: TransportAddress, remote: TransportAddress, now: float) -> TransportAddress:
        """The external address that this one sends from towards ``remote``; makes or refreshes its mapping."""
        key = self.settings.mapping.key(remote)
        mapping = self._by_internal.get((internal, key))
        if mapping is None or mapping.expiry <= now:
            if mapping is not None:
                del self._by_port[internal.protocol, mapping.external.port]
            mapping = self._map(internal, key, now)
        mapping.expiry = now + self.settings.lifetime
        mapping.permissions.note(remote, now)
        return mapping.external

    def inbound(self, port: int, remote: TransportAddress, now: float) -> TransportAddress | None:
        """Whom a datagram from ``remote`` to this external port is for; None when it is filtered or nobody's."""
        mapping = self._by_port.get((remote.protocol, port))
        if mapping is None or mapping.expiry <= now or not mapping.permissions.permits(remote, now):
            return None
        if self.settings.inbound_refreshes:
            mapping.expiry = now + self.settings.lifetime
            mapping.permissions.note(remote, now)
        return mapping.internal

    def forget(self) -> None:
        """Lose all mappings, as a box that restarts."""
        self._by_internal.clear()
        self._by_port.clear()

    def _map(self, internal: TransportAddress, key: tuple[str | int, ...], now: float) -> _Mapping:
        external = TransportAddress(self.address, self._free_port(internal, now), internal.protocol)
        permissions = Permissions(self.settings.filtering, self.settings.lifetime)
        mapping = _Mapping(internal, external, key, permissions)
        self._by_internal[internal, key] = self._by_port[external.protocol, external.port] = mapping
        return mapping

    def _free_port(self, internal: TransportAddress, now: float) -> int:
        port = self._next_port
        if self.settings.ports is PortAssignment.RANDOM:
            port = self._rng.randint(FIRST_PORT, LAST_PORT)
        elif self.settings.ports is PortAssignment.PRESERVED:
            port = internal.port
        for _ in range(LAST_PORT):
            taken = self._by_port.get((internal.protocol, port))
            if taken is None or taken.expiry <= now:
                break
            port = port + 1 if port < LAST_PORT else FIRST_PORT
        else:
            raise AssertionError(f"all ports of the NAT at {self.address} are taken")
        if taken is not None:
            self._by_internal.pop((taken.internal, taken.key), None)
        self._next_port = port + 1 if port < LAST_PORT else FIRST_PORT
        return port


class Firewall:
    """A stateful filter without translation: what a home router does to IPv6 (RFC 6092)."""

    def __init__(self, settings: NatSettings) -> None:
        self._settings = settings
        self._permissions: dict[TransportAddress, Permissions] = {}

    def outbound(self, internal: TransportAddress, remote: TransportAddress, now: float) -> None:
        """The internal endpoint sends to this one, and so may be answered."""
        permissions = self._permissions.get(internal)
        if permissions is None:
            permissions = Permissions(self._settings.filtering, self._settings.lifetime)
            self._permissions[internal] = permissions
        permissions.note(remote, now)

    def permits(self, internal: TransportAddress, remote: TransportAddress, now: float) -> bool:
        """Whether ``remote`` may send to the internal endpoint."""
        permissions = self._permissions.get(internal)
        return permissions is not None and permissions.permits(remote, now)
