"""What every part of an association works on: its state, its queues, and the few ways in which it changes."""

from rtcpeer.core import Entropy
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.events import (
    AssociationClosed,
    AssociationEstablished,
    CloseReason,
    ErrorCause,
    IncomingStreamsAdded,
    IncomingStreamsReset,
    SctpEvent,
    StreamsRefused,
)
from rtcpeer.sctp.link import Link, Terms
from rtcpeer.sctp.opening import Opening
from rtcpeer.sctp.packet import HEADER_SIZE, Envelope
from rtcpeer.sctp.parameters import pack_cause
from rtcpeer.sctp.send_queue import SendQueue
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.shutdown import Shutdown
from rtcpeer.sctp.state import AssociationState
from rtcpeer.sctp.stream_reset import IncomingResets

__all__ = ["OPENING_STATES", "RECEIVING_STATES", "Endpoint"]

MAX_CONTROL_CHUNKS = 64  # answers waiting to be pulled; a peer that asks for more before a pull asks in vain
MAX_READY_PACKETS = 8  # the same for answers that need a packet of their own, on top of a burst

OPENING_STATES = frozenset((AssociationState.CLOSED, AssociationState.COOKIE_WAIT, AssociationState.COOKIE_ECHOED))
RECEIVING_STATES = frozenset(
    (
        AssociationState.COOKIE_ECHOED,
        AssociationState.ESTABLISHED,
        AssociationState.SHUTDOWN_PENDING,
        AssociationState.SHUTDOWN_SENT,
    )
)


class Endpoint:
    """Shared by `Association`, the handlers of chunks and `Outbound`, which all read and change it."""

    def __init__(self, settings: SctpSettings, entropy: Entropy) -> None:
        self.state = AssociationState.CLOSED
        self.inbound_streams = settings.inbound_streams
        self.outbound_streams = settings.outbound_streams
        self.settings = settings
        self.room = settings.max_packet_size - HEADER_SIZE
        self.opening = Opening(settings, entropy)
        self.queue = SendQueue()
        self.shutdown = Shutdown()
        self.link: Link | None = None
        self.incoming_resets: IncomingResets | None = None
        self.events: list[SctpEvent] = []
        self.control: list[bytes] = []  # chunks for the next packets
        self.ready: list[bytes] = []  # whole packets, under tags of their own
        self.is_ended = False
        self.ended_by: AssociationClosed | None = None
        self.has_more = False  # the last pull was cut at the burst
        self.packets_sent = self.packets_received = self.packets_dropped = 0
        self.bytes_sent = self.bytes_received = 0
        self._entropy = entropy
        self.bind(settings.remote_port)

    def bind(self, remote_port: int) -> None:
        """Take packets from this port under our present tag."""
        self.remote_port = remote_port
        self.inbound_envelope = self.envelope_from_peer()

    def envelope_from_peer(self) -> Envelope:
        """What the peer's packets bear."""
        return Envelope(self.remote_port, self.settings.local_port, self.opening.local_tag)

    def envelope_to_peer(self, tag: int) -> Envelope:
        """For a packet under any tag; 0 for INIT (section 8.5.1)."""
        return Envelope(self.settings.local_port, self.remote_port, tag)

    def answer(self, chunk: bytes) -> None:
        """Send a control chunk with the next packets."""
        if len(self.control) < MAX_CONTROL_CHUNKS and len(chunk) <= self.room:
            self.control.append(chunk)

    def answer_with(self, packet: bytes) -> None:
        """Send a whole packet with the next pull."""
        if len(self.ready) < MAX_READY_PACKETS:
            self.ready.append(packet)

    def emit(self, event: SctpEvent) -> None:
        """Tell the owner, behind the messages that came before."""
        if self.link is not None:
            self.link.receiver.reassembly.emit(event)
        else:
            self.events.append(event)

    def adopt(self, terms: Terms) -> None:
        """Both tags are known: begin with these terms, or begin again."""
        old = self.link
        outstanding = None
        if old is not None:
            self.events += old.receiver.release_events()
            if old.terms.local_initial_tsn == terms.local_initial_tsn:
                # The handshake began again (a stale cookie, a collision): what rode with COOKIE ECHO rides again.
                outstanding = old.sender.outstanding
        self.link = link = Link(self.settings, self.remote_port, terms, self.queue, self._entropy, outstanding)
        self.inbound_streams = terms.inbound_streams
        self.outbound_streams = terms.outbound_streams
        self.incoming_resets = IncomingResets(
            terms.peer_initial_tsn,
            has_all_until=link.receiver.has_all_until,
            reset=self._reset_incoming,
            reset_ours=self._reset_on_request,
            add=self._add_incoming,
        )
        # The peer would answer their DATA with an ERROR each (section 6.5).
        if refused := self.queue.refuse_from(terms.outbound_streams):
            self.events.append(StreamsRefused(refused))

    def establish(self, now: float, *, is_restart: bool) -> None:
        """The handshake is over."""
        link = self.link
        assert link is not None
        self.opening.finish()
        self.state = AssociationState.ESTABLISHED
        if self.shutdown.is_wanted:
            self.state = AssociationState.SHUTDOWN_PENDING
        link.heartbeat.restart(now, link.rto.timeout)
        if link.sender.outstanding:
            link.sender.timer.start(now + link.rto.timeout)
        self.events.append(AssociationEstablished(self.inbound_streams, self.outbound_streams, is_restart))

    def abort(self, reason: CloseReason, cause: ErrorCause, message: str) -> None:
        """End now, and tell the peer why."""
        if self.link is not None:
            self.ready = [self.link.envelope.seal(pack_chunk(ChunkType.ABORT, pack_cause(cause.code, cause.value)))]
        self.end(reason, (cause,), message)

    def end(self, reason: CloseReason, causes: tuple[ErrorCause, ...], message: str) -> None:
        """End; only answers to a peer that goes on are sent after this."""
        self.state = AssociationState.CLOSED
        self.is_ended = True
        self.opening.finish()
        self.queue.clear()
        self.control.clear()
        self.ended_by = AssociationClosed(reason, causes, message)
        self.emit(self.ended_by)

    def _reset_incoming(self, stream_ids: tuple[int, ...]) -> None:
        if self.link is not None:
            self.link.receiver.reassembly.reset(stream_ids)
            self.emit(IncomingStreamsReset(stream_ids))

    def _reset_on_request(self, stream_ids: tuple[int, ...]) -> bool:
        known = [stream_id for stream_id in stream_ids or self.queue.streams if stream_id in self.queue.streams]
        self.queue.pause(known)
        return bool(known)

    def _add_incoming(self, count: int) -> bool:
        if not 0 < count <= self.settings.inbound_streams - self.inbound_streams:
            return False
        self.inbound_streams += count
        self.emit(IncomingStreamsAdded(self.inbound_streams))
        return True
