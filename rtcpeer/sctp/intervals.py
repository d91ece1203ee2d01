"""A sorted set of disjoint half-open ranges of sequence numbers: what both gap maps are made of."""

from bisect import bisect_left, bisect_right

__all__ = ["Intervals"]


class Intervals:
    """Ranges ``[starts[i], ends[i])``, ascending, never touching each other. Every operation is a bisection."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def __len__(self) -> int:
        return len(self.starts)

    def __contains__(self, value: int) -> bool:
        index = bisect_right(self.starts, value) - 1
        return index >= 0 and value < self.ends[index]

    def covers(self, start: int, end: int) -> bool:
        """Whether one range holds all of ``[start, end)``."""
        index = bisect_right(self.starts, start) - 1
        return index >= 0 and end <= self.ends[index]

    def add(self, start: int, end: int) -> list[tuple[int, int]]:
        """Include ``[start, end)``; returns the parts of it that were not covered before, ascending."""
        starts, ends = self.starts, self.ends
        first = bisect_left(ends, start)  # the first range that touches or overlaps
        last = bisect_right(starts, end)  # one past the last that does
        if first == last:
            starts.insert(first, start)
            ends.insert(first, end)
            return [(start, end)]
        fresh = []
        position = start
        for index in range(first, last):
            if position < starts[index]:
                fresh.append((position, starts[index]))
            position = max(position, ends[index])
        if position < end:
            fresh.append((position, end))
        starts[first:last] = [min(start, starts[first])]
        ends[first:last] = [max(end, ends[last - 1])]
        return fresh

    def remove_below(self, value: int) -> list[tuple[int, int]]:
        """Forget everything below ``value``; returns what was removed, ascending."""
        starts, ends = self.starts, self.ends
        count = bisect_right(ends, value)
        removed = list(zip(starts[:count], ends[:count], strict=True))
        del starts[:count], ends[:count]
        if starts and starts[0] < value:
            removed.append((starts[0], value))
            starts[0] = value
        return removed

    def holes(self, start: int, end: int) -> list[tuple[int, int]]:
        """What of ``[start, end)`` is not covered, ascending."""
        found = []
        for index in range(bisect_right(self.ends, start), len(self.starts)):
            if self.starts[index] >= end:
                break
            if start < self.starts[index]:
                found.append((start, self.starts[index]))
            start = self.ends[index]
        if start < end:
            found.append((start, end))
        return found

    def clear(self) -> None:
        """Forget everything."""
        self.starts.clear()
        self.ends.clear()
