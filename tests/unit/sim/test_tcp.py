"""The simulated TCP: order, loss, breaks, refusals, NATs."""

import asyncio

import pytest

from rtcpeer.core import TransportAddress
from tests.sim.aio_network import SimulatedTcpNetwork
from tests.sim.link import LinkSettings
from tests.sim.nat import PORT_RESTRICTED
from tests.sim.network import Network
from tests.sim.peers import LINK, simulated, until

SERVER = TransportAddress("203.0.113.2", 80, "tcp")
CLIENT = TransportAddress("203.0.113.1", 0, "tcp")


class End(asyncio.Protocol):
    def __init__(self):
        self.data = bytearray()
        self.transport = None
        self.error = "still open"

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data

    def connection_lost(self, exc):
        self.error = exc


class World:
    def __init__(self, link=LINK, nat=None):
        self.network = Network(1, timeline=asyncio.get_running_loop())
        self.local = CLIENT
        if nat is None:
            host = self.network.host("client", CLIENT.host, up=link)
        else:
            router = self.network.router("home", "198.51.100.1", nat=nat)
            host = self.network.host("client", "10.0.0.2", segment=router.inside, up=link)
            self.local = TransportAddress("10.0.0.2", 0, "tcp")
        self.client = SimulatedTcpNetwork(host)
        self.server = SimulatedTcpNetwork(self.network.host("server", SERVER.host, up=link))
        self.accepted = []

    def accept(self):
        self.accepted.append(End())
        return self.accepted[-1]

    async def connect(self):
        end = End()
        await self.client.connect_tcp(lambda: end, self.local, SERVER)
        return end


@pytest.mark.parametrize("nat", [None, PORT_RESTRICTED], ids=["open", "nat"])
@pytest.mark.parametrize("loss", [0, 0.1])
def test_all_arrives_in_order_both_ways(loss, nat):
    @simulated
    async def main():
        world = World(LinkSettings(delay=0.02, loss=loss), nat)
        server = await world.server.listen_tcp(world.accept, SERVER)
        end = await world.connect()
        sent = bytes(range(256)) * 200
        for start in range(0, len(sent), 10_000):
            end.transport.write(sent[start : start + 10_000])
            await asyncio.sleep(0.001)
        await until(lambda: world.accepted and len(world.accepted[0].data) == len(sent))
        assert world.accepted[0].data == sent
        world.accepted[0].transport.write(sent)
        world.accepted[0].transport.close()
        await until(lambda: end.error is None)  # after the last byte
        assert end.data == sent
        server.close()
        await until(lambda: world.client.open_sockets == world.server.open_sockets == 0)

    main()


@simulated
async def test_a_closed_port_refuses():
    world = World()
    with pytest.raises(ConnectionRefusedError):
        await world.connect()
    assert world.client.open_sockets == 0


@simulated
async def test_two_that_connect_at_the_same_time_have_one_connection():
    world = World()
    ends = [End(), End()]
    local = CLIENT._replace(port=9999)
    await asyncio.gather(
        world.client.connect_tcp(lambda: ends[0], local, SERVER),
        world.server.connect_tcp(lambda: ends[1], SERVER, local),
    )
    ends[0].transport.write(b"hello")
    await until(lambda: ends[1].data == b"hello")
    assert [world.client.open_sockets, world.server.open_sockets] == [1, 1]


@simulated
async def test_who_is_behind_a_nat_can_not_be_called():
    world = World(nat=PORT_RESTRICTED)
    listener = await world.client.listen_tcp(world.accept, world.local._replace(port=80))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(20):
            await world.server.connect_tcp(End, SERVER, TransportAddress("198.51.100.1", 80, "tcp"))
    listener.close()
    assert world.accepted == []


@simulated
async def test_a_pulled_cable_ends_it_after_a_time():
    world = World()
    server = await world.server.listen_tcp(world.accept, SERVER)
    end = await world.connect()
    world.server.host.interfaces[0].is_up = False
    end.transport.write(b"lost")
    await until(lambda: isinstance(end.error, TimeoutError))
    server.close()
