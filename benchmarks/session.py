"""One side of a benchmark: the process in which a peer lives, and its line to the other side.

    python -m benchmarks.session PEER BENCHMARK left|right FD PARAMETERS RESULT

The line is a Unix socket pair that crosses network namespaces and costs no time worth counting. The result is one JSON
object in the file RESULT (py-spy would swallow what a side prints).
"""

import asyncio
import contextlib
import json
import resource
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS, Channel, Connection, Signal

Prepare = Callable[[Connection], Awaitable[None]]
"""Gives a new connection its tracks, before there is an offer or an answer."""

# A connection that takes longer has failed; no stack here needs as much as a tenth.
CONNECT_TIMEOUT = 20.0


class Session:
    """The line to the other side, and connections made over it; both sides make the same number in the same order."""

    def __init__(self, peer: str, *, is_left: bool) -> None:
        self.peer = peer
        self.is_left = is_left
        self._connection_class = PEERS[peer]
        self._count = 0
        self._words: asyncio.Queue[Any] = asyncio.Queue()
        self._signals: defaultdict[int, asyncio.Queue[Signal]] = defaultdict(asyncio.Queue)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer: asyncio.StreamWriter

    async def open(self, line: int) -> None:
        """Take over the socket with file descriptor ``line``."""
        reader, self._writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=line), limit=1 << 20)
        self.start(self._read(reader))

    def say(self, word: Any) -> None:
        """Tell the other side something that JSON can carry."""
        self._write(["word", word])

    async def hear(self) -> Any:
        """What the other side said next."""
        return await self.wait(self._words.get())

    async def meet(self) -> None:
        """Wait, however long it takes, until the other side is here too; on a busy machine each begins when it can."""
        self.say("here")
        await self.hear()

    async def wait(self, what: Coroutine[Any, Any, Any], timeout: float | None = None) -> Any:
        """Await, but fail when the other side or a task has failed."""
        task = asyncio.ensure_future(what)
        done, _ = await asyncio.wait({task, self._failure}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            return task.result()
        task.cancel()
        if self._failure in done:
            self._failure.result()
        raise TimeoutError(f"nothing happened for {timeout} s")

    async def connect(self, prepare: Prepare | None = None) -> "Link":
        """Make a connection with one channel and return when it is open on both sides."""
        link = await self._connect(prepare)
        self.say([link.opened_at, link.described_at])
        opened_at, described_at = await self.hear()
        link.opened_at = max(link.opened_at, opened_at)
        link.described_at = max(link.described_at, described_at)
        return link

    async def connect_many(self, count: int, at_once: int) -> "list[Link]":
        """Make ``count`` connections, ``at_once`` of them side by side, and return when all are open on both sides."""
        links: list[Link] = []
        while len(links) < count:
            links += await asyncio.gather(*(self._connect() for _ in range(min(at_once, count - len(links)))))
            self.say("connected")
            await self.hear()
        return links

    async def hang_up(self, link: "Link") -> None:
        """Close a connection and return when both sides have; what still comes from the other side is not heard."""
        link.pump.cancel()
        await link.connection.close()
        self.say("closed")
        await self.hear()

    async def hang_up_with_other(self, link: "Link") -> None:
        """As `hang_up`, when the other side has."""
        await self.hear()
        link.pump.cancel()
        await link.connection.close()
        self.say("closed")

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run something beside what the side does; its failure is the side's."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """End the line and what runs beside it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()

    async def _connect(self, prepare: Prepare | None = None) -> "Link":
        link = Link()
        number = self._count
        self._count += 1
        is_open = asyncio.Event()

        def opened() -> None:
            link.opened_at = link.opened_at or time.monotonic()
            is_open.set()

        def use(channel: Channel) -> None:
            link.channel = channel
            channel.on_open(opened)
            if channel.is_open():
                opened()

        def tell(signal: Signal) -> None:
            if "description" in signal:
                link.described_at = time.monotonic()
            self._write([number, signal])

        link.connection = connection = self._connection_class(tell)
        if prepare:
            await prepare(connection)
        if self.is_left:
            use(connection.create_channel("benchmark"))
            await connection.offer()
        else:
            connection.on_channel(use)
        link.pump = self.start(self._pump(number, link))
        try:
            await self.wait(is_open.wait(), CONNECT_TIMEOUT)
        except TimeoutError:
            state = f"connection {number} is {connection.state()}"
            raise TimeoutError(f"{state}, its channel not open after {CONNECT_TIMEOUT} s") from None
        return link

    async def _pump(self, number: int, link: "Link") -> None:
        """Hand the other side's signals to the connection; candidates may come long after it is open."""
        while True:
            signal = await self._signals[number].get()
            if "description" in signal:
                link.told_at = time.monotonic()
            await link.connection.take(signal)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            kind, content = json.loads(line)
            if kind == "word":
                self._words.put_nowait(content)
            else:
                self._signals[kind].put_nowait(content)
        raise ConnectionError("the other side has ended")

    def _write(self, message: list[Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._failure.done():
            self._failure.set_exception(error)
            self._failure.exception()  # retrieved, whether or not somebody waits


class Link:
    """A connection, its channel, and its moments; the monotonic clock is the same for all processes of a machine."""

    connection: Connection
    channel: Channel
    pump: "asyncio.Task[None]"

    def __init__(self) -> None:
        self.began_at = time.monotonic()
        self.told_at = 0.0  # the other side's description came
        self.described_at = 0.0  # the answer was handed over
        self.opened_at = 0.0  # on the later of both sides


def cpu_time() -> float:
    """CPU seconds of this process so far, all threads, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident() -> float:
    """Bytes of this process in memory."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4096.0


async def run_side(peer: str, benchmark: str, side: str, line: int, parameters: dict[str, Any]) -> dict[str, Any]:
    """One side of one run; the result's keys are up to the benchmark."""
    from benchmarks.measures import MEASURES

    session = Session(peer, is_left=side == "left")
    await session.open(line)
    try:
        measure = MEASURES[benchmark]
        result: dict[str, Any] = await (measure.left if side == "left" else measure.right)(session, **parameters)
        # Nobody leaves before the other has what it needs.
        session.say("end")
        with contextlib.suppress(ConnectionError):
            await session.hear()
        return result
    finally:
        await session.close()


def main() -> None:
    peer, benchmark, side, line, parameters, path = sys.argv[1:]
    if peer.endswith("+uvloop"):
        import uvloop

        run = uvloop.run
    else:
        run = asyncio.run
    try:
        result = run(run_side(peer, benchmark, side, int(line), json.loads(parameters)))
    except Exception as error:
        result = {"failed": f"{type(error).__name__}: {error}".partition("\n")[0]}
    Path(path).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
