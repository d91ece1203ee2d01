"""Chunks that were sent and not yet acknowledged (RFC 9260 sections 6.2.1, 6.3 and 7.2.4).

Chunks are kept as the bytes that went out, in a list indexed by TSN. What differs from "in flight, sent once" is kept
in sets, which are small because loss is rare. Every packet has a number; with it, loss detection never looks at a
chunk twice:

Deviation: a chunk is missing once a packet that was sent ``REORDERING`` or more packets later is acknowledged, where
section 7.2.4 counts three SACKs. With one SACK a packet that is the same; with one SACK a batch, as performance wants
it, three SACKs would be three batches. It also finds a retransmission that was lost again without waiting for a
timeout.
"""

from bisect import bisect_right
from collections import deque
from heapq import heapify, heappop, heappush

from rtcpeer.sctp.intervals import Intervals
from rtcpeer.sctp.send_queue import LimitedMessage

__all__ = ["Outstanding"]

REORDERING = 3
# TSNs in use at a time. A gap block reaches 65,535 beyond the cumulative TSN (section 3.3.4); a peer that acknowledges
# all but the first chunk would otherwise have us keep what we send for ever. A burst more than this is still in reach.
MAX_SPAN = 0xC000


class Outstanding:
    """The sending side's scoreboard. Sequence numbers are TSNs that do not wrap, as in `ReceiveTracker`."""

    def __init__(self, initial_tsn: int) -> None:
        self.base = initial_tsn  # the lowest that is not cumulatively acknowledged
        self.next = initial_tsn  # the next to be assigned
        self.chunks: list[bytes] = []  # of base, base + 1, ...
        self.packet_numbers: list[int] = []  # the packet that first carried each, ascending
        self.packet_number = 0  # of the last packet built
        self.flight = 0  # bytes neither acknowledged nor known to be lost nor given up
        self.acked = Intervals()  # above base
        self.largest_acked = 0  # the highest packet number known to have arrived
        self.limited: dict[int, LimitedMessage] = {}
        self.abandoned: set[int] = set()
        self.attempts: dict[int, int] = {}  # retransmissions of chunks of limited messages
        self.lost: set[int] = set()  # what waits for retransmission
        self._lost_order: list[int] = []  # a heap: the lowest is retransmitted first
        self._resent: dict[int, int] = {}  # packet number of the latest retransmission of what is in flight again
        self._resent_order: deque[tuple[int, int]] = deque()
        self._abandoned_until = initial_tsn
        self._judged = initial_tsn  # first transmissions below have been judged
        self._reported: list[tuple[int, int]] = []  # the blocks of the last SACK

    def __bool__(self) -> bool:
        return bool(self.chunks)

    @property
    def has_room(self) -> bool:
        """Whether the peer could still acknowledge more chunks."""
        return self.next - self.base < MAX_SPAN

    def unwrap(self, tsn: int) -> int:
        """The sequence number of a TSN, taken to be within half the number space of ``base``."""
        distance = (tsn - self.base) & 0xFFFFFFFF
        return self.base + distance - (0x100000000 if distance >= 0x80000000 else 0)

    def was_resent(self, sequence: int) -> bool:
        """Whether a chunk was sent more than once or will be: it can not be timed then (section 6.3.1 C5)."""
        return sequence in self._resent or sequence in self.lost

    def acknowledge(self, cumulative: int, blocks: list[tuple[int, int]]) -> int:
        """Take what a SACK says; returns how many bytes are newly acknowledged.

        ``cumulative`` is the first sequence number not acknowledged, at least ``base``; ``blocks`` are half-open ranges
        above it, ascending, below ``next``.
        """
        size = 0
        if cumulative > self.base:
            size = self._acknowledge_until(cumulative)
        for start, end in blocks:
            if not self.acked.covers(start, end):
                for fresh_start, fresh_end in self.acked.add(start, end):
                    size += self._settle(fresh_start, fresh_end)
        self._reported = blocks
        return size

    def detect_losses(self) -> list[int]:
        """Mark what must be lost by now; returns the newly lost, so that the caller may give some of them up."""
        threshold = self.largest_acked - REORDERING
        newly = []
        limit = self.base + bisect_right(self.packet_numbers, threshold)
        if limit > self._judged:
            for start, end in self.acked.holes(max(self._judged, self.base), limit):
                newly += [
                    sequence
                    for sequence in range(start, end)
                    if sequence not in self._resent and sequence not in self.lost and sequence not in self.abandoned
                ]
            self._judged = limit
        order = self._resent_order
        while order and order[0][0] <= threshold:
            number, sequence = order.popleft()
            if self._resent.get(sequence) == number:
                newly.append(sequence)
        for sequence in newly:
            self._lose(sequence)
        return newly

    def lose_everything(self) -> list[int]:
        """The timer ran out: all that is not known to have arrived is lost (section 6.3.3); returns the newly lost.

        What was acknowledged once and is missing in the last SACK counts as not arrived: a receiver may renege
        (section 6.2.1), and this is when it would show.
        """
        if self.acked.starts:
            believed = self.acked
            self.acked = Intervals()
            for start, end in self._reported:
                if end > self.base:
                    self.acked.add(max(start, self.base), end)
            for start, end in zip(believed.starts, believed.ends, strict=True):
                for hole_start, hole_end in self.acked.holes(start, end):
                    # They left the flight when they were acknowledged; put them back so that losing them evens out.
                    self.flight += sum(
                        len(self.chunks[s - self.base]) for s in range(hole_start, hole_end) if s not in self.abandoned
                    )
        newly = []
        for start, end in self.acked.holes(self.base, self.next):
            newly += [s for s in range(start, end) if s not in self.lost and s not in self.abandoned]
        for sequence in newly:
            self._lose(sequence)
        self._resent_order.clear()
        self._judged = self.next
        return newly

    def peek_lost(self) -> int | None:
        """The lowest sequence number that waits for retransmission."""
        order = self._lost_order
        while order and order[0] not in self.lost:
            heappop(order)
        return order[0] if order else None

    def resend(self, sequence: int) -> bytes:
        """The chunk that `peek_lost` named, in flight again with the packet being built."""
        heappop(self._lost_order)
        self.lost.discard(sequence)
        chunk = self.chunks[sequence - self.base]
        self.flight += len(chunk)
        self._resent[sequence] = self.packet_number
        self._resent_order.append((self.packet_number, sequence))
        if sequence in self.limited:
            self.attempts[sequence] = self.attempts.get(sequence, 0) + 1
        return chunk

    def abandon(self, sequence: int) -> None:
        """Give a chunk up: it is neither sent again nor in flight (RFC 3758 section 3.5 A3)."""
        if sequence < self.base or sequence in self.abandoned or sequence in self.acked:
            return
        if sequence in self.lost:
            self.lost.discard(sequence)
        else:
            self.flight -= len(self.chunks[sequence - self.base])
            self._resent.pop(sequence, None)
        self.abandoned.add(sequence)

    def append_abandoned(self, chunk: bytes) -> int:
        """Assign a TSN to a chunk that is never sent: it stands for the rest of a message that was given up."""
        sequence = self.next
        self.next += 1
        self.chunks.append(chunk)
        self.packet_numbers.append(self.packet_number)
        self.abandoned.add(sequence)
        return sequence

    def abandoned_until(self) -> int:
        """The first sequence number behind ``base`` that was not given up (RFC 3758 section 3.5 C2)."""
        sequence = self.base
        if self.abandoned:
            # Remembered, because they are never taken back: nothing is looked at twice.
            sequence = max(sequence, self._abandoned_until)
            while sequence in self.abandoned:
                sequence += 1
            self._abandoned_until = sequence
        return sequence

    def _acknowledge_until(self, cumulative: int) -> int:
        base = self.base
        if self.acked.starts:
            size = 0
            for start, end in self.acked.holes(base, cumulative):
                size += self._settle(start, end)
            self.acked.remove_below(cumulative)
        else:
            size = self._settle(base, cumulative)
        count = cumulative - base
        if self.limited:
            for sequence in range(base, cumulative):
                self.limited.pop(sequence, None)
                self.attempts.pop(sequence, None)
        if self.abandoned:
            self.abandoned.difference_update(range(base, cumulative))
        del self.chunks[:count], self.packet_numbers[:count]
        self.base = cumulative
        if not self.lost:
            self._lost_order.clear()
        return size

    def _settle(self, start: int, end: int) -> int:
        """Take ``[start, end)`` out of flight; returns its bytes."""
        first, last = start - self.base, end - self.base
        size = sum(map(len, self.chunks[first:last]))
        number = self.packet_numbers[last - 1]
        in_flight = size
        if self.lost or self._resent or self.abandoned:
            for sequence in range(start, end):
                if sequence in self._resent:
                    number = max(number, self._resent.pop(sequence))
                elif sequence in self.lost or sequence in self.abandoned:
                    self.lost.discard(sequence)
                    in_flight -= len(self.chunks[sequence - self.base])
        self.flight -= in_flight
        self.largest_acked = max(self.largest_acked, number)
        return size

    def _lose(self, sequence: int) -> None:
        self._resent.pop(sequence, None)
        self.lost.add(sequence)
        heappush(self._lost_order, sequence)
        self.flight -= len(self.chunks[sequence - self.base])
        if len(self._lost_order) > 2 * len(self.lost) + 64:  # entries of what arrived late after all
            self._lost_order = list(self.lost)
            heapify(self._lost_order)
