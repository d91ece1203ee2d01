"""ICE over real TCP: with ourselves, Chromium and Firefox, where no candidate for UDP is ours. Pion: test_pion.py."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rtcpeer import IceSettings, RTCPeerConnection, Settings, TcpMux
from tests.interop.behaviours import Pair, exchange
from tests.interop.chromium import Chromium
from tests.interop.firefox import Firefox
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.peer import WAIT, Message, Peer
from tests.interop.peers.python_peer import OurPeer

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]

BOTH_WAYS = pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])


def tcp_peer(*tcp_candidates: str) -> RTCPeerConnection:
    """One of ours without UDP."""
    ice = IceSettings(network_types=("tcp4", "tcp6"), tcp_candidates=tcp_candidates)
    return RTCPeerConnection(settings=Settings(ice=ice))


def selected(pc: RTCPeerConnection) -> tuple[str | None, ...]:
    """Protocols and TCP types of the selected pair."""
    assert pc.sctp is not None
    pair = pc.sctp.transport.iceTransport.getSelectedCandidatePair()
    assert pair is not None
    return (pair.local.protocol, pair.local.tcpType, pair.remote.protocol, pair.remote.tcpType)


async def converse(ours: RTCPeerConnection, theirs: Peer, *, we_offer: bool) -> tuple[str | None, ...]:
    """Connect, exchange much, and tell over which pair."""
    messages: list[Message] = ["text", b"\x00" * 1000, *(random.Random(5).randbytes(16384) for _ in range(64))]
    async with OurPeer(ours) as peer:
        pair = Pair(peer, theirs, we_offer)
        await pair.connect()
        await exchange(pair, "chat", messages)
        await peer.until(lambda: ours.iceConnectionState == "completed", "iceConnectionState completed")
        return selected(ours)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox() -> AsyncIterator[Firefox]:
    async with Firefox() as browser:
        yield browser


@BOTH_WAYS
async def test_chromium_calls_us(chromium: Chromium, we_offer: bool) -> None:
    async with await BrowserPeer.start(chromium) as theirs:
        assert await converse(tcp_peer("passive"), theirs, we_offer=we_offer) == ("tcp", "passive", "tcp", "active")


@BOTH_WAYS
async def test_firefox_calls_us(firefox: Firefox, we_offer: bool) -> None:
    async with await BrowserPeer.start(firefox) as theirs:
        assert await converse(tcp_peer("passive"), theirs, we_offer=we_offer) == ("tcp", "passive", "tcp", "active")


@pytest.mark.parametrize(
    ("we_have", "they_have", "pair"),
    [
        ("active", "passive", ("tcp", "active", "tcp", "passive")),
        ("passive", "active", ("tcp", "passive", "tcp", "active")),
        ("so", "so", ("tcp", "so", "tcp", "so")),
    ],
)
async def test_ours_with_ours(we_have: str, they_have: str, pair: tuple[str, ...]) -> None:
    async with OurPeer(tcp_peer(they_have)) as theirs:
        assert await converse(tcp_peer(we_have), theirs, we_offer=True) == pair


async def test_chromium_and_ours_share_one_port(chromium: Chromium) -> None:
    ice = IceSettings(network_types=("tcp4", "tcp6"), tcp_candidates=())
    async with TcpMux() as mux, contextlib.AsyncExitStack() as stack:
        pairs: list[Pair] = []
        for we_offer in (True, False):
            settings = Settings(ice=ice, tcp_mux=mux)
            theirs: Peer = await stack.enter_async_context(await BrowserPeer.start(chromium))
            for other in (theirs, await stack.enter_async_context(OurPeer(tcp_peer("active")))):
                ours = await stack.enter_async_context(OurPeer(RTCPeerConnection(settings=settings)))
                pairs.append(Pair(ours, other, we_offer))
        await asyncio.gather(*(pair.connect() for pair in pairs))
        for number, pair in enumerate(pairs):
            await exchange(pair, "chat", [f"pair {number}"])
        ports = {address.port for address in mux.addresses}
        for pair in pairs:
            gatherer = pair.ours.pc.sctp.transport.iceTransport.iceGatherer
            assert {candidate.port for candidate in gatherer.getLocalCandidates()} == ports
    assert mux.statistics().routes == 0


async def test_strangers_are_sent_away() -> None:
    ours = tcp_peer("passive")
    async with OurPeer(ours) as peer:
        await peer.create_channel("x")
        await peer.describe("offer", "bulk")
        (line,) = [line for line in ours.localDescription.sdp.splitlines() if " 10.77.0.2 " in line]
        port = int(line.split()[5])
        for speech in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x04\x16\x03\x01\x00", b"\x00\x14" + bytes(20)):
            reader, writer = await asyncio.open_connection("10.77.0.2", port)
            writer.write(speech)
            async with asyncio.timeout(WAIT):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
            writer.close()


async def test_a_broken_connection_is_opened_again() -> None:
    async with OurPeer(tcp_peer("active")) as ours, OurPeer(tcp_peer("passive")) as theirs:
        pair = Pair(ours, theirs, we_offer=True)
        await pair.connect()
        ports = ours.pc.sctp.transport.iceTransport._agent._tcp.ports
        (connection,) = [one for port in ports.values() for one in port._connections.values()]
        connection._transport.abort()
        await exchange(pair, "chat", ["still there"])
        await asyncio.gather(ours.connected(), theirs.connected())
