"""The time of a simulation: callbacks in order of their time, and a clock that jumps from one to the next."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

from rtcpeer.core import Entropy

# At one instant a simulation may do a lot, but not for ever.
MAX_ROUNDS_PER_INSTANT = 10_000


class SimulationError(AssertionError):
    """The simulated world did not reach what the test waits for."""


class StuckError(SimulationError):
    """Nothing is left to do, and the condition is still false."""


class DeadlineError(SimulationError):
    """The time allowed went by, and the condition is still false."""


class SpinError(SimulationError):
    """Something keeps working at one instant, so that the clock never moves."""


class Timeline(Protocol):
    """What schedules callbacks in simulated time: `Clock`, and any asyncio event loop as it is."""

    def time(self) -> float:
        """Now, in seconds."""

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> object:
        """Call at a time; a time that has passed means at once."""

    def call_soon(self, callback: Callable[..., object], *args: object) -> object:
        """Call at this instant, after what is already waiting for it."""


def seeded_entropy(seed: int | str) -> Entropy:
    """A source of bytes that is a function of its seed; give each core another one."""
    return random.Random(seed).randbytes


class Clock:
    """Runs callbacks in the order of their times; equal times in the order in which they were scheduled.

    At one instant everything scheduled for it comes first, then what was asked for with `call_soon`. So all packets
    that arrive together are handed over before the core that got them is drained, as on a real socket.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._count = 0
        self._heap: list[tuple[float, int, Callable[..., object], tuple[object, ...]]] = []
        self._soon: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()

    def time(self) -> float:
        """Now, in seconds."""
        return self._now

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> None:
        """Call at a time; a time that has passed means at once."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, callback, args))

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> None:
        """Call after so many seconds."""
        self.call_at(self._now + delay, callback, *args)

    def call_soon(self, callback: Callable[..., object], *args: object) -> None:
        """Call at this instant, after everything scheduled for it."""
        self._soon.append((callback, args))

    def run(
        self, until: Callable[[], bool], timeout: float = 60.0, *, describe: Callable[[], str] = lambda: ""
    ) -> None:
        """Let time pass until the condition holds; it is looked at once an instant.

        `StuckError` when nothing is left to do, `DeadlineError` when ``timeout`` simulated seconds went by; both end
        with what ``describe`` says.
        """
        deadline = self._now + timeout
        self.settle()
        while not until():
            if not self._heap:
                raise StuckError(f"t={self._now:.6f}: nothing left to do and the condition is false\n{describe()}")
            if self._heap[0][0] > deadline:
                self._now = deadline
                raise DeadlineError(f"t={self._now:.6f}: not after {timeout} s\n{describe()}")
            self.step()

    def run_for(self, seconds: float) -> None:
        """Let so many seconds pass, whatever happens in them."""
        deadline = self._now + seconds
        self.settle()
        while self._heap and self._heap[0][0] <= deadline:
            self.step()
        self._now = deadline

    def step(self) -> None:
        """Jump to the next instant at which there is something to do, and do all of it."""
        self._now = max(self._now, self._heap[0][0])
        self.settle()

    def settle(self) -> None:
        """Do everything that is due now; the clock does not move."""
        heap, soon = self._heap, self._soon
        for _ in range(MAX_ROUNDS_PER_INSTANT):
            while heap and heap[0][0] <= self._now:
                _, _, callback, args = heapq.heappop(heap)
                callback(*args)
            if not soon:
                return
            for _ in range(len(soon)):
                callback, args = soon.popleft()
                callback(*args)
        raise SpinError(f"t={self._now:.6f}: still busy after {MAX_ROUNDS_PER_INSTANT} rounds at one instant")
