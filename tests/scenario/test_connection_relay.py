"""Peer connections that need a relay, in virtual time."""

import asyncio

import pytest

from rtcpeer import IceSettings, RTCPeerConnection, Settings
from rtcpeer.core import TransportAddress
from rtcpeer.stun import Method
from tests.scenario.turn_world import SimulatedServer
from tests.sim.link import LinkSettings
from tests.sim.nat import PORT_RESTRICTED, SYMMETRIC
from tests.sim.peers import LINK, World, connected, exchange, simulated, trickle, until
from tests.unit.turn.server import Behaviour

NAME, HOST = "turn.example.org", "203.0.113.210"
DEAD = {"urls": "turn:203.0.113.250", "username": "ada", "credential": "lovelace"}
LOSSY = LinkSettings(delay=0.03, jitter=0.01, loss=0.1)


def servers(policy="all", *more, password="lovelace"):
    live = {"urls": f"turn:{NAME}", "username": "ada", "credential": password}
    return {"iceServers": [live, *more], "iceTransportPolicy": policy}


def turn_server(world, behaviour=None):
    host = world.network.host(NAME, HOST, up=LINK)
    world.network.names[NAME] = [HOST]
    return SimulatedServer(host, TransportAddress(HOST, 3478), behaviour or Behaviour(has_ipv6=False)).server


def pair_of(world, configuration, settings=None, **place):
    world.a, world.b = (world.peer(configuration, settings, **place) for _ in range(2))
    trickle(world.a, world.b)
    trickle(world.b, world.a)
    return world.a, world.b


async def finish(world):
    await world.close()
    await asyncio.sleep(0.1)  # for the candidates that are still on their way


def local_type(pc: RTCPeerConnection):
    return pc.sctp.transport.iceTransport.getSelectedCandidatePair().local.type


async def echo(a, b, payload=b"x" * 200_000):
    received = []
    b.on("datachannel", lambda channel: channel.on("message", received.append))
    channel = a.createDataChannel("x")
    channel.on("open", lambda: channel.send(payload))
    if a.signalingState == "stable" and a.remoteDescription is None:
        await exchange(a, b)
    await connected(a, b)
    await until(lambda: received == [payload])
    # Before that each side may send over a pair of its own.
    agents = [pc.sctp.transport.iceTransport._agent.core.agent for pc in (a, b)]
    await until(lambda: all(agent.selected_pair for agent in agents))


@pytest.mark.parametrize("link", [LINK, LOSSY], ids=["clean", "lossy"])
@pytest.mark.parametrize("policy", ["all", "relay"])
@pytest.mark.parametrize("seed", range(3))
def test_symmetric_nats_meet_through_the_relay(seed, policy, link):
    @simulated
    async def main():
        world = World(seed)
        server = turn_server(world)
        a, b = pair_of(world, servers(policy), nat=SYMMETRIC, link=link)
        await echo(a, b)
        assert "relay" in {local_type(a), local_type(b)}
        if policy == "relay":
            for pc in (a, b):
                lines = [line for line in pc.localDescription.sdp.splitlines() if line.startswith("a=candidate:")]
                assert lines
                assert all(" typ relay raddr 0.0.0.0 rport 9" in line for line in lines)
        await finish(world)
        await asyncio.sleep(1)
        if link is LINK:
            assert not server.allocations  # given back with the last packets

    main()


@simulated
async def test_a_direct_path_is_preferred_to_the_relay():
    world = World()
    turn_server(world)
    a, b = pair_of(world, servers(), nat=PORT_RESTRICTED)
    await echo(a, b)
    assert "relay" not in {local_type(a), local_type(b)}
    reflexive = [one for one in a.sctp.transport.iceTransport.getLocalCandidates() if one.type == "srflx"]
    assert [one.address for one in reflexive] == ["198.51.100.1"]  # the allocation's answer told us that, too
    await finish(world)


@simulated
async def test_the_relay_takes_only_a_moment_longer_beside_a_dead_server():
    world = World()
    turn_server(world)
    a, b = pair_of(world, servers("relay", DEAD), nat=SYMMETRIC)
    errors = []
    a.on("icecandidateerror", errors.append)
    loop = asyncio.get_running_loop()
    started = loop.time()
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    assert loop.time() - started < 1.0
    await until(lambda: a.iceGatheringState == "complete")
    assert loop.time() - started < 5.1
    assert [(error.url, error.errorCode) for error in errors] == [(DEAD["urls"], 701)]
    await finish(world)


@simulated
async def test_wrong_credentials_are_told():
    world = World()
    turn_server(world)
    a, _ = pair_of(world, servers(password="babbage"))
    errors = []
    a.on("icecandidateerror", errors.append)
    a.createDataChannel("x")
    await a.setLocalDescription()
    await until(lambda: a.iceGatheringState == "complete")
    assert [(error.url, error.errorCode) for error in errors] == [(f"turn:{NAME}", 401)]
    await finish(world)


@simulated
async def test_a_long_life_over_the_relay_is_renewed():
    world = World()
    server = turn_server(world, Behaviour(has_ipv6=False, nonce_lifetime=500))
    a, b = pair_of(world, servers("relay"), nat=SYMMETRIC)
    await echo(a, b)
    await asyncio.sleep(2000)
    assert a.connectionState == b.connectionState == "connected"
    await echo(a, b, b"still there")
    assert server.count(Method.REFRESH) >= 6
    assert server.count(Method.CHANNEL_BIND) >= 6
    await finish(world)


