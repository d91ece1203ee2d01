"""Which stream a new channel gets, and what waits on streams that have no channel yet (RFC 8832 section 6)."""

import heapq
from collections.abc import Container

from rtcpeer.datachannel.settings import MAX_STREAM_ID, DataChannelSettings

__all__ = ["EarlyMessages", "StreamNumbers"]


class StreamNumbers:
    """Gives the lowest number of our parity that is free; the work does not depend on how many are taken."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._released: list[int] = []

    def take(self, taken: Container[int], limit: int) -> int | None:
        """A number below ``limit`` that is not among the taken; None when there is none."""
        released = self._released
        while released and released[0] < limit:
            number = heapq.heappop(released)
            # Negotiated channels take numbers without asking here.
            if number not in taken:
                return number
        while self._next in taken:
            self._next += 2
        number = self._next
        if number >= limit or number > MAX_STREAM_ID:
            return None
        self._next += 2
        return number

    def release(self, number: int) -> None:
        """The channel that had this number is gone, and both its streams have been reset."""
        if number < self._next and (number ^ self._next) & 1 == 0:
            heapq.heappush(self._released, number)


class EarlyMessages:
    """Messages on streams whose channel is not known yet, oldest first, with a bound."""

    def __init__(self, settings: DataChannelSettings) -> None:
        self._max_messages = settings.max_early_messages
        self._max_bytes = settings.max_early_bytes
        self.refused = 0  # for want of room
        self._size = 0
        self._by_stream: dict[int, list[tuple[int, bytes]]] = {}

    def keep(self, stream_id: int, ppid: int, data: bytes) -> bool:
        """Keep a message; False when there is no room for it."""
        waiting = self._by_stream.get(stream_id)
        count = 0 if waiting is None else len(waiting)
        if count >= self._max_messages or self._size + len(data) > self._max_bytes:
            self.refused += 1
            return False
        if waiting is None:
            waiting = self._by_stream[stream_id] = []
        waiting.append((ppid, data))
        self._size += len(data)
        return True

    def take(self, stream_id: int) -> list[tuple[int, bytes]]:
        """All that waits on the stream."""
        waiting = self._by_stream.pop(stream_id, [])
        self._size -= sum(len(data) for _, data in waiting)
        return waiting

    def clear(self) -> None:
        """Forget everything."""
        self._by_stream.clear()
        self._size = 0
