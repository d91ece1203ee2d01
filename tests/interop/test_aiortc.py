"""Our peer connection and aiortc's (from PyPI)."""

import time
from collections.abc import AsyncIterator
from importlib.util import find_spec

import pytest
import pytest_asyncio

from rtcpeer import RTCPeerConnection
from tests.interop.behaviours import Behaviours, Pair
from tests.interop.conftest import REQUIRE_ALL
from tests.interop.peers.aiortc_peer import AiortcPeer, AiortcProcess
from tests.interop.peers.python_peer import OurPeer

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module", autouse=True)
def aiortc_is_installed() -> None:
    if find_spec("aiortc") is None and not REQUIRE_ALL:
        pytest.skip("aiortc is not installed")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process() -> AsyncIterator[AiortcProcess]:
    async with AiortcProcess() as process:
        yield process


@pytest_asyncio.fixture(loop_scope="module")
async def theirs(process: AiortcProcess) -> AsyncIterator[AiortcPeer]:
    async with await AiortcPeer.start(process) as peer:
        yield peer


class TestAiortc(Behaviours):
    """It gives its candidates in the description, and takes ours either way."""


async def test_a_peer_that_vanishes_is_noticed() -> None:
    async with AiortcProcess() as process, OurPeer(RTCPeerConnection()) as ours:
        pair = Pair(ours, await AiortcPeer.start(process), we_offer=True)
        await pair.connect()
        started = time.monotonic()
        process.kill()
        await ours.until(lambda: ours.pc.connectionState == "disconnected", "connectionState disconnected")
        assert 4 < time.monotonic() - started < 8
        assert ours.channels["chat"].readyState == "open"
