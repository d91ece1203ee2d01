"""One SCTP association as a sans-I/O core (RFC 9260; over DTLS: RFC 8261).

This module is the contract, the commands and the timers. The way of a packet: `inbound`, then the handler of each chunk
(`handshake_chunks`, `transfer_chunks`, `closing_chunks`, or the hot loop `receiver.Receiver.take_data`), all of which
work on one `endpoint.Endpoint`; and out by `outbound` and the other hot loop, in `sender.Sender`.
"""

import math
from collections.abc import Sequence

from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidStateError
from rtcpeer.sctp.chunks import FLAG_UNORDERED
from rtcpeer.sctp.endpoint import Endpoint
from rtcpeer.sctp.events import AssociationClosed, BufferedAmountLow, CloseReason, ErrorCause, SctpEvent
from rtcpeer.sctp.inbound import Inbound
from rtcpeer.sctp.outbound import Outbound
from rtcpeer.sctp.parameters import CauseCode
from rtcpeer.sctp.send_queue import LimitedMessage, Message
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.shutdown import CLOSING_STATES
from rtcpeer.sctp.state import AssociationState
from rtcpeer.sctp.statistics import SctpStatistics
from rtcpeer.sctp.timer import Timer

__all__ = ["Association", "AssociationState"]


class Association:
    """An SCTP endpoint with one peer over one path: ``Core[bytes, SctpEvent]``.

    A peer's INIT is answered whether or not `connect` was called; when both sides call it, the two handshakes become
    one association.
    """

    def __init__(self, settings: SctpSettings, entropy: Entropy) -> None:
        self._endpoint = endpoint = Endpoint(settings, entropy)
        self._queue = endpoint.queue
        self._inbound = Inbound(endpoint)
        self._outbound = Outbound(endpoint)
        self._max_message_size = settings.max_message_size
        # An association at rest is passed by in all that its path does meanwhile: only a packet, a command or the
        # deadline give it something to do. An empty pull makes it rest.
        self._is_changed = True
        self._due: float | None = None  # `next_timeout` while nothing has changed

    def receive(self, packet: bytes, now: float) -> None:
        """Take one packet; whatever is wrong with it is counted, never raised."""
        self._is_changed = True
        self._inbound.receive(packet, now)

    def handle_timeout(self, now: float) -> None:
        """Retransmit, acknowledge late, probe, or give up."""
        due = self.next_timeout()
        if due is None or now < due:
            return
        self._is_changed = True
        endpoint = self._endpoint
        if endpoint.opening.handle_timeout(now) and endpoint.opening.is_exhausted:
            endpoint.end(CloseReason.HANDSHAKE_TIMEOUT, (), "the peer did not answer the handshake")
        link = endpoint.link
        if link is None or endpoint.is_ended:
            return
        link.settle_sack()
        if link.receiver.sack_timer.expire(now):
            link.receiver.is_sack_due = True
        missed = [
            link.sender.handle_timeout(now),
            link.resets.handle_timeout(now) and link.resets.timer.expiries > 0,
            endpoint.shutdown.handle_timeout(now),
            link.heartbeat.handle_timeout(now, link.rto.timeout, is_idle=not link.sender.outstanding),
        ]
        if any(missed):
            link.errors += 1
            if link.errors > endpoint.settings.max_retransmits:
                endpoint.end(CloseReason.PATH_FAILURE, (), "the peer does not answer")

    def packets_to_send(self, now: float) -> list[bytes]:
        """At most a burst of packets."""
        if not self._is_changed:
            return []
        packets = self._outbound.packets(now)
        if not packets and not self._has_news():
            self._due = self._deadline()
            self._is_changed = False
        return packets

    def poll_events(self) -> list[SctpEvent]:
        """What happened; messages are counted against the receive window until they are polled."""
        if not self._is_changed:
            return []
        endpoint = self._endpoint
        queue = self._queue
        if queue.fallen:
            for stream_id in queue.take_fallen():
                endpoint.emit(BufferedAmountLow(stream_id))
        events, endpoint.events = endpoint.events, []
        # Messages may come before the COOKIE ACK; the owner hears of the association first.
        link = endpoint.link
        if link is None:
            return events
        if link.is_sack_passed and not endpoint.is_ended:
            link.settle_sack()
            endpoint.has_more |= link.sender.is_ready()
        if link.receiver.reassembly.events and endpoint.state is not AssociationState.COOKIE_ECHOED:
            events += link.receiver.release_events()
        return events

    def next_timeout(self) -> float | None:
        """The earliest of the timers; at once while the last pull was not all."""
        return self._deadline() if self._is_changed else self._due

    @property
    def state(self) -> AssociationState:
        """Where the association stands (RFC 9260 section 4)."""
        return self._endpoint.state

    @property
    def ended_by(self) -> AssociationClosed | None:
        """How the association ended, once it has."""
        return self._endpoint.ended_by

    @property
    def local_port(self) -> int:
        """Ours, which a description announces."""
        return self._endpoint.settings.local_port

    @property
    def inbound_streams(self) -> int:
        """How many streams the peer may send on; it may ask for more later."""
        return self._endpoint.inbound_streams

    @property
    def outbound_streams(self) -> int:
        """How many streams we may send on."""
        return self._endpoint.outbound_streams

    def connect(self) -> None:
        """Send INIT with the next packets; harmless when the handshake is under way already."""
        if self._endpoint.is_ended:
            raise InvalidStateError("the association has ended")
        if self.state is AssociationState.CLOSED:
            self._is_changed = True
            self._endpoint.state = AssociationState.COOKIE_WAIT
            self._endpoint.opening.begin()

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
        endpoint = self._endpoint
        if endpoint.is_ended or endpoint.state in CLOSING_STATES:
            raise InvalidStateError(f"the association is {endpoint.state.value}")
        stream = self._queue.streams.get(stream_id)
        if stream is None:
            if not 0 <= stream_id < self.outbound_streams:
                raise ValueError(f"stream {stream_id} is outside the {self.outbound_streams} negotiated streams")
            stream = self._queue.stream(stream_id)
        self._is_changed = True
        unordered = 0 if ordered else FLAG_UNORDERED
        if max_retransmits is None and lifetime is None:
            self._queue.push(Message(stream, ppid, data, unordered))
        else:
            self._queue.push(LimitedMessage(stream, ppid, data, unordered, max_retransmits, lifetime))

    def reset_streams(self, stream_ids: Sequence[int]) -> None:
        """Reset outgoing streams after what is queued on them has gone out; later messages wait for the answer."""
        if self._endpoint.is_ended:
            raise InvalidStateError("the association has ended")
        self._is_changed = True
        self._queue.pause(stream_ids)

    def shutdown(self) -> None:
        """End in agreement, after everything queued has been acknowledged."""
        if self._endpoint.is_ended or self.state in CLOSING_STATES:
            return
        self._is_changed = True
        if self.state is AssociationState.ESTABLISHED:
            self._endpoint.state = AssociationState.SHUTDOWN_PENDING
        elif self.state is AssociationState.COOKIE_ECHOED:
            self._endpoint.shutdown.is_wanted = True
        else:
            self._endpoint.end(CloseReason.SHUTDOWN, (), "shut down before the association was up")

    def abort(self, reason: str = "") -> None:
        """End now; what is queued or in flight is lost."""
        if not self._endpoint.is_ended:
            self._is_changed = True
            cause = ErrorCause(CauseCode.USER_INITIATED_ABORT, reason.encode()[:256])
            self._endpoint.abort(CloseReason.ABORTED_LOCALLY, cause, reason)

    def set_max_message_size(self, size: int) -> None:
        """The peer's limit, from its description; 0 means unlimited."""
        if size < 0:
            raise ValueError("the size must not be negative")
        self._max_message_size = size

    def set_remote_port(self, port: int) -> None:
        """The peer's sctp-port, from its description; only before the handshake begins."""
        if not 1 <= port <= 0xFFFF:
            raise ValueError("the port must be within 1 and 65535")
        if self.state is not AssociationState.CLOSED or self._endpoint.is_ended:
            raise InvalidStateError("the handshake has begun")
        self._endpoint.bind(port)

    def buffered_amount(self, stream_id: int) -> int:
        """Bytes queued on the stream and not yet sent for the first time."""
        stream = self._queue.streams.get(stream_id)
        return stream.buffered if stream is not None else 0

    def set_buffered_amount_low_threshold(self, stream_id: int, threshold: int | None) -> None:
        """`BufferedAmountLow` comes when `buffered_amount` falls from above the threshold to it; None: never."""
        self._queue.stream(stream_id).low_threshold = -1 if threshold is None else threshold

    def statistics(self) -> SctpStatistics:
        """A snapshot of all counters."""
        endpoint = self._endpoint
        link = endpoint.link
        sender = link.sender if link else None
        receiver = link.receiver if link else None
        return SctpStatistics(
            packets_sent=endpoint.packets_sent,
            packets_received=endpoint.packets_received,
            bytes_sent=endpoint.bytes_sent,
            bytes_received=endpoint.bytes_received,
            messages_sent=sender.messages if sender else 0,
            messages_received=receiver.reassembly.delivered if receiver else 0,
            chunks_retransmitted=sender.retransmitted if sender else 0,
            fast_recoveries=sender.fast_recoveries if sender else 0,
            timeouts=sender.timeouts if sender else 0,
            messages_abandoned=sender.abandonment.messages if sender else 0,
            packets_dropped=endpoint.packets_dropped,
            chunks_dropped=receiver.dropped if receiver else 0,
            duplicates_received=receiver.tracker.duplicates_total if receiver else 0,
            congestion_window=sender.controller.window if sender else 0,
            slow_start_threshold=sender.controller.slow_start_threshold if sender else 0,
            bytes_in_flight=sender.outstanding.flight if sender else 0,
            peer_receive_window=sender.peer_window if sender else 0,
            receive_window=receiver.window if receiver else self._endpoint.settings.receive_window,
            smoothed_round_trip_time=link.rto.smoothed if link else None,
            retransmission_timeout=link.rto.timeout if link else self._endpoint.settings.rto_initial,
        )

    def _has_news(self) -> bool:
        endpoint, link = self._endpoint, self._endpoint.link
        has_come = link is not None and (link.late_sack is not None or bool(link.receiver.reassembly.events))
        return has_come or bool(endpoint.events or self._queue.fallen)

    def _deadline(self) -> float | None:
        endpoint, link = self._endpoint, self._endpoint.link
        if endpoint.has_more or (link is not None and link.is_sack_passed and not endpoint.is_ended):
            return -math.inf
        earliest: float | None = None
        for timer in self._timers():
            deadline = timer.deadline
            if deadline is not None and (earliest is None or deadline < earliest):
                earliest = deadline
        return earliest

    def _timers(self) -> tuple[Timer, ...]:
        link = self._endpoint.link
        if self._endpoint.is_ended:
            return ()
        if link is None:
            return (self._endpoint.opening.timer,)
        return (
            self._endpoint.opening.timer,
            link.sender.timer,
            link.receiver.sack_timer,
            link.heartbeat.timer,
            link.resets.timer,
            self._endpoint.shutdown.timer,
        )
