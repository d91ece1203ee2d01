"""Whether it was we who did not run: a blocked event loop, a suspended machine."""

__all__ = ["Lateness"]

# A timer may be late by the grain of the event loop; by more only where the loop did not run.
_TOLERATED = 1.0


class Lateness:
    """Remembers when we were to be called again, seen from the last time we ran."""

    def __init__(self) -> None:
        self._promised: float | None = None

    def promise(self, due: float | None, now: float) -> None:
        """We want to be called then; None: whenever there is something."""
        self._promised = None if due is None else max(due, now)

    def forgiven(self, now: float) -> float:
        """How much time the peer is to be given back: all of it where a timer is long overdue, else none.

        What is forgiven is so once.
        """
        late = 0.0 if self._promised is None else now - self._promised
        self._promised = None
        # A moment more: what came meanwhile lies in the socket, and is read after the timers have run.
        return late + _TOLERATED if late > _TOLERATED else 0.0
