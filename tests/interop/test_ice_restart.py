"""ICE restarts between us and browsers, from either side, while data flows."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rtcpeer import RTCPeerConnection
from tests.interop.behaviours import Pair, exchange
from tests.interop.browser import Browser
from tests.interop.chromium import Chromium
from tests.interop.firefox import Firefox
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.peer import Message, Peer, connect
from tests.interop.peers.python_peer import OurPeer

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Chromium, Firefox], ids=["chromium", "firefox"])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    async with request.param() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", params=["we-offer", "they-offer"])
async def pair(request: pytest.FixtureRequest, browser: Browser) -> AsyncIterator[Pair]:
    async with await BrowserPeer.start(browser) as theirs, OurPeer(RTCPeerConnection()) as ours:
        pair = Pair(ours, theirs, we_offer=request.param == "we-offer")
        await pair.connect()
        yield pair


async def restart(pair: Pair, requester: Peer) -> None:
    """As the program on that side would have it: the request, then the exchange that it makes necessary."""
    before = fragments(pair.ours)
    if isinstance(requester, OurPeer):
        requester.pc.restartIce()
        await connect(pair.ours, pair.theirs)
    else:
        await pair.theirs.page.run("peer.pc.restartIce();")
        await connect(pair.theirs, pair.ours)
    ice = pair.ours.pc.sctp.transport.iceTransport
    ice.on("selectedcandidatepairchange", pair.ours.wake)
    assert not set(before) & set(fragments(pair.ours))
    await pair.ours.until(lambda: in_use(pair.ours) == fragments(pair.ours), "pair of the new generation", within=30)


def fragments(ours: OurPeer) -> tuple[str, str]:
    ice = ours.pc.sctp.transport.iceTransport
    return ice.getLocalParameters().usernameFragment, ice.getRemoteParameters().usernameFragment


def in_use(ours: OurPeer) -> tuple[str, str] | None:
    pair = ours.pc.sctp.transport.iceTransport.getSelectedCandidatePair()
    return pair and (pair.local.usernameFragment, pair.remote.usernameFragment)


@pytest.mark.parametrize("side", ["ours", "theirs"])
async def test_either_side_restarts_during_a_transfer(pair: Pair, side: str) -> None:
    requester, _ = pair.sides(side)
    generator = random.Random(9)
    messages: list[Message] = [generator.randbytes(16384) for _ in range(64)]
    transfer = asyncio.ensure_future(exchange(pair, "chat", messages))
    seen = len(pair.ours.events)
    await restart(pair, requester)
    await transfer
    await exchange(pair, "chat", ["after"])
    assert [event for event in pair.ours.events[seen:] if event.startswith("connection ")] == []
    assert pair.ours.channels["chat"].readyState == "open"
    assert (await pair.theirs.states())["connection"] == "connected"


async def test_one_restart_after_the_other_from_both_sides(pair: Pair) -> None:
    for requester in (pair.ours, pair.theirs, pair.theirs, pair.ours):
        await restart(pair, requester)
        await exchange(pair, "chat", ["hello"])


async def test_our_restart_is_rolled_back_for_theirs(pair: Pair) -> None:
    pair.ours.pc.restartIce()
    await pair.ours.pc.setLocalDescription()
    await pair.ours.until(lambda: None in pair.ours.candidates, "end of candidates")
    pair.ours.candidates.clear()  # who ignores the offer ignores these
    await restart(pair, pair.theirs)
    await exchange(pair, "chat", ["hello"])
    assert pair.ours.pc.signalingState == "stable"


async def test_their_restart_is_rolled_back_for_ours(pair: Pair) -> None:
    await pair.theirs.page.run("""
        peer.pc.restartIce();
        await peer.pc.setLocalDescription();
        await peer.until(() => peer.candidates.at(-1) === null, "end of candidates");
        peer.candidates = [];
    """)
    await restart(pair, pair.ours)
    await exchange(pair, "chat", ["hello"])
