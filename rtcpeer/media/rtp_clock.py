"""Timestamps of raw frames in the units of RTP (RFC 3550 section 5.1)."""

from fractions import Fraction

__all__ = ["RtpClock"]


class RtpClock:
    """Counts in the codec's clock rate, and only forward: gaps of the source stay gaps, its jumps back do not show.

    ``now`` is seconds on any monotonic clock. It bridges what the source's own time does not tell: where pts jumps
    back or is missing, and where another track goes on. It begins with ``now``, so that who takes over from another
    clock goes on where that has been.
    """

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._last = 0
        self._last_now: float | None = None
        self._offset: int | None = None  # to add to the source's time; None: it has to be found

    def restart(self) -> None:
        """The next frame comes from another source."""
        self._offset = None

    def timestamp(self, pts: int | None, time_base: Fraction | None, now: float, *, reordered_by: float = 0.0) -> int:
        """The timestamp of the next frame; ``reordered_by`` seconds before earlier ones are no jump (B pictures)."""
        source_time = None
        if pts is not None and time_base:
            source_time = pts * time_base.numerator * self._clock_rate // time_base.denominator
        bridged = self._bridged(now)
        self._last_now = now
        if source_time is None:
            self._offset = None
            self._last = bridged
            return bridged
        if self._offset is None or source_time + self._offset <= self._last - reordered_by * self._clock_rate:
            self._offset = bridged - source_time
        timestamp = source_time + self._offset
        self._last = max(self._last, timestamp)
        return timestamp

    def _bridged(self, now: float) -> int:
        if self._last_now is None:
            return round(now * self._clock_rate)
        return self._last + max(round((now - self._last_now) * self._clock_rate), 1)
