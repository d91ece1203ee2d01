"""Two connections take any calls in any order: only the W3C's exceptions come out, and closing leaves nothing."""

import asyncio
import contextlib
import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.errors import DOMException
from tests.sim.loop import run
from tests.sim.peers import World

HOST = "candidate:1 1 udp 2130706431 203.0.113.77 5000 typ host"

CALLS = (
    "createOffer",
    "createAnswer",
    "setLocal",
    "setLocal createOffer",
    "setLocal createAnswer",
    "rollback local",
    "rollback remote",
    "setRemote",
    "setRemote stale",
    "addIceCandidate",
    "addIceCandidate None",
    "addIceCandidate bad",
    "createDataChannel",
    "createDataChannel negotiated",
    "send",
    "close channel",
    "gathered",
    "sleep",
    "close",
)
steps = st.lists(st.tuples(st.booleans(), st.sampled_from(CALLS), st.booleans()), max_size=25)


def trickle(source, target):
    """As a program does that reckons with descriptions in any order: a candidate may have no section where it comes."""

    async def carry(candidate):
        await asyncio.sleep(0.02)
        with contextlib.suppress(DOMException):
            await target.addIceCandidate(candidate and candidate.toJSON())

    source.on("icecandidate", carry)


class Actor:
    """One connection with what a program would hold on to."""

    def __init__(self, pc):
        self.pc = pc
        self.channels = []
        self.offers = []
        pc.on("datachannel", self.channels.append)

    async def call(self, name, other):
        pc = self.pc
        match name.split():
            case ["createOffer"]:
                self.offers.append(await pc.createOffer())
            case ["createAnswer"]:
                await pc.createAnswer()
            case ["setLocal"]:
                await pc.setLocalDescription()
            case ["setLocal", method]:
                await pc.setLocalDescription(await getattr(pc, method)())
            case ["rollback", side]:
                await getattr(pc, f"set{side.capitalize()}Description")({"type": "rollback"})
            case ["setRemote"] if other.pc.localDescription:
                await pc.setRemoteDescription(other.pc.localDescription)
            case ["setRemote", _] if other.offers:
                await pc.setRemoteDescription(copy.copy(other.offers[0]))
            case ["addIceCandidate"]:
                await pc.addIceCandidate({"candidate": HOST, "sdpMid": "0"})
            case ["addIceCandidate", "None"]:
                await pc.addIceCandidate(None)
            case ["addIceCandidate", _]:
                await pc.addIceCandidate({"candidate": "candidate:x", "sdpMid": "0"})
            case ["createDataChannel"]:
                self.channels.append(pc.createDataChannel("x"))
            case ["createDataChannel", _]:
                self.channels.append(pc.createDataChannel("n", negotiated=True, id=5))
            case ["send"] if self.channels:
                self.channels[-1].send("hello")
            case ["close", "channel"]:
                if self.channels:
                    self.channels[0].close()
            case ["gathered"]:
                await pc.gathered(timeout=0.2)
            case ["sleep"]:
                await asyncio.sleep(0.3)
            case ["close"]:
                await pc.close()


@settings(max_examples=60)
@given(steps, st.integers(0, 3))
def test_any_order_of_calls_raises_only_what_is_documented_and_closes_cleanly(program, seed):
    async def main():
        world = World(seed)
        a, b = world.pair()
        if seed & 1:
            trickle(a, b)
            trickle(b, a)
        actors = [Actor(a), Actor(b)]
        pending = []
        for is_second, name, is_awaited in program:
            actor, other = actors[is_second], actors[not is_second]
            task = asyncio.ensure_future(actor.call(name, other))
            pending.append(task)
            if is_awaited:
                await asyncio.wait([task])
        ends = await asyncio.gather(*pending, return_exceptions=True)
        unexpected = [end for end in ends if isinstance(end, BaseException) and not isinstance(end, DOMException)]
        assert unexpected == []
        await world.close()
        assert a.connectionState == b.connectionState == "closed"
        assert {channel.readyState for actor in actors for channel in actor.channels} <= {"closed"}
        await asyncio.sleep(0.1)

    run(main(), seed)
