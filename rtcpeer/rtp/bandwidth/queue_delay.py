"""How long packets wait in the network, as one-way delay above the least of the last seconds."""

from rtcpeer.rtp.bandwidth.settings import BandwidthSettings
from rtcpeer.rtp.sliding_minimum import SlidingMinimum

__all__ = ["QueueDelay"]

# A change that no queue makes: the peer's clock jumped.
MAX_JUMP = 5.0
MIN_DRAIN = 0.5


class QueueDelay:
    """Add packets as they arrived; ``seconds`` is the wait of the latest."""

    def __init__(self, settings: BandwidthSettings) -> None:
        self._tolerated = settings.queue_delay_tolerated
        # What stands longer than this counts as the path: it is not ours, and giving way would only starve us.
        self._least = SlidingMinimum(settings.queue_delay_memory)
        self._last: float | None = None
        self.seconds = 0.0

    def add(self, sent_at: float, arrived_at: float) -> None:
        """Take a packet: sent at a time of our clock, arrived at one of the peer's."""
        delay = arrived_at - sent_at
        if self._last is not None and abs(delay - self._last) > MAX_JUMP:
            self._least.clear()
        self._last = delay
        self._least.add(delay, sent_at)
        self.seconds = delay - self._least.value

    @property
    def drain_factor(self) -> float:
        """What share of the rate to send at, so that a deep queue empties within a second or two."""
        return min(1.0, max(MIN_DRAIN, 1.0 - (self.seconds - self._tolerated)))
