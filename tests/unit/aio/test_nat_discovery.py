import asyncio

import pytest

from rtcpeer.aio.nat_discovery import discover_nat_behavior
from rtcpeer.core import TransportAddress
from rtcpeer.stack.nat_behavior import Dependence
from rtcpeer.stack.nat_discovery import NatDiscoverySettings
from tests.sim import nat
from tests.sim.aio_network import SimulatedNetwork
from tests.sim.network import Network
from tests.sim.peers import simulated
from tests.sim.stun_server import StunServer

HOST = "192.168.1.2"


def world(settings):
    network = Network(timeline=asyncio.get_running_loop())
    server = StunServer(network, "stun", "203.0.113.1", "203.0.113.2")
    home = network.router("home", "198.51.100.1", nat=settings)
    return SimulatedNetwork(network.host("laptop", HOST, segment=home.inside)), server


@simulated
async def test_finds_out_and_closes_its_sockets():
    laptop, server = world(nat.ADDRESS_RESTRICTED)
    behavior = await discover_nat_behavior(HOST, [server.endpoint], network=laptop)
    assert behavior.local.host == HOST
    assert behavior.mapping is Dependence.ENDPOINT_INDEPENDENT
    assert behavior.filtering is Dependence.ADDRESS_DEPENDENT
    assert laptop.open_sockets == 0


@simulated
async def test_silence_takes_as_long_as_it_may():
    laptop, server = world(nat.BLOCKED)
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    settings = NatDiscoverySettings(answer_timeout=2.0)
    behavior = await discover_nat_behavior(HOST, [server.endpoint], network=laptop, settings=settings)
    assert not behavior.is_reached
    assert loop.time() - started_at == pytest.approx(2.0)


@simulated
async def test_an_address_that_is_not_ours():
    laptop, server = world(nat.FULL_CONE)
    with pytest.raises(OSError, match=r"192\.0\.2\.9"):
        await discover_nat_behavior("192.0.2.9", [server.endpoint], network=laptop)
    assert laptop.open_sockets == 0


@simulated
async def test_the_second_socket_can_not_be_had():
    laptop, server = world(nat.FULL_CONE)
    open_udp = laptop.open_udp

    async def once(*arguments):
        laptop.udp_errors.append(OSError("no more")) if laptop.open_sockets else None
        return await open_udp(*arguments)

    laptop.open_udp = once
    with pytest.raises(OSError, match="no more"):
        await discover_nat_behavior(HOST, [server.endpoint], network=laptop)
    assert laptop.open_sockets == 0


@simulated
async def test_cancelled():
    laptop, _ = world(nat.BLOCKED)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await discover_nat_behavior(HOST, [TransportAddress("203.0.113.1", 3478)], network=laptop)
    assert laptop.open_sockets == 0
