"""What `RTCPeerConnection.close` returns."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Generator
from typing import Any

__all__ = ["Closing", "together"]


class Closing(Coroutine[Any, Any, None]):
    """Waits for what a close has left to end; it may be awaited, made a task of, cancelled, or ignored.

    The closing itself has happened already. That this is a coroutine lets programs hand it to `asyncio.create_task`.
    """

    def __init__(self, leftover: Callable[[], "asyncio.Task[None] | None"]) -> None:
        self._leftover = leftover
        self._steps: Generator[Any, None, None] | None = None

    def __await__(self) -> Generator[Any, None, None]:
        leftover = self._leftover()
        if leftover is not None and not leftover.done():
            yield from asyncio.wait([leftover]).__await__()  # which a cancelled waiter does not cancel for the others

    def send(self, value: Any) -> Any:
        """A coroutine's."""
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *error: Any) -> Any:
        """A coroutine's."""
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.throw(*error)

    def close(self) -> None:
        """A coroutine's."""
        if self._steps is not None:
            self._steps.close()


def together(tasks: Collection[asyncio.Task[None]]) -> asyncio.Task[None] | None:
    """A task that ends when all of these have; None for none."""
    if len(tasks) < 2:
        return next(iter(tasks), None)
    loop = next(iter(tasks)).get_loop()  # a program that has left its loop may close, and then run it for what is left
    return loop.create_task(_wait(set(tasks)), name="rtcpeer closing")


async def _wait(tasks: set[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
