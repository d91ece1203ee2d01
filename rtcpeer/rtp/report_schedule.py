"""When to send reports (RFC 3550 section 6.3, RFC 4585 section 3.4)."""

import math

from rtcpeer.core import Entropy

__all__ = ["ReportSchedule"]

# RFC 3550 section 6.3.1: what is drawn is divided by e - 3/2, which makes up for timer reconsideration.
COMPENSATION = math.e - 1.5
# The first report has not to wait: it is what lets sound and picture play in time, and tells the round-trip time.
FIRST_SHARE = 0.1


class ReportSchedule:
    """One interval for all sources of a transport, whose reports share compounds."""

    def __init__(self, interval: float, share: float, entropy: Entropy) -> None:
        self._interval = interval
        self._share = share
        self._entropy = entropy
        self._average_size = 128.0  # section 6.3.2: what the first is expected to be
        self.due: float | None = None

    def start(self, now: float) -> None:
        """There is somebody to report on, or to report to."""
        if self.due is None:
            self.due = now + FIRST_SHARE * self._interval

    def note_sent(self, size: int, bitrate: int, now: float) -> None:
        """A compound of so many bytes leaves; the media's bitrate bounds how often there can be one."""
        self._average_size += (size - self._average_size) / 16
        needed = self._average_size * 8 / max(self._share * bitrate, 1.0)
        interval = min(max(self._interval, needed), 5.0)
        # Deviation: no timer reconsideration (RFC 3550 section 6.3.6): between two peers no group changes its size.
        random = 0.5 + int.from_bytes(self._entropy(2), "big") / 0x10000
        self.due = now + interval * random / COMPENSATION
