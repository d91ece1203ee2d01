"""A host of a real kernel changes its network in the middle of a transfer."""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from typing import Any, Self

import pytest

from rtcpeer import IceSettings, NetworkHandoff, RTCPeerConnection, Settings
from tests.interop.behaviours import Pair
from tests.interop.behaviours import exchange as converse
from tests.interop.chromium import Chromium
from tests.interop.conftest import require_lab
from tests.interop.netlab import ROOT, LinkSettings, Namespace, netlab
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.peer import Message, connect
from tests.interop.peers.python_peer import OurPeer

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module", autouse=True)
def _require_lab() -> None:
    require_lab()


SIZE = 20 << 20
PULLED_AT = 4 << 20

Line = dict[str, Any]


class Child:
    """A `tests.interop.handoff_peer` in its namespace; what it says is kept by its first word."""

    other: Self

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._changed = asyncio.Event()
        self.said: dict[str, list[Line]] = {}

    @classmethod
    @asynccontextmanager
    async def start(cls, place: Namespace) -> AsyncIterator[Self]:
        process = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", place.name, sys.executable, "-m", "tests.interop.handoff_peer"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        child = cls(process)
        reader = asyncio.create_task(child._read())
        try:
            yield child
        finally:
            process.kill()
            await process.wait()
            await reader

    def tell(self, **parts: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(parts).encode() + b"\n")

    async def first(self, word: str, within: float = 60.0) -> Line:
        async with asyncio.timeout(within):
            while word not in self.said:
                await self.news()
        return self.said[word][0]

    async def news(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for text in self._process.stdout:
            line = json.loads(text)
            if "signal" in line:
                self.other.tell(**line)
            self.said.setdefault(next(iter(line)), []).append(line)
            self._changed.set()


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def join(left: Namespace, right: Namespace) -> None:
    """A second network between the two; on the left its cable is not plugged in yet."""
    ip("-n", left.name, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", right.name)
    for place, address in ((left, "10.78.0.1/24"), (right, "10.78.0.2/24")):
        ip("-n", place.name, "address", "add", address, "dev", "eth1")
    ip("-n", right.name, "link", "set", "eth1", "up")


@pytest.mark.parametrize("policy", ["continually", "once"])
async def test_a_transfer_survives_that_one_link_goes_down_and_another_comes_up(policy: str) -> None:
    with netlab(LinkSettings(delay=0.01, rate=50e6)) as lab:
        join(lab.left, lab.right)
        async with Child.start(lab.left) as sender, Child.start(lab.right) as receiver:
            sender.other, receiver.other = receiver, sender
            receiver.tell(start="receiver", policy="continually")
            sender.tell(start="sender", policy=policy)
            receiver.tell(expect=SIZE)
            await sender.first("open")
            await receiver.first("open")
            sender.tell(send=SIZE)
            async with asyncio.timeout(60):
                while receiver.said.get("received", [{"received": 0}])[-1]["received"] < PULLED_AT:
                    await receiver.news()
            pulled_at = time.monotonic()
            ip("-n", lab.left.name, "link", "set", "eth0", "down")
            ip("-n", lab.left.name, "link", "set", "eth1", "up")
            done = await receiver.first("digest", within=120)
            assert done["digest"] == (await sender.first("digest"))["digest"]
            arrivals = [pulled_at, *(each for each in done["arrivals"] if each > pulled_at)]
            pause = max(later - earlier for earlier, later in pairwise(arrivals))
            events = [line["event"] for line in sender.said.get("event", [])]
            print(f"{policy}: traffic paused for {pause:.2f} s; {', '.join(events)}")
            assert pause < 10
            assert "gave_up" not in events
            assert policy == "continually" or "restarting" in events


@contextmanager
def plugs(*names: str) -> Iterator[None]:
    """Further interfaces of this process's namespace, of which only the first one's cable is plugged in."""
    try:
        for number, name in enumerate(names):
            ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
            ip("address", "add", f"10.79.{number}.2/24", "dev", name)
            ip("link", "set", name, "up")
        ip("link", "set", f"{names[0]}p", "up")
        yield
    finally:
        for name in names:
            ip("link", "delete", name)


@pytest.mark.parametrize("side", ["ours", "theirs"])
async def test_chromium_follows_us_into_another_network_by_a_restart_from_either_side(side: str) -> None:
    """Ours by the helper, theirs because its program asks for one when it hears that we have moved."""
    with plugs("hand0", "hand1"):
        settings = Settings(ice=IceSettings(interface_filter=["hand0", "hand1"]))
        async with (
            Chromium() as browser,
            await BrowserPeer.start(browser) as theirs,
            OurPeer(RTCPeerConnection(settings=settings)) as ours,
        ):
            pair = Pair(ours, theirs, we_offer=True)
            await pair.connect()
            ice = ours.pc.sctp.transport.iceTransport
            ice.on("selectedcandidatepairchange", ours.wake)
            assert ice.getSelectedCandidatePair().local.address == "10.79.0.2"
            messages: list[Message] = [random.Random(3).randbytes(16384) for _ in range(64)]
            transfer = asyncio.ensure_future(converse(pair, "chat", messages))
            needed = asyncio.Event()
            ours.pc.on("negotiationneeded", needed.set)
            handoff = NetworkHandoff(ours.pc) if side == "ours" else None
            ip("link", "set", "hand0p", "down")
            ip("link", "set", "hand1p", "up")
            if handoff is not None:
                async with handoff, asyncio.timeout(30):
                    await needed.wait()
                await connect(ours, theirs)
            else:
                await theirs.page.run("peer.pc.restartIce();")
                await connect(theirs, ours)
            await ours.until(lambda: ours_in_use(ours) == "10.79.1.2", "pair of the other network", within=30)
            await transfer
            await converse(pair, "chat", ["after"])


def ours_in_use(ours: OurPeer) -> str | None:
    pair = ours.pc.sctp.transport.iceTransport.getSelectedCandidatePair()
    return pair and pair.local.address
