"""The bitrate that arrives, over a sliding window of the peer's clock (R_hat, draft-ietf-rmcat-gcc-02 section 5.5)."""

from collections import deque

__all__ = ["ThroughputMeter"]

# A peer may let its clock stand still; what is kept is bounded all the same.
MAX_PACKETS = 4096


class ThroughputMeter:
    """Add packets with their times; older ones leave the window as newer ones come."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._packets: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._is_warm = False

    def add(self, time: float, size: int) -> None:
        """Take a packet; a time that is out of order by more than the window starts anew."""
        packets = self._packets
        if packets and abs(time - packets[-1][0]) > 4 * self._window:
            self.reset()
        if packets and time < packets[-1][0]:
            time = packets[-1][0]  # reordered: it belongs to the window, and the order of the deque must hold
        packets.append((time, size))
        self._bytes += size
        while packets[0][0] <= time - self._window or len(packets) > MAX_PACKETS:
            self._bytes -= packets.popleft()[1]
            self._is_warm = True

    def reset(self) -> None:
        """Forget everything."""
        self._packets.clear()
        self._bytes = 0
        self._is_warm = False

    @property
    def bitrate(self) -> float | None:
        """Bits a second; None before half a window has been seen."""
        if not self._packets:
            return None
        if self._is_warm:
            return self._bytes * 8 / self._window
        # The first packet only says when the time begins.
        span = self._packets[-1][0] - self._packets[0][0]
        return (self._bytes - self._packets[0][1]) * 8 / span if span >= self._window / 2 else None
