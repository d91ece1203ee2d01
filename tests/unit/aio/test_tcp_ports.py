"""Which TCP candidates an agent gathers, and how it ends."""

import asyncio

import pytest

from rtcpeer import IceAgent, IceParameters, IceSettings, TcpMux
from rtcpeer.aio.tcp_ports import is_used
from rtcpeer.core import TransportAddress
from rtcpeer.ice import FailureReason
from rtcpeer.ice.candidate import TcpType, tcp_host_candidate
from tests.sim.aio_network import SimulatedNetwork, SimulatedTcpNetwork
from tests.sim.network import Network
from tests.sim.peers import simulated

IPV4, IPV6 = "203.0.113.1", "2001:db8::1"


def make_network(kind=SimulatedTcpNetwork):
    return kind(Network(1, timeline=asyncio.get_running_loop()).host("ours", IPV4, IPV6))


async def gather(settings=None, *, network=None, **options):
    """An agent that has gathered, and (protocol, TCP type, address) of its candidates."""
    agent = IceAgent(settings, network=network or make_network(), **options)
    agent.gather()
    candidates = await agent.gathered()
    return agent, [(one.protocol, one.tcp_type and one.tcp_type.value, one.address) for one in candidates]


@simulated
async def test_by_default_we_only_call():
    agent, candidates = await gather()
    assert candidates == [
        ("udp", None, IPV6), ("udp", None, IPV4), ("tcp", "active", IPV6), ("tcp", "active", IPV4),
    ]  # fmt: skip
    assert {one.port for one in agent.local_candidates if one.tcp_type} == {9}
    assert agent._network.open_sockets == 2  # those for UDP
    await agent.close()


@simulated
async def test_a_network_without_tcp_does_no_harm():
    agent, candidates = await gather(network=make_network(SimulatedNetwork))
    assert [one[0] for one in candidates] == ["udp", "udp"]
    await agent.close()


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((), set()), (("udp6",), {("udp", IPV6)}), (("udp4", "tcp6"), {("udp", IPV4), ("tcp", IPV6)}),
        (("tcp4",), {("tcp", IPV4)}),
    ],
)  # fmt: skip
def test_network_types(kinds, expected):
    @simulated
    async def main():
        agent, candidates = await gather(IceSettings(network_types=kinds))
        assert {(protocol, address) for protocol, _, address in candidates} == expected
        await agent.close()

    main()


@pytest.mark.parametrize("policy", ["relay", "nohost"])
def test_no_host_no_tcp(policy):
    @simulated
    async def main():
        settings = IceSettings(transport_policy=policy, tcp_candidates=("active", "passive", "so"))
        agent, candidates = await gather(settings)
        assert candidates == []
        assert agent._network.open_sockets == 2
        await agent.close()

    main()


@simulated
async def test_passive_and_simultaneous_open_have_ports_that_listen():
    agent, candidates = await gather(IceSettings(network_types=("tcp4",), tcp_candidates=("passive", "so", "active")))
    assert [one[1] for one in candidates] == ["active", "passive", "so"]
    ports = [one.port for one in agent.local_candidates]
    assert ports[0] == 9
    assert len(set(ports)) == 3
    priorities = [one.priority for one in agent.local_candidates]
    assert priorities == sorted(priorities, reverse=True)
    assert agent._network.open_sockets == 2
    await agent.close()
    assert agent._network.open_sockets == 0


@simulated
async def test_an_address_that_can_not_listen_costs_only_itself():
    network = make_network()

    async def refuse(*_, **__):
        raise OSError("no")

    network.listen_tcp = refuse
    settings = IceSettings(network_types=("tcp4",), tcp_candidates=("active", "passive"))
    agent, candidates = await gather(settings, network=network)
    assert candidates == [("tcp", "active", IPV4)]
    assert agent.core.gatherer.unusable_addresses == 1
    await agent.close()


