"""From DATA chunks to messages (RFC 9260 sections 6.5, 6.6 and 6.9).

The fragments of one message have consecutive TSNs. As long as nothing is missing there is at most one unfinished
message, the *open* run, and a fragment is appended to a list. Once something is missing, fragments are kept as runs of
neighbours that are joined at their ends, so that a fragment costs the same however many are waiting.
"""

from heapq import heapify, heappop, heappush

from rtcpeer.sctp.chunks import FLAG_BEGIN, FLAG_END, FLAG_UNORDERED
from rtcpeer.sctp.events import MessageReceived, SctpEvent
from rtcpeer.wire import serial16_greater

__all__ = ["OVERHEAD", "Reassembly", "Run"]

# What a chunk or message costs beside its bytes; counting it keeps a flood of tiny messages within the window.
OVERHEAD = 128


class Run:
    """Neighbouring fragments of one message."""

    __slots__ = ("first", "has_begin", "has_end", "last", "parts", "ppid", "ssn", "stream_id", "unordered")

    def __init__(self, sequence: int, flags: int, stream_id: int, ssn: int, ppid: int, payload: bytes) -> None:
        self.first = sequence
        self.last = sequence
        self.has_begin = bool(flags & FLAG_BEGIN)
        self.has_end = bool(flags & FLAG_END)
        self.unordered = flags & FLAG_UNORDERED
        self.stream_id = stream_id
        self.ssn = ssn
        self.ppid = ppid
        self.parts = [payload]

    def belongs_with(self, other: "Run") -> bool:
        """Whether both can be of one message."""
        return (
            self.stream_id == other.stream_id
            and self.unordered == other.unordered
            and (self.ssn == other.ssn or bool(self.unordered))
        )

    @property
    def charge(self) -> int:
        """What its fragments cost of the window."""
        return sum(map(len, self.parts)) + OVERHEAD * len(self.parts)


