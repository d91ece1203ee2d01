"""Our peer connection and Chromium's."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rtcpeer import RTCPeerConnection
from rtcpeer.api.configuration import Settings
from rtcpeer.ice.settings import IceSettings
from tests.interop.behaviours import Behaviours, Pair, exchange, remote_candidates
from tests.interop.chromium import Chromium
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.python_peer import OurPeer

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def theirs(chromium: Chromium) -> AsyncIterator[BrowserPeer]:
    async with await BrowserPeer.start(chromium) as peer:
        yield peer


class TestChromium(Behaviours):
    """Its addresses are shown."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hiding_chromium() -> AsyncIterator[Chromium]:
    async with Chromium(hide_addresses=True) as browser:
        yield browser


@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
@pytest.mark.parametrize("mode", ["trickle", "bulk"])
async def test_hidden_addresses(hiding_chromium: Chromium, mode: str, we_offer: bool) -> None:
    """A visitor's browser gives `.local` names only; it reaches us, and we learn where it is from its checks."""
    settings = Settings(ice=IceSettings(mdns="disabled"))
    async with (
        await BrowserPeer.start(hiding_chromium) as theirs,
        OurPeer(RTCPeerConnection(settings=settings)) as ours,
    ):
        pair = Pair(ours, theirs, we_offer=we_offer)
        await pair.connect("bulk" if mode == "bulk" else "trickle")
        await exchange(pair, "chat", ["hello", b"bytes"])
        known = remote_candidates(ours)
        assert "prflx" in {one.type for one in known}
        ice = ours.pc.sctp.transport.iceTransport
        ice.on("selectedcandidatepairchange", ours.wake)
        await ours.until(lambda: ice.getSelectedCandidatePair() is not None, "selected pair")
        assert not ice.getSelectedCandidatePair().remote.address.endswith(".local")
