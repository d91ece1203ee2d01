"""Retransmission timeout from round-trip samples (RFC 9260 section 6.3.1)."""

from rtcpeer.sctp.settings import SctpSettings

__all__ = ["RetransmissionTimeout"]

ALPHA = 1 / 8
BETA = 1 / 4
GRANULARITY = 0.01  # section 6.3.1 G1: the variation never counts as less than the clock's grain


class RetransmissionTimeout:
    """Smooths samples (rules C2 and C3), bounds the result (C6, C7) and doubles it on expiry (E2)."""

    __slots__ = ("_maximum", "_minimum", "smoothed", "timeout", "variation")

    def __init__(self, settings: SctpSettings) -> None:
        self._minimum = settings.rto_min
        self._maximum = settings.rto_max
        self.smoothed: float | None = None
        self.variation = 0.0
        self.timeout = settings.rto_initial

    def sample(self, round_trip_time: float) -> None:
        """Take a measurement; it also ends any back-off."""
        if self.smoothed is None:
            self.smoothed = round_trip_time
            self.variation = round_trip_time / 2
        else:
            self.variation += BETA * (abs(self.smoothed - round_trip_time) - self.variation)
            self.smoothed += ALPHA * (round_trip_time - self.smoothed)
        self.recover()

    def recover(self) -> None:
        """End the back-off: what was retransmitted has been acknowledged.

        Deviation: section 6.3.1 C5 waits for a new sample, which under heavy loss may take many timeouts of 10 s.
        """
        if self.smoothed is None:
            return
        timeout = self.smoothed + max(4 * self.variation, GRANULARITY)
        self.timeout = min(max(timeout, self._minimum), self._maximum)

    def back_off(self) -> None:
        """Double the timeout after an expiry."""
        self.timeout = min(self.timeout * 2, self._maximum)
