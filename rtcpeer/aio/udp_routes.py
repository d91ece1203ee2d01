"""Sorting what comes to one UDP socket among the connections that share it.

A run of datagrams goes to whom its remote address is routed to: one lookup. A route is made by a check that is signed
with the password of the connection that its USERNAME names, or by the answer to a check; never by an address alone, so
that nobody can take a connection's traffic by sending from, or signalling, its peer's address.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from rtcpeer.aio.network import UdpPort
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.errors import InvalidStateError, MalformedPacketError
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.stun import AttributeType, MessageClass, StunMessage
from rtcpeer.stun.message import is_stun

__all__ = ["MuxMember", "MuxPort", "RouteCounters", "SharedSocket"]

# What one connection may make us remember, whatever its peer signals and wherever it sends from.
MAX_ROUTES = 128
MAX_QUESTIONS = 256
MAX_CREDENTIALS = 4  # of an agent that restarts: the last generations

MAX_MAPPINGS = 64  # servers whose answers are kept

_UNBOUND = TransportAddress("", 0)
_STUN_TYPES_END = b"\x03"  # RFC 7983: the first byte of STUN is at most this
_BINDING_REQUEST = b"\x00\x01"


class MuxMember:
    """One connection on a mux: its callbacks, its credentials, and its share of every socket."""

    def __init__(
        self,
        on_datagrams: Callable[[Datagrams], None],
        on_writable: Callable[[], None],
        on_drained: Callable[[], None],
        holds: Callable[[TransportAddress, TransportAddress], bool],
    ) -> None:
        self.on_datagrams = on_datagrams
        self.on_writable = on_writable
        self.on_drained = on_drained
        self.holds = holds  # whether a path (local, remote) works at the moment
        self.ports: dict[TransportAddress, MuxPort] = {}  # by local address
        self.registry: dict[str, tuple[MuxMember, bytes]] | None = None  # the mux's: key by username fragment
        self._fragments: list[str] = []

    def add_credentials(self, parameters: IceParameters) -> None:
        """Checks with this username fragment are for us, as are those with earlier ones.

        Raises:
            InvalidStateError: another connection has it.
        """
        fragment = parameters.username_fragment
        if self.registry is None or fragment in self._fragments:
            return
        if fragment in self.registry:
            raise InvalidStateError(f"another connection on the UDP mux has the ice-ufrag {fragment}")
        if len(self._fragments) >= MAX_CREDENTIALS:
            del self.registry[self._fragments.pop(0)]
        self._fragments.append(fragment)
        self.registry[fragment] = (self, parameters.integrity_key)

    def drop_credentials(self, parameters: IceParameters) -> None:
        """Checks with this username fragment are for us no more; harmless where they were not."""
        fragment = parameters.username_fragment
        if self.registry is not None and fragment in self._fragments:
            self._fragments.remove(fragment)
            del self.registry[fragment]

    def leave(self) -> None:
        """Forget all that is known of this connection; idempotent."""
        for port in list(self.ports.values()):
            port.close()
        self.ports.clear()
        registry, self.registry = self.registry, None
        if registry is not None:
            for fragment in self._fragments:
                del registry[fragment]
        self._fragments.clear()
        self.on_datagrams, self.on_writable, self.on_drained, self.holds = _ignore_datagrams, _ignore, _ignore, _nothing


class MuxPort:
    """A connection's share of one socket; a `rtcpeer.aio.network.UdpPort`."""

    def __init__(self, member: MuxMember, shared: "SharedSocket") -> None:
        self.member = member
        self.routes: dict[TransportAddress, None] = {}  # oldest first
        self.questions: dict[bytes, tuple[TransportAddress, bool]] = {}  # server or peer, whether it is a check
        self._shared: SharedSocket | None = shared
        self._local = shared.local

    @property
    def local(self) -> TransportAddress:
        """The address of the socket, which is that of all connections on it."""
        return self._local

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        """As any `UdpPort`."""
        shared = self._shared
        return len(payloads) if shared is None else shared.send(self, remote, payloads)

    def close(self) -> None:
        """Give the routes back; the socket lives on. Idempotent."""
        shared, self._shared = self._shared, None
        if shared is not None:
            shared.forget(self)


