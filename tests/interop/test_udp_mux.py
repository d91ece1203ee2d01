"""Many connections on one UDP port of one process, over the kernel's sockets, IPv4 and IPv6."""

import asyncio
import contextlib
import gc
import resource
import socket
import weakref
from collections.abc import Iterator
from dataclasses import replace

import pytest

from rtcpeer import IceAgent, IceSettings, RTCPeerConnection, Settings, UdpMux
from tests.interop.chromium import Chromium
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.peer import connect
from tests.interop.peers.python_peer import OurPeer
from tests.interop.peers.stun_server import StunServer
from tests.interop.private_network import IPV4, IPV6

pytestmark = pytest.mark.interop

CONNECTIONS = 500
PEER_CONNECTIONS = 100  # with DTLS on top, which costs more than all the rest
AT_ONCE = 8  # that connect at the same time: two cores, and both sides are ours
# A thousand agents in one process are not to keep it busy with keepalives, nor to lose one another where it is slow.
QUIET = IceSettings(
    keepalive_interval=20, consent_interval=20, consent_timeout=200, disconnected_timeout=0, failed_timeout=0
)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Each client has a socket of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Pair:
    """A client on a socket of its own, and the server's end on the mux, which sends back what it gets."""

    def __init__(self, mux: UdpMux, number: int) -> None:
        address = (IPV4, IPV6)[number % 2]
        self.number = number
        self.client = IceAgent(replace(QUIET, bind_addresses=[address]))
        self.server = IceAgent(QUIET, is_controlling=False, udp_mux=mux)
        self.client.on("candidate", self.server.add_remote_candidate)
        self.server.on("candidate", self.client.add_remote_candidate)
        self._echo: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await asyncio.gather(
            self.client.dial(self.server.local_parameters), self.server.accept(self.client.local_parameters)
        )
        self._echo = asyncio.create_task(self._send_back())

    async def talk(self) -> None:
        """Until it has come back: a datagram may get lost where thousands come at once."""
        message = b"\x80" + self.number.to_bytes(4, "big")
        while True:
            self.client.send(message)
            with contextlib.suppress(TimeoutError):
                assert await asyncio.wait_for(self.client.recv(), 5) == message
                return

    async def close(self) -> None:
        await asyncio.gather(self.client.close(), self.server.close())
        if self._echo is not None:
            await self._echo

    async def _send_back(self) -> None:
        async for data in self.server:
            self.server.send(data)


@pytest.mark.timeout(400)
async def test_five_hundred_connections_on_one_port(many_files: None) -> None:
    async with UdpMux() as mux:
        gate = asyncio.Semaphore(AT_ONCE)
        pairs = [Pair(mux, number) for number in range(CONNECTIONS)]
        servers = [weakref.ref(pair.server) for pair in pairs]

        async def connect_one(pair: Pair) -> None:
            async with gate:
                await pair.connect()
                await pair.talk()

        await asyncio.gather(*map(connect_one, pairs))
        ports = {pair.server.core.agent.selected_pair.path[0] for pair in pairs}  # type: ignore[union-attr]
        assert ports == set(mux.addresses)
        assert {address.host for address in ports} == {IPV4, IPV6}
        assert mux.statistics().connections == CONNECTIONS
        await asyncio.gather(*(pair.talk() for pair in pairs))  # all are still there, and all at once
        assert mux.statistics().routes >= CONNECTIONS

        await asyncio.gather(*(pair.close() for pair in pairs))
        assert (mux.statistics().connections, mux.statistics().routes) == (0, 0)
        pairs.clear()
        await asyncio.sleep(0)
        gc.collect()
        assert [server for server in servers if server() is not None] == []


@pytest.mark.timeout(400)
async def test_a_hundred_peer_connections_on_one_port(many_files: None) -> None:
    """With DTLS and data channels on top, and more that come when the first have gone."""
    async with UdpMux(settings=IceSettings(bind_addresses=[IPV4, IPV6])) as mux:
        for count in (PEER_CONNECTIONS, AT_ONCE):
            gate = asyncio.Semaphore(AT_ONCE)
            pairs = [_peers(mux, number) for number in range(count)]

            async def connect_one(client: OurPeer, server: OurPeer, gate: asyncio.Semaphore = gate) -> None:
                async with gate:
                    await client.create_channel("chat")
                    await connect(client, server)
                    await asyncio.gather(client.channel("chat"), server.channel("chat"))

            await asyncio.gather(*(connect_one(*pair) for pair in pairs))
            await asyncio.gather(*(_echo(*pair) for pair in pairs))
            assert mux.statistics().connections == count
            await asyncio.gather(*(peer.pc.close() for pair in pairs for peer in pair))
            assert (mux.statistics().connections, mux.statistics().routes) == (0, 0)


def _peers(mux: UdpMux, number: int) -> tuple[OurPeer, OurPeer]:
    near = Settings(ice=replace(QUIET, bind_addresses=[(IPV4, IPV6)[number % 2]]))
    far = Settings(ice=QUIET, udp_mux=mux)
    return OurPeer(RTCPeerConnection(settings=near)), OurPeer(RTCPeerConnection(settings=far))


async def _echo(client: OurPeer, server: OurPeer) -> None:
    back: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    near, far = client.channels["chat"], server.channels["chat"]
    far.on("message", far.send)
    near.once("message", back.set_result)
    text = f"hello {id(client)}"
    near.send(text)
    assert await back == text


async def test_a_stun_server_is_asked_once_for_each_address() -> None:
    async with StunServer("10.77.0.99") as server, UdpMux() as mux:
        for _ in range(5):
            async with IceAgent(udp_mux=mux, servers=[server.url]) as agent:
                agent.gather()
                found = await agent.gathered(until=lambda candidates: any("srflx" in str(one) for one in candidates))
                assert "10.77.0.99" in {candidate.address for candidate in found}
        assert server.requests <= 2  # the first may have been repeated
        assert mux.statistics().questions_spared >= 4


async def test_what_no_connection_waits_for_is_dropped() -> None:
    async with UdpMux() as mux:
        address = mux.addresses[0]
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as flood:
            flood.setblocking(False)
            sent = 0
            while mux.statistics().stray_datagrams < 1000:
                with contextlib.suppress(BlockingIOError):
                    flood.sendto(b"\x80" + sent.to_bytes(4, "big"), (address.host, address.port))
                    sent += 1
                if sent % 100 == 0:
                    await asyncio.sleep(0)
        assert mux.statistics().routes == 0


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with UdpMux(settings=IceSettings(bind_addresses=[IPV4])) as mux:
        other = UdpMux(mux.addresses[0].port, settings=IceSettings(bind_addresses=[IPV4]))
        with pytest.raises(OSError, match="in use"):
            await other.open()


async def test_pages_of_a_browser_share_a_port() -> None:
    async with UdpMux() as mux, Chromium() as browser, contextlib.AsyncExitStack() as stack:
        for number in range(3):
            page = await stack.enter_async_context(await BrowserPeer.start(browser))
            ours = await stack.enter_async_context(OurPeer(RTCPeerConnection(settings=Settings(udp_mux=mux))))
            await page.create_channel("chat")
            await connect(page, ours)
            await asyncio.gather(page.channel("chat"), ours.channel("chat"))
            await page.send("chat", f"page {number}")
            assert await ours.received("chat", 1) == [f"page {number}"]
            await ours.send("chat", "welcome")
            assert await page.received("chat", 1) == ["welcome"]
        assert mux.statistics().connections == 3
        await stack.aclose()
        assert (mux.statistics().connections, mux.statistics().routes) == (0, 0)
