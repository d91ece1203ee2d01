"""What a test may ask of a peer, whoever made it: ours, a browser's, or aiortc's."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

Description = dict[str, str]
Candidate = dict[str, Any]
Message = str | bytes
Mode = Literal["trickle", "bulk"]

WAIT = 15.0  # for one thing to happen, on a busy machine with two cores


@dataclass(frozen=True)
class Abilities:
    """Where peers differ, and tests have to know it."""

    largest_message: int = 256 * 1024  # that it takes, as it announces
    trickles: bool = True  # gives its own candidates one by one


class Peer(ABC):
    """One RTCPeerConnection and its channels, which are found by their label."""

    name: str
    abilities = Abilities()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.finish()

    @abstractmethod
    async def create_channel(self, label: str, **options: Any) -> None: ...

    @abstractmethod
    async def describe(self, kind: Literal["offer", "answer"], mode: Mode) -> Description:
        """Make and set the local description; in bulk it is returned with all candidates, else without any."""

    @abstractmethod
    async def accept(self, description: Description) -> None:
        """Set the remote description."""

    @abstractmethod
    async def add_candidate(self, candidate: Candidate | None) -> None: ...

    @abstractmethod
    async def next_candidate(self) -> Candidate | None:
        """The next of its own candidates, None after the last; waits until there is one."""

    @abstractmethod
    async def states(self) -> dict[str, str]:
        """``connection``, ``ice``, ``signaling``."""

    @abstractmethod
    async def connected(self) -> None:
        """Wait until `connectionState` is connected."""

    @abstractmethod
    async def channel(self, label: str, state: str = "open") -> dict[str, Any]:
        """Wait until there is such a channel in that state; returns its attributes by their names."""

    @abstractmethod
    async def send(self, label: str, *messages: Message) -> None: ...

    @abstractmethod
    async def received(self, label: str, count: int) -> list[Message]:
        """Wait for that many messages, and take them."""

    @abstractmethod
    async def close_channel(self, label: str) -> None: ...

    @abstractmethod
    async def close(self) -> None:
        """Close the peer connection; the peer can still be asked for what it saw."""

    @abstractmethod
    async def finish(self) -> None:
        """Close, and release what the peer was made of."""


class Trickling:
    """Carries the candidates of one peer to the other, as a signalling channel would, `copies` times each."""

    def __init__(self, source: Peer, target: Peer, *, copies: int = 1) -> None:
        self._source = source
        self._target = target
        self._copies = copies
        self.carried: list[Candidate | None] = []
        self._task = asyncio.create_task(self._carry())

    async def _carry(self) -> None:
        while True:
            candidate = await self._source.next_candidate()
            self.carried.append(candidate)
            for _ in range(self._copies):
                await self._target.add_candidate(candidate)
            if candidate is None:
                return

    async def done(self) -> list[Candidate]:
        """All that was carried, once the last one has been."""
        async with asyncio.timeout(WAIT):
            await self._task
        return [one for one in self.carried if one is not None]

    async def stop(self) -> None:
        """Carry no more; what went wrong until now is raised."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def connect(offerer: Peer, answerer: Peer, mode: Mode = "trickle", *, copies: int = 1) -> None:
    """Negotiate what both have created and wait until both are connected."""
    offer = await offerer.describe("offer", mode if offerer.abilities.trickles else "bulk")
    await answerer.accept(offer)
    answer = await answerer.describe("answer", mode if answerer.abilities.trickles else "bulk")
    await offerer.accept(answer)
    pairs = [(offerer, answerer), (answerer, offerer)]
    carriers = [
        Trickling(source, target, copies=copies)
        for source, target in pairs
        if mode == "trickle" and source.abilities.trickles
    ]
    try:
        async with asyncio.timeout(WAIT):
            await asyncio.gather(offerer.connected(), answerer.connected())
        for carrier in carriers:
            await carrier.done()
    finally:
        for carrier in carriers:
            await carrier.stop()
