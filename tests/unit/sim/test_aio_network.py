import asyncio

import pytest

from rtcpeer.aio.network import InterfaceAddress
from rtcpeer.aio.network import Network as HostNetwork
from rtcpeer.core import Datagrams, TransportAddress
from tests.sim.aio_network import SimulatedNetwork
from tests.sim.link import LinkSettings
from tests.sim.loop import DeadlockError, run
from tests.sim.nat import PORT_RESTRICTED
from tests.sim.network import Network


def a_host(network: Network, *addresses: str) -> SimulatedNetwork:
    return SimulatedNetwork(network.host(f"host {addresses[0]}", *addresses, up=LinkSettings(delay=0.05)))


def test_a_conversation_through_a_nat_takes_simulated_time() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        network = Network(timeline=loop)
        server: HostNetwork = a_host(network, "203.0.113.1")
        home = network.router("home", "198.51.100.1", nat=PORT_RESTRICTED)
        laptop: HostNetwork = SimulatedNetwork(network.host("laptop", "192.168.1.2", segment=home.inside))
        answered: asyncio.Future[Datagrams] = loop.create_future()

        def echo(datagrams: Datagrams) -> None:
            port.send(datagrams.remote, datagrams.payloads)

        port = await server.open_udp(TransportAddress("203.0.113.1", 3478), echo, lambda: None)
        client = await laptop.open_udp(TransportAddress("192.168.1.2", 0), answered.set_result, lambda: None)
        before = loop.time()
        assert client.send(port.local, [b"one", b"two"]) == 2
        assert await answered == Datagrams(client.local, port.local, [b"one", b"two"])
        assert loop.time() - before == pytest.approx(0.1)
        port.close()
        client.close()
        client.close()

    run(main())


def test_no_answer_is_a_deadlock() -> None:
    async def main() -> None:
        network = Network(timeline=asyncio.get_running_loop())
        answered: asyncio.Future[Datagrams] = asyncio.get_running_loop().create_future()
        host = a_host(network, "203.0.113.1")
        client = await host.open_udp(TransportAddress("203.0.113.1", 0), answered.set_result, lambda: None)
        client.send(TransportAddress("203.0.113.9", 9), [b"anybody there?"])
        await answered

    with pytest.raises(DeadlockError):
        run(main())


def test_interfaces_come_and_go() -> None:
    async def main() -> None:
        network = Network(timeline=asyncio.get_running_loop())
        host = a_host(network, "203.0.113.1", "2001:db8::1")
        host.known_addresses["2001:db8::1"] = InterfaceAddress("2001:db8::1", 64, is_temporary=True)
        second = host.host.attach(network.internet, "203.0.113.2")
        assert [(one.name, one.index) for one in host.interfaces()] == [("eth0", 1), ("eth1", 2)]
        assert [address.is_temporary for address in host.interfaces()[0].addresses] == [False, True]
        second.is_up = False
        assert [one.name for one in host.interfaces()] == ["eth0"]

    run(main())


def test_names_resolve_after_the_delay_or_fail_or_never() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        network = Network(timeline=loop)
        network.names["stun.example.org"] = ["203.0.113.1", "2001:db8::1"]
        host = a_host(network, "203.0.113.5")
        host.resolve_delay = 0.25
        before = loop.time()
        found = await host.resolve("stun.example.org", 3478)
        assert found == [TransportAddress("203.0.113.1", 3478), TransportAddress("2001:db8::1", 3478)]
        assert loop.time() - before == pytest.approx(0.25)
        assert await host.resolve("[2001:db8::7]", 1) == [TransportAddress("2001:db8::7", 1)]
        with pytest.raises(OSError, match="no addresses"):
            await host.resolve("unknown.example.org", 1)
        host.silent_names.add("silent.example.org")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(host.resolve("silent.example.org", 1), 5)

    run(main())


def test_binding_may_fail_and_open_sockets_are_counted() -> None:
    async def main() -> None:
        host = a_host(Network(timeline=asyncio.get_running_loop()), "203.0.113.1")
        host.udp_errors.append(OSError("no more ports"))
        anywhere = TransportAddress("203.0.113.1", 0)
        with pytest.raises(OSError, match="no more ports"):
            await host.open_udp(anywhere, print, lambda: None)
        port = await host.open_udp(anywhere, print, lambda: None)
        assert host.open_sockets == 1
        port.close()
        assert host.open_sockets == 0

    run(main())
