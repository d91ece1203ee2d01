"""TURN allocations as places to send from (RFC 8656): a relayed address is a base like any other.

`Relays` keeps the clients of all servers. What a relayed base sends goes through its client to the server, over a
socket of ours or over a stream; what comes from a server comes out as if it had arrived at the relayed base.
"""

import ipaddress
import math
from collections.abc import Container, Iterable
from dataclasses import dataclass

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.dtls import ServerIdentity, TrustStore
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stack.turn_over_dtls import TurnOverDtls
from rtcpeer.turn import (
    NO_ANSWER,
    AddressFamily,
    Allocated,
    AllocationFailed,
    AllocationLost,
    ChannelRefused,
    ClientClosed,
    Credentials,
    PermissionRefused,
    Redirected,
    RefreshRefused,
    TurnClient,
    TurnEvent,
    TurnOverStream,
    TurnOverUdp,
    TurnSettings,
    TurnState,
)

__all__ = [
    "Relay",
    "RelayEvent",
    "RelayLost",
    "RelayOpened",
    "RelayRefused",
    "Relays",
    "StreamUnneeded",
    "StreamWanted",
]

_ENDING = (TurnState.CLOSING, TurnState.CLOSED)
_OPENING = (TurnState.NEW, TurnState.ALLOCATING, TurnState.REDIRECTED)


class Relay:
    """One client at one server, over one way."""

    def __init__(
        self,
        server: ServerUrl,
        preference: int,
        path: TurnOverUdp | TurnOverDtls | TurnOverStream,
        local: TransportAddress,
    ) -> None:
        self.server = server
        self.preference = preference
        self.path = path
        self.client = path.client
        self.place = local  # from where it was asked for; another stream may take that one's place
        self.local = local  # the base, or our end of the stream
        self.remote = self.client.server
        self.relayed: tuple[TransportAddress, ...] = ()
        self.allocated: Allocated | None = None
        self.deadline: float | None = None  # for the allocation; None: before it was asked for, and afterwards
        self.due_at = -math.inf  # when it is to be looked at
        self.is_full = False

    def receive(self, packet: Datagrams, now: float) -> None:
        """Take what came from the server."""
        if isinstance(self.path, TurnOverStream):
            for chunk in packet.payloads:
                self.path.receive(chunk, now)
        else:
            self.path.receive(packet, now)
        self.due_at = -math.inf

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """What the client has for its server."""
        if not isinstance(self.path, TurnOverStream):
            return self.path.packets_to_send(now)
        pieces = self.path.packets_to_send(now)
        return [Datagrams(self.local, self.remote, pieces)] if pieces else []

    @property
    def is_ending(self) -> bool:
        """Whether its allocation is being given back."""
        return self.client.state in _ENDING

    @property
    def protocol(self) -> str:
        """Between us and the server, as W3C's ``relayProtocol`` names it."""
        if self.server.scheme.is_secure:
            return "tls" if self.server.transport == "tcp" else "dtls"
        return self.server.transport


@dataclass(frozen=True, slots=True)
class RelayOpened:
    """The server relays for us."""

    relay: Relay
    allocated: Allocated


@dataclass(frozen=True, slots=True)
class RelayRefused:
    """There will be no allocation."""

    relay: Relay
    error_code: int
    error_text: str


@dataclass(frozen=True, slots=True)
class RelayLost:
    """These relayed addresses are ours no more."""

    relayed: tuple[TransportAddress, ...]
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class StreamUnneeded:
    """Nothing more will be sent on the stream with this end."""

    local: TransportAddress


@dataclass(frozen=True, slots=True)
class StreamWanted:
    """A server has redirected us (RFC 8489 section 10): another stream is to take the place of the one with this end.

    `Relays.reconnected` or `Relays.not_reconnected` tell what became of it.
    """

    local: TransportAddress
    remote: TransportAddress
    server: ServerUrl
    tls_name: str | None  # whom the certificate has to be for, over TLS


@dataclass(frozen=True, slots=True)
class CredentialsRefused:
    """The server has relayed for us, but takes our credentials no longer; `Relays.set_credentials` may help."""

    server: ServerUrl


RelayEvent = RelayOpened | RelayRefused | RelayLost | StreamUnneeded | StreamWanted | CredentialsRefused


