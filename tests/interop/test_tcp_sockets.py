"""TCP of the operating system, as ICE wants it: from a certain address, and both ways on one port."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import cast

import pytest

from rtcpeer.aio.network import SystemNetwork
from rtcpeer.core import TransportAddress
from tests.interop.conftest import require_lab
from tests.interop.netlab import LinkSettings, netlab
from tests.interop.private_network import IPV4
from tests.interop.test_udp_sockets import Main, run

__all__ = ["run"]

pytestmark = pytest.mark.interop

NETWORK = SystemNetwork()


class End(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.data += data


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def close(*ends: End) -> None:
    for end in ends:
        if end.transport is not None:
            end.transport.abort()


@pytest.mark.parametrize("host", [IPV4, "127.0.0.1", "::1"])
def test_a_connection_comes_from_the_address_that_was_asked_for(run: Callable[[Main], None], host: str) -> None:
    async def main() -> None:
        accepted, end = End(), End()
        server = await NETWORK.listen_tcp(lambda: accepted, TransportAddress(host, 0, "tcp"))
        assert server.local.port
        await NETWORK.connect_tcp(lambda: end, TransportAddress(host, 0, "tcp"), server.local)
        await until(lambda: accepted.transport is not None and end.transport is not None)
        assert accepted.transport is not None
        assert accepted.transport.get_extra_info("peername")[0] == host
        assert end.transport is not None
        end.transport.write(b"hello")
        await until(lambda: accepted.data == b"hello")
        server.close()
        close(accepted, end)
        with pytest.raises(OSError):  # noqa: PT011 what it says is the system's
            await NETWORK.connect_tcp(End, TransportAddress(host, 0, "tcp"), server.local)

    run(main)


def test_one_port_listens_and_calls(run: Callable[[Main], None]) -> None:
    """Who calls first is accepted by the other side; a call the other way then has no port to come from."""

    async def main() -> None:
        accepted: list[End] = []

        def accept() -> End:
            accepted.append(End())
            return accepted[-1]

        address = TransportAddress(IPV4, 0, "tcp")
        one, other = [await NETWORK.listen_tcp(accept, address, is_shared=True) for _ in range(2)]
        first = End()
        await NETWORK.connect_tcp(lambda: first, one.local, other.local)
        await until(lambda: len(accepted) == 1)
        with pytest.raises(OSError):  # noqa: PT011 what it says is the system's
            await NETWORK.connect_tcp(End, other.local, one.local)
        with pytest.raises(OSError):  # noqa: PT011 a port that is not shared is not to be had twice
            await NETWORK.listen_tcp(End, one.local)
        one.close()
        other.close()
        close(first, *accepted)

    run(main)


# Connects at a certain moment, without anybody who listens, and prints what it gets.
CALLER = """
import asyncio, sys, time
from rtcpeer.aio.network import SystemNetwork
from rtcpeer.core import TransportAddress

class End(asyncio.Protocol):
    def __init__(self):
        self.got = asyncio.get_running_loop().create_future()
    def connection_made(self, transport):
        transport.write(b"hello")
    def data_received(self, data):
        self.got.set_result(data.decode())

async def main(local, remote, moment):
    end = End()
    await asyncio.sleep(moment - time.time())
    ours, theirs = (TransportAddress(host, 4000, "tcp") for host in (local, remote))
    await SystemNetwork().connect_tcp(lambda: end, ours, theirs)
    print(await end.got)

asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
"""


def test_two_calls_that_cross_make_one_connection() -> None:
    require_lab()
    # Linux has RFC 9293's simultaneous open; both must call within the time that a packet takes.
    with netlab(LinkSettings(delay=0.5)) as lab:
        moment = str(time.time() + 4)
        pairs = ((lab.left, lab.right), (lab.right, lab.left))
        callers = [one.popen(sys.executable, "-c", CALLER, one.ipv4, other.ipv4, moment) for one, other in pairs]
        for caller in callers:
            output, errors = caller.communicate(timeout=30)
            assert output == "hello\n", errors
