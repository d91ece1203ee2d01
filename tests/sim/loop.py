"""An asyncio event loop in virtual time: the clock jumps to the next deadline, and waiting for ever is an error.

    def test_ping():
        async def main():
            network = Network(timeline=asyncio.get_running_loop())
            ...
        run(main())

There are no sockets, no threads and no waiting: `add_reader` and `create_datagram_endpoint` do not exist, and what is
given to an executor (`asyncio.to_thread`) runs at once, in place, so that a run stays a function of its seed.
"""

import asyncio
import io
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

from tests.sim.clock import SimulationError

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class DeadlockError(SimulationError):
    """Something is awaited, and nothing is scheduled that could ever bring it."""


class TimeLimitError(SimulationError):
    """More simulated time went by than the run was allowed."""


class LeakError(SimulationError):
    """The program ended and left tasks behind, or an exception that nobody retrieved."""


class _NeverBlocks:
    """Takes the selector's place: where it would wait, the clock jumps."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        if timeout is None or timeout > 0:
            self._loop.jump()
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's own loop; only the clock and the selector are others. All that is ready runs before the clock moves."""

    def __init__(self, *, limit: float = 3600.0, start: float = 1000.0) -> None:
        super().__init__()
        self.jumps = 0
        self._now = start
        self._limit = start + limit
        self._selector = _NeverBlocks(self)

    def time(self) -> float:
        """Simulated seconds."""
        return self._now

    def jump(self) -> None:
        """Go to the next deadline; `DeadlockError` when there is none."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        if not scheduled:
            raise DeadlockError(f"t={self._now:.6f}: nothing is scheduled, and these wait:\n{self._waiting()}")
        when = scheduled[0].when()
        if when > self._limit:
            raise TimeLimitError(f"t={self._limit:.6f}: the time limit is over, and these wait:\n{self._waiting()}")
        self.jumps += 1
        self._now = max(self._now, when)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Arguments], T], *args: *Arguments
    ) -> asyncio.Future[T]:
        """Run at once, in place: a thread would be a clock of its own."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _waiting(self) -> str:
        out = io.StringIO()
        for task in sorted(asyncio.all_tasks(self), key=lambda task: task.get_name()):
            task.print_stack(file=out)
        return out.getvalue()

    def _process_events(self, event_list: list[object]) -> None:
        """There are none: nothing is ever read from a file descriptor."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake the loop from."""


def run(main: Coroutine[Any, Any, T], seed: int | str = 0, *, limit: float = 3600.0, allow_leaks: bool = False) -> T:
    """Run a program in virtual time and give its result, as `asyncio.run` does.

    ``seed`` seeds `random` for the length of the run. `DeadlockError` when it waits for what can not come,
    `TimeLimitError` after ``limit`` simulated seconds, `LeakError` when it ends with tasks of its own still running or
    when an exception reached nobody (unless ``allow_leaks``).
    """
    loop = VirtualLoop(limit=limit)
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, context: complaints.append(_complaint(context)))
    state = random.getstate()
    random.seed(seed)
    try:
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(main)
        # What the last callbacks started may still end by itself at this instant.
        loop.run_until_complete(_settle())
        if not allow_leaks:
            left = sorted(repr(task) for task in asyncio.all_tasks(loop))
            if left or complaints:
                raise LeakError("\n".join(["left behind:", *left, *complaints]))
        return result
    finally:
        random.setstate(state)
        _close(loop)


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def _close(loop: VirtualLoop) -> None:
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _complaint(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return f"{context.get('message')}: {error!r}"
