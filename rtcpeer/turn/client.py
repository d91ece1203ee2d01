"""A TURN client (RFC 8656): one allocation on one server over one 5-tuple, as a sans-I/O core."""

import math
from collections.abc import Iterable
from enum import Enum

from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.errors import InvalidStateError, MalformedPacketError
from rtcpeer.stun import ErrorCode, MessageClass, Method, StunMessage
from rtcpeer.turn.allocation import Allocation, parse_allocation
from rtcpeer.turn.credentials import Authenticator, Credentials
from rtcpeer.turn.events import (
    NO_ANSWER,
    Allocated,
    AllocationFailed,
    AllocationLost,
    ClientClosed,
    PeerData,
    PermissionRefused,
    Redirected,
    TurnEvent,
)
from rtcpeer.turn.exchange import Exchange, Outcome
from rtcpeer.turn.framing import is_channel_data
from rtcpeer.turn.peers import PeerTable, canonical
from rtcpeer.turn.redirects import Redirects
from rtcpeer.turn.settings import TurnSettings
from rtcpeer.turn.statistics import TurnStatistics
from rtcpeer.turn.tasks import AddressFamily, Allocate, Bind, Permit, Refresh, is_ipv6
from rtcpeer.turn.traffic import Traffic

__all__ = ["TurnClient", "TurnState"]

_RESPONSES = frozenset({MessageClass.SUCCESS, MessageClass.ERROR})


class TurnState(Enum):
    """NEW leads to ALLOCATING and ALLOCATED; any state to CLOSED or FAILED, which are final."""

    NEW = "new"
    ALLOCATING = "allocating"
    REDIRECTED = "redirected"  # over a stream: waits for `TurnClient.reconnected`
    ALLOCATED = "allocated"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


class TurnClient:
    """Core[bytes, TurnEvent]: packets are datagrams, or over a stream single messages, to and from `server` alone.

    The owner hands in nothing that came from elsewhere. `rtcpeer.turn.paths` does that for plain UDP and for streams.
    """

    def __init__(
        self,
        server: TransportAddress,
        credentials: Credentials | None,
        settings: TurnSettings,
        entropy: Entropy,
        *,
        family: AddressFamily = AddressFamily.IPV4,
        is_stream: bool = False,
    ) -> None:
        self.server = server  # another one after `Redirected`
        self.state = TurnState.NEW
        self.refreshes = 0
        self.malformed_packets = 0
        self._settings = settings
        self._family = family
        self._is_stream = is_stream
        self._redirects = Redirects(server, settings.max_redirects)
        self._authenticator = Authenticator(credentials)
        self._exchange = Exchange(settings, self._authenticator, entropy, is_reliable=is_stream)
        self._peers = PeerTable(settings)
        self._traffic = Traffic(settings, self._peers, entropy, is_padded=is_stream)
        self._allocation: Allocation | None = None
        self._close_deadline: float | None = None
        self._events: list[TurnEvent] = []

    def receive(self, packet: bytes, now: float) -> None:
        """Take one packet of the server's; what is malformed or not asked for is dropped and counted."""
        if is_channel_data(packet):
            self._traffic.receive_channel_data(packet)
            return
        try:
            message = StunMessage.parse(packet)
            if message.message_class in _RESPONSES:
                outcome = self._exchange.take(message)
                if outcome is not None:
                    self._conclude(outcome, now)
            elif message.message_class is MessageClass.INDICATION and message.method == Method.DATA:
                self._traffic.receive_indication(message)
            else:
                self._traffic.strange_packets += 1
        except MalformedPacketError:
            self.malformed_packets += 1

    def handle_timeout(self, now: float) -> None:
        """Give up on what remained without an answer; what is due to be asked goes out with the next pull."""
        for outcome in self._exchange.expire(now):
            self._conclude(outcome, now)
        if self._close_deadline is not None and now >= self._close_deadline:
            self._closed()
        if self.state is TurnState.ALLOCATED and self._allocation is not None:
            lost_at = self._allocation.lost_at()
            if lost_at is not None and now >= lost_at:
                self._lose("its refreshes remained without success until it expired")

    def packets_to_send(self, now: float) -> list[bytes]:
        """Requests that are due, and data."""
        if self.state is TurnState.ALLOCATED and self._allocation is not None:
            if not self._allocation.is_asking and now >= self._allocation.refresh_at:
                self._allocation.asked(now)
                self._exchange.ask(Refresh(self._settings.lifetime))
            for task in self._peers.due_tasks(now):
                self._exchange.ask(task)
        elif self.state is TurnState.CLOSING and self._close_deadline is None:
            self._close_deadline = now + self._settings.close_timeout
        packets = self._exchange.packets_to_send(now)
        packets += self._traffic.packets_to_send()
        return packets

    def poll_events(self) -> list[TurnEvent]:
        """What happened, oldest first."""
        events = self._events + self._peers.poll_events()
        self._events = []
        return events

    def next_timeout(self) -> float | None:
        """When something is to be repeated, renewed or given up."""
        deadlines = [self._exchange.next_timeout(), self._close_deadline]
        if self.state is TurnState.ALLOCATED and self._allocation is not None:
            deadlines += (self._allocation.next_timeout(), self._peers.next_timeout())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def take_data(self) -> list[PeerData]:
        """What peers have sent since the last call, oldest first."""
        return self._traffic.take()

    def allocate(self) -> None:
        """Ask for a relayed address.

        Raises:
            InvalidStateError: that was done before. Another attempt is another client.
        """
        if self.state is not TurnState.NEW:
            raise InvalidStateError(f"the TURN client is {self.state.value}; allocate() is called once")
        self.state = TurnState.ALLOCATING
        self._exchange.ask(Allocate(self._family, self._settings.lifetime))

    def send(self, peer: TransportAddress, payloads: list[bytes]) -> None:
        """Send a run of datagrams to a peer with the next pull; dropped and counted where there is no allocation.

        The first of them ask for a permission and wait for it.

        Raises:
            ValueError: a payload is larger than a datagram, or the address is not numeric.
        """
        if self.state is TurnState.ALLOCATED:
            self._traffic.send(peer, payloads)
        else:
            self._traffic.dropped_unsent += len(payloads)

    def create_permission(self, peers: Iterable[TransportAddress]) -> None:
        """Let these peers send to the relayed address, from now until `release`; before the allocation: with it.

        Raises:
            ValueError: an address is not numeric.
        """
        for peer in peers:
            if self._peers.want(canonical(peer), again=True) is None:
                text = f"there are {self._settings.max_peers} peers already"
                self._events.append(PermissionRefused(peer, NO_ANSWER, text))

    def bind_channel(self, peer: TransportAddress) -> None:
        """Exchange data with the peer over a channel, for there will be much; Send indications until it is bound.

        Raises:
            ValueError: the address is not numeric.
        """
        self.create_permission((peer,))
        known = self._peers.find(canonical(peer))
        if known is not None:
            self._peers.want_channel(known)

    def release(self, peers: Iterable[TransportAddress]) -> None:
        """Keep these peers' permissions and channels alive no longer; the server forgets them by itself."""
        for peer in peers:
            self._peers.release(canonical(peer))

    def set_credentials(self, credentials: Credentials) -> None:
        """Sign requests with these from now on; a refresh that was refused is tried again with them at once.

        A server may insist on the user name that the allocation was made with (441). Then that one is used again.
        """
        self._authenticator.replace(credentials)
        if self._allocation is not None and self._allocation.lost_at() is not None and not self._allocation.is_asking:
            self._allocation.ask_again(-math.inf)

    def reconnected(self) -> None:
        """There is a connection to the server that `Redirected` named: ask that one.

        Raises:
            InvalidStateError: nothing waits for a connection.
        """
        if self.state is not TurnState.REDIRECTED:
            raise InvalidStateError(f"the TURN client is {self.state.value}, not redirected over a stream")
        self.state = TurnState.ALLOCATING
        self._exchange.ask(Allocate(self._family, self._settings.lifetime))

    def connection_lost(self, reason: str) -> None:
        """The way to the server is gone: its stream is closed, its DTLS association has ended."""
        if self.state is TurnState.ALLOCATED:
            self._lose(reason)
        elif self.state in {TurnState.NEW, TurnState.ALLOCATING, TurnState.REDIRECTED}:
            self._fail(NO_ANSWER, reason)
        elif self.state is TurnState.CLOSING:
            self._closed()

    def close(self) -> None:
        """Give the allocation back with the next pull; `ClientClosed` says when the way to the server may go too."""
        if self.state in {TurnState.CLOSING, TurnState.CLOSED}:
            return
        # An Allocate with credentials may have succeeded already.
        is_relaying = self.state is TurnState.ALLOCATED or self._exchange.has_signed
        if self.state is TurnState.FAILED or not is_relaying:
            self._closed()
            return
        self.state = TurnState.CLOSING
        self._drop_everything()
        self._exchange.ask(Refresh(0))

    @property
    def relayed_addresses(self) -> tuple[TransportAddress, ...]:
        """The relayed addresses of the allocation: none, one, or an IPv4 and an IPv6 one."""
        return () if self._allocation is None else self._allocation.relayed

    def relayed_for(self, peer: TransportAddress) -> TransportAddress | None:
        """The relayed address that the peer sees our datagrams come from."""
        family = is_ipv6(peer.host)
        return next((each for each in self.relayed_addresses if is_ipv6(each.host) == family), None)

    def statistics(self) -> TurnStatistics:
        """The counters as they stand."""
        return TurnStatistics.of(
            self._exchange,
            self._traffic,
            self._peers,
            redirects=self._redirects.count,
            refreshes=self.refreshes,
            malformed_packets=self.malformed_packets,
        )

    def _conclude(self, outcome: Outcome, now: float) -> None:
        match outcome.task:
            case Allocate():
                self._conclude_allocate(outcome, now)
            case Refresh():
                self._conclude_refresh(outcome, now)
            case Permit() | Bind():
                self._conclude_peers(outcome.task, outcome, now)

    def _conclude_allocate(self, outcome: Outcome, now: float) -> None:
        if outcome.code == ErrorCode.TRY_ALTERNATE and outcome.response is not None:
            self._redirect(outcome.response, outcome.text)
        elif outcome.code or outcome.response is None:
            self._fail(outcome.code or NO_ANSWER, outcome.text)
        else:
            try:
                allocated = parse_allocation(outcome.response, self._family)
            except MalformedPacketError as error:
                self.malformed_packets += 1
                self._fail(NO_ANSWER, str(error))
                return
            self._succeed(allocated, now)

    def _succeed(self, allocated: Allocated, now: float) -> None:
        relayed = (allocated.relayed,) if allocated.additional is None else (allocated.relayed, allocated.additional)
        self._allocation = Allocation(relayed, allocated.lifetime, self._settings, now)
        self.state = TurnState.ALLOCATED
        self._events.append(allocated)
        self._peers.open(relayed)

    def _redirect(self, response: StunMessage, text: str) -> None:
        try:
            self.server, domain = self._redirects.follow(response)
        except MalformedPacketError as problem:
            self._fail(ErrorCode.TRY_ALTERNATE, f"{text} ({problem})")
            return
        # Another server has another realm or nonce.
        self._authenticator.challenge = None
        self._events.append(Redirected(self.server, domain))
        if self._is_stream:
            self.state = TurnState.REDIRECTED
        else:
            self._exchange.ask(Allocate(self._family, self._settings.lifetime))

    def _conclude_refresh(self, outcome: Outcome, now: float) -> None:
        if self.state is TurnState.CLOSING:
            # Whatever it said: 437 means that there is nothing left to release.
            self._closed()
        elif self._allocation is not None:
            event = self._allocation.take_refresh(outcome, now)
            if isinstance(event, AllocationLost):
                self._lose(event.reason)
            elif event is not None:
                self._events.append(event)
            elif not outcome.code:
                self.refreshes += 1

    def _conclude_peers(self, task: Permit | Bind, outcome: Outcome, now: float) -> None:
        code, text = outcome.code, outcome.text
        if self.state is not TurnState.ALLOCATED:
            return
        if code == ErrorCode.ALLOCATION_MISMATCH:
            self._lose(f"the server does not know it any more: {code} {text}")
        elif isinstance(task, Permit):
            if code:
                self._peers.permission_failed(task.hosts, code, text, now)
            else:
                self._peers.permitted(task.hosts, now)
        elif code:
            self._peers.bind_failed(task.peer, code, text, now)
        else:
            self._peers.bound(task.peer, task.number, now)

    def _fail(self, code: int, text: str) -> None:
        self.state = TurnState.FAILED
        self._drop_everything()
        self._events.append(AllocationFailed(code, text))

    def _lose(self, reason: str) -> None:
        self.state = TurnState.FAILED
        self._drop_everything()
        self._events.append(AllocationLost(reason))

    def _closed(self) -> None:
        self.state = TurnState.CLOSED
        self._close_deadline = None
        self._drop_everything()
        self._events.append(ClientClosed())

    def _drop_everything(self) -> None:
        self._allocation = None
        self._exchange.clear()
        self._peers.clear()
        self._traffic.clear()
