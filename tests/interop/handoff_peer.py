"""One side of a transfer during which a host changes its network: a child process, told by lines of JSON.

    {"start": "sender", "policy": "once"}    or "receiver"; the sender offers, and has a NetworkHandoff
    {"signal": {...}}                        what the other side's line with "signal" carried
    {"send": 20971520}                       so many bytes, once the channel is open
    {"expect": 20971520}                     tell when so many have arrived

and answers with lines that carry one of "signal" (for the other side), "open", "event" (of the helper), "received" (how
much so far), or "digest" (SHA-256 of all, with the "arrivals" of messages on the clock that processes share).
"""

import asyncio
import hashlib
import json
import random
import sys
import time
from typing import Any

from rtcpeer import IceSettings, NetworkHandoff, RTCDataChannel, RTCPeerConnection, Settings

Line = dict[str, Any]

MESSAGE = 16384
STEP = 1 << 20  # how often the receiver tells


class Side:
    def __init__(self, start: Line) -> None:
        self.is_sender = start["start"] == "sender"
        self.pc = RTCPeerConnection(settings=Settings(ice=IceSettings(gathering_policy=start["policy"])))
        self.channel: RTCDataChannel = self.pc.createDataChannel("transfer", negotiated=True, id=0)
        self.channel.on("open", lambda: say(open=True))
        self.channel.on("message", self.take)
        self.received = hashlib.sha256()
        self.size = self.expected = 0
        self.arrivals: list[float] = []
        self.pc.on("icecandidate", lambda each: say(signal={"candidate": each.toJSON() if each else None}))
        if self.is_sender:
            self.pc.on("negotiationneeded", self.describe)
            handoff = NetworkHandoff(self.pc)
            for event in ("renominated", "restarting", "recovered", "gave_up"):
                handoff.on(event, lambda *_, event=event: say(event=event))

    async def describe(self) -> None:
        await self.pc.setLocalDescription()
        description = self.pc.localDescription
        assert description is not None
        say(signal={"description": {"type": description.type, "sdp": description.sdp}})

    async def obey(self, line: Line) -> None:
        if "send" in line:
            data = random.Random(20).randbytes(line["send"])
            for start in range(0, len(data), MESSAGE):
                self.channel.send(data[start : start + MESSAGE])
            say(digest=hashlib.sha256(data).hexdigest())
        elif "expect" in line:
            self.expected = line["expect"]
        elif "candidate" in line["signal"]:
            await self.pc.addIceCandidate(line["signal"]["candidate"])
        else:
            await self.pc.setRemoteDescription(line["signal"]["description"])
            if not self.is_sender:
                await self.describe()

    def take(self, message: bytes) -> None:
        before, self.size = self.size, self.size + len(message)
        self.received.update(message)
        self.arrivals.append(time.monotonic())
        if self.size // STEP > before // STEP:
            say(received=self.size)
        if self.size == self.expected:
            say(digest=self.received.hexdigest(), arrivals=self.arrivals)


def say(**parts: Any) -> None:
    sys.stdout.write(json.dumps(parts) + "\n")
    sys.stdout.flush()


async def main() -> None:
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    side = Side(json.loads(await reader.readline()))
    async for line in reader:
        await side.obey(json.loads(line))
    await side.pc.close()


if __name__ == "__main__":
    asyncio.run(main())
