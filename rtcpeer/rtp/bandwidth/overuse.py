"""Whether the path is over-used, by a threshold that adapts (draft-ietf-rmcat-gcc-02 section 5.4)."""

from enum import Enum

from rtcpeer.rtp.bandwidth.settings import BandwidthSettings

__all__ = ["OveruseDetector", "Usage"]

# Section 5.4: a trend this far beyond the threshold is an outlier (a change of route), and must not move it.
MAX_ADAPTED_EXCESS = 0.015
# One step of the threshold stands for at most so much time, however long nothing came.
MAX_STEP = 0.1


class Usage(Enum):
    """What the detector says of the path."""

    NORMAL = "normal"
    OVERUSE = "over-use"
    UNDERUSE = "under-use"


class OveruseDetector:
    """Compares the trend with the threshold; over-use has to last before it is believed."""

    def __init__(self, settings: BandwidthSettings) -> None:
        self._settings = settings
        self._overused_for: float | None = None
        self._overused_groups = 0
        self._last_trend = 0.0
        self.threshold = settings.overuse_threshold
        self.usage = Usage.NORMAL

    def update(self, trend: float, departure_delta: float, arrival_delta: float) -> Usage:
        """Take the trend after one more group, which left and arrived so much later than the one before."""
        if trend > self.threshold:
            self._count_overuse(trend, departure_delta)
        else:
            self._overused_for = None
            self._overused_groups = 0
            self.usage = Usage.UNDERUSE if trend < -self.threshold else Usage.NORMAL
        self._last_trend = trend
        self._adapt(trend, arrival_delta)
        return self.usage

    def _count_overuse(self, trend: float, departure_delta: float) -> None:
        # Nobody knows when between the two groups it began.
        self._overused_for = departure_delta / 2 if self._overused_for is None else self._overused_for + departure_delta
        self._overused_groups += 1
        if self._overused_for > self._settings.overuse_time and self._overused_groups > 1 and trend >= self._last_trend:
            self._overused_for = 0.0
            self._overused_groups = 0
            self.usage = Usage.OVERUSE

    def _adapt(self, trend: float, arrival_delta: float) -> None:
        settings = self._settings
        excess = abs(trend) - self.threshold
        if excess > MAX_ADAPTED_EXCESS:
            return
        gain = settings.threshold_gain_down if excess < 0 else settings.threshold_gain_up
        # The draft counts time in milliseconds.
        self.threshold += gain * 1000 * min(max(arrival_delta, 0.0), MAX_STEP) * excess
        self.threshold = min(max(self.threshold, settings.overuse_threshold_min), settings.overuse_threshold_max)
