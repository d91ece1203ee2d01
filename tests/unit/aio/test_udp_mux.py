"""Connections on a shared socket, in virtual time."""

import asyncio
import gc
import random
import weakref

import pytest

from rtcpeer import IceAgent, IceSettings, InvalidStateError, NetworkError, RTCPeerConnection, Settings, UdpMux
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.events import IceState
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stun import AttributeType, Method, StunMessage, short_term_key
from rtcpeer.turn import Credentials
from tests.scenario.turn_world import SimulatedServer
from tests.sim.nat import NatSettings
from tests.sim.peers import LINK, World, connected, exchange, simulated, trickle, until
from tests.unit.turn.server import Behaviour

PORT = 4000
SERVERS = ["stun:stun.example.org"]


class Server:
    """A host with a mux, and agents on it."""

    def __init__(self, world, servers=(), **place):
        self.world = world
        self.servers = servers
        self.network = world.host(**place)
        self.mux = UdpMux(PORT, network=self.network)
        self.agents = []

    async def __aenter__(self):
        await self.mux.open()
        return self

    async def __aexit__(self, *exc):
        await asyncio.gather(*(agent.close() for agent in self.agents))
        assert not self.mux.statistics().connections
        assert not self.mux.statistics().routes
        self.mux.close()
        assert self.network.open_sockets == 0

    def agent(self, **settings):
        agent = IceAgent(
            IceSettings(**settings), servers=self.servers, network=self.network, udp_mux=self.mux, is_controlling=False
        )
        self.agents.append(agent)
        return agent

    async def connect(self, client, **settings):
        """A new agent of ours, connected with that of a client."""
        agent = self.agent(**settings)
        introduce(agent, client)
        await asyncio.gather(client.dial(agent.local_parameters), agent.accept(client.local_parameters))
        return agent


def introduce(one, other):
    one.on("candidate", other.add_remote_candidate)
    other.on("candidate", one.add_remote_candidate)


async def echo(server_agent, client, data=b"\x80hello"):
    client.send(data)
    received = await server_agent.recv()
    server_agent.send(received)
    assert await client.recv() == data


@simulated
async def test_two_clients_of_one_port_are_told_apart():
    world = World()
    async with Server(world) as server:
        clients = [IceAgent(network=world.host()) for _ in range(2)]
        agents = [await server.connect(client) for client in clients]
        for number, (agent, client) in enumerate(zip(agents, clients, strict=True)):
            await echo(agent, client, b"\x80" + bytes([number]))
        assert {pair.path[0] for agent in agents for pair in [agent.core.agent.selected_pair]} == {
            ("203.0.113.1", PORT, "udp")
        }
        assert server.mux.statistics().connections == 2
        assert server.network.open_sockets == 1
        await asyncio.gather(*(client.close() for client in clients))


@simulated
async def test_clients_behind_one_nat_have_one_address_and_two_ports():
    world = World()
    async with Server(world) as server:
        network = world.host(nat=NatSettings())
        clients = [IceAgent(network=network, servers=SERVERS) for _ in range(2)]
        world.stun_server()
        agents = [await server.connect(client) for client in clients]
        await asyncio.gather(*(echo(agent, client) for agent, client in zip(agents, clients, strict=True)))
        assert len({agent.core.agent.selected_pair.remote.address for agent in agents}) == 1
        await asyncio.gather(*(client.close() for client in clients))


@simulated
async def test_all_that_is_known_of_a_connection_goes_with_it():
    world = World()
    async with Server(world) as server:
        client = IceAgent(network=world.host())
        agent = await server.connect(client)
        assert server.mux.statistics().routes == 1
        await agent.close()
        assert (server.mux.statistics().routes, server.mux.statistics().connections) == (0, 0)
        assert server.network.open_sockets == 1
        client.send(b"\x80late")
        await until(lambda: server.mux.statistics().stray_datagrams)
        await client.close()


@simulated
async def test_peer_connections_on_one_port():
    world = World()
    network = world.host()
    async with UdpMux(PORT, network=network) as mux:
        pairs = [(world.peer(), RTCPeerConnection(settings=Settings(udp_mux=mux), network=network)) for _ in range(3)]
        got = []
        for client, server in pairs:
            server.on("datachannel", lambda channel: channel.on("message", channel.send))
            channel = client.createDataChannel("echo")
            channel.on("open", lambda channel=channel: channel.send(channel.label))
            channel.on("message", got.append)
            trickle(client, server)
            trickle(server, client)
            await exchange(client, server)
        await connected(*(peer for pair in pairs for peer in pair))
        await until(lambda: got == ["echo"] * 3)
        assert f" {PORT} typ host" in pairs[0][1].localDescription.sdp
        await asyncio.gather(*(peer.close() for pair in pairs for peer in pair))
        assert mux.statistics().connections == 0
    assert [each.open_sockets for each in world.networks] == [0] * 4


ENTROPY = random.Random("muxes").randbytes


