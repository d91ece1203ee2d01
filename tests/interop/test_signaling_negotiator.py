"""Perfect negotiation with real connections through the real server, above all when both offer at once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rtcpeer import RTCPeerConnection
from rtcpeer.signaling import Peer as RoomPeer
from rtcpeer.signaling import PeerNegotiator, SignalingClient
from tests.interop.peers.python_peer import OurPeer
from tests.interop.test_signaling_server import serve

pytestmark = pytest.mark.interop

ROUNDS = 25


class Side:
    """A connection that negotiates through a room."""

    def __init__(self, signaling: SignalingClient, *, trickle: bool) -> None:
        (peer,) = signaling.peers.values()
        self.room_peer: RoomPeer = peer
        self.errors: list[Exception] = []
        # In bulk nobody may listen for candidates, or the description comes without them.
        self.peer = OurPeer(RTCPeerConnection(), listens=False)
        self.negotiator = PeerNegotiator(signaling, peer, self.peer.pc, trickle=trickle, on_error=self.errors.append)

    async def close(self) -> None:
        await self.negotiator.close()
        await self.peer.close()


@pytest.fixture
async def room() -> AsyncIterator[tuple[SignalingClient, SignalingClient]]:
    async with (
        serve() as url,
        SignalingClient(url, "lobby", name="Ada") as ada,
        SignalingClient(url, "lobby", name="Bob") as bob,
    ):
        while not ada.peers:
            await anext(ada)
        yield ada, bob


@asynccontextmanager
async def sides(room: tuple[SignalingClient, SignalingClient], *modes: bool) -> AsyncIterator[tuple[Side, Side]]:
    """A fresh connection each; what is left in the room's mail belongs to them alone."""
    made = (Side(room[0], trickle=modes[0]), Side(room[1], trickle=modes[1]))
    try:
        yield made
    finally:
        for side in made:
            await side.close()
        assert [side.errors for side in made] == [[], []]


async def talk(one: Side, other: Side, label: str) -> None:
    for side in (one, other):
        await side.peer.channel(label)
    await one.peer.send(label, f"{label} one")
    await other.peer.send(label, f"{label} other")
    assert await other.peer.received(label, 1) == [f"{label} one"]
    assert await one.peer.received(label, 1) == [f"{label} other"]


async def settled(*made: Side) -> None:
    for side in made:
        pc = side.peer.pc
        await side.peer.until(lambda pc=pc: pc.signalingState == "stable", "stable")


Room = tuple[SignalingClient, SignalingClient]


@pytest.mark.parametrize("modes", [(True, True), (False, False), (True, False), (False, True)], ids=str)
async def test_both_open_a_channel_at_once(room: Room, modes: tuple[bool, bool]) -> None:
    assert {room_peer.polite for client in room for room_peer in client.peers.values()} == {True, False}
    generator = random.Random(1)
    collisions = 0
    for number in range(ROUNDS):
        async with sides(room, *modes) as (one, other):
            # At once, or up to a few milliseconds apart: every way in which the messages may cross.
            await one.peer.create_channel("of one")
            if number % 5:
                await asyncio.sleep(generator.random() * 0.008)
            await other.peer.create_channel("of other")
            await talk(one, other, "of one")
            await talk(one, other, "of other")
            await settled(one, other)
            collisions += all("signaling have-local-offer" in side.peer.events for side in (one, other))
    assert collisions >= ROUNDS // 5


@pytest.mark.parametrize("trickle", [True, False], ids=["trickle", "bulk"])
@pytest.mark.parametrize("first", [0, 1])
async def test_one_side_opens(room: Room, first: int, trickle: bool) -> None:
    for _ in range(5):
        async with sides(room, trickle, trickle) as made:
            await made[first].peer.create_channel("chat")
            await talk(*made, "chat")
            await made[1 - first].peer.create_channel("back")  # needs no negotiation
            await talk(*made, "back")


async def test_the_offer_waits_for_a_side_that_comes_later(room: Room) -> None:
    one = Side(room[0], trickle=True)
    await one.peer.create_channel("chat")
    await one.peer.until(lambda: one.peer.pc.signalingState == "have-local-offer", "offer")
    await asyncio.sleep(0.1)  # description and candidates are in Bob's mail
    other = Side(room[1], trickle=True)
    try:
        await talk(one, other, "chat")
    finally:
        await one.close()
        await other.close()
    assert one.errors == other.errors == []
