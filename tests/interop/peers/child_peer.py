"""A peer in a process of its own, which is asked over its standard streams, a line of JSON for each call."""

import asyncio
import contextlib
import itertools
import json
from pathlib import Path
from typing import Any, Literal, Self

from tests.interop.peers.encoding import decode, encode
from tests.interop.peers.peer import Abilities, Candidate, Description, Message, Mode, Peer

ROOT = Path(__file__).parents[3]


class PeerProcess:
    """A program that has one peer connection at a time."""

    def __init__(self, name: str, *command: str | Path) -> None:
        self.name = name
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        self._reader = asyncio.create_task(self._read(self._process))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reader is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await self._reader

    async def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the child's peer."""
        assert self._process is not None
        assert self._process.stdin is not None
        number = next(self._ids)
        self._answers[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "method": method, "arguments": arguments, "options": options})
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()
        try:
            return await self._answers[number]
        finally:
            del self._answers[number]

    def kill(self) -> None:
        """Let it vanish without a word."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            answer = json.loads(line)
            waiting = self._answers.get(answer["id"])
            if waiting is None or waiting.done():
                continue  # who asked was cancelled
            if "error" in answer:
                waiting.set_exception(RuntimeError(f"{self.name}: {answer['error']}"))
            else:
                waiting.set_result(answer["result"])
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(RuntimeError(f"the process with {self.name} has ended"))


class ChildPeer(Peer):
    """The one peer of such a process."""

    # It tells its candidates only all at once.
    abilities = Abilities(trickles=False)

    def __init__(self, process: PeerProcess) -> None:
        self.name = process.name
        self.process = process

    @classmethod
    async def start(cls, process: PeerProcess, *arguments: str) -> Self:
        await process.call("start", *arguments)
        return cls(process)

    async def create_channel(self, label: str, **options: Any) -> None:
        await self.process.call("create_channel", label, **options)

    async def describe(self, kind: Literal["offer", "answer"], mode: Mode) -> Description:
        description: Description = await self.process.call("describe", kind, mode)
        return description

    async def accept(self, description: Description) -> None:
        await self.process.call("accept", description)

    async def add_candidate(self, candidate: Candidate | None) -> None:
        await self.process.call("add_candidate", candidate)

    async def next_candidate(self) -> Candidate | None:
        raise NotImplementedError(f"{self.name} does not trickle")

    async def states(self) -> dict[str, str]:
        states: dict[str, str] = await self.process.call("states")
        return states

    async def connected(self) -> None:
        await self.process.call("connected")

    async def channel(self, label: str, state: str = "open") -> dict[str, Any]:
        attributes: dict[str, Any] = await self.process.call("channel", label, state)
        return attributes

    async def send(self, label: str, *messages: Message) -> None:
        await self.process.call("send", label, [encode(one) for one in messages])

    async def received(self, label: str, count: int) -> list[Message]:
        return [decode(one) for one in await self.process.call("received", label, count)]

    async def close_channel(self, label: str) -> None:
        await self.process.call("close_channel", label)

    async def close(self) -> None:
        await self.process.call("close")

    async def finish(self) -> None:
        with contextlib.suppress(RuntimeError):
            await self.process.call("finish")