def signed_check(agent, claims):
    """What who knows an agent's password may send from anywhere."""
    message = StunMessage.request(Method.BINDING, ENTROPY)
    message.add_text(AttributeType.USERNAME, f"{agent.local_parameters.username_fragment}:{claims}")
    message.add_uint32(AttributeType.PRIORITY, 1)
    message.add_uint64(AttributeType.ICE_CONTROLLING, 1)
    return message.serialize(short_term_key(agent.local_parameters.password), fingerprint=True)


@simulated
async def test_who_sends_from_another_peers_address_takes_nothing_over():
    world = World()
    async with Server(world) as server:
        victim, attacker = IceAgent(network=world.host()), IceAgent(network=world.host())
        for_attacker = await server.connect(attacker)
        victim.gather()
        (candidate,) = await victim.gathered()

        def spoof():
            """With credentials that the attacker has a right to, but not from there."""
            attack = signed_check(for_attacker, attacker.local_parameters.username_fragment)
            local = server.mux.addresses[0]
            server.mux._sockets[0].receive(Datagrams(local, candidate.transport_address, [attack]))

        # Before the victim is there, the route is the attacker's; the victim's own check gets it back.
        spoof()
        assert server.mux.statistics().routes == 2
        for_victim = server.agent()
        introduce(for_victim, victim)
        for_victim.add_remote_candidate(candidate)
        await asyncio.gather(victim.dial(for_victim.local_parameters), for_victim.accept(victim.local_parameters))
        for _ in range(50):
            spoof()
            await echo(for_victim, victim)
            await asyncio.sleep(0.5)
        assert server.mux.statistics().collisions == 50
        await echo(for_attacker, attacker)
        await asyncio.gather(victim.close(), attacker.close())


@simulated
async def test_a_flood_of_strangers_leaves_nothing_behind():
    world = World()
    async with Server(world) as server:
        client = IceAgent(network=world.host())
        agent = await server.connect(client)
        flood = world.host().host.bind("203.0.113.3", 5000, lambda packet: None)
        for number in range(2000):
            message = StunMessage.request(Method.BINDING, ENTROPY)
            message.add_text(AttributeType.USERNAME, f"guess{number}:peer")
            flood.send(server.mux.addresses[0], [message.serialize(bytes(16), fingerprint=True), b"\x80junk"])
        await until(lambda: server.mux.statistics().unknown_fragments == 2000)
        await echo(agent, client)
        statistics = server.mux.statistics()
        assert (statistics.routes, statistics.stray_datagrams) == (1, 2000)
        await client.close()


@simulated
async def test_a_stun_server_is_asked_once_for_all_connections():
    world = World()
    world.stun_server()
    gathered = []
    async with Server(world, SERVERS, nat=NatSettings()) as server:
        for _ in range(4):
            agent = server.agent()
            agent.gather()
            gathered.append({candidate.type.value for candidate in await agent.gathered()})
        assert gathered == [{"host", "srflx"}] * 4
        assert server.mux.statistics().questions_spared == 3


@simulated
async def test_answers_of_a_stun_server_find_who_asked_at_the_same_time():
    world = World()
    world.stun_server()
    async with Server(world, SERVERS, nat=NatSettings()) as server:
        agents = [server.agent() for _ in range(10)]
        for agent in agents:
            agent.gather()
        for agent in agents:
            assert {candidate.type.value for candidate in await agent.gathered()} == {"host", "srflx"}
        assert server.mux.statistics().questions_spared == 0
        assert server.mux.statistics().stray_datagrams == 0


@simulated
async def test_a_mux_binds_every_address_of_both_families():
    world = World()
    network = world.host()
    network.host.interfaces[0].addresses.append("2001:db8::77")
    mux = UdpMux(PORT, network=network)
    async with mux:
        assert [(each.host, each.port) for each in mux.addresses] == [("2001:db8::77", PORT), ("203.0.113.1", PORT)]
        agent = IceAgent(network=network, udp_mux=mux)
        agent.gather()
        candidates = await agent.gathered()
        assert len({candidate.priority for candidate in candidates}) == len(candidates) == 2
        await agent.close()
    assert mux.addresses == []


