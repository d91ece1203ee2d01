"""Where a track's frames belong in a recording of several tracks."""

__all__ = ["Timeline"]

MAX_STEP_BACK = 0.5  # seconds; timestamps that jump back further have begun anew
MAX_LEAP = 10.0  # seconds; as do those that run that far ahead of the frames' arrival


class Timeline:
    """Turns a track's own timestamps into seconds since the recording began.

    A track begins at the time at which its first frame arrives, so that tracks which begin at different times are
    aligned. From then on its timestamps count, which are not jittered as arrival is. Where they jump (another source
    behind the same track), the frame's arrival counts again.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._last = 0.0
        self._last_arrival = 0.0

    def place(self, timestamp: float | None, arrival: float) -> float:
        """Seconds since the beginning of a frame with this timestamp (seconds of any origin) that arrived then."""
        if timestamp is None:
            time = max(arrival, self._last)
            self._offset = None
        else:
            if self._offset is None:
                self._offset = arrival - timestamp
            time = timestamp + self._offset
            if self._has_jumped(time - self._last, arrival - self._last_arrival):
                time = max(arrival, self._last)
                self._offset = time - timestamp
        self._last, self._last_arrival = time, arrival
        return time

    def _has_jumped(self, step: float, elapsed: float) -> bool:
        return step < -MAX_STEP_BACK or step > elapsed + MAX_LEAP
