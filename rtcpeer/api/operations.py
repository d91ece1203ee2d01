"""The operations chain (W3C webrtc-pc section 4.4.1.2): one asynchronous operation at a time, in order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rtcpeer.errors import InvalidStateError

__all__ = ["OperationsChain"]

T = TypeVar("T")


class OperationsChain:
    """Runs operations one after the other; ``on_empty`` is called each time the last one has ended."""

    def __init__(self, on_empty: Callable[[], None]) -> None:
        self._lock = asyncio.Lock()  # its waiters are served in order
        self._on_empty = on_empty
        self._pending = 0
        self._is_closed = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing runs or waits."""
        return self._pending == 0

    async def run(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Run the operation when its turn comes.

        Raises:
            InvalidStateError: the connection is closed, or was while the operation waited.
        """
        self._pending += 1
        try:
            async with self._lock:
                self._require_open()
                return await operation()
        finally:
            self._pending -= 1
            if self.is_empty and not self._is_closed:
                self._on_empty()

    def close(self) -> None:
        """Let no operation begin any more."""
        self._is_closed = True
        self._on_empty = _nothing

    def _require_open(self) -> None:
        if self._is_closed:
            raise InvalidStateError("the peer connection is closed")


def _nothing() -> None:
    pass