@simulated
async def test_the_settings_choose_the_addresses_of_a_mux():
    world = World()
    network = world.host()
    with pytest.raises(OSError, match="no address"):
        await UdpMux(PORT, settings=IceSettings(local_address_filter=["10.0.0.0/8"]), network=network).open()
    async with UdpMux(PORT, network=network) as mux:
        with pytest.raises(InvalidStateError):
            await mux.open()
        with pytest.raises(OSError, match="in use"):
            await UdpMux(PORT, network=network).open()
    assert network.open_sockets == 0
    for wrong in ({"port": 70000}, {"mapping_lifetime": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            UdpMux(**wrong)


@simulated
async def test_who_can_not_join_says_so_and_gathers_nothing():
    world = World()
    network = world.host()
    failures = []
    mux = UdpMux(PORT, network=network)

    async def join(fragment):
        agent = IceAgent(IceSettings(username_fragment=fragment), network=network, udp_mux=mux)
        agent.on("bind_failed", failures.append)
        agent.gather()
        await agent.gathered()
        return agent

    agents = [await join("early")]
    await mux.open()
    agents += [await join("twin"), await join("twin")]
    assert [len(agent.local_candidates) for agent in agents] == [0, 1, 0]
    assert ["not open" in failure.error_text for failure in failures] == [True, False]
    assert "twin" in failures[1].error_text
    await asyncio.gather(*(agent.close() for agent in agents))
    mux.close()


@simulated
async def test_closing_the_mux_first_costs_the_path_and_no_more():
    world = World()
    server = Server(world)
    await server.mux.open()
    client = IceAgent(network=world.host())
    agent = await server.connect(client)
    server.mux.close()
    agent.send(b"\x80into the void")
    await until(lambda: agent.state is IceState.DISCONNECTED)
    await asyncio.gather(agent.close(), client.close())
    assert server.network.open_sockets == 0


@simulated
async def test_one_address_and_port_serves_one_connection():
    """Between two muxes there is one path, which the first connection has."""
    world = World()
    async with Server(world) as one, Server(world) as other:
        first, second = one.agent(), one.agent(patience=3.0)
        theirs = other.agent()
        introduce(first, theirs)
        await asyncio.gather(first.dial(theirs.local_parameters), theirs.accept(first.local_parameters))
        late = other.agent(patience=3.0)
        introduce(second, late)
        for agent, peer in ((second, late), (late, second)):
            agent.set_remote_parameters(peer.local_parameters)
            agent.gather()
        second.core.agent.set_role(is_controlling=True)
        await asyncio.sleep(5)
        assert second.core.agent.selected_pair is None
        await echo(first, theirs)
        assert one.mux.statistics().collisions > 0


@simulated
async def test_two_connections_on_one_mux_do_not_find_each_other_and_harm_nobody():
    world = World()
    async with Server(world) as server:
        client = IceAgent(network=world.host())
        bystander = await server.connect(client)
        one, other = server.agent(patience=2.0), server.agent(patience=2.0)
        introduce(one, other)
        for agent in (one, other):
            agent.add_remote_candidate(None)
        results = await asyncio.gather(
            one.dial(other.local_parameters), other.accept(one.local_parameters), return_exceptions=True
        )
        assert [type(result) for result in results] == [NetworkError, NetworkError]
        await echo(bystander, client)
        await client.close()


@simulated
async def test_the_mux_keeps_no_closed_connection_alive():
    world = World()
    async with Server(world) as server:
        client = IceAgent(network=world.host())
        agent = await server.connect(client)
        core = weakref.ref(agent.core)
        await asyncio.gather(agent.close(), client.close())
        server.agents.clear()
        del agent, client
        await asyncio.sleep(1)
        gc.collect()
        assert core() is None


@simulated
async def test_credentials_may_change_while_the_connection_lives():
    world = World()
    async with Server(world) as server:
        client = IceAgent(network=world.host())
        agent = await server.connect(client)
        before, later = agent.local_parameters, agent.restart()
        await asyncio.sleep(0.01)
        newcomer = world.host().host.bind("203.0.113.3", 5000, lambda packet: None)

        def checks(parameters):
            message = StunMessage.request(Method.BINDING, ENTROPY)
            message.add_text(AttributeType.USERNAME, f"{parameters.username_fragment}:peer")
            signed = message.serialize(short_term_key(parameters.password), fingerprint=True)
            newcomer.send(server.mux.addresses[0], [signed])

        checks(later)
        await until(lambda: server.mux.statistics().routes == 2)
        client.set_remote_parameters(later)
        agent.set_remote_parameters(client.local_parameters)
        for each in agent.local_candidates:
            client.add_remote_candidate(each)
        await until(lambda: agent.gathered_for(before.username_fragment) == [])
        agent.send(b"\x80still")
        assert await client.recv() == b"\x80still"
        assert (agent.local_parameters, server.network.open_sockets) == (later, 1)
        await asyncio.sleep(0.1)
        unknown = server.mux.statistics().unknown_fragments
        newcomer = world.host().host.bind("203.0.113.4", 5000, lambda packet: None)
        checks(before)
        await until(lambda: server.mux.statistics().unknown_fragments == unknown + 1)
        await client.close()


@simulated
async def test_relays_have_sockets_of_their_own():
    world = World()
    world.network.names["turn.example.org"] = ["203.0.113.210"]
    host = world.network.host("turn.example.org", "203.0.113.210", up=LINK)
    SimulatedServer(host, TransportAddress("203.0.113.210", 3478), Behaviour(has_ipv6=False))
    turn = ServerUrl.parse("turn:turn.example.org", Credentials("ada", "lovelace"))
    async with Server(world, [turn]) as server:
        agents = [server.agent() for _ in range(2)]
        for agent in agents:
            agent.gather()
        for agent in agents:
            await until(lambda agent=agent: agent.core.gatherer.is_complete)
            # What the server says of such a socket's address is no way in, as nothing but the relay uses it.
            assert [(one.type.value, one.base.port == PORT) for one in agent.local_candidates] == [
                ("host", True), ("relay", False)
            ]  # fmt: skip
        assert server.network.open_sockets == 3
        assert len({agent.local_candidates[1].transport_address for agent in agents}) == 2
