"""Where the one-way delay is heading: the slope of a line through the smoothed delays of recent groups.

It stands where draft-ietf-rmcat-gcc-02 section 5.3 has a Kalman filter; "any adaptive filter" may, says that section.
"""

from collections import deque

from rtcpeer.rtp.bandwidth.arrival_groups import GroupVariation
from rtcpeer.rtp.bandwidth.settings import BandwidthSettings

__all__ = ["Trendline"]

# With fewer groups the slope is less certain, and counts for less.
MAX_GROUPS_COUNTED = 60


class Trendline:
    """Accumulates delay variations; ``trend`` is m(i), in seconds, for the over-use detector."""

    def __init__(self, settings: BandwidthSettings) -> None:
        self._smoothing = settings.trend_smoothing
        self._gain = settings.trend_gain
        self._points: deque[tuple[float, float]] = deque(maxlen=settings.trend_window)
        self._accumulated = 0.0
        self._smoothed = 0.0
        self._elapsed = 0.0
        self._groups = 0
        self.trend = 0.0

    def add(self, group: GroupVariation) -> None:
        """Take the next group's variation."""
        self._groups = min(self._groups + 1, MAX_GROUPS_COUNTED)
        self._accumulated += group.delay_variation
        self._smoothed += (1 - self._smoothing) * (self._accumulated - self._smoothed)
        self._elapsed += group.arrival_delta
        self._points.append((self._elapsed, self._smoothed))
        if len(self._points) == self._points.maxlen:
            # The slope is a pure number; a millisecond times it, times the number of groups, is what has piled up.
            self.trend = _slope(self._points) * self._groups * self._gain * 0.001


def _slope(points: deque[tuple[float, float]]) -> float:
    """Of the least-squares line; 0 where all stand at one time."""
    count = len(points)
    sum_x = sum_y = 0.0
    for x, y in points:
        sum_x += x
        sum_y += y
    mean_x, mean_y = sum_x / count, sum_y / count
    spread = product = 0.0
    for x, y in points:
        away = x - mean_x
        spread += away * away
        product += away * (y - mean_y)
    return product / spread if spread > 0 else 0.0
