"""rtcpeer at one site of the NAT lab: a child process that has any number of connections, told by lines of JSON.

    {"connection": "7", "start": "offer", "servers": [...],      or "answer"; the offering side makes the channel
     "ca_file": "..."}                                           who vouches for turns: servers
    {"connection": "7", "signal": {...}}                         what the other side's line with "signal" carried
    {"connection": "7", "report": 3.0}                           asks how it stands: once a pair is nominated, or then
    {"connection": "7", "close": true}

and answers with lines that carry the connection's name and one of "signal" (for the other side), "started",
"connected", "echoed" (each the time, on the clock that all processes of the machine share), "report", "closed" or
"error".
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from rtcpeer import IceSettings, RTCIceCandidate, RTCIceCandidateError, RTCPeerConnection, Settings

Line = dict[str, Any]

# More than a packet each way, after the words.
WORDS = "does this path carry data?"
BULK = bytes(range(256)) * 64


class Connection:
    """One peer connection, and what became of it."""

    def __init__(self, name: str, start: Line, say: Callable[..., None]) -> None:
        self._say = lambda **parts: say(connection=name, **parts)
        self._errors: list[str] = []
        self._echoes: list[str | bytes] = []
        settings = Settings(ice=IceSettings(tls_ca_file=start["ca_file"]))
        self.pc = RTCPeerConnection({"iceServers": start["servers"]}, settings)
        self.pc.on("icecandidate", self._signal_candidate)
        self.pc.on("icecandidateerror", self._note_error)
        self.pc.on("connectionstatechange", self._tell_connected)
        self.pc.on("datachannel", lambda channel: channel.on("message", channel.send))

    async def offer(self) -> None:
        self._say(started=time.monotonic())
        channel = self.pc.createDataChannel("echo")

        @channel.on("open")
        def send() -> None:
            channel.send(WORDS)
            channel.send(BULK)

        @channel.on("message")
        def take(message: str | bytes) -> None:
            self._echoes.append(message)
            if self._echoes == [WORDS, BULK]:
                self._say(echoed=time.monotonic())

        await self.pc.setLocalDescription()
        self._signal_description()

    async def take(self, signal: Line) -> None:
        if "candidate" in signal:
            await self.pc.addIceCandidate(signal["candidate"])
            return
        await self.pc.setRemoteDescription(signal["description"])
        if signal["description"]["type"] == "offer":
            await self.pc.setLocalDescription()
            self._signal_description()

    async def report(self, patience: float) -> None:
        assert self.pc.sctp is not None
        ice = self.pc.sctp.transport.iceTransport
        # The pair in use may change until one is nominated.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while ice._agent.core.agent.selected_pair is None:
                    await asyncio.sleep(0.02)
        pair = ice.getSelectedCandidatePair()
        report: Line = {"state": self.pc.connectionState, "errors": self._errors, "pair": None}
        if pair:
            report["pair"] = [[end.type, end.protocol, end.address] for end in (pair.local, pair.remote)]
            report["relayProtocol"] = pair.local.relayProtocol
        self._say(report=report)

    async def close(self) -> None:
        await self.pc.close()
        self._say(closed=time.monotonic())

    def _signal_description(self) -> None:
        description = self.pc.localDescription
        assert description is not None
        self._say(signal={"description": {"type": description.type, "sdp": description.sdp}})

    def _signal_candidate(self, candidate: RTCIceCandidate | None) -> None:
        self._say(signal={"candidate": candidate.toJSON() if candidate else None})

    def _note_error(self, error: RTCIceCandidateError) -> None:
        self._errors.append(f"{error.url}: {error.errorCode} {error.errorText}")

    def _tell_connected(self) -> None:
        if self.pc.connectionState == "connected":
            self._say(connected=time.monotonic())


class Site:
    """The connections by their names."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}

    async def obey(self, line: Line) -> None:
        name = line["connection"]
        if "start" in line:
            connection = self._connections[name] = Connection(name, line, say)
            if line["start"] == "offer":
                await connection.offer()
            return
        connection = self._connections[name]
        if "signal" in line:
            await connection.take(line["signal"])
        elif "report" in line:
            await connection.report(line["report"])
        else:
            await self._connections.pop(name).close()


def say(**parts: Any) -> None:
    sys.stdout.write(json.dumps(parts) + "\n")
    sys.stdout.flush()


async def main() -> None:
    site = Site()
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say(ready=True)
    tasks: set[asyncio.Task[None]] = set()

    async def obey(line: Line) -> None:
        try:
            await site.obey(line)
        except Exception as error:
            say(connection=line["connection"], error=f"{type(error).__name__}: {error}")

    # Each line's first steps are taken in order; the peer connection keeps the order of its operations itself.
    async for text in reader:
        task = asyncio.create_task(obey(json.loads(text)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main())