@dataclass(slots=True)
class RouteCounters:
    """What became of what no route was for."""

    unknown_fragments: int = 0  # checks for nobody
    forged_checks: int = 0  # with a username fragment of ours and a wrong signature
    collisions: int = 0  # right checks from an address where another connection's path works
    stray_datagrams: int = 0  # from addresses that nobody knows
    questions_spared: int = 0  # to STUN servers, whose answers were known


@dataclass(slots=True)
class _Mapping:
    address: TransportAddress
    until: float


@dataclass(slots=True, eq=False)
class SharedSocket:
    """One socket with its routes. `attach` it before use."""

    registry: Mapping[str, tuple[MuxMember, bytes]]
    counters: RouteCounters
    mapping_lifetime: float
    clock: Callable[[], float]
    call_soon: Callable[[Callable[[], None]], object]
    local: TransportAddress = _UNBOUND
    routes: dict[TransportAddress, MuxPort] = field(default_factory=dict)
    _socket: UdpPort | None = None
    _questions: dict[bytes, MuxPort] = field(default_factory=dict)  # by transaction id
    _mappings: dict[TransportAddress, _Mapping] = field(default_factory=dict)  # by server
    _touched: dict[MuxPort, None] = field(default_factory=dict)
    _blocked: dict[MuxPort, None] = field(default_factory=dict)

    def attach(self, socket: UdpPort) -> None:
        """The socket is open; its callbacks are `receive`, `writable` and `drained`."""
        self._socket = socket
        self.local = socket.local

    def receive(self, packet: Datagrams) -> None:
        """Take a run of datagrams of one remote."""
        port = self.routes.get(packet.remote)
        if port is None or packet.payloads[0][:1] <= _STUN_TYPES_END:
            self._sort(packet)
        else:
            self._touched[port] = None
            port.member.on_datagrams(packet)

    def drained(self) -> None:
        """All that came in this turn has been delivered: only who got something has something to answer."""
        touched, self._touched = self._touched, {}
        for port in touched:
            port.member.on_drained()

    def writable(self) -> None:
        """There is room again."""
        blocked, self._blocked = self._blocked, {}
        for port in blocked:
            port.member.on_writable()

    def send(self, port: MuxPort, remote: TransportAddress, payloads: list[bytes]) -> int:
        """Send for a connection; what needs an answer, and comes from where no route leads to it, is remembered."""
        socket = self._socket
        if socket is None:
            return len(payloads)
        if self.routes.get(remote) is not port and self._ask(port, remote, payloads):
            return len(payloads)
        taken = socket.send(remote, payloads)
        if taken < len(payloads):
            self._blocked[port] = None
        return taken

    def forget(self, port: MuxPort) -> None:
        """The connection is gone, and what is known of it goes with it."""
        for remote in port.routes:
            del self.routes[remote]
        for transaction_id in port.questions:
            del self._questions[transaction_id]
        port.routes.clear()
        port.questions.clear()
        self._touched.pop(port, None)
        self._blocked.pop(port, None)
        port.member.ports.pop(self.local, None)

    def close(self) -> None:
        """Close the socket; idempotent."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    def _sort(self, packet: Datagrams) -> None:
        """Datagram by datagram, as with each check the route may begin."""
        local, remote, payloads = packet
        run: list[bytes] = []
        run_port: MuxPort | None = None
        for payload in payloads:
            port = self._recipient(payload, remote)
            if port is not run_port:
                self._deliver(run_port, Datagrams(local, remote, run))
                run, run_port = [], port
            run.append(payload)
        self._deliver(run_port, Datagrams(local, remote, run))

    def _deliver(self, port: MuxPort | None, packet: Datagrams) -> None:
        if port is not None:
            self._touched[port] = None
            port.member.on_datagrams(packet)

    def _recipient(self, payload: bytes, remote: TransportAddress) -> MuxPort | None:
        owner = self.routes.get(remote)
        if is_stun(payload):
            try:
                message = StunMessage.parse(payload)
                if message.message_class is MessageClass.REQUEST:
                    return self._recipient_of_check(message, remote, owner)
                if message.transaction_id in self._questions:
                    return self._recipient_of_answer(message, remote, owner)
            except MalformedPacketError:
                pass  # the owner counts it, where there is one
        if owner is None:
            self.counters.stray_datagrams += 1
        return owner

    def _recipient_of_check(
        self, message: StunMessage, remote: TransportAddress, owner: MuxPort | None
    ) -> MuxPort | None:
        # Deviation: RFC 8489 section 9.1.3 wants a 401 for a name that nobody has and for a wrong signature. An open
        # port that answers nobody whom it does not know is no amplifier and can not be found by scanning.
        username = message.text(AttributeType.USERNAME) or ""
        member, key = self.registry.get(username.partition(":")[0], (None, b""))
        port = None if member is None else member.ports.get(self.local)
        if port is None:
            self.counters.unknown_fragments += 1
            return owner  # it tells its peer what is wrong
        if port is owner:
            return owner
        if not message.verify_integrity(key):
            self.counters.forged_checks += 1
            return None
        if owner is not None and owner.member.holds(self.local, remote):
            self.counters.collisions += 1
            return None
        self._route(remote, port)
        return port

    def _recipient_of_answer(
        self, message: StunMessage, remote: TransportAddress, owner: MuxPort | None
    ) -> MuxPort | None:
        port = self._questions[message.transaction_id]
        asked, is_check = port.questions[message.transaction_id]
        if asked != remote:
            self.counters.stray_datagrams += 1
            return None
        del self._questions[message.transaction_id], port.questions[message.transaction_id]
        if message.message_class is MessageClass.SUCCESS:
            if not is_check:
                self._learn(remote, message)
            elif owner is None or not owner.member.holds(self.local, remote):
                self._route(remote, port)
        return port

    def _route(self, remote: TransportAddress, port: MuxPort) -> None:
        previous = self.routes.get(remote)
        if previous is not None:
            del previous.routes[remote]
        if len(port.routes) >= MAX_ROUTES:
            holds = port.member.holds
            stale = next((each for each in port.routes if not holds(self.local, each)), next(iter(port.routes)))
            del port.routes[stale], self.routes[stale]
        port.routes[remote] = None
        self.routes[remote] = port

    def _ask(self, port: MuxPort, remote: TransportAddress, payloads: list[bytes]) -> bool:
        """Remember who asked; returns whether the question is answered already, so that it need not be sent."""
        if remote == self.local:
            return True  # between two connections on this very socket nothing tells whose answer it is
        for payload in payloads:
            if payload[:2] != _BINDING_REQUEST:
                continue
            is_check = AttributeType.USERNAME in StunMessage.parse(payload)
            mapping = None if is_check else self._mappings.get(remote)
            if mapping is not None and mapping.until > self.clock() and len(payloads) == 1:
                self.counters.questions_spared += 1
                self.call_soon(partial(self._answer, port, remote, payload, mapping.address))
                return True
            transaction_id = payload[8:20]
            if transaction_id not in self._questions and len(port.questions) >= MAX_QUESTIONS:
                oldest = next(iter(port.questions))
                del port.questions[oldest], self._questions[oldest]
            port.questions[transaction_id] = (remote, is_check)
            self._questions[transaction_id] = port
        return False

    def _learn(self, server: TransportAddress, answer: StunMessage) -> None:
        """Where the server sees this socket holds for all connections on it."""
        mapped = answer.mapped_address
        if mapped is not None:
            if len(self._mappings) >= MAX_MAPPINGS:
                self._mappings.clear()
            self._mappings[server] = _Mapping(mapped, self.clock() + self.mapping_lifetime)

    def _answer(self, port: MuxPort, server: TransportAddress, request: bytes, mapped: TransportAddress) -> None:
        """What the server would answer."""
        response = StunMessage.parse(request).success_response()
        response.add_address(AttributeType.XOR_MAPPED_ADDRESS, mapped)
        port.member.on_datagrams(Datagrams(self.local, server, [response.serialize(fingerprint=True)]))
        port.member.on_drained()


def _ignore_datagrams(packet: Datagrams) -> None:
    pass


def _ignore() -> None:
    pass


def _nothing(local: TransportAddress, remote: TransportAddress) -> bool:  # noqa: ARG001 whatever it is
    return False
