"""The other side of `tests.interop.peers.aiortc_peer`: does what each line of standard input asks."""

import asyncio
import json
import sys
from typing import Any

from aiortc import RTCConfiguration, RTCIceCandidate, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from tests.interop.peers.encoding import decode, encode
from tests.interop.peers.peer import Candidate, Description
from tests.interop.peers.python_peer import PythonPeer


class AiortcChildPeer(PythonPeer):
    """aiortc wants objects where the W3C takes dictionaries."""

    name = "aiortc"

    async def accept(self, description: Description) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(description["sdp"], description["type"]))

    async def add_candidate(self, candidate: Candidate | None) -> None:
        await self.pc.addIceCandidate(_candidate(candidate) if candidate else None)


def _candidate(init: Candidate) -> RTCIceCandidate:
    candidate = candidate_from_sdp(init["candidate"].removeprefix("candidate:"))
    candidate.sdpMid = init["sdpMid"]
    candidate.sdpMLineIndex = init["sdpMLineIndex"]
    return candidate


class Child:
    """The peer, and how messages are carried to it."""

    def __init__(self) -> None:
        self.peer: Any = None

    async def start(self) -> None:
        self.peer = AiortcChildPeer(RTCPeerConnection(RTCConfiguration(iceServers=[])))

    async def send(self, label: str, messages: list[dict[str, str]]) -> None:
        await self.peer.send(label, *map(decode, messages))

    async def received(self, label: str, count: int) -> list[dict[str, str]]:
        return [encode(message) for message in await self.peer.received(label, count)]

    def method(self, name: str) -> Any:
        return getattr(self, name, None) or getattr(self.peer, name)


async def main() -> None:
    child = Child()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks: set[asyncio.Task[None]] = set()

    async def answer(request: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            answer["result"] = await child.method(request["method"])(*request["arguments"], **request["options"])
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    async for line in reader:
        task = asyncio.create_task(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main())
