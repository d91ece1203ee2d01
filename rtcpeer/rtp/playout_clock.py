"""When a frame is to be played: RTP time on our clock, and the delay that the path's jitter asks for."""

import math
from bisect import bisect_left, insort
from collections import deque

from rtcpeer.rtp.sliding_minimum import SlidingMinimum
from rtcpeer.rtp.timestamps import TIMESTAMP_BITS, Unwrapper

__all__ = ["PlayoutClock"]

# The sender has jumped in its timestamps, or was suspended: a new time line begins.
MAX_JUMP = 10.0


class PlayoutClock:
    """Learns from arrivals; ``delay`` is between its bounds, and at least what was asked for.

    The fastest packets of ``memory`` seconds make the time line, so clocks may drift. The delay is such that a share
    ``quantile`` of the last so many ``samples`` would have come in time.
    """

    def __init__(
        self, clock_rate: int, bounds: tuple[float, float], quantile: float, samples: int, memory: float = 10.0
    ) -> None:
        self._clock_rate = clock_rate
        self._bounds = bounds
        self._quantile = quantile
        self._samples = samples
        self._unwrapper = Unwrapper(TIMESTAMP_BITS)
        self._least = SlidingMinimum(memory)
        self._last_transit: float | None = None
        self._waits: deque[float] = deque()
        self._sorted: list[float] = []
        self.epoch = 0  # grows where a new time line begins: unwrapped timestamps of two epochs do not compare
        self._late = 0.0  # what the quantile of waits is
        self._asked = self._synchronized = 0.0
        self._wish = (0.0, math.inf)
        self.own_delay = 0.0  # what the path and the application ask for, without regard to other streams
        self.delay = 0.0  # seconds after the fastest packets at which frames are played
        self._update()

    def arrived(self, timestamp: int, now: float, *, counts: bool) -> int:
        """Take a packet; returns its timestamp unwrapped. ``counts``: whether its wait is the path's jitter."""
        unwrapped = self._unwrapper.unwrap(timestamp)
        transit = now - unwrapped / self._clock_rate
        if self._last_transit is not None and abs(transit - self._last_transit) > MAX_JUMP:
            self.epoch += 1
            self._unwrapper = Unwrapper(TIMESTAMP_BITS)
            unwrapped = self._unwrapper.unwrap(timestamp)
            transit = now - unwrapped / self._clock_rate
            self._least.clear()
            self._waits.clear()
            self._sorted.clear()
            self._late = 0.0
            self._update()
        self._last_transit = transit
        self._least.add(transit, now)
        if counts:
            self._count(max(transit - self._least.value, 0.0))
        return unwrapped

    def set_wish(self, minimum: float, maximum: float) -> None:
        """The sender's wish, by the playout-delay extension; what the application asks for counts more."""
        if (minimum, maximum) != self._wish:
            self._wish = (minimum, maximum)
            self._update()

    @property
    def asked(self) -> float:
        """An application's wish, as jitterBufferTarget (W3C webrtc-extensions)."""
        return self._asked

    @asked.setter
    def asked(self, seconds: float) -> None:
        self._asked = seconds
        self._update()

    @property
    def synchronized(self) -> float:
        """What waiting for another stream of the same source takes."""
        return self._synchronized

    @synchronized.setter
    def synchronized(self, seconds: float) -> None:
        self._synchronized = seconds
        self._update()

    def earliest(self, timestamp: int) -> float:
        """When the fastest packet with a timestamp (32 bits) from around now would have come."""
        return self._unwrapper.peek(timestamp) / self._clock_rate + self._least.value

    def due(self, unwrapped: int) -> float:
        """When a frame with this (unwrapped) timestamp is to be played."""
        return unwrapped / self._clock_rate + self._least.value + self.delay

    def _count(self, wait: float) -> None:
        self._waits.append(wait)
        insort(self._sorted, wait)
        if len(self._waits) > self._samples:
            del self._sorted[bisect_left(self._sorted, self._waits.popleft())]
        late = self._sorted[int(self._quantile * (len(self._sorted) - 1))]
        if late != self._late:
            self._late = late
            self._update()

    def _update(self) -> None:
        least, most = self._bounds
        shortest, longest = self._wish
        path = min(max(self._late, least, shortest), longest)
        self.own_delay = min(max(path, self._asked), most)
        self.delay = min(max(self.own_delay, self._synchronized), most)
