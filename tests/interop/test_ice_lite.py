"""We are lite: Chromium checks, and nominates."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rtcpeer import IceSettings, RTCPeerConnection, Settings
from rtcpeer.ice import BindingRequest
from tests.interop.behaviours import Pair, exchange
from tests.interop.chromium import Chromium
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.peer import Mode
from tests.interop.peers.python_peer import OurPeer

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
@pytest.mark.parametrize("mode", ["trickle", "bulk"])
async def test_chromium_finds_us(chromium: Chromium, mode: Mode, we_offer: bool) -> None:
    requests: list[BindingRequest] = []

    def note(request: BindingRequest) -> bool:
        requests.append(request)
        return False

    settings = Settings(ice=IceSettings(lite=True, mdns="disabled", binding_request_handler=note))
    async with (
        await BrowserPeer.start(chromium) as theirs,
        OurPeer(RTCPeerConnection(settings=settings)) as ours,
    ):
        pair = Pair(ours, theirs, we_offer=we_offer)
        await pair.connect(mode)
        await exchange(pair, "chat", ["hello", b"bytes"])
        assert ours.pc.sctp is not None
        ice = ours.pc.sctp.transport.iceTransport
        assert ice.role == "controlled"
        assert "a=ice-lite" in ours.pc.localDescription.sdp
        # It stays connected by the browser's checks alone.
        before = len(requests)
        async with asyncio.timeout(60):
            while len(requests) < before + 2:
                await asyncio.sleep(0.1)
        assert ours.pc.connectionState == "connected"
        assert any(request.nominates for request in requests)
        statistics = ice._agent.core.agent.statistics()
        assert all(each.requests_sent == 0 for each in statistics.pairs)
