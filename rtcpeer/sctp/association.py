"""One SCTP association as a sans-I/O core (RFC 9260; over DTLS: RFC 8261).

This module is the contract, the commands and the timers. What a chunk does stands in `rtcpeer.sctp.dispatch`, the hot
loops in `receiver.Receiver.take_data` and `sender.Sender.fill`.
"""

from collections.abc import Sequence

from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidStateError
from rtcpeer.sctp.chunks import FLAG_UNORDERED
from rtcpeer.sctp.dispatch import Dispatcher
from rtcpeer.sctp.events import (
    BufferedAmountLow,
    CloseReason,
    ErrorCause,
    SctpEvent,
)
from rtcpeer.sctp.packet import HEADER_SIZE
from rtcpeer.sctp.parameters import CauseCode
from rtcpeer.sctp.send_queue import LimitedMessage, Message
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.shutdown import CLOSING_STATES
from rtcpeer.sctp.state import AssociationState
from rtcpeer.sctp.statistics import SctpStatistics
from rtcpeer.sctp.timer import Timer

__all__ = ["Association", "AssociationState"]


class Association(Dispatcher):
    """An SCTP endpoint with one peer over one path: ``Core[bytes, SctpEvent]``.

    A peer's INIT is answered whether or not `connect` was called; when both sides call it, the two handshakes become
    one association.
    """

    def __init__(self, settings: SctpSettings, entropy: Entropy) -> None:
        super().__init__(settings, entropy)
        self._max_message_size = settings.max_message_size

    def handle_timeout(self, now: float) -> None:
        """Retransmit, acknowledge late, probe, or give up."""
        if self._opening.handle_timeout(now):
            self._handle_opening_timeout()
        link = self._link
        if link is None or self._is_ended:
            return
        if link.receiver.sack_timer.expire(now):
            link.receiver.is_sack_urgent = True
        missed = [
            link.sender.handle_timeout(now),
            link.resets.handle_timeout(now) and link.resets.timer.expiries > 0,
            self._shutdown.handle_timeout(now),
            link.heartbeat.handle_timeout(now, link.rto.timeout, is_idle=not link.sender.outstanding),
        ]
        if any(missed):
            link.errors += 1
            if link.errors > self._settings.max_retransmits:
                self._end(CloseReason.PATH_FAILURE, (), "the peer does not answer")

    def packets_to_send(self, now: float) -> list[bytes]:
        """At most a burst of packets; pull again until there are none."""
        packets, self._ready = self._ready, []
        state = self.state
        if state is AssociationState.COOKIE_WAIT:
            if self._opening.is_due:
                packets.append(self._first_envelope().seal(self._opening.init_chunk()))
                self._opening.mark_sent(now)
        elif state is AssociationState.COOKIE_ECHOED:
            self._send_cookie(packets, now)
        elif self._link is not None and not self._is_ended:
            self._fill(packets, now)
        self._packets_sent += len(packets)
        self._bytes_sent += sum(map(len, packets))
        return packets

    def poll_events(self) -> list[SctpEvent]:
        """What happened; messages are counted against the receive window until they are polled."""
        if self.state is AssociationState.COOKIE_ECHOED:
            # Messages may come before the COOKIE ACK; the owner hears of the association first.
            return []
        if self._queue.fallen:
            for stream_id in self._take_fallen():
                self._emit(BufferedAmountLow(stream_id))
        events = self._events
        self._events = []
        if self._link is not None:
            events += self._link.receiver.release_events()
        return events

    def next_timeout(self) -> float | None:
        """The earliest of the timers."""
        deadlines = [timer.deadline for timer in self._timers() if timer.deadline is not None]
        return min(deadlines, default=None)

    def connect(self) -> None:
        """Send INIT with the next packets; harmless when the handshake is under way already."""
        if self._is_ended:
            raise InvalidStateError("the association has ended")
        if self.state is AssociationState.CLOSED:
            self.state = AssociationState.COOKIE_WAIT
            self._opening.begin()

    def send(
        self,
        stream_id: int,
        ppid: int,
        data: bytes,
        *,
        ordered: bool = True,
        max_retransmits: int | None = None,
        lifetime: float | None = None,
    ) -> None:
        """Queue a message; before the association is up it waits, and the first rides with COOKIE ECHO.

        Messages limited by ``max_retransmits`` or ``lifetime`` (seconds, from the next pull) are given up when spent.
        Raises ValueError for an empty or too large message or an impossible stream, InvalidStateError when closing.
        """
        size = len(data)
        if not size:
            raise ValueError("SCTP has no empty messages; RFC 8831 section 6.6 sends a placeholder byte")
        if 0 < self._max_message_size < size:
            raise ValueError(f"{size} bytes are more than the peer takes ({self._max_message_size})")
        if self._is_ended or self.state in CLOSING_STATES:
            raise InvalidStateError(f"the association is {self.state.value}")
        stream = self._queue.streams.get(stream_id)
        if stream is None:
            if not 0 <= stream_id < self.outbound_streams:
                raise ValueError(f"stream {stream_id} is outside the {self.outbound_streams} negotiated streams")
            stream = self._queue.stream(stream_id)
        unordered = 0 if ordered else FLAG_UNORDERED
        if max_retransmits is None and lifetime is None:
            self._queue.push(Message(stream, ppid, data, unordered))
        else:
            self._queue.push(LimitedMessage(stream, ppid, data, unordered, max_retransmits, lifetime))

    def reset_streams(self, stream_ids: Sequence[int]) -> None:
        """Reset outgoing streams after what is queued on them has gone out; later messages wait for the answer."""
        if self._is_ended:
            raise InvalidStateError("the association has ended")
        self._queue.pause(stream_ids)

    def shutdown(self) -> None:
        """End in agreement, after everything queued has been acknowledged."""
        if self._is_ended or self.state in CLOSING_STATES:
            return
        if self.state is AssociationState.ESTABLISHED:
            self.state = AssociationState.SHUTDOWN_PENDING
        elif self.state is AssociationState.COOKIE_ECHOED:
            self._shutdown.is_wanted = True
        else:
            self._end(CloseReason.SHUTDOWN, (), "shut down before the association was up")

    def abort(self, reason: str = "") -> None:
        """End now; what is queued or in flight is lost."""
        if not self._is_ended:
            cause = ErrorCause(CauseCode.USER_INITIATED_ABORT, reason.encode()[:256])
            self._abort(CloseReason.ABORTED_LOCALLY, cause, reason)

    def set_max_message_size(self, size: int) -> None:
        """The peer's limit, from its description; 0 means unlimited."""
        if size < 0:
            raise ValueError("the size must not be negative")
        self._max_message_size = size

    def set_remote_port(self, port: int) -> None:
        """The peer's sctp-port, from its description; only before the handshake begins."""
        if not 1 <= port <= 0xFFFF:
            raise ValueError("the port must be within 1 and 65535")
        if self.state is not AssociationState.CLOSED or self._is_ended:
            raise InvalidStateError("the handshake has begun")
        self._bind(port)

    def buffered_amount(self, stream_id: int) -> int:
        """Bytes queued on the stream and not yet sent for the first time."""
        stream = self._queue.streams.get(stream_id)
        return stream.buffered if stream is not None else 0

    def set_buffered_amount_low_threshold(self, stream_id: int, threshold: int) -> None:
        """`BufferedAmountLow` comes when `buffered_amount` falls from above the threshold to it or below."""
        self._queue.stream(stream_id).low_threshold = threshold

    def statistics(self) -> SctpStatistics:
        """A snapshot of all counters."""
        link = self._link
        sender = link.sender if link else None
        receiver = link.receiver if link else None
        return SctpStatistics(
            packets_sent=self._packets_sent,
            packets_received=self._packets_received,
            bytes_sent=self._bytes_sent,
            bytes_received=self._bytes_received,
            messages_sent=sender.messages if sender else 0,
            messages_received=receiver.reassembly.delivered if receiver else 0,
            chunks_retransmitted=sender.retransmitted if sender else 0,
            fast_recoveries=sender.fast_recoveries if sender else 0,
            timeouts=sender.timeouts if sender else 0,
            messages_abandoned=sender.abandoned if sender else 0,
            packets_dropped=self._packets_dropped,
            chunks_dropped=receiver.dropped if receiver else 0,
            duplicates_received=receiver.tracker.duplicates_total if receiver else 0,
            congestion_window=sender.controller.window if sender else 0,
            slow_start_threshold=sender.controller.slow_start_threshold if sender else 0,
            bytes_in_flight=sender.outstanding.flight if sender else 0,
            peer_receive_window=sender.peer_window if sender else 0,
            receive_window=receiver.window if receiver else self._settings.receive_window,
            smoothed_round_trip_time=link.rto.smoothed if link else None,
            retransmission_timeout=link.rto.timeout if link else self._settings.rto_initial,
        )

    def _timers(self) -> tuple[Timer, ...]:
        link = self._link
        if self._is_ended:
            return ()
        if link is None:
            return (self._opening.timer,)
        return (
            self._opening.timer,
            link.sender.timer,
            link.receiver.sack_timer,
            link.heartbeat.timer,
            link.resets.timer,
            self._shutdown.timer,
        )

    def _take_fallen(self) -> list[int]:
        fallen = self._queue.fallen
        if fallen:
            self._queue.fallen = []
        return fallen

    def _handle_opening_timeout(self) -> None:
        if self._opening.is_exhausted:
            self._end(CloseReason.HANDSHAKE_TIMEOUT, (), "the peer did not answer the handshake")

    def _send_cookie(self, packets: list[bytes], now: float) -> None:
        """COOKIE ECHO with one packet's worth of data; nothing more may go before its answer (section 5.1 C)."""
        link = self._link
        if link is None or not self._opening.is_due:
            return
        if link.sender.outstanding:
            link.sender.restart_timer(now)
        head = self._opening.cookie_echo + self._take_control(HEADER_SIZE + len(self._opening.cookie_echo))
        head = link.sender.fill(packets, head, link.envelope.seal, now, len(packets) + 1)
        if head:
            packets.append(link.envelope.seal(head))
        link.sender.timer.stop()
        self._opening.mark_sent(now)

    def _fill(self, packets: list[bytes], now: float) -> None:
        """Everything that an association which is up has to say."""
        link = self._link
        assert link is not None
        self._start_resets()
        self._advance_shutdown()
        head = b""
        receiver = link.receiver
        is_ready = link.sender.is_ready()
        if receiver.has_news() and (is_ready or receiver.is_sack_due()):
            head = receiver.sack(self._room)
        head = self._add_control(packets, head, now)
        if is_ready:
            head = link.sender.fill(packets, head, link.envelope.seal, now)
        if head:
            packets.append(link.envelope.seal(head))
