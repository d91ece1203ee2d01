"""The UDP layer over real loopback sockets: each kind of socket, asyncio's own loop and uvloop."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from rtcpeer.aio import udp
from rtcpeer.aio.gso import Offload, offload
from rtcpeer.aio.network import SystemNetwork, UdpPort
from rtcpeer.aio.udp import UdpEndpoint, UdpSocket
from rtcpeer.core import Datagrams, TransportAddress
from tests.unit.aio.fakes import NoReaderLoop

pytestmark = pytest.mark.interop

Main = Callable[[], Coroutine[Any, Any, None]]


def uvloop_factory() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        if os.environ.get("RTCPEER_REQUIRE_ALL") == "1":
            raise
        pytest.skip("uvloop is not installed")
    return uvloop.new_event_loop()


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop_factory,
    "without add_reader": NoReaderLoop,
}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Main], None]:
    def run(main: Main) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            problems: list[dict[str, Any]] = []
            runner.get_loop().set_exception_handler(lambda _, context: problems.append(context))
            runner.run(asyncio.wait_for(main(), timeout=20))
            assert problems == []

    return run


@pytest.fixture(params=["offload", "plain"])
def is_offloaded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "plain":
        monkeypatch.setattr(udp, "offload", lambda: Offload(segment=False, coalesce=False))
    return request.param == "offload"


class Sink:
    """Collects datagrams until it has as many as the test wants."""

    def __init__(self) -> None:
        self.runs: list[Datagrams] = []
        self.changed = asyncio.Event()

    @property
    def payloads(self) -> list[bytes]:
        return [payload for datagrams in self.runs for payload in datagrams.payloads]

    def take(self, datagrams: Datagrams) -> None:
        self.runs.append(datagrams)
        self.changed.set()

    async def wait(self, count: int) -> list[bytes]:
        while len(self.payloads) < count:
            self.changed.clear()
            await self.changed.wait()
        return self.payloads


async def open_sink(host: str) -> tuple[UdpPort, Sink]:
    sink = Sink()
    return await SystemNetwork().open_udp(TransportAddress(host, 0), sink.take, lambda: None), sink


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_bytes_arrive_in_order_and_whole(run: Callable[[Main], None], is_offloaded: bool, host: str) -> None:
    async def main() -> None:
        a, sink_a = await open_sink(host)
        b, sink_b = await open_sink(host)
        payloads = [number.to_bytes(2, "big") * 600 for number in range(200)] + [b"short", b"x" * 1400, b"x" * 9000]
        assert a.send(b.local, payloads) == len(payloads)
        assert await sink_b.wait(len(payloads)) == payloads
        assert {(datagrams.local, datagrams.remote) for datagrams in sink_b.runs} == {(b.local, a.local)}
        b.send(a.local, [b"answer"])
        assert await sink_a.wait(1) == [b"answer"]
        a.close()
        b.close()
        b.close()

    run(main)


def test_a_port_that_nobody_has_harms_nothing(run: Callable[[Main], None]) -> None:
    async def main() -> None:
        a, _ = await open_sink("127.0.0.1")
        b, sink = await open_sink("127.0.0.1")
        gone, _ = await open_sink("127.0.0.1")
        gone.close()
        await asyncio.sleep(0)
        for _ in range(3):
            assert a.send(gone.local, [b"x" * 100] * 5) == 5
            await asyncio.sleep(0)
        assert a.send(b.local, [b"still here"]) == 1
        assert await sink.wait(1) == [b"still here"]
        a.close()
        b.close()

    run(main)


def test_what_is_too_large_is_dropped_and_the_next_goes_out(run: Callable[[Main], None]) -> None:
    async def main() -> None:
        a, _ = await open_sink("127.0.0.1")
        b, sink = await open_sink("127.0.0.1")
        assert a.send(b.local, [b"x" * 65_530, b"small"]) == 2
        assert await sink.wait(1) == [b"small"]
        a.close()
        b.close()

    run(main)


def test_an_address_that_is_taken_or_foreign_raises(run: Callable[[Main], None]) -> None:
    async def main() -> None:
        a, sink = await open_sink("127.0.0.1")
        for address in (a.local, TransportAddress("192.0.2.255", 0)):
            with pytest.raises(OSError, match=r"[Aa]ddress"):
                await SystemNetwork().open_udp(address, sink.take, lambda: None)
        a.close()

    run(main)


def test_ipv6_leaves_ipv4_to_its_own_socket(run: Callable[[Main], None]) -> None:
    async def main() -> None:
        a, sink = await open_sink("::")
        b = await SystemNetwork().open_udp(TransportAddress("0.0.0.0", a.local.port), sink.take, lambda: None)
        a.close()
        b.close()

    run(main)


def test_the_kind_of_socket_follows_the_loop() -> None:
    async def kind() -> type:
        port, _ = await open_sink("127.0.0.1")
        port.close()
        return type(port)

    with asyncio.Runner() as runner:
        assert runner.run(kind()) is UdpSocket
    with asyncio.Runner(loop_factory=NoReaderLoop) as runner:
        assert runner.run(kind()) is UdpEndpoint


def test_offload_saves_calls() -> None:
    if not all(offload()) and os.environ.get("RTCPEER_REQUIRE_ALL") != "1":
        pytest.skip("this kernel has no UDP_SEGMENT or UDP_GRO")

    async def main() -> None:
        a, _ = await open_sink("127.0.0.1")
        b, sink = await open_sink("127.0.0.1")
        a.send(b.local, [b"x" * 1000] * 60)
        await sink.wait(60)
        # Sixty single reads would give one run too, so look at what comes out of a raw socket.
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind(("127.0.0.1", 0))
        probe.setsockopt(17, 104, 1)
        a.send(TransportAddress(*probe.getsockname()), [b"x" * 1000] * 60)
        assert len(probe.recvmsg(65536, 64)[0]) == 60_000
        probe.close()
        a.close()
        b.close()

    asyncio.run(main())


def test_resolving_the_local_host() -> None:
    found = asyncio.run(SystemNetwork().resolve("localhost", 99))
    assert {address.host for address in found} <= {"127.0.0.1", "::1"}
    assert {address.port for address in found} == {99}


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(OSError, match=r"."):
        asyncio.run(SystemNetwork().resolve("does-not-exist.invalid", 99))


def test_this_machine_has_interfaces() -> None:
    hosts = {address.host for interface in SystemNetwork().interfaces() for address in interface.addresses}
    assert "127.0.0.1" in hosts


def test_where_the_system_sends_nothing_is_told(run: Callable[[Main], None]) -> None:
    async def main() -> None:
        refused: asyncio.Future[tuple[TransportAddress, TransportAddress, int]] = asyncio.Future()
        port = await SystemNetwork().open_udp(
            TransportAddress("127.0.0.1", 0),
            lambda datagrams: None,
            lambda: None,
            on_refused=lambda *refusal: refused.done() or refused.set_result(refusal),
        )
        elsewhere = TransportAddress("203.0.113.1", 9)  # from the loopback address nothing leaves the host
        assert port.send(elsewhere, [b"x"]) == 1
        if isinstance(port, UdpSocket):  # an asyncio endpoint is not told where what failed was sent
            local, remote, error = await refused
            assert (local, remote) == (port.local, elsewhere)
            assert error in {errno.EINVAL, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EPERM}
        port.close()

    run(main)