@simulated
async def test_closing_while_it_opens_leaves_nothing():
    network = make_network()
    listen = network.listen_tcp

    async def slowly(*arguments, **options):
        await asyncio.sleep(1)
        return await listen(*arguments, **options)

    network.listen_tcp = slowly
    agent = IceAgent(IceSettings(tcp_candidates=("passive",)), network=network)
    agent.gather()
    await asyncio.sleep(0.5)
    await agent.close()
    await asyncio.sleep(2)
    assert network.open_sockets == 0


@simulated
async def test_with_a_mux_the_port_is_shared():
    network = make_network()
    async with TcpMux(443, network=network) as mux:
        agents = [(await gather(network=network, tcp_mux=mux))[0] for _ in range(2)]
        for agent in agents:
            passive = [one for one in agent.local_candidates if one.port == 443]
            assert {one.address for one in passive} == {IPV4, IPV6}
        assert mux.statistics().routes == 4
        agents[0]._tcp.expect("another")
        assert mux.statistics().routes == 6
        assert mux._route("another", TransportAddress(IPV4, 443, "tcp")) in agents[0]._tcp.ports.values()
        for agent in agents:
            await agent.close()
        assert mux.statistics().routes == 0
    assert network.open_sockets == 0


async def dial(one, other):
    for source, target in ((one, other), (other, one)):
        source.on("candidate", target.add_remote_candidate)
    await asyncio.gather(one.dial(other.local_parameters), other.accept(one.local_parameters))


@simulated
async def test_a_whole_agent_has_so_many_connections_and_not_more():
    settings = IceSettings(network_types=("tcp4", "tcp6"), max_tcp_connections=2)
    agent, _ = await gather(settings)
    agent.set_remote_parameters(IceParameters("peer", "the password of the peer"))
    for number in range(2, 6):
        for host in (f"203.0.113.{number}", f"2001:db8::{number}"):  # nobody is there
            address = TransportAddress(host, 5000, "tcp")
            agent.add_remote_candidate(tcp_host_candidate(address, 0, TcpType.PASSIVE))
    await asyncio.sleep(3)
    assert len(agent._network.host.tcp.connections) == 2
    failures = [pair.failure for pair in agent.core.agent.statistics().pairs]
    assert failures.count(None) == 2
    assert failures.count((FailureReason.NO_CONNECTION, None, "there are too many connections")) == 6
    await agent.close()
    assert agent._network.open_sockets == 0


@simulated
async def test_a_peer_that_reads_nothing_does_not_hold_up_closing():
    world = Network(1, timeline=asyncio.get_running_loop())
    ours, theirs = (SimulatedTcpNetwork(world.host(f"host{number}", f"203.0.113.{number}")) for number in (1, 2))
    agent = IceAgent(IceSettings(network_types=("tcp4",)), network=ours)
    peer = IceAgent(IceSettings(network_types=("tcp4",), tcp_candidates=("passive",)), network=theirs)
    await dial(agent, peer)
    theirs.host.kill()
    agent.send(bytes(1000))
    started = asyncio.get_running_loop().time()
    await agent.close()
    assert asyncio.get_running_loop().time() - started <= 0.6
    assert ours.open_sockets == 0
    await peer.close()


@pytest.mark.parametrize("turns", range(6))
def test_closing_at_any_moment_of_an_opening(turns):
    @simulated
    async def main():
        agent, _ = await gather(IceSettings(network_types=("tcp4",)))
        agent.set_remote_parameters(IceParameters("peer", "the password of the peer"))
        address = TransportAddress("203.0.113.2", 5000, "tcp")  # nobody is there
        agent.add_remote_candidate(tcp_host_candidate(address, 0, TcpType.PASSIVE))
        for _ in range(turns):
            await asyncio.sleep(0)
        task = agent.shut_down()
        if task is not None:
            await asyncio.wait([task])
            assert task.exception() is None
        assert agent._network.open_sockets == 0

    main()


def test_which_families_are_used():
    settings = IceSettings(network_types=("udp4", "tcp6"))
    assert [is_used(protocol, host, settings) for protocol in ("udp", "tcp") for host in (IPV4, IPV6)] == [
        True, False, False, True,
    ]  # fmt: skip
