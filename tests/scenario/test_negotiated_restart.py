"""Perfect negotiation and ICE restarts: both sides ask when they like, at once too, and the connection follows."""

import asyncio
import random
from typing import Any

from rtcpeer.signaling import PeerNegotiator
from rtcpeer.signaling.events import CandidateReceived, DescriptionReceived, Peer
from tests.sim.loop import run
from tests.sim.peers import World, connected, until


class Line:
    """One end of a signalling connection that delivers in order, a little later."""

    def __init__(self, dice: random.Random) -> None:
        self.other: Line
        self.sender: Peer  # as the other end knows us
        self._dice = dice
        self._taker: Any = None
        self._due = 0.0

    def take(self, peer_id: str, taker: Any) -> None:
        self._taker = taker

    def release(self, peer_id: str) -> None:
        self._taker = None

    async def send_description(self, peer_id: str, description: Any) -> None:
        self._send(DescriptionReceived(self.sender, {"type": description.type, "sdp": description.sdp}))

    async def send_candidate(self, peer_id: str, candidate: Any) -> None:
        self._send(CandidateReceived(self.sender, candidate and candidate.toJSON()))

    def _send(self, message: Any) -> None:
        loop = asyncio.get_running_loop()
        self._due = max(
            self._due + 1e-6, loop.time() + self._dice.random() * 0.1
        )  # the loop shuffles what is due at once
        loop.call_at(self._due, lambda: self.other._taker and self.other._taker(message))


def fragments(pc):
    transport = pc.sctp.transport.iceTransport
    return transport.getLocalParameters().usernameFragment, transport.getRemoteParameters().usernameFragment


def in_use(pc):
    pair = pc.sctp.transport.iceTransport.getSelectedCandidatePair()
    return pair and (pair.local.usernameFragment, pair.remote.usernameFragment)


async def converse(seed: int, *, trickle: bool) -> None:
    dice = random.Random(seed)
    world = World(seed)
    a, b = world.pair()
    lines = Line(dice), Line(dice)
    errors: list[Exception] = []
    negotiators = []
    for line, other, pc, is_polite in ((lines[0], lines[1], a, True), (lines[1], lines[0], b, False)):
        line.other = other
        line.sender = Peer("id", "name", polite=not is_polite)
        to_other = Peer("id", "name", polite=is_polite)
        negotiators.append(PeerNegotiator(line, to_other, pc, trickle=trickle, on_error=errors.append))  # type: ignore[arg-type]
    received: list[object] = []
    b.on("datachannel", lambda theirs: theirs.on("message", received.append))
    channel = a.createDataChannel("x")
    await connected(a, b)
    await until(lambda: channel.readyState == "open")
    for number in range(4):
        before = fragments(a)
        for pc in dice.choice([(a,), (b,), (a, b)]):
            asyncio.get_running_loop().call_later(dice.random() * 0.05, pc.restartIce)
        channel.send(str(number))
        await until(lambda before=before: not set(before) & set(fragments(a)), 30)
        await until(lambda: a.signalingState == b.signalingState == "stable", 30)
        await until(lambda: in_use(a) == fragments(a) == fragments(b)[::-1] == (in_use(b) or ())[::-1], 30)
    await until(lambda: received == ["0", "1", "2", "3"])
    assert a.connectionState == b.connectionState == "connected"
    assert errors == []
    await asyncio.sleep(1)
    for negotiator in negotiators:
        await negotiator.close()
    await world.close()


def test_both_sides_restart_when_they_like():
    for seed in range(12):
        run(converse(seed, trickle=True))


def test_restarts_in_bulk():
    for seed in range(6):
        run(converse(seed, trickle=False))
