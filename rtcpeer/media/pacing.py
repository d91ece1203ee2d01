"""Sources that make their own frames give them at the pace of the event loop's clock."""

import asyncio

__all__ = ["Pacer"]


class Pacer:
    """Numbered slots at a fixed interval, counted from the first: lateness of one does not delay those after it.

    A consumer that comes late by more than ``max_lateness`` seconds has missed the slots between: it gets the current
    one instead of a burst of old ones.
    """

    def __init__(self, interval: float, max_lateness: float = 0.25) -> None:
        self._interval = interval
        self._max_lateness = max_lateness
        self._start: float | None = None
        self._next = 0

    async def slot(self) -> int:
        """Wait for the next slot and give its number; the first one, 0, is now."""
        now = asyncio.get_running_loop().time()
        if self._start is None:
            self._start = now
        early = self._start + self._next * self._interval - now
        if early > 0:
            await asyncio.sleep(early)
        elif -early > self._max_lateness:
            self._next = int((now - self._start) / self._interval)
        slot = self._next
        self._next += 1
        return slot