class Relays:
    """All allocations of one agent. Costs one look at `is_used` for who has none."""

    def __init__(self, settings: TurnSettings, entropy: Entropy, *, timeout: float, interval: float) -> None:
        self.is_used = False  # whether there was ever one
        self.dropped_datagrams = 0  # for streams that were full
        self._settings = settings
        self._entropy = entropy
        self._timeout = timeout  # for an allocation
        self._interval = interval  # between new ones
        self._relays: list[Relay] = []
        self._by_path: dict[tuple[TransportAddress, TransportAddress], Relay] = {}
        self._by_relayed: dict[TransportAddress, Relay] = {}
        self._permitted: list[TransportAddress] = []
        self._ended: list[TurnOverDtls] = []
        self._events: list[RelayEvent] = []
        self._next_start_at = -math.inf

    def serves(self, packet: Datagrams) -> bool:
        """Whether a packet is from a server of ours, on the way that we asked it."""
        return (packet.local, packet.remote) in self._by_path

    def receive(self, packet: Datagrams, now: float) -> list[Datagrams]:
        """Take what came from a server; returns what peers sent with it, as if it had come to the relayed bases."""
        relay = self._by_path.get((packet.local, packet.remote))
        if relay is None:
            return []
        relay.receive(packet, now)
        self._follow(relay)
        runs: list[Datagrams] = []
        for peer, payloads in relay.client.take_data():
            local = relay.client.relayed_for(peer)
            if local is not None:
                runs.append(Datagrams(local, peer, payloads))
        return runs

    def send(self, run: Datagrams) -> bool:
        """Relay a run of datagrams that leaves a relayed base; False for any other base."""
        relay = self._by_relayed.get(run.local)
        if relay is None:
            return False
        if relay.is_full:
            # To wait for the stream would hold up all other paths. This is loss, as on any full link.
            self.dropped_datagrams += len(run.payloads)
        else:
            relay.client.send(run.remote, run.payloads)
            relay.due_at = -math.inf
        return True

    def handle_timeout(self, now: float) -> None:
        """Retransmit, refresh, and give up on servers that do not answer."""
        for relay in list(self._relays):
            if now >= relay.due_at:
                relay.path.handle_timeout(now)
                relay.due_at = -math.inf
                self._follow(relay)
            if relay.deadline is not None and now >= relay.deadline:
                self._refuse(relay, NO_ANSWER, f"{relay.server.host} did not answer at {relay.remote}")

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """What the clients have for their servers; new ones begin a moment after each other."""
        packets: list[Datagrams] = []
        for path in self._ended:
            packets += path.farewell(now)
        self._ended.clear()
        for relay in list(self._relays):
            if now < relay.due_at:
                continue
            if relay.client.state is TurnState.NEW and not self._start(relay, now):
                continue
            packets += relay.packets_to_send(now)
            due_at = relay.path.next_timeout()
            relay.due_at = math.inf if due_at is None else due_at
            self._follow(relay)
        return packets

    def poll_events(self) -> list[RelayEvent]:
        """What happened, oldest first."""
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """When a client wants to be called."""
        moments = [relay.due_at for relay in self._relays]
        moments += [relay.deadline for relay in self._relays if relay.deadline is not None]
        due_at = min(moments, default=math.inf)
        return None if due_at == math.inf else due_at

    def open(
        self,
        server: ServerUrl,
        local: TransportAddress,
        address: TransportAddress,
        preference: int,
        trust: TrustStore | None = None,
    ) -> bool:
        """Ask a server for an allocation, from a base of ours or over a stream that is connected.

        With ``trust`` from the base over DTLS. A server that two URLs lead to is asked once, for it has one allocation
        for each 5-tuple (RFC 8656 section 3); False the second time.
        """
        for relay in self._relays:
            if relay.local == local and relay.server.url == server.url and relay.allocated and not relay.is_ending:
                # A later generation shares an earlier's.
                self._events.append(RelayOpened(relay, relay.allocated))
                return True
        if (local, address) in self._by_path:
            return False
        # Both families, for it is the peer's family that decides which one is of use; a server gives what it has.
        client = TurnClient(
            address,
            server.credentials,
            self._settings,
            self._entropy,
            family=AddressFamily.BOTH,
            is_stream=local.protocol == "tcp",
        )
        relay = Relay(server, preference, _way(client, local, trust, server.host, self._entropy), local)
        client.create_permission(self._permitted)
        self._relays.append(relay)
        self._by_path[local, address] = relay
        self.is_used = True
        return True

    def permit(self, peers: Iterable[TransportAddress]) -> None:
        """Let these send to every relayed address, so that it is not only our own check that opens the way."""
        known = set(self._permitted)
        new = [peer for peer in peers if peer not in known and not _is_link_local(peer)]
        if new:
            self._permitted += new
            for relay in self._relays:
                relay.client.create_permission(new)
                relay.due_at = -math.inf

    def bind(self, relayed: TransportAddress, peer: TransportAddress) -> None:
        """The pair was chosen: where it begins at a relay, a channel makes its packets small."""
        relay = self._by_relayed.get(relayed)
        if relay is not None:
            relay.client.bind_channel(peer)
            relay.due_at = -math.inf

    def set_credentials(self, url: str, credentials: Credentials) -> bool:
        """Sign with these from now on at that server; whether there is a relay at it."""
        relays = [relay for relay in self._relays if relay.server.url == url]
        for relay in relays:
            relay.client.set_credentials(credentials)
            relay.client.create_permission(self._permitted)  # what was refused with the former ones
            relay.due_at = -math.inf
        return bool(relays)

    def way_lost(self, local: TransportAddress, reason: str) -> None:
        """The stream with this end of ours is closed, which a redirecting server may well do; or the base is gone."""
        for relay in list(self._relays):
            if relay.local == local and relay.client.state is not TurnState.REDIRECTED:
                relay.client.connection_lost(reason)
                self._follow(relay)

    def reconnected(self, old: TransportAddress, local: TransportAddress, remote: TransportAddress) -> bool:
        """There is the stream that was wanted in the place of the old one; False where nobody waits for it any more."""
        relay = _redirected(self._relays, old)
        if relay is None or not isinstance(relay.path, TurnOverStream):
            return False
        relay.local, relay.remote, relay.due_at, relay.is_full = local, remote, -math.inf, False
        self._by_path[local, remote] = relay
        relay.path.reconnected()
        return True

    def not_reconnected(self, old: TransportAddress, reason: str) -> None:
        """The stream that was wanted in the place of the old one can not be had."""
        relay = _redirected(self._relays, old)
        if relay is not None:
            relay.client.connection_lost(reason)
            self._follow(relay)

    def stream_full(self, local: TransportAddress, *, is_full: bool) -> None:
        """The stream with this end of ours holds as much as it may, or has room again."""
        for relay in self._relays:
            if relay.local == local:
                relay.is_full = is_full

    def note_unroutable(self, local: TransportAddress, remote: TransportAddress, detail: str) -> str | None:
        """Our own host can not send there: the URL of the server that will give no allocation for that.

        An allocation that is there may outlive it.
        """
        relay = self._by_path.get((local, remote))
        if relay is None or relay.client.state not in _OPENING:
            return None
        self._refuse(relay, NO_ANSWER, f"{relay.server.host} can not be reached at {remote}: {detail}")
        return relay.server.url

    def stop_opening(self, reason: str) -> None:
        """Gathering is over: give up on servers that have not answered."""
        for relay in self.opening:
            self._refuse(relay, NO_ANSWER, f"{relay.server.host} {reason}")

    def close(self) -> None:
        """Give every allocation back with the next pull."""
        self._permitted.clear()
        for relay in list(self._relays):
            self.end(relay)

    def keep(self, places: Container[TransportAddress], relayed: Container[TransportAddress]) -> None:
        """Give back what is not asked from one of these places, and what stands for no relayed address of these."""
        for relay in list(self._relays):
            is_unused = bool(relay.relayed) and not any(address in relayed for address in relay.relayed)
            if is_unused or relay.place not in places:
                self.end(relay)

    def end(self, relay: Relay) -> None:
        """Give one back with the next pull."""
        relay.deadline = None
        for address in relay.relayed:
            self._by_relayed.pop(address, None)
        relay.client.close()
        relay.due_at = -math.inf
        self._follow(relay)

    @property
    def leaving(self) -> set[TransportAddress]:
        """The bases from which servers have been asked to take an allocation back, and have not answered yet.

        Over a stream nothing is lost, so that nobody has to wait for the answer.
        """
        closing = (relay for relay in self._relays if relay.client.state is TurnState.CLOSING)
        return {relay.local for relay in closing if relay.local.protocol == "udp"}

    @property
    def opening(self) -> list[Relay]:
        """Those whose server has not answered yet."""
        return [relay for relay in self._relays if relay.client.state in _OPENING]

    def _start(self, relay: Relay, now: float) -> bool:
        if now < self._next_start_at:
            relay.due_at = self._next_start_at
            return False
        self._next_start_at = now + self._interval
        relay.deadline = now + self._timeout
        relay.client.allocate()
        return True

    def _follow(self, relay: Relay) -> None:
        for event in relay.client.poll_events():
            self._take(relay, event)

    def _take(self, relay: Relay, event: TurnEvent) -> None:
        match event:
            case Allocated(relayed, _, _, additional):
                relay.deadline, relay.allocated = None, event
                relay.relayed = (relayed,) if additional is None else (relayed, additional)
                for address in relay.relayed:
                    self._by_relayed[address] = relay
                self._events.append(RelayOpened(relay, event))
            case AllocationFailed(code, text):
                self._refuse(relay, code, text)
            case AllocationLost(reason):
                self._events.append(RelayLost(relay.relayed, relay.server.url, reason))
                self._remove(relay)
            case Redirected(server, domain):
                self._redirect(relay, server, domain)
            case RefreshRefused(401) | PermissionRefused(_, 401) | ChannelRefused(_, 401):
                self._events.append(CredentialsRefused(relay.server))
            case ClientClosed():
                self._remove(relay)
            case _:
                pass  # what permissions and channels do shows in the pairs

    def _redirect(self, relay: Relay, server: TransportAddress, domain: str | None) -> None:
        name = domain or relay.server.host  # RFC 8489 section 10: the given one, or else the one that we asked for
        self._by_path.pop((relay.local, relay.remote), None)
        relay.remote = server
        if isinstance(relay.path, TurnOverStream):
            tls_name = name if relay.server.scheme.is_secure else None
            self._events.append(StreamWanted(relay.local, server, relay.server, tls_name))
            return
        self._by_path[relay.local, server] = relay
        if isinstance(relay.path, TurnOverDtls):
            relay.path.redirect(name)

    def _refuse(self, relay: Relay, code: int, text: str) -> None:
        relay.deadline = None
        self._events.append(RelayRefused(relay, code, text or f"{relay.server.host} refused with error {code}"))
        # What it has granted after all, it gets back.
        relay.client.close()
        relay.due_at = -math.inf
        if relay.client.state is not TurnState.CLOSING:
            self._remove(relay)

    def _remove(self, relay: Relay) -> None:
        if relay not in self._relays:
            return
        self._relays.remove(relay)
        self._by_path.pop((relay.local, relay.remote), None)
        for address in relay.relayed:
            self._by_relayed.pop(address, None)
        if isinstance(relay.path, TurnOverDtls):
            relay.path.end()
            self._ended.append(relay.path)
        if relay.local.protocol == "tcp":
            self._events.append(StreamUnneeded(relay.local))


def _redirected(relays: Iterable[Relay], local: TransportAddress) -> Relay | None:
    """Whose stream with that end of ours waits for another to take its place."""
    waiting = (relay for relay in relays if relay.client.state is TurnState.REDIRECTED)
    return next((relay for relay in waiting if relay.local == local), None)


def _is_link_local(peer: TransportAddress) -> bool:
    """Whether it is on a link, in which a relay has no part."""
    return ipaddress.ip_address(peer.host).is_link_local


def _way(
    client: TurnClient, local: TransportAddress, trust: TrustStore | None, host: str, entropy: Entropy
) -> TurnOverUdp | TurnOverDtls | TurnOverStream:
    """How a client's messages reach its server."""
    if local.protocol == "tcp":
        return TurnOverStream(client)
    if trust is not None:
        return TurnOverDtls(client, local, ServerIdentity(host, trust), entropy)
    return TurnOverUdp(client, local)
