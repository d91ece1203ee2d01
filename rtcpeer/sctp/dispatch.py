"""What each received chunk does to an association (RFC 9260 sections 5, 6, 8 and 9)."""

from struct import Struct

from rtcpeer.core import Entropy
from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import (
    DATA_HEADER_SIZE,
    FLAG_TAG_REFLECTED,
    ChunkType,
    is_reported_when_unknown,
    is_skipped_when_unknown,
    pack_chunk,
    parse_forward_tsn,
    parse_sack,
    parse_tsn,
)
from rtcpeer.sctp.events import (
    AssociationClosed,
    AssociationEstablished,
    CloseReason,
    ErrorCause,
    IncomingStreamsReset,
    OutgoingStreamsReset,
    SctpEvent,
    StreamResetFailed,
)
from rtcpeer.sctp.handshake import parse_init
from rtcpeer.sctp.link import Link, Terms
from rtcpeer.sctp.opening import CookieVerdict, Opening
from rtcpeer.sctp.packet import HEADER_SIZE, Envelope, chunk_at, parse_header
from rtcpeer.sctp.parameters import CauseCode, pack_cause, parse_causes
from rtcpeer.sctp.send_queue import SendQueue
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.shutdown import Shutdown
from rtcpeer.sctp.state import AssociationState
from rtcpeer.sctp.stream_reset import IncomingResets, Result

__all__ = ["Dispatcher"]

MAX_CONTROL_CHUNKS = 64  # answers waiting to be pulled; a peer that asks for more before a pull asks in vain
_STREAM_ID = Struct(">HH")
_RECEIVING = frozenset(
    (
        AssociationState.COOKIE_ECHOED,
        AssociationState.ESTABLISHED,
        AssociationState.SHUTDOWN_PENDING,
        AssociationState.SHUTDOWN_SENT,
    )
)


