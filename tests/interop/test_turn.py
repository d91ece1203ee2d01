"""The TURN client over real sockets against coturn, on its own lifetimes made short."""

import asyncio
import contextlib
import datetime as dt
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.dtls import Certificate, DtlsEndpoint, DtlsRole, DtlsSettings, DtlsState, fingerprint_of
from rtcpeer.turn import (
    AddressFamily,
    Allocated,
    AllocationFailed,
    AllocationLost,
    ChannelBound,
    ChannelRefused,
    ClientClosed,
    Credentials,
    PermissionCreated,
    PermissionRefused,
    Redirected,
    RefreshRefused,
    TurnClient,
    TurnEvent,
    TurnOverStream,
    TurnOverUdp,
    TurnSettings,
    time_limited_credentials,
)
from tests.interop import private_network
from tests.interop.coturn import Coturn, CoturnSettings, coturn

pytestmark = [pytest.mark.interop, pytest.mark.slow]

HOST = private_network.IPV4
PADDED = b"12345"  # needs padding over a stream


class Session:
    """A client on a real socket: UDP, or TCP with or without TLS."""

    def __init__(self, path: TurnOverUdp | TurnOverStream) -> None:
        self.path = path
        self.client = path.client
        self.events: list[TurnEvent] = []
        self.changed = asyncio.Event()
        self.write: Callable[[bytes], object] = lambda _packet: None
        self._timer: asyncio.TimerHandle | None = None

    def take(self, data: bytes) -> None:
        now = time.monotonic()
        if isinstance(self.path, TurnOverUdp):
            self.path.receive(Datagrams(self.path.base, self.client.server, [data]), now)
        else:
            self.path.receive(data, now)
        self.flush()

    def flush(self) -> None:
        now = time.monotonic()
        for packet in self.path.packets_to_send(now):
            for payload in packet.payloads if isinstance(packet, Datagrams) else [packet]:
                self.write(payload)
        self.events += self.path.poll_events()
        self.changed.set()
        self.changed.clear()
        if self._timer is not None:
            self._timer.cancel()
        deadline = self.path.next_timeout()
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline - now), self._on_timer)

    async def wait(self, *kinds: type, timeout: float = 5.0) -> TurnEvent:
        """The first event of these kinds."""
        async with asyncio.timeout(timeout):
            while True:
                for event in self.events:
                    if isinstance(event, kinds):
                        return event
                await self.changed.wait()

    def events_of(self, *kinds: type) -> list[TurnEvent]:
        return [event for event in self.events if isinstance(event, kinds)]

    async def close(self) -> None:
        self.client.close()
        self.flush()
        await self.wait(ClientClosed)
        if self._timer is not None:
            self._timer.cancel()

    def _on_timer(self) -> None:
        self.path.handle_timeout(time.monotonic())
        self.flush()


class UdpSide(asyncio.DatagramProtocol):
    """Where a session over UDP, or a peer, receives."""

    def __init__(self, received: Callable[[bytes, tuple[str, int]], object]) -> None:
        self.received = received

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received(data, addr[:2])


