"""The sending half: messages in, DATA chunks out, SACKs taken (RFC 9260 sections 6.1 to 6.3 and 7, RFC 3758)."""

from collections.abc import Callable

from rtcpeer.sctp.abandonment import Abandonment
from rtcpeer.sctp.chunks import (
    DATA,
    DATA_HEADER_SIZE,
    FLAG_BEGIN,
    FLAG_END,
    FLAG_IMMEDIATE,
    Sack,
)
from rtcpeer.sctp.congestion import CongestionController
from rtcpeer.sctp.outstanding import Outstanding
from rtcpeer.sctp.packet import HEADER_SIZE
from rtcpeer.sctp.rto import RetransmissionTimeout
from rtcpeer.sctp.send_queue import LimitedMessage, SendQueue
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.timer import Timer

__all__ = ["Sender"]

# Rather close a packet than begin a message in less room than this: a fragment costs a header of 16 bytes.
MIN_FRAGMENT = 128
# Ranges taken from one SACK, lowest first, so that what a SACK costs does not depend on the peer. The others count once
# the lower ones have closed.
MAX_BLOCKS = 256
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")  # by size modulo 4


class Sender:
    """Owns what is in flight and what may follow; the queue belongs to the association and outlives a restart."""

    def __init__(
        self,
        settings: SctpSettings,
        queue: SendQueue,
        controller: CongestionController,
        rto: RetransmissionTimeout,
        outstanding: Outstanding,
        peer_window: int,
    ) -> None:
        self.queue = queue
        self.controller = controller
        self.rto = rto
        self.outstanding = outstanding
        self.abandonment = Abandonment(outstanding, queue)
        self.peer_window = peer_window
        self.timer = Timer()  # T3-rtx
        self.retransmitted = 0
        self.fast_recoveries = 0
        self.timeouts = 0
        self.messages = 0
        self._room = settings.max_packet_size - HEADER_SIZE
        self._max_burst = settings.max_burst_packets
        self._limit = self._max_burst
        self._recovery_end: int | None = None
        self._is_retransmission_forced = False  # section 7.2.4: the first fast retransmission ignores the window
        self._sample: tuple[int, float] | None = None  # sequence number and time of the chunk being timed
        self._last_sent: float | None = None

    def take_sack(self, sack: Sack, now: float) -> bool:
        """Take a SACK; returns whether it showed that the peer is alive and listening."""
        out = self.outstanding
        cumulative = out.unwrap(sack.cumulative_tsn) + 1
        blocks = _ranges(sack.blocks[: 2 * MAX_BLOCKS], cumulative - 1, out.next) if sack.blocks else []
        if not out.base <= cumulative <= out.next or blocks is None:
            return False  # overtaken by a newer one, or about what was never sent
        flight_before = out.flight
        has_advanced = cumulative > out.base
        sample = self._finish_sample(cumulative, blocks)
        size = out.acknowledge(cumulative, blocks)
        if sample is not None:
            self.rto.sample(now - sample)
            self.controller.on_round_trip(now - sample, now)
        elif has_advanced:
            self.rto.recover()
        self.peer_window = sack.receive_window
        if self._recovery_end is not None and cumulative >= self._recovery_end:
            self._recovery_end = None
            self.controller.on_recovered(now)
        if size:
            if has_advanced:
                self.controller.on_acknowledged(size, flight_before, now)
            if out.chunks:
                self._detect_losses(now)
        if not out.chunks:
            self.timer.stop()
        elif has_advanced:
            self.timer.start(now + self.rto.timeout)  # section 6.3.2 R3
        self.abandonment.plan(is_repeated=has_advanced)
        return size > 0 or not sack.receive_window

    def take_cumulative(self, tsn: int, now: float) -> None:
        """Take the acknowledgement inside a SHUTDOWN chunk; it says nothing about gaps."""
        out = self.outstanding
        blocks = [
            bound - out.unwrap(tsn)
            for start, end in zip(out.acked.starts, out.acked.ends, strict=True)
            if start > out.unwrap(tsn) + 1
            for bound in (start, end - 1)
        ]
        self.take_sack(Sack(tsn, self.peer_window, tuple(blocks), ()), now)

    def handle_timeout(self, now: float) -> bool:
        """Retransmit when T3-rtx has run out (section 6.3.3); returns whether it had."""
        if not self.timer.expire(now):
            return False
        if not self.outstanding:
            return False
        self.timeouts += 1
        self.rto.back_off()
        self._sample = None
        self._recovery_end = None
        self.controller.on_timeout(now)
        self.abandonment.give_up(self.outstanding.lose_everything(), now)
        self.abandonment.plan(is_repeated=True)
        if self.outstanding:
            self.timer.start(now + self.rto.timeout)
        return True

    @property
    def has_work(self) -> bool:
        """Whether anything is queued or unacknowledged (held back behind a stream reset not counted)."""
        return bool(self.outstanding.chunks or self.queue.ring)

    def is_ready(self) -> bool:
        """Whether `fill` would build at least one packet now."""
        if self.abandonment.is_due:
            return True
        out = self.outstanding
        if not (self.queue.ring and out.has_room) and not out.lost:
            return False
        return out.flight < self.controller.window and (out.flight < self.peer_window or not out.flight)

    def fill(
        self, packets: list[bytes], head: bytes, seal: Callable[[bytes], bytes], now: float, limit: int = 0
    ) -> bytes:
        """Append packets with data, the first of them opened by ``head``; returns a head that found no packet.

        ``limit`` is how many ``packets`` may become, the settings' burst unless given.
        """
        self._limit = limit or self._max_burst
        if self.queue.unstamped:
            self.queue.stamp(now)
        if self._last_sent is not None and now - self._last_sent > self.rto.timeout:
            self._forget_idle_window(now)
        before = len(packets)
        if self.abandonment.is_due:
            head += self.abandonment.forward_tsn(self._room - len(head))
        if self.outstanding.lost:
            head = self._fill_lost(packets, head, seal, now)
        if self.queue.ring:
            head = self._fill_new(packets, head, seal, now)
        if len(packets) > before:
            self._last_sent = now
        if self.outstanding.chunks and self.timer.deadline is None:
            self.timer.start(now + self.rto.timeout)  # section 6.3.2 R1
        return head

    def restart_timer(self, now: float) -> None:
        """Everything in flight goes with the retransmitted COOKIE ECHO again (section 5.1 C)."""
        self._sample = None
        self.abandonment.give_up(self.outstanding.lose_everything(), now)
        self.timer.stop()

    def _fill_lost(self, packets: list[bytes], head: bytes, seal: Callable[[bytes], bytes], now: float) -> bytes:
        """Retransmit what is lost, lowest first; the last packet stays open for new data."""
        out = self.outstanding
        parts = [head] if head else []
        room = self._room - len(head)
        out.packet_number += 1
        while (sequence := out.peek_lost()) is not None:
            message = out.limited.get(sequence)
            if message is not None and message.is_expired(now) and self.abandonment.abandon(message):
                self.abandonment.plan(is_repeated=False)
                continue
            chunk_size = len(out.chunks[sequence - out.base])
            if chunk_size > room and parts:
                packets.append(seal(b"".join(parts)))
                parts, room = [], self._room
                out.packet_number += 1
            is_allowed = out.flight < self.controller.window and (out.flight < self.peer_window or not out.flight)
            if not (is_allowed or self._is_retransmission_forced) or len(packets) >= self._limit:
                break
            self._is_retransmission_forced = False
            # RFC 7053: the peer delays its SACK when nothing else is missing, and what waits here waits for that.
            parts.append(_with_immediate(out.resend(sequence)))
            room -= chunk_size
            self.retransmitted += 1
            if sequence == out.base:
                self.timer.start(now + self.rto.timeout)  # section 7.2.4 step 4: the lowest outstanding one
        return b"".join(parts)

    # One loop on purpose, longer than the house rule: a call per chunk costs as much as the chunk.
    def _fill_new(  # noqa: C901, PLR0915
        self, packets: list[bytes], head: bytes, seal: Callable[[bytes], bytes], now: float
    ) -> bytes:
        """Send messages for the first time: the hot loop of the sending side."""
        out = self.outstanding
        ring = self.queue.ring
        chunks, numbers = out.chunks, out.packet_numbers
        pack = DATA.pack
        flight, number = out.flight, out.packet_number
        sequence = first = out.next
        window, peer_window = self.controller.window, self.peer_window
        budget = self._limit - len(packets) if out.has_room else 0
        while ring and flight < window and budget > 0:
            budget -= 1
            number += 1
            parts = [head]
            room = self._room - len(head)
            while ring:
                stream = ring[0]
                message = stream.messages[0]
                if message.is_limited:
                    out.next, out.packet_number, out.flight = sequence, number, flight
                    assert isinstance(message, LimitedMessage)
                    if self.abandonment.is_stillborn(message, now):
                        sequence, flight = out.next, out.flight
                        continue
                data, offset = message.data, message.offset
                size = len(data) - offset
                flags = message.unordered | FLAG_END
                if size + DATA_HEADER_SIZE > room:
                    if room < MIN_FRAGMENT + DATA_HEADER_SIZE:
                        break
                    size = room - DATA_HEADER_SIZE
                    flags ^= FLAG_END
                if flight + size > peer_window and flight:
                    window = 0  # ends the outer loop
                    break
                if not offset:
                    flags |= FLAG_BEGIN
                    if not message.unordered:
                        message.ssn = stream.next_ssn
                        stream.next_ssn = (message.ssn + 1) & 0xFFFF
                header = pack(
                    0,
                    flags,
                    DATA_HEADER_SIZE + size,
                    sequence & 0xFFFFFFFF,
                    stream.stream_id,
                    message.ssn,
                    message.ppid,
                )
                message.offset = end = offset + size
                chunk = header + data[offset:end] + _PADDING[size & 3]
                parts.append(chunk)
                chunks.append(chunk)
                numbers.append(number)
                size = len(chunk)
                flight += size
                room -= size
                self.queue.account(stream, end - offset)
                if message.is_limited:
                    assert isinstance(message, LimitedMessage)
                    message.sequences.append(sequence)
                    out.limited[sequence] = message
                sequence += 1
                if flags & FLAG_END:
                    self.messages += 1
                    self.queue.finish()
            if len(parts) == 1:
                break
            head = b""
            packets.append(seal(b"".join(parts)))
        out.flight, out.next, out.packet_number = flight, sequence, number
        if self._sample is None and sequence > first:
            self._sample = (first, now)
        return head

    def _finish_sample(self, cumulative: int, blocks: list[tuple[int, int]]) -> float | None:
        """When the chunk being timed was sent, if this SACK is the first to acknowledge it."""
        if self._sample is None:
            return None
        sequence, sent_at = self._sample
        if sequence >= cumulative and not any(start <= sequence < end for start, end in blocks):
            return None
        self._sample = None
        return None if self.outstanding.was_resent(sequence) else sent_at

    def _detect_losses(self, now: float) -> None:
        newly = self.outstanding.detect_losses()
        if not newly:
            return
        if self._recovery_end is None:
            self.fast_recoveries += 1
            self._recovery_end = self.outstanding.next
            self._is_retransmission_forced = True
            self.controller.on_loss(now)
        self.abandonment.give_up(newly, now)

    def _forget_idle_window(self, now: float) -> None:
        if self.queue.ring and not self.outstanding.chunks:
            self.controller.on_idle()
            self._last_sent = now


def _ranges(offsets: tuple[int, ...], cumulative: int, limit: int) -> list[tuple[int, int]] | None:
    """Gap blocks as half-open ranges; None unless they ascend, above ``cumulative`` + 1 and below ``limit``."""
    ranges = []
    position = cumulative + 1
    for index in range(0, len(offsets), 2):
        start, end = cumulative + offsets[index], cumulative + offsets[index + 1] + 1
        if not position < start < end <= limit:
            return None
        ranges.append((start, end))
        position = end
    return ranges


def _with_immediate(chunk: bytes) -> bytes:
    """The chunk with its I bit set: the peer is asked to acknowledge without delay (RFC 7053)."""
    return chunk[:1] + bytes((chunk[1] | FLAG_IMMEDIATE,)) + chunk[2:]
