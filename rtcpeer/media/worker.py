"""A thread for one encoder or decoder, between two queues of the event loop.

Each codec instance has a thread of its own: it must see its frames one after the other, an idle thread costs next to
nothing, and a slow encoder does not hold up another track's sound, as it could in a pool. PyAV releases the GIL while
it works.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

__all__ = ["Worker"]

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class _Mark:
    """Stands between the items, to see when those before it are through."""

    reached: asyncio.Future[None]

    def reach(self) -> None:
        if not self.reached.done():
            self.reached.set_result(None)


class Worker(Generic[ItemT, ResultT]):
    """Calls ``process(item)`` in its thread for each item in order, and ``deliver(results)`` on the loop.

    Results that are ready together are delivered together, with one call of the loop. Where `process` raises,
    ``on_failure(error, item)`` comes instead, in its turn. ``finish()`` runs in the thread as its last act. The thread
    starts with the first item; all methods belong to the loop.
    """

    def __init__(
        self,
        process: Callable[[ItemT], list[ResultT]],
        deliver: Callable[[list[ResultT]], None],
        on_failure: Callable[[Exception, ItemT], None],
        finish: Callable[[], None],
        name: str,
    ) -> None:
        self._process = process
        self._deliver = deliver
        self._on_failure = on_failure
        self._finish = finish
        self._name = name
        self._inbox: deque[ItemT | _Mark] = deque()
        self._results: deque[ResultT] = deque()
        self._wake: SimpleQueue[bool] = SimpleQueue()  # an entry for each item; False ends the thread
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None
        self._is_delivering = False
        self._is_closed = False

    @property
    def queued(self) -> int:
        """How many items wait."""
        return len(self._inbox)

    def put(self, item: ItemT) -> None:
        """Queue an item; after `close` it is dropped."""
        if self._is_closed:
            return
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._ended = self._loop.create_future()
            # Of a program that forgets to close, the thread does not hold up the exit.
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._inbox.append(item)
        self._wake.put(True)

    def take_oldest(self) -> ItemT | None:
        """Take back the item that has waited longest, if one still does."""
        with suppress(IndexError):
            item = self._inbox.popleft()
            if not isinstance(item, _Mark):
                return item
            item.reach()
        return None

    async def drained(self) -> None:
        """Wait until the results of all that was put in until now are delivered."""
        if self._loop is None or self._is_closed:
            return
        mark = _Mark(self._loop.create_future())
        self._inbox.append(mark)
        self._wake.put(True)
        await mark.reached

    async def close(self) -> None:
        """Drop what waits, end the thread after the item it is at, and wait for that."""
        self._is_closed = True
        while self._inbox:
            self.take_oldest()
        if self._thread is not None and self._ended is not None:
            self._wake.put(False)
            await asyncio.shield(self._ended)
            self._thread.join()  # it has nothing left to do
        # The owner's methods hold the owner.
        self._process = self._deliver = self._on_failure = self._finish = _unused

    def _run(self) -> None:
        try:
            while self._wake.get():
                self._work()
        finally:
            self._finish()
            self._call(self._on_ended)

    def _work(self) -> None:
        try:
            item = self._inbox.popleft()
        except IndexError:  # taken back
            return
        if isinstance(item, _Mark):
            self._call(item.reach)
            return
        try:
            results = self._process(item)
        except Exception as error:  # noqa: BLE001 - told to the owner, on the loop
            self._call(self._fail, error, item)
            return
        if results:
            self._results.extend(results)
            # The loop resets the flag before it looks, so that what is added here is seen by one of the two.
            if not self._is_delivering:
                self._is_delivering = True
                self._call(self._on_results)

    def _call(self, callback: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed: nobody is interested any more
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _on_results(self) -> None:
        self._is_delivering = False
        results = []
        with suppress(IndexError):
            while True:
                results.append(self._results.popleft())
        if results and not self._is_closed:
            self._deliver(results)

    def _fail(self, error: Exception, item: ItemT) -> None:
        if not self._is_closed:
            self._on_failure(error, item)

    def _on_ended(self) -> None:
        assert self._ended is not None
        if not self._ended.done():
            self._ended.set_result(None)


def _unused(*_: object) -> Any:
    """In place of what belongs to an owner that has closed."""
