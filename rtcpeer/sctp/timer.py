"""A deadline that is told the time."""

__all__ = ["Timer"]


class Timer:
    """One of the association's timers: running while ``deadline`` is set."""

    __slots__ = ("deadline", "expiries")

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.expiries = 0  # in a row

    def start(self, deadline: float) -> None:
        """Run until then; a running timer is moved."""
        self.deadline = deadline

    def stop(self) -> None:
        """Stop and forget the expiries."""
        self.deadline = None
        self.expiries = 0

    def expire(self, now: float) -> bool:
        """Whether it has just run out; it is then no longer running."""
        if self.deadline is None or now < self.deadline:
            return False
        self.deadline = None
        self.expiries += 1
        return True
