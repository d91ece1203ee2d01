"""How many frames there were in the last second (W3C webrtc-stats, framesPerSecond)."""

import time
from collections import deque
from collections.abc import Callable

__all__ = ["FrameRate"]

_MAX_FRAMES = 1000  # that are remembered; nothing is shown that fast


class FrameRate:
    """Frames are counted in one thread and asked for in another.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moments: deque[float] = deque(maxlen=_MAX_FRAMES)

    def note(self) -> None:
        """There is another one."""
        self._moments.append(self._clock())

    def frames_per_second(self) -> float:
        """Of the last second; 0 where there was none."""
        since = self._clock() - 1.0
        moments = self._moments.copy()  # at once, while the other thread goes on
        return float(sum(moment > since for moment in moments))
