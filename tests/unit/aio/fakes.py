"""A loop whose turns are made by hand, a core that does as it is told, and a socket that fails on request."""

import asyncio
import errno
import heapq
import itertools
import math
import socket
from collections import deque
from collections.abc import Callable
from typing import Any


class FakeHandle:
    def __init__(self, callback: Callable[..., None], args: tuple[Any, ...], when: float | None = None) -> None:
        self.callback: Callable[..., None] | None = callback
        self.args = args
        self.when = when

    def cancel(self) -> None:
        self.callback = None
        self.args = ()

    def run(self) -> None:
        if self.callback is not None:
            self.callback(*self.args)


class FakeLoop:
    """Turns as asyncio makes them: what is queued, then sockets, then timers; with ``uvloop_order`` as uvloop does."""

    def __init__(self, *, uvloop_order: bool = False) -> None:
        self.now = 100.0
        self.uvloop_order = uvloop_order
        self.problems: list[dict[str, Any]] = []
        self.arrivals: list[Callable[[], None]] = []  # what the sockets will report at the next poll
        self.readers: dict[int, Callable[[], None]] = {}
        self.writers: dict[int, Callable[[], None]] = {}
        self.handles_made = 0
        self._queue: deque[FakeHandle] = deque()
        self._timers: list[tuple[float, int, FakeHandle]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., None], *args: Any) -> FakeHandle:
        handle = FakeHandle(callback, args)
        self.handles_made += 1
        self._queue.append(handle)
        return handle

    def call_at(self, when: float, callback: Callable[..., None], *args: Any) -> FakeHandle:
        handle = FakeHandle(callback, args, when)
        self.handles_made += 1
        heapq.heappush(self._timers, (when, next(self._order), handle))
        return handle

    def call_later(self, delay: float, callback: Callable[..., None], *args: Any) -> FakeHandle:
        return self.call_at(self.now + delay, callback, *args)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.problems.append(context)

    def add_reader(self, fileno: int, callback: Callable[[], None]) -> None:
        self.readers[fileno] = callback

    def add_writer(self, fileno: int, callback: Callable[[], None]) -> None:
        self.writers[fileno] = callback

    def remove_reader(self, fileno: int) -> bool:
        return self.readers.pop(fileno, None) is not None

    def remove_writer(self, fileno: int) -> bool:
        return self.writers.pop(fileno, None) is not None

    @property
    def pending(self) -> list[FakeHandle]:
        """Handles that would still run."""
        handles = [*self._queue, *(handle for _, _, handle in self._timers)]
        return [handle for handle in handles if handle.callback is not None]

    @property
    def is_idle(self) -> bool:
        return not any(handle.callback for handle in self._queue)

    def turn(self) -> None:
        """One iteration; what it queues waits for the next."""
        queued, self._queue = self._queue, deque()
        sockets = [FakeHandle(arrival, ()) for arrival in self.arrivals]
        self.arrivals = []
        due = []
        while self._timers and self._timers[0][0] <= self.now:
            due.append(heapq.heappop(self._timers)[2])
        order = [*due, *queued, *sockets] if self.uvloop_order else [*queued, *sockets, *due]
        for handle in order:
            handle.run()

    def settle(self, limit: int = 1000) -> None:
        """Turns until nothing is queued and no timer is due."""
        for _ in range(limit):
            if self.is_idle and not (self._timers and self._timers[0][0] <= self.now):
                return
            self.turn()
        raise AssertionError("the loop spins")

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at each timer."""
        end = self.now + seconds
        self.settle()
        while self._timers and self._timers[0][0] <= end:
            self.now = max(self.now, self._timers[0][0])
            self.settle()
        self.now = end


class FakeCore:
    """Packets and events are what the test put there."""

    def __init__(self) -> None:
        self.received: list[tuple[str, float]] = []
        self.timeouts: list[float] = []
        self.packets: list[str] = []
        self.events: list[str] = []
        self.deadline: float | None = None
        self.burst = 1000
        self.log: list[str] = []
        self.on_timeout: Callable[[float], None] = lambda now: setattr(self, "deadline", None)

    def receive(self, packet: str, now: float) -> None:
        self.log.append("receive")
        self.received.append((packet, now))

    def handle_timeout(self, now: float) -> None:
        self.log.append("timeout")
        self.timeouts.append(now)
        self.on_timeout(now)

    def packets_to_send(self, now: float) -> list[str]:
        self.log.append("packets")
        taken, self.packets = self.packets[: self.burst], self.packets[self.burst :]
        return taken

    def poll_events(self) -> list[str]:
        self.log.append("events")
        taken, self.events = self.events, []
        return taken

    def next_timeout(self) -> float | None:
        return -math.inf if self.packets else self.deadline


class FakeSocket:
    """A bound UDP socket: sends are recorded or fail as planned, reads come from a list."""

    def __init__(self, name: tuple[Any, ...] = ("192.0.2.1", 5000)) -> None:
        self.name = name
        self.sent: list[tuple[list[bytes], int | None, tuple[Any, ...]]] = []
        self.failures: deque[int | None] = deque()  # errno of each of the next sends, None to let it pass
        self.inbox: deque[tuple[bytes, int, tuple[Any, ...]] | OSError] = deque()  # data, segment size, source
        self.refused_options: set[int] = set()
        self.is_closed = False

    def getsockname(self) -> tuple[Any, ...]:
        return self.name

    def fileno(self) -> int:
        return 7

    def setsockopt(self, level: int, option: int, value: int) -> None:
        if option in self.refused_options:
            raise OSError(errno.ENOPROTOOPT, "refused")

    def sendto(self, data: bytes, address: tuple[Any, ...]) -> int:
        return self._send([data], None, address)

    def sendmsg(
        self, buffers: list[bytes], control: list[tuple[int, int, bytes]], flags: int, address: tuple[Any, ...]
    ) -> int:
        ((level, kind, data),) = control
        assert (level, kind, len(data)) == (17, 103, 2)
        return self._send(buffers, int.from_bytes(data, "little"), address)

    def _send(self, buffers: list[bytes], segment: int | None, address: tuple[Any, ...]) -> int:
        failure = self.failures.popleft() if self.failures else None
        if failure is not None:
            raise OSError(failure, "planned")
        self.sent.append((list(buffers), segment, address))
        return sum(map(len, buffers))

    def recvfrom_into(self, buffer: bytearray) -> tuple[int, tuple[Any, ...]]:
        data, segment, source = self._take()
        assert segment == 0, "coalesced data on a plain socket"
        buffer[: len(data)] = data
        return len(data), source

    def recvmsg_into(
        self, buffers: list[bytearray], control_size: int
    ) -> tuple[int, list[tuple[int, int, bytes]], int, tuple[Any, ...]]:
        assert control_size >= socket.CMSG_LEN(4)
        data, segment, source = self._take()
        buffers[0][: len(data)] = data
        control = [(17, 104, segment.to_bytes(4, "little"))] if segment else []
        return len(data), control, 0, source

    def _take(self) -> tuple[bytes, int, tuple[Any, ...]]:
        if self.is_closed:
            raise OSError(errno.EBADF, "closed")
        if not self.inbox:
            raise BlockingIOError(errno.EAGAIN, "nothing there")
        item = self.inbox.popleft()
        if isinstance(item, OSError):
            raise item
        return item

    def close(self) -> None:
        self.is_closed = True


class NoReaderLoop(asyncio.SelectorEventLoop):
    """As Windows' proactor loop: callbacks on file descriptors are not to be had, datagram endpoints are."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError

    def add_writer(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError
