"""A peer made of an RTCPeerConnection in Python: ours, in the test's own process, or aiortc's, in a child."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, Literal

from tests.interop.peers.peer import WAIT, Abilities, Candidate, Description, Message, Mode, Peer

CHANNEL_ATTRIBUTES = (
    "id",
    "label",
    "protocol",
    "ordered",
    "maxRetransmits",
    "maxPacketLifeTime",
    "negotiated",
    "readyState",
)


class PythonPeer(Peer):
    """Speaks the part of the W3C's face that rtcpeer and aiortc have in common; `pc` is anybody's."""

    def __init__(self, pc: Any, *, listens: bool = True) -> None:
        self.pc = pc
        self.channels: dict[str, Any] = {}
        self.messages: dict[str, deque[Message]] = defaultdict(deque)
        self.events: list[str] = []
        self.candidates: deque[Candidate | None] = deque()
        self._changed = asyncio.Event()
        for kind in ("connection", "iceconnection", "signaling", "icegathering"):
            pc.on(f"{kind}statechange", lambda kind=kind: self._note(f"{kind} {self._state(kind)}"))
        pc.on("datachannel", self._adopt)
        if listens:
            pc.on("icecandidate", self._take_candidate)

    async def create_channel(self, label: str, **options: Any) -> None:
        self._adopt(self.pc.createDataChannel(label, **options))

    async def describe(self, kind: Literal["offer", "answer"], mode: Mode) -> Description:
        made = await (self.pc.createOffer() if kind == "offer" else self.pc.createAnswer())
        await self.pc.setLocalDescription(made)
        if mode == "bulk":
            await self._gathered()
            made = self.pc.localDescription
        return {"type": made.type, "sdp": made.sdp}

    async def accept(self, description: Description) -> None:
        await self.pc.setRemoteDescription(description)

    async def add_candidate(self, candidate: Candidate | None) -> None:
        await self.pc.addIceCandidate(candidate)

    async def next_candidate(self) -> Candidate | None:
        await self.until(lambda: bool(self.candidates), "a candidate")
        return self.candidates.popleft()

    async def states(self) -> dict[str, str]:
        return {kind: self._state(kind) for kind in ("connection", "iceconnection", "signaling")}

    async def connected(self) -> None:
        await self.until(lambda: self.pc.connectionState == "connected", "connectionState connected")

    async def channel(self, label: str, state: str = "open") -> dict[str, Any]:
        def has_come() -> bool:
            return label in self.channels and self.channels[label].readyState == state

        await self.until(has_come, f"channel {label} {state}")
        return {name: getattr(self.channels[label], name, None) for name in CHANNEL_ATTRIBUTES}

    async def send(self, label: str, *messages: Message) -> None:
        for message in messages:
            self.channels[label].send(message)

    async def received(self, label: str, count: int) -> list[Message]:
        messages = self.messages[label]
        await self.until(lambda: len(messages) >= count, f"{count} messages on {label}")
        return [messages.popleft() for _ in range(count)]

    async def close_channel(self, label: str) -> None:
        self.channels[label].close()

    async def close(self) -> None:
        await self.pc.close()

    async def finish(self) -> None:
        await self.close()

    async def until(self, condition: Callable[[], bool], what: str, within: float = WAIT) -> None:
        """Wait for a condition, looking whenever something happened."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"no {what} at {self.name} after {within} s; it saw: {', '.join(self.events)}") from None

    def wake(self, *_: object) -> None:
        """Let `until` look again."""
        self._changed.set()

    async def _gathered(self) -> None:
        await self.until(lambda: self.pc.iceGatheringState == "complete", "end of gathering")

    def _state(self, kind: str) -> str:
        name = {"iceconnection": "iceConnection", "icegathering": "iceGathering"}.get(kind, kind)
        return str(getattr(self.pc, f"{name}State"))

    def _adopt(self, channel: Any) -> None:
        label = channel.label
        self.channels[label] = channel
        for event in ("open", "closing", "close", "bufferedamountlow"):
            channel.on(event, lambda event=event: self._note(f"{label} {event}"))
        channel.on("error", lambda error: self._note(f"{label} error {error}"))

        @channel.on("message")
        def take(message: Message) -> None:
            self.messages[label].append(message)
            self.wake()

        self._note(f"{label} known")

    def _take_candidate(self, candidate: Any) -> None:
        if candidate and not candidate.candidate:
            return  # "no more of this generation", before the None
        self.candidates.append(candidate.toJSON() if candidate else None)
        self.wake()

    def _note(self, event: str) -> None:
        self.events.append(event)
        self.wake()


class OurPeer(PythonPeer):
    """rtcpeer, in this process."""

    name = "rtcpeer"
    abilities = Abilities()