@simulated
async def test_an_allocation_that_is_lost_ends_its_pairs_at_once():
    world = World()
    server = turn_server(world)
    a, b = pair_of(world, servers("relay"), nat=SYMMETRIC)
    await echo(a, b)
    loop = asyncio.get_running_loop()
    server.allocations.clear()  # the server was started anew: the next request learns it
    lost = loop.time()
    await until(lambda: a.connectionState == "failed", 600)
    assert loop.time() - lost < 36
    await finish(world)


@simulated
async def test_close_while_the_server_is_silent():
    world = World()
    turn_server(world, Behaviour(is_silent=True))
    settings = Settings(ice=IceSettings(turn_timeout=1.0))
    a, b = pair_of(world, servers("relay"), settings)
    errors = []
    b.on("icecandidateerror", errors.append)
    for pc in (a, b):
        pc.createDataChannel("x")
        await pc.setLocalDescription()
    await asyncio.sleep(0.1)
    await a.close()
    await until(lambda: bool(errors))
    assert "did not answer" in errors[0].errorText
    await finish(world)


def path_types(*peers: RTCPeerConnection):
    return [local_type(pc) for pc in peers]


def is_restarted(*peers: RTCPeerConnection):
    """Whether all talk over a pair of the newest generation, and nothing of the one before is left."""
    agents = [pc.sctp.transport.iceTransport._agent.core.agent for pc in peers]
    return all(len(list(agent._sessions)) == 1 and agent.selected_pair is not None for agent in agents)


@simulated
async def test_a_restart_over_relays_comes_with_new_allocations_and_gives_the_old_ones_back():
    world = World()
    server = turn_server(world)
    a, b = pair_of(world, servers("relay"))
    await echo(a, b)
    before = set(server.allocations)
    a.restartIce()
    await exchange(a, b)
    await until(lambda: len(server.allocations) == 4)
    await until(lambda: is_restarted(a, b))
    await asyncio.sleep(1)
    assert len(server.allocations) == 2
    assert not before & set(server.allocations)
    await echo(a, b)
    assert path_types(a, b) == ["relay", "relay"]
    await finish(world)


@simulated
async def test_a_restart_asks_the_program_once_more_for_credentials():
    world = World()
    server = turn_server(world)
    asked = []

    async def credentials():
        asked.append(asyncio.get_running_loop().time())
        return "ada", "lovelace"

    urls = [f"turn:{NAME}", "turn:203.0.113.250"]
    configuration = {"iceServers": [{"urls": urls, "credential": credentials}], "iceTransportPolicy": "relay"}
    a, b = pair_of(world, configuration)
    await echo(a, b)
    assert len(asked) == 2  # one answer for both URLs on each side
    a.restartIce()
    await exchange(a, b)
    await until(lambda: len(server.allocations) == 4)
    await until(lambda: is_restarted(a, b))
    assert len(asked) == 4
    await echo(a, b)
    await finish(world)


@simulated
async def test_a_restart_that_is_rolled_back_gives_its_allocation_back():
    world = World()
    server = turn_server(world)
    a, b = pair_of(world, servers("relay"))
    await echo(a, b)
    before = set(server.allocations)
    a.restartIce()
    await a.setLocalDescription()
    await until(lambda: len(server.allocations) == 3)
    await a.setLocalDescription({"type": "rollback"})
    await asyncio.sleep(1)
    assert set(server.allocations) == before
    await echo(a, b)
    await finish(world)


@simulated
async def test_another_policy_moves_the_connection_to_relays_and_back():
    world = World()
    turn_server(world)
    a, b = pair_of(world, servers())
    await echo(a, b)
    assert path_types(a, b) == ["host", "host"]
    for policy, expected in (("relay", "relay"), ("all", "host")):
        a.setConfiguration(servers(policy))
        await exchange(a, b)
        await until(lambda: is_restarted(a, b))
        await until(lambda expected=expected: local_type(a) == expected)
        await echo(a, b)
    await finish(world)


@simulated
async def test_a_relay_that_was_asked_for_before_a_restart_is_given_back():
    world = World()
    server = turn_server(world)
    a, _ = pair_of(world, servers("relay"))
    a.createDataChannel("x")
    await a.setLocalDescription()
    await asyncio.sleep(0.09)  # the request is out, and its answer on the way
    await a.setLocalDescription(await a.createOffer(iceRestart=True))
    await asyncio.sleep(2)
    assert len(server.allocations) == 1
    assert len(a._transports.first.gatherer.getLocalCandidates()) == 1
    await finish(world)


@pytest.mark.parametrize(("silence", "most"), [(0.0, 0.2), (0.3, 0.8), (100.0, 0.9)])
def test_close_gives_the_allocation_back_though_its_request_be_lost(silence, most):
    @simulated
    async def main():
        world = World()
        server = turn_server(world)
        a, b = pair_of(world, servers("relay"))
        await echo(a, b)
        assert len(server.allocations) == 2
        server.behaviour.is_silent = True
        loop = asyncio.get_running_loop()
        loop.call_later(silence, setattr, server.behaviour, "is_silent", False)
        started = loop.time()
        await asyncio.gather(a.close(), b.close())
        assert loop.time() - started < most
        assert bool(server.allocations) is (silence > 1)
        await finish(world)

    main()


def test_who_closes_while_the_request_is_repeated_waits_no_longer():
    @simulated
    async def main():
        world = World()
        server = turn_server(world)
        a, b = pair_of(world, servers("relay"))
        await echo(a, b)
        server.behaviour.is_silent = True
        closing = asyncio.ensure_future(a.close())
        await asyncio.sleep(0.1)
        closing.cancel()
        await asyncio.gather(a.close(), a.close())
        await finish(world)

    main()
