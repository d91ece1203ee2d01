"""The rate for a peer that does not say when packets arrive: by loss in its reports, and by its own estimate (REMB).

draft-ietf-rmcat-gcc-02 section 6 is about loss; draft-alvestrand-rmcat-remb-03 about what the peer says.
"""

import math

from rtcpeer.rtp.bandwidth.settings import BandwidthSettings

__all__ = ["ReportBasedRate"]

# Reports on several streams come together, and about as often as the loss interval says.
MIN_SHARE_OF_INTERVAL = 0.5


class ReportBasedRate:
    """``bitrate`` is what all of our media together should take."""

    def __init__(self, settings: BandwidthSettings) -> None:
        self._settings = settings
        self._remote = math.inf
        self._max = float(settings.max_bitrate)
        self._updated_at = -math.inf
        self._rate = float(settings.start_bitrate)

    @property
    def bitrate(self) -> int:
        """Bits a second."""
        return round(max(min(self._rate, self._remote, self._max), self._settings.min_bitrate))

    def receive_loss(self, share: float, now: float) -> None:
        """A report says that this share of packets was lost."""
        settings = self._settings
        if now < self._updated_at + MIN_SHARE_OF_INTERVAL * settings.loss_interval:
            return
        self._updated_at = now
        if share > settings.loss_congested:
            self._rate = self.bitrate * (1 - 0.5 * share)
        elif share < settings.loss_tolerated:
            self._rate = min(self._rate * settings.increase_factor, self._max)

    def receive_remote_bitrate(self, bitrate: int) -> None:
        """The peer's estimate, which grows only with what it receives: following it upwards is safe."""
        if bitrate > 0:
            self._remote = float(bitrate)
            self._rate = max(self._rate, min(self._remote, self._max))

    def limit(self, max_bitrate: int) -> None:
        """What there is a use for."""
        self._max = float(min(max(max_bitrate, self._settings.min_bitrate), self._settings.max_bitrate))
