"""The least of what was seen lately: the delay of an idle path, whatever the two clocks differ by."""

from collections import deque

__all__ = ["SlidingMinimum"]

BUCKET = 1.0


class SlidingMinimum:
    """Minima of buckets of a second; ``span`` seconds of them count."""

    __slots__ = ("_buckets", "value")

    def __init__(self, span: float) -> None:
        self._buckets: deque[tuple[float, float]] = deque(maxlen=max(1, round(span / BUCKET)))
        self.value = 0.0  # the least value; 0 before the first

    def add(self, value: float, time: float) -> None:
        """Take a value seen at a time; the times do not go back."""
        buckets = self._buckets
        if not buckets or time >= buckets[-1][0] + BUCKET:
            buckets.append((time, value))
            self.value = min([least for _, least in buckets])  # one may have left
        elif value < buckets[-1][1]:
            buckets[-1] = (buckets[-1][0], value)
            self.value = min(self.value, value)

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()
        self.value = 0.0