class Dispatcher:
    """The receiving half of `Association`: from packets to state, events and answers."""

    def __init__(self, settings: SctpSettings, entropy: Entropy) -> None:
        self.state = AssociationState.CLOSED
        self.inbound_streams = settings.inbound_streams
        self.outbound_streams = settings.outbound_streams
        self._settings = settings
        self._entropy = entropy
        self._room = settings.max_packet_size - HEADER_SIZE
        self._opening = Opening(settings, entropy)
        self._queue = SendQueue()
        self._shutdown = Shutdown()
        self._link: Link | None = None
        self._incoming_resets: IncomingResets | None = None
        self._events: list[SctpEvent] = []
        self._control: list[bytes] = []  # chunks for the next packets
        self._ready: list[bytes] = []  # whole packets, under tags of their own
        self._is_ended = False
        self._packets_sent = self._packets_received = self._packets_dropped = 0
        self._bytes_sent = self._bytes_received = 0
        self._bind(settings.remote_port)
        self._handlers = {
            ChunkType.INIT_ACK: self._take_init_ack,
            ChunkType.SACK: self._take_sack,
            ChunkType.HEARTBEAT: self._take_heartbeat,
            ChunkType.HEARTBEAT_ACK: self._take_heartbeat_ack,
            ChunkType.ABORT: self._take_abort,
            ChunkType.SHUTDOWN: self._take_shutdown,
            ChunkType.SHUTDOWN_ACK: self._take_shutdown_ack,
            ChunkType.ERROR: self._take_error,
            ChunkType.COOKIE_ECHO: self._take_cookie_echo,
            ChunkType.COOKIE_ACK: self._take_cookie_ack,
            ChunkType.SHUTDOWN_COMPLETE: self._take_shutdown_complete,
            ChunkType.RECONFIG: self._take_reconfig,
            ChunkType.FORWARD_TSN: self._take_forward_tsn,
        }

    def receive(self, packet: bytes, now: float) -> None:
        """Take one packet; whatever is wrong with it is counted, never raised."""
        self._packets_received += 1
        self._bytes_received += len(packet)
        try:
            body = None if self._is_ended else self._inbound.open(packet)
            if body is None:
                self._receive_foreign(packet, now)
            else:
                self._receive_chunks(body, now)
        except MalformedPacketError:
            self._packets_dropped += 1

    def _receive_chunks(self, body: bytes, now: float) -> None:
        offset, end = 0, len(body)
        has_data = False
        link = self._link
        while offset < end:
            if not body[offset] and link is not None and self.state in _RECEIVING:
                stop = link.receiver.take_data(body, offset)
                if stop > offset:
                    offset = stop
                    has_data = True
                    continue
            kind, flags, value, offset = chunk_at(body, offset)
            if not self._take_chunk(kind, flags, value, now) or self._is_ended:
                break
            link = self._link
        if has_data and link is not None:
            self._note_data(link, now)

    def _note_data(self, link: Link, now: float) -> None:
        receiver = link.receiver
        receiver.note_packet(now)
        if self.state is AssociationState.SHUTDOWN_SENT:
            self._shutdown.repeat()  # section 9.2: DATA is answered with SACK and SHUTDOWN
            receiver.is_sack_urgent = True
        for stream_id in receiver.invalid_streams:
            cause = pack_cause(CauseCode.INVALID_STREAM_IDENTIFIER, _STREAM_ID.pack(stream_id, 0))
            self._answer(pack_chunk(ChunkType.ERROR, cause))
        receiver.invalid_streams.clear()
        if receiver.is_exhausted:
            exhausted = ErrorCause(CauseCode.OUT_OF_RESOURCE, b"")
            self._abort(CloseReason.OUT_OF_RESOURCE, exhausted, "a message outgrew the receive window")

    def _take_chunk(self, kind: int, flags: int, value: bytes, now: float) -> bool:
        """Take a chunk that is not DATA in its place; returns whether the rest of the packet counts."""
        handler = self._handlers.get(kind)  # type: ignore[call-overload]
        if handler is not None:
            handler(flags, value, now)
            return True
        if kind == ChunkType.DATA:
            self._take_misplaced_data(value)
            return True
        if kind == ChunkType.INIT:
            return False  # section 6.10: never together with others, and its tag is 0
        if is_reported_when_unknown(kind) and self._link is not None:
            raw = pack_chunk(kind, value[:256], flags)
            self._answer(pack_chunk(ChunkType.ERROR, pack_cause(CauseCode.UNRECOGNIZED_CHUNK_TYPE, raw)))
        return is_skipped_when_unknown(kind)

    def _take_misplaced_data(self, value: bytes) -> None:
        if self.state in _RECEIVING and self._link is not None:
            if len(value) < DATA_HEADER_SIZE - 4:
                raise MalformedPacketError("DATA is too short")
            # Section 6.2: DATA without user data is answered with an ABORT that names the TSN.
            cause = ErrorCause(CauseCode.NO_USER_DATA, value[:4])
            self._abort(CloseReason.PROTOCOL_VIOLATION, cause, "DATA without user data")

    def _receive_foreign(self, packet: bytes, now: float) -> None:
        """Take a packet that does not bear our tag (sections 5.1, 5.2 and 8.4)."""
        header, body = parse_header(packet)
        if (header.source_port, header.destination_port) != (self._remote_port, self._settings.local_port) or not body:
            raise MalformedPacketError("not our ports, or no chunk")
        kind, flags, value, offset = chunk_at(body, 0)
        if kind == ChunkType.INIT and not header.tag and offset >= len(body):
            self._take_init(value, now)
        elif kind == ChunkType.SHUTDOWN_ACK and self._is_ended:
            # Our SHUTDOWN COMPLETE was lost (section 8.4 rule 5).
            complete = pack_chunk(ChunkType.SHUTDOWN_COMPLETE, flags=FLAG_TAG_REFLECTED)
            self._ready_packet(Envelope(self._settings.local_port, self._remote_port, header.tag).seal(complete))
        elif self._is_ended:
            raise MalformedPacketError("the association has ended")
        elif kind == ChunkType.COOKIE_ECHO:
            cookie = self._opening.open_cookie(value)
            if cookie is None or cookie.local_tag != header.tag:
                raise MalformedPacketError("not a cookie of ours")
            self._take_cookie_echo(flags, value, now)
            if self._opening.local_tag == header.tag and offset < len(body):
                self._receive_chunks(body[offset:], now)
        elif flags & FLAG_TAG_REFLECTED and self._link is not None and header.tag == self._link.terms.peer_tag:
            self._take_reflected(kind, value, now)
        else:
            raise MalformedPacketError("neither our tag nor a chunk that may come without it")

    def _take_reflected(self, kind: int, value: bytes, now: float) -> None:
        """Take what a peer says that does not know our association: it can only send its own tag back."""
        if kind == ChunkType.ABORT:
            self._end(CloseReason.ABORTED_BY_PEER, parse_causes(value), "")
        elif kind == ChunkType.SHUTDOWN_COMPLETE:
            self._take_shutdown_complete(FLAG_TAG_REFLECTED, value, now)

    def _take_init(self, value: bytes, now: float) -> None:
        init = parse_init(value)
        if self._is_ended or not init.tag:
            raise MalformedPacketError("INIT for an association that has ended, or without a tag")
        if not init.outbound_streams or not init.inbound_streams:
            abort = pack_chunk(ChunkType.ABORT, pack_cause(CauseCode.INVALID_MANDATORY_PARAMETER))
            self._ready_packet(Envelope(self._settings.local_port, self._remote_port, init.tag).seal(abort))
            return
        if self.state is AssociationState.SHUTDOWN_ACK_SENT:
            self._shutdown.repeat()  # section 9.2
            return
        known = None
        early = (AssociationState.CLOSED, AssociationState.COOKIE_WAIT, AssociationState.COOKIE_ECHOED)
        if self._link is not None and self.state not in early:
            known = (self._opening.local_tag, self._link.terms.peer_tag)
        self._ready_packet(self._opening.answer(init, self._remote_port, known, now))

    def _take_init_ack(self, _flags: int, value: bytes, _now: float) -> None:
        if self.state is not AssociationState.COOKIE_WAIT:
            return  # section 5.2.3
        answer = parse_init(value)
        if not answer.tag or not answer.outbound_streams or not answer.inbound_streams or answer.cookie is None:
            raise MalformedPacketError("INIT ACK without a tag, a stream or a cookie")
        self._set_link(self._opening.agree(answer))
        self.state = AssociationState.COOKIE_ECHOED
        self._opening.echo(answer.cookie)
        if answer.unrecognized:
            causes = pack_cause(CauseCode.UNRECOGNIZED_PARAMETERS, b"".join(answer.unrecognized)[:256])
            self._answer(pack_chunk(ChunkType.ERROR, causes))

    def _take_cookie_echo(self, _flags: int, value: bytes, now: float) -> None:
        cookie = self._opening.open_cookie(value)
        if cookie is None:
            raise MalformedPacketError("not a cookie of ours")
        peer_tag = self._link.terms.peer_tag if self._link is not None else None
        verdict = self._opening.judge(cookie, self.state, peer_tag, now)
        match verdict:
            case CookieVerdict.DISCARD:
                return
            case CookieVerdict.STALE:
                self._ready_packet(self._opening.stale_cookie_packet(cookie, self._remote_port, now))
                return
            case CookieVerdict.RESTART if self.state is AssociationState.SHUTDOWN_ACK_SENT:
                self._shutdown.repeat()  # section 5.2.4 action A: finish the shutdown first
                self._answer(pack_chunk(ChunkType.ERROR, pack_cause(CauseCode.COOKIE_RECEIVED_WHILE_SHUTTING_DOWN)))
                return
            case CookieVerdict.RESTART:
                self._queue.clear()
                self._control.clear()
                self._shutdown = Shutdown()
                self._set_link(self._opening.adopt(cookie))
                self._bind(self._remote_port)
            case CookieVerdict.ACCEPT:
                self._set_link(self._opening.adopt(cookie))
            case CookieVerdict.CONFIRM:
                pass
        self._control.insert(0, pack_chunk(ChunkType.COOKIE_ACK))
        if verdict is CookieVerdict.RESTART or self.state in (
            AssociationState.CLOSED,
            AssociationState.COOKIE_WAIT,
            AssociationState.COOKIE_ECHOED,
        ):
            self._establish(now, is_restart=verdict is CookieVerdict.RESTART)

    def _take_cookie_ack(self, _flags: int, _value: bytes, now: float) -> None:
        if self.state is AssociationState.COOKIE_ECHOED:
            self._establish(now, is_restart=False)

    def _establish(self, now: float, *, is_restart: bool) -> None:
        link = self._link
        assert link is not None
        self._opening.finish()
        self.state = AssociationState.ESTABLISHED
        if self._shutdown.is_wanted:
            self.state = AssociationState.SHUTDOWN_PENDING
        link.heartbeat.restart(now, link.rto.timeout)
        if link.sender.outstanding:
            link.sender.timer.start(now + link.rto.timeout)
        self._events.append(AssociationEstablished(self.inbound_streams, self.outbound_streams, is_restart))

    def _take_sack(self, _flags: int, value: bytes, now: float) -> None:
        if self._link is not None and self._link.sender.take_sack(parse_sack(value), now):
            self._link.errors = 0

    def _take_heartbeat(self, _flags: int, value: bytes, _now: float) -> None:
        if self._link is not None:
            self._answer(pack_chunk(ChunkType.HEARTBEAT_ACK, value))

    def _take_heartbeat_ack(self, _flags: int, value: bytes, now: float) -> None:
        link = self._link
        if link is not None and (sent_at := link.heartbeat.take_ack(value)) is not None:
            link.errors = 0
            link.rto.sample(now - sent_at)
            link.heartbeat.restart(now, link.rto.timeout)

    def _take_abort(self, flags: int, value: bytes, _now: float) -> None:
        if self.state is AssociationState.CLOSED or flags & FLAG_TAG_REFLECTED:
            return
        self._end(CloseReason.ABORTED_BY_PEER, parse_causes(value), "")

    def _take_error(self, _flags: int, value: bytes, _now: float) -> None:
        codes = [cause.code for cause in parse_causes(value)]
        if CauseCode.STALE_COOKIE in codes and self.state is AssociationState.COOKIE_ECHOED:
            # Section 5.2.6: begin again; expiries go on counting so that this has an end.
            self.state = AssociationState.COOKIE_WAIT
            self._opening.timer.deadline = None
            self._opening.timer.expiries += 1
            self._opening.begin()

    def _take_shutdown(self, _flags: int, value: bytes, now: float) -> None:
        link = self._link
        if link is None:
            return
        match self.state:
            case AssociationState.ESTABLISHED | AssociationState.SHUTDOWN_PENDING:
                self.state = AssociationState.SHUTDOWN_RECEIVED
                link.sender.take_cumulative(parse_tsn(value), now)
            case AssociationState.SHUTDOWN_RECEIVED:
                link.sender.take_cumulative(parse_tsn(value), now)
            case AssociationState.SHUTDOWN_SENT:
                self.state = AssociationState.SHUTDOWN_ACK_SENT  # both at once
                self._shutdown.repeat()
            case AssociationState.SHUTDOWN_ACK_SENT:
                self._shutdown.repeat()
            case AssociationState.CLOSED | AssociationState.COOKIE_WAIT | AssociationState.COOKIE_ECHOED:
                pass

    def _take_shutdown_ack(self, _flags: int, _value: bytes, _now: float) -> None:
        link = self._link
        if link is None or self.state not in (
            AssociationState.SHUTDOWN_SENT,
            AssociationState.SHUTDOWN_ACK_SENT,
        ):
            return
        self._ready_packet(link.envelope.seal(pack_chunk(ChunkType.SHUTDOWN_COMPLETE)))
        self._end(CloseReason.SHUTDOWN, (), "")

    def _take_shutdown_complete(self, _flags: int, _value: bytes, _now: float) -> None:
        if self.state is AssociationState.SHUTDOWN_ACK_SENT:
            self._end(CloseReason.SHUTDOWN, (), "")

    def _take_forward_tsn(self, _flags: int, value: bytes, _now: float) -> None:
        if self._link is not None and self.state in _RECEIVING:
            self._link.receiver.take_forward_tsn(parse_forward_tsn(value))

    def _take_reconfig(self, _flags: int, value: bytes, _now: float) -> None:
        link, incoming = self._link, self._incoming_resets
        if link is None or incoming is None or self.state is AssociationState.COOKIE_ECHOED:
            return
        answers, responses = incoming.take(value)
        for answer in answers:
            self._answer(answer)
        for response in responses:
            link.errors = 0
            settled = link.resets.take_response(response)
            if settled is None:
                continue
            request, result = settled
            is_reset = result in (Result.NOTHING_TO_DO, Result.PERFORMED)
            self._queue.resume(request.stream_ids, is_reset=is_reset)
            if is_reset:
                self._emit(OutgoingStreamsReset(request.stream_ids))
            else:
                reason = Result(result).name.lower().replace("_", " ") if result <= Result.IN_PROGRESS else str(result)
                self._emit(StreamResetFailed(request.stream_ids, reason))

    def _start_resets(self) -> None:
        """Ask for the reset of streams that have sent their last message, once the request before is settled."""
        link, drained = self._link, self._queue.drained
        if not drained or link is None or self._incoming_resets is None or link.resets.request is not None:
            return
        if not link.terms.capabilities.has_reconfiguration:
            failed = tuple(drained)
            drained.clear()
            self._queue.resume(failed, is_reset=False)
            self._emit(StreamResetFailed(failed, "the peer does not know stream reconfiguration"))
            return
        last_tsn = (link.sender.outstanding.next - 1) & 0xFFFFFFFF
        link.resets.ask(drained, last_tsn, self._incoming_resets.last_number)

    def _reset_incoming(self, stream_ids: tuple[int, ...]) -> None:
        if self._link is not None:
            self._link.receiver.reassembly.reset(stream_ids)
            self._emit(IncomingStreamsReset(stream_ids))

    def _reset_on_request(self, stream_ids: tuple[int, ...]) -> bool:
        known = [stream_id for stream_id in stream_ids or self._queue.streams if stream_id in self._queue.streams]
        self._queue.pause(known)
        return bool(known)

    def _advance_shutdown(self) -> None:
        if self._link is not None:
            self.state = self._shutdown.next_state(self.state, has_work=self._link.sender.has_work)

    def _add_control(self, packets: list[bytes], head: bytes, now: float) -> bytes:
        """Append the control chunks that are due to a head, in further packets where one does not hold them."""
        link = self._link
        assert link is not None
        chunks, self._control = self._control, []
        # COOKIE ACK comes before everything else (section 5.1 D).
        if chunks and chunks[0][0] == ChunkType.COOKIE_ACK and head:
            chunks.insert(1, head)
            head = b""
        chunks.append(link.resets.chunk_due(now, link.rto.timeout))
        chunks.append(link.heartbeat.chunk_due())
        chunks.append(self._shutdown.chunk_due(self.state, link.receiver.tracker.next - 1, now, link.rto.timeout))
        for chunk in chunks:
            if len(head) + len(chunk) > self._room and head:
                packets.append(link.envelope.seal(head))
                head = b""
            head += chunk
        return head

    def _take_control(self, used: int) -> bytes:
        """The control chunks that fit behind ``used`` bytes of a packet."""
        taken = b""
        while self._control and used + len(taken) + len(self._control[0]) <= self._settings.max_packet_size:
            taken += self._control.pop(0)
        return taken

    def _answer(self, chunk: bytes) -> None:
        if len(self._control) < MAX_CONTROL_CHUNKS and len(chunk) <= self._room:
            self._control.append(chunk)

    def _ready_packet(self, packet: bytes) -> None:
        if len(self._ready) < MAX_CONTROL_CHUNKS:
            self._ready.append(packet)

    def _abort(self, reason: CloseReason, cause: ErrorCause, message: str) -> None:
        if self._link is not None:
            abort = pack_chunk(ChunkType.ABORT, pack_cause(cause.code, cause.value))
            self._ready_packet(self._link.envelope.seal(abort))
        self._end(reason, (cause,), message)

    def _end(self, reason: CloseReason, causes: tuple[ErrorCause, ...], message: str) -> None:
        self.state = AssociationState.CLOSED
        self._is_ended = True
        self._opening.finish()
        self._queue.clear()
        self._control.clear()
        self._emit(AssociationClosed(reason, causes, message))

    def _emit(self, event: SctpEvent) -> None:
        if self._link is not None:
            self._link.receiver.reassembly.emit(event)
        else:
            self._events.append(event)

    def _set_link(self, terms: Terms) -> None:
        if self._link is not None:
            self._events += self._link.receiver.release_events()
        old = self._link
        self._link = link = Link(self._settings, self._remote_port, terms, self._queue, self._entropy)
        if old is not None and old.terms.local_initial_tsn == terms.local_initial_tsn:
            # The handshake began again (a stale cookie, a collision): what rode with COOKIE ECHO rides again.
            link.sender.outstanding = old.sender.outstanding
        self.inbound_streams = terms.inbound_streams
        self.outbound_streams = terms.outbound_streams
        self._incoming_resets = IncomingResets(
            terms.peer_initial_tsn, link.receiver.has_all_until, self._reset_incoming, self._reset_on_request
        )

    def _bind(self, remote_port: int) -> None:
        self._remote_port = remote_port
        self._inbound = Envelope(remote_port, self._settings.local_port, self._opening.local_tag)

    def _first_envelope(self) -> Envelope:
        """INIT bears no tag (section 8.5.1)."""
        return Envelope(self._settings.local_port, self._remote_port, 0)