class StreamSide(asyncio.Protocol):
    """Where a session over TCP or TLS receives."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def data_received(self, data: bytes) -> None:
        self.session.take(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.session.client.connection_lost("closed")


@asynccontextmanager
async def session(
    server: Coturn,
    transport: str = "udp",
    *,
    settings: TurnSettings | None = None,
    credentials: Credentials | None = None,
    family: AddressFamily = AddressFamily.IPV4,
    ipv6: bool = False,
) -> AsyncIterator[Session]:
    """A client that has begun to allocate."""
    loop = asyncio.get_running_loop()
    address = server.address_ipv6 if ipv6 else server.address
    if transport == "tls":
        address = address._replace(port=server.tls_port)
    client = TurnClient(
        address, credentials or server.credentials, settings or TurnSettings(), os.urandom, family=family,
        is_stream=transport != "udp",
    )  # fmt: skip
    if transport == "udp":
        ours = Session(TurnOverUdp(client, TransportAddress("::" if ipv6 else HOST, 0)))

        def take(data: bytes, sender: tuple[str, int]) -> None:
            assert sender == (client.server.host, client.server.port)
            ours.take(data)

        local = (private_network.IPV6 if ipv6 else HOST, 0)
        channel, _ = await loop.create_datagram_endpoint(lambda: UdpSide(take), local_addr=local)
        ours.write = lambda packet: channel.sendto(packet, (client.server.host, client.server.port))
    else:
        ours = Session(TurnOverStream(client))
        context = ssl.create_default_context(cafile=str(server.certificate)) if transport == "tls" else None
        channel, _ = await loop.create_connection(
            lambda: StreamSide(ours), address.host, address.port, ssl=context,
            server_hostname="turn.test" if context else None,
        )  # fmt: skip
        ours.write = channel.write
    client.allocate()
    ours.flush()
    try:
        yield ours
    finally:
        try:
            await ours.close()
        finally:
            channel.abort()  # everything was said; a TCP connection that closes politely outlives the test
            await asyncio.sleep(0)


@asynccontextmanager
async def peer(host: str = HOST) -> AsyncIterator[tuple[TransportAddress, asyncio.Queue[bytes]]]:
    """A UDP socket that sends back whatever it gets."""
    got: asyncio.Queue[bytes] = asyncio.Queue()

    def echo(data: bytes, sender: tuple[str, int]) -> None:
        got.put_nowait(data)
        channel.sendto(data, sender)

    channel, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: UdpSide(echo), local_addr=(host, 0))
    name = channel.get_extra_info("sockname")
    try:
        yield TransportAddress(name[0], name[1]), got
    finally:
        channel.close()
        await asyncio.sleep(0)


async def echoes(ours: Session, address: TransportAddress, payloads: list[bytes], timeout: float = 5.0) -> None:
    """Send and have it back."""
    ours.client.send(address, payloads)
    ours.flush()
    back: list[bytes] = []
    async with asyncio.timeout(timeout):
        while len(back) < len(payloads):
            for run in ours.client.take_data():
                assert run.peer == address
                back += run.payloads
            await asyncio.sleep(0.005)
    assert back == payloads


@pytest.fixture(scope="module")
def server(private_session_network: None) -> Iterator[Coturn]:
    with coturn() as running:
        yield running


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_data_through_the_relay(server: Coturn, transport: str) -> None:
    async with session(server, transport) as ours, peer() as (address, _):
        allocated = await ours.wait(Allocated)
        assert isinstance(allocated, Allocated)
        assert allocated.relayed.host == HOST
        assert allocated.mapped.host == HOST
        await echoes(ours, address, [b"first", b"x", PADDED])
        ours.client.bind_channel(address)
        ours.flush()
        await ours.wait(ChannelBound)
        before = ours.client.statistics()
        payloads = [bytes([number]) * (number * 5) for number in range(1, 201)]
        # In bursts that the server's buffers hold: it drops what is more.
        for start in range(0, len(payloads), 20):
            await echoes(ours, address, payloads[start : start + 20])
        after = ours.client.statistics()
        assert after.channel_data_sent - before.channel_data_sent == 200
        assert after.channel_data_received - before.channel_data_received == 200
        assert after.malformed_packets == after.strange_packets == after.unverified_responses == 0
        port = allocated.relayed.port
    server.wait_for(rf"Local relay addr: .*:{port}")


async def test_data_over_dtls(server: Coturn) -> None:
    """DTLS is the owner's: the client's packets are its application data, one each."""
    loop = asyncio.get_running_loop()
    address = server.address._replace(port=server.tls_port)
    dtls = DtlsEndpoint(Certificate.generate(dt.datetime.now(dt.UTC)), DtlsSettings(), os.urandom)
    pem = x509.load_pem_x509_certificate(server.certificate.read_bytes())
    der = pem.public_bytes(serialization.Encoding.DER)
    client = TurnClient(address, server.credentials, TurnSettings(), os.urandom)
    incoming: asyncio.Queue[bytes] = asyncio.Queue()
    channel, _ = await loop.create_datagram_endpoint(
        lambda: UdpSide(lambda data, _sender: incoming.put_nowait(data)), remote_addr=address[:2]
    )
    events: list[TurnEvent] = []

    async def run_until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                now = time.monotonic()
                if dtls.state is DtlsState.CONNECTED:
                    for packet in client.packets_to_send(now):
                        channel.sendto(dtls.seal(packet))
                for datagram in dtls.packets_to_send(now):
                    channel.sendto(datagram)
                with contextlib.suppress(TimeoutError):
                    dtls.receive(await asyncio.wait_for(incoming.get(), 0.05), time.monotonic())
                for packet in dtls.take_data():
                    client.receive(packet, time.monotonic())
                dtls.handle_timeout(time.monotonic())
                client.handle_timeout(time.monotonic())
                events.extend(client.poll_events())
                dtls.poll_events()

    try:
        dtls.start(DtlsRole.CLIENT, [fingerprint_of(der, "sha-256")])
        client.allocate()
        await run_until(lambda: any(isinstance(event, Allocated) for event in events))
        async with peer() as (echo, _):
            client.bind_channel(echo)
            await run_until(lambda: ChannelBound(echo) in events)
            client.send(echo, [b"one", b"two"])
            back: list[bytes] = []
            await run_until(
                lambda: back.extend(data for run in client.take_data() for data in run.payloads) or len(back) == 2
            )
            assert back == [b"one", b"two"]
        client.close()
        await run_until(lambda: ClientClosed() in events)
    finally:
        channel.close()
        await asyncio.sleep(0)


async def test_ipv6_server_and_relay(server: Coturn) -> None:
    async with (
        session(server, ipv6=True, family=AddressFamily.IPV6) as ours,
        peer(private_network.IPV6) as (address, _),
    ):
        allocated = await ours.wait(Allocated)
        assert isinstance(allocated, Allocated)
        assert allocated.relayed.host == allocated.mapped.host == private_network.IPV6
        await echoes(ours, address, [b"six"])


async def test_one_allocation_with_both_families(server: Coturn) -> None:
    async with (
        session(server, family=AddressFamily.BOTH) as ours,
        peer() as (four, _),
        peer(private_network.IPV6) as (six, _),
    ):
        allocated = await ours.wait(Allocated)
        assert isinstance(allocated, Allocated)
        assert allocated.additional is not None
        assert (allocated.relayed.host, allocated.additional.host) == (HOST, private_network.IPV6)
        await echoes(ours, four, [b"four"])
        await echoes(ours, six, [b"six"])


@pytest.mark.parametrize(
    "credentials", [Credentials("ada", "wrong"), Credentials("nobody", "lovelace")], ids=["password", "user"]
)
async def test_wrong_credentials(server: Coturn, credentials: Credentials) -> None:
    async with session(server, credentials=credentials) as ours:
        assert await ours.wait(AllocationFailed) == AllocationFailed(401, "Unauthorized")


async def test_closing_gives_the_allocation_back(server: Coturn) -> None:
    async with session(server, credentials=server.credentials) as ours:
        await ours.wait(Allocated)
        before = server.count(r"refreshed, .*lifetime=0\b")
    server.wait_for(r"refreshed, .*lifetime=0\b", before + 1)


async def test_everything_is_renewed_within_short_lifetimes() -> None:
    settings = TurnSettings(
        refresh_margin=2.0, min_refresh_interval=0.5, permission_interval=2.0, permission_lifetime=3.0,
        channel_interval=3.0, channel_lifetime=5.0, retry_interval=0.5, bind_after=0,
    )  # fmt: skip
    limits = CoturnSettings(max_lifetime=5, permission_lifetime=3, channel_lifetime=5, nonce_lifetime=2)
    with coturn(limits) as server:
        async with session(server, settings=settings) as ours, peer() as (bound, _), peer() as (permitted, _):
            allocated = await ours.wait(Allocated)
            assert isinstance(allocated, Allocated)
            assert allocated.lifetime == 5
            ours.client.bind_channel(bound)
            ours.client.create_permission([permitted])
            ours.flush()
            await ours.wait(ChannelBound)
            for _ in range(13):
                await asyncio.sleep(1.0)
                await echoes(ours, bound, [b"over the channel"])
                await echoes(ours, permitted, [b"in an indication"])
            assert ours.events_of(AllocationLost, PermissionRefused, ChannelRefused, RefreshRefused) == []
            statistics = ours.client.statistics()
            assert statistics.refreshes >= 3
            assert statistics.challenges_received >= 3
            assert statistics.channel_data_received == 13
        server.wait_for(r"REFRESH processed, success", 4)
        server.wait_for(r"CREATE_PERMISSION processed, success", 5)
        server.wait_for(r"CHANNEL_BIND processed, success", 4)
        server.wait_for(r"error 438", 3)
        assert server.count(r"allocation timeout") <= 1  # of the Refresh with 0, after which coturn says so too


async def test_without_renewal_coturn_forgets() -> None:
    """What the test above holds against: the lifetimes are as short as they look."""
    settings = TurnSettings(permission_interval=200, permission_lifetime=300, bind_after=0)
    with coturn(CoturnSettings(permission_lifetime=2)) as server:
        async with session(server, settings=settings) as ours, peer() as (address, _):
            await ours.wait(Allocated)
            await echoes(ours, address, [b"now"])
            await asyncio.sleep(3.5)
            with pytest.raises(TimeoutError):
                await echoes(ours, address, [b"later"], timeout=1.0)


async def test_a_shared_secret_and_credentials_that_are_replaced() -> None:
    settings = TurnSettings(min_refresh_interval=0.5, retry_interval=0.5)
    with coturn(CoturnSettings(secret="north", max_lifetime=4)) as server:
        async with session(server, settings=settings) as ours:
            await ours.wait(Allocated)
            # coturn holds on to the user name of the allocation (441): the client returns to it by itself.
            ours.client.set_credentials(time_limited_credentials("north", expires_at=time.time() + 7200, user_id="ada"))
            await asyncio.sleep(5.5)
            assert ours.client.refreshes >= 2
            assert ours.events_of(AllocationLost, RefreshRefused) == []
        server.wait_for(r"error 441", 1)
        expired = time_limited_credentials("north", expires_at=time.time() - 10, user_id="ada")
        async with session(server, credentials=expired) as ours:
            assert await ours.wait(AllocationFailed) == AllocationFailed(401, "Unauthorized")


async def test_a_denied_peer_is_refused_and_the_others_are_not() -> None:
    with coturn(CoturnSettings(denied_peers=("10.77.0.200-10.77.0.255",))) as server:
        async with session(server) as ours, peer() as (address, _):
            await ours.wait(Allocated)
            denied = TransportAddress("10.77.0.201", 9)
            ours.client.create_permission([denied, address])
            ours.flush()
            assert await ours.wait(PermissionRefused) == PermissionRefused(denied, 403, "Forbidden IP")
            await ours.wait(PermissionCreated)
            await echoes(ours, address, [b"still"])


async def test_a_quota_is_an_event() -> None:
    with coturn(CoturnSettings(user_quota=1)) as server:
        async with session(server) as first:
            await first.wait(Allocated)
            async with session(server) as second:
                assert await second.wait(AllocationFailed) == AllocationFailed(486, "Allocation Quota Reached")


async def test_a_server_without_ipv6() -> None:
    with coturn(CoturnSettings(is_ipv4_only=True)) as server:
        async with session(server, family=AddressFamily.IPV6) as ours:
            failed = await ours.wait(AllocationFailed)
            assert isinstance(failed, AllocationFailed)
            assert failed.code == 440
        async with session(server, family=AddressFamily.BOTH) as ours:
            allocated = await ours.wait(Allocated)
            assert isinstance(allocated, Allocated)
            assert allocated.additional is None


async def test_a_redirection_is_followed_over_udp_and_told_over_tcp() -> None:
    with (
        coturn() as second,
        coturn(CoturnSettings(alternate_server=f"{second.address.host}:{second.port}")) as first,
    ):
        async with session(first) as ours:
            await ours.wait(Allocated)
            assert ours.events_of(Redirected) == [Redirected(second.address)]
        async with session(first, "tcp") as ours:
            redirected = await ours.wait(Redirected)
            assert redirected == Redirected(second.address)


async def test_a_redirection_to_another_listener_of_the_server() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    with coturn(CoturnSettings(alternate_server=f"{HOST}:{port}", extra=(f"aux-server={HOST}:{port}",))) as server:
        assert server.port != port
        async with session(server) as ours:
            # The auxiliary listener of coturn does not redirect: the end of the way, not a loop.
            await ours.wait(Allocated)
            assert len(ours.events_of(Redirected)) == 1


async def test_a_connection_that_breaks() -> None:
    with coturn() as server:
        async with session(server, "tcp") as ours:
            await ours.wait(Allocated)
            server.process.kill()
            lost_at = time.monotonic()
            while not ours.events_of(AllocationLost):
                assert time.monotonic() < lost_at + 5
                await asyncio.sleep(0.05)
                ours.flush()