class Reassembly:
    """Joins fragments, orders messages within their streams, and knows what all of it costs.

    ``held`` is what unfinished and undelivered messages cost; `release` gives the delivered ones back.
    """

    __slots__ = (
        "_by_first",
        "_by_last",
        "_delivered",
        "_order",
        "_waiting",
        "delivered",
        "events",
        "held",
        "next_ssn",
        "open",
    )

    def __init__(self) -> None:
        self.events: list[SctpEvent] = []  # messages, and between them what must keep its place among them
        self.delivered = 0  # messages in all
        self.held = 0
        self.next_ssn: dict[int, int] = {}  # streams exist once something has arrived on them
        self.open: Run | None = None
        self._delivered = 0  # the part of `held` that only waits for the owner
        self._by_first: dict[int, Run] = {}
        self._by_last: dict[int, Run] = {}
        self._order: list[int] = []  # a heap of where runs began; some of them have been joined or finished since
        self._waiting: dict[int, dict[int, tuple[int, bytes]]] = {}  # by stream and SSN: complete, but not next

    @property
    def stuck(self) -> int:
        """What of `held` no polling will free."""
        return self.held - self._delivered

    def emit(self, event: SctpEvent) -> None:
        """Put an event behind the messages delivered so far."""
        self.held += OVERHEAD
        self._delivered += OVERHEAD
        self.events.append(event)

    def release(self) -> list[SctpEvent]:
        """The events since the last call."""
        events, self.events = self.events, []
        self.held -= self._delivered
        self._delivered = 0
        return events

    def take_next(self, sequence: int, flags: int, stream_id: int, ssn: int, ppid: int, payload: bytes) -> None:
        """Take the chunk that follows all others while nothing is missing."""
        run = self.open
        if flags & FLAG_BEGIN:
            if run is not None:  # never finished by the peer; what it sends now is a message of its own
                self._drop(run)
                self.open = None
            if flags & FLAG_END:
                self.complete(stream_id, ssn, ppid, payload, flags & FLAG_UNORDERED)
                return
            self.open = Run(sequence, flags, stream_id, ssn, ppid, payload)
            self.held += len(payload) + OVERHEAD
            return
        if run is None or run.stream_id != stream_id:
            return  # the middle of a message whose beginning was given up
        run.parts.append(payload)
        run.last = sequence
        self.held += len(payload) + OVERHEAD
        if flags & FLAG_END:
            self.open = None
            self._finish(run)

    def take_out_of_order(self, sequence: int, flags: int, stream_id: int, ssn: int, ppid: int, payload: bytes) -> None:
        """Take any chunk while something is missing."""
        if flags & FLAG_BEGIN and flags & FLAG_END:
            self.complete(stream_id, ssn, ppid, payload, flags & FLAG_UNORDERED)
            return
        self.park()
        run = Run(sequence, flags, stream_id, ssn, ppid, payload)
        self.held += len(payload) + OVERHEAD
        left = None if run.has_begin else self._by_last.get(sequence - 1)
        if left is not None and not left.has_end and left.belongs_with(run):
            del self._by_last[left.last]
            run = _join(left, run)
        right = None if run.has_end else self._by_first.get(sequence + 1)
        if right is not None and not right.has_begin and right.belongs_with(run):
            del self._by_first[right.first], self._by_last[right.last]
            run = _join(run, right)
        if run.has_begin and run.has_end:
            self._by_first.pop(run.first, None)
            self._finish(run)
        else:
            self._keep(run)

    def park(self) -> None:
        """Something is missing: the open run becomes one among many."""
        run = self.open
        if run is not None:
            self.open = None
            self._keep(run)

    def unpark(self, last: int) -> None:
        """Nothing is missing up to ``last``: only the run that ends there can still grow."""
        if not self._by_last:
            return
        run = self._by_last.pop(last, None)
        if run is not None:
            del self._by_first[run.first]
            if run.has_begin and not run.has_end:
                self.open = run
            else:
                self._drop(run)
        for rest in self._by_first.values():
            self._drop(rest)
        self._by_first.clear()
        self._by_last.clear()
        self._order.clear()

    def skip(self, sequence: int, skipped: tuple[tuple[int, int], ...]) -> None:
        """Give up every unfinished message that began before ``sequence`` (RFC 3758 section 3.6)."""
        self.park()
        order = self._order
        while order and order[0] < sequence:
            run = self._by_first.pop(heappop(order), None)
            if run is not None:
                del self._by_last[run.last]
                self._drop(run)
        for stream_id, ssn in skipped:
            following = (ssn + 1) & 0xFFFF
            if not serial16_greater(following, self.next_ssn.get(stream_id, 0)):
                continue
            for early in self._waiting_before(stream_id, following):
                self._deliver_waiting(stream_id, early)
            self.next_ssn[stream_id] = following
            self._flush(stream_id)

    def reset(self, stream_ids: tuple[int, ...]) -> None:
        """Sequence numbers on these streams start again; on all when none is named (RFC 6525 section 5.2.2)."""
        for stream_id in stream_ids or tuple(self.next_ssn):
            self.next_ssn.pop(stream_id, None)
            for ssn in sorted(self._waiting.get(stream_id, ())):
                self._deliver_waiting(stream_id, ssn)

    def complete(self, stream_id: int, ssn: int, ppid: int, data: bytes, unordered: int) -> None:
        """A whole message is here: deliver it when it is its turn."""
        if unordered:
            self.held += len(data) + OVERHEAD
            self._deliver(stream_id, ppid, data)
            return
        expected = self.next_ssn.get(stream_id, 0)
        if ssn == expected:
            self.complete_next(stream_id, ssn, ppid, data)
            return
        waiting = self._waiting.setdefault(stream_id, {})
        if serial16_greater(ssn, expected) and ssn not in waiting:  # else the peer is confused
            self.held += len(data) + OVERHEAD
            waiting[ssn] = (ppid, data)

    def complete_next(self, stream_id: int, ssn: int, ppid: int, data: bytes) -> None:
        """A whole message is here, and it is its turn (hot path)."""
        self.next_ssn[stream_id] = (ssn + 1) & 0xFFFF
        size = len(data) + OVERHEAD
        self.held += size
        self._delivered += size
        self.delivered += 1
        self.events.append(MessageReceived(stream_id, ppid, data))
        if self._waiting:
            self._flush(stream_id)

    def _waiting_before(self, stream_id: int, following: int) -> list[int]:
        """What waits on the stream below a sequence number, in order; costs the smaller of both counts."""
        waiting = self._waiting.get(stream_id)
        if not waiting:
            return []
        expected = self.next_ssn.get(stream_id, 0)
        steps = (following - expected) & 0xFFFF
        if steps <= len(waiting):
            numbers = ((expected + step) & 0xFFFF for step in range(steps))
            return [ssn for ssn in numbers if ssn in waiting]
        early = [ssn for ssn in waiting if serial16_greater(following, ssn)]
        return sorted(early, key=lambda ssn: (ssn - expected) & 0xFFFF)

    def _keep(self, run: Run) -> None:
        """Note where a run begins and ends, so that its neighbours find it."""
        order = self._order
        if run.first not in self._by_first:
            heappush(order, run.first)
            if len(order) > 2 * len(self._by_first) + 64:  # what was joined or finished since
                order[:] = [*self._by_first, run.first]
                heapify(order)
        self._by_first[run.first] = run
        self._by_last[run.last] = run

    def _finish(self, run: Run) -> None:
        self._drop(run)
        self.complete(run.stream_id, run.ssn, run.ppid, b"".join(run.parts), run.unordered)

    def _drop(self, run: Run) -> None:
        self.held -= run.charge

    def _flush(self, stream_id: int) -> None:
        waiting = self._waiting.get(stream_id)
        while waiting:
            ssn = self.next_ssn[stream_id]
            if ssn not in waiting:
                return
            self.next_ssn[stream_id] = (ssn + 1) & 0xFFFF
            self._deliver_waiting(stream_id, ssn)

    def _deliver_waiting(self, stream_id: int, ssn: int) -> None:
        waiting = self._waiting[stream_id]
        ppid, data = waiting.pop(ssn)
        if not waiting:
            del self._waiting[stream_id]
        self._deliver(stream_id, ppid, data)

    def _deliver(self, stream_id: int, ppid: int, data: bytes) -> None:
        self._delivered += len(data) + OVERHEAD
        self.delivered += 1
        self.events.append(MessageReceived(stream_id, ppid, data))


def _join(left: Run, right: Run) -> Run:
    """The left run, grown by the right one."""
    left.parts.extend(right.parts)
    left.last = right.last
    left.has_end = right.has_end
    return left
