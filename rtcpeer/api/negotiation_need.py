"""When ``negotiationneeded`` fires (W3C webrtc-pc section 4.7.3)."""

import asyncio
from collections.abc import Callable

from rtcpeer.api.operations import OperationsChain

__all__ = ["NegotiationNeed"]


class NegotiationNeed:
    """Tells once that there is something to negotiate, in a turn in which no operation runs.

    Args:
        is_needed: whether there is something; None while that can not be said, because an exchange is under way.
        tell: fires the event.
    """

    def __init__(self, is_needed: Callable[[], bool | None], tell: Callable[[], object]) -> None:
        self.operations = OperationsChain(self._chain_emptied)
        self._is_needed = is_needed
        self._tell = tell
        self._has_told = False
        self._is_check_due = False  # once the chain is empty

    def update(self) -> None:
        """Something has changed: look, in a later turn."""
        if not self.operations.is_empty:
            self._is_check_due = True
            return
        try:
            asyncio.get_running_loop().call_soon(self._check)
        except RuntimeError:  # made before the loop runs: the application will create its offer itself
            return

    def forget(self) -> None:
        """An exchange is over; what it has left undone is told again."""
        self._has_told = False

    def close(self) -> None:
        """Let no operation begin, and tell nothing any more."""
        self.operations.close()
        self._is_needed = self._tell = _nothing

    def _chain_emptied(self) -> None:
        if self._is_check_due:
            self._is_check_due = False
            self.update()

    def _check(self) -> None:
        if not self.operations.is_empty:
            self._is_check_due = True
            return
        is_needed = self._is_needed()
        if is_needed is None:
            return
        is_news = is_needed and not self._has_told
        self._has_told = is_needed
        if is_news:
            self._tell()


def _nothing() -> None:
    pass
