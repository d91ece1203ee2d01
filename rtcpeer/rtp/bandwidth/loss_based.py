"""The loss-based bound (draft-ietf-rmcat-gcc-02 section 6)."""

import math

from rtcpeer.rtp.bandwidth.settings import BandwidthSettings

__all__ = ["LossControl"]

INCREASE = 1.05  # section 6, per report
OUTAGE_FACTOR = 0.5  # ours: for each `feedback_timeout` without any feedback


class LossControl:
    """Bounds the rate by the share of packets that get lost; without loss there is no bound."""

    def __init__(self, settings: BandwidthSettings) -> None:
        self._settings = settings
        self._received = 0
        self._lost = 0
        self._interval_began: float | None = None
        self.bitrate = math.inf  # A_s
        self.loss = 0.0  # in the last whole interval

    def update(self, received: int, lost: int, delay_based: float, now: float) -> None:
        """Count what feedback said; once an interval the bound moves."""
        self._received += received
        self._lost += lost
        if self._interval_began is None:
            self._interval_began = now
        total = self._received + self._lost
        settings = self._settings
        if now - self._interval_began < settings.loss_interval or total < settings.loss_min_packets:
            return
        self.loss = self._lost / total
        self._received = self._lost = 0
        self._interval_began = now
        if self.loss > settings.loss_congested:
            target = min(self.bitrate, delay_based)
            self.bitrate = max(target * (1 - 0.5 * self.loss), float(settings.min_bitrate))
        elif self.loss > settings.loss_tolerated:
            if self.bitrate == math.inf:
                self.bitrate = delay_based  # section 6: it stays what it is
        else:
            self.bitrate *= INCREASE
            if self.bitrate > delay_based:
                self.bitrate = math.inf

    def probed(self, bitrate: float) -> None:
        """A probe has shown that this much passes."""
        if bitrate > self.bitrate:
            self.bitrate = math.inf

    def feedback_timed_out(self, target: float) -> None:
        """Nothing at all is heard of what was sent."""
        self.bitrate = max(target * OUTAGE_FACTOR, float(self._settings.min_bitrate))
