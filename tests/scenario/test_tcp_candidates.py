"""Connections over TCP: where UDP is blocked, where a connection breaks, and where both sides only ever call."""

import asyncio

import pytest

from rtcpeer import IceSettings, RTCPeerConnection, Settings, TcpMux
from tests.sim.link import LinkSettings
from tests.sim.nat import BLOCKED, NatSettings
from tests.sim.peers import LINK, World, connected, exchange, simulated, trickle, until

TCP_ONLY = Settings(ice=IceSettings(network_types=("tcp4",)))
PASSIVE = Settings(ice=IceSettings(tcp_candidates=("active", "passive")))


def selected(peer):
    """Protocols and TCP types of the selected pair."""
    pair = peer.sctp.transport.iceTransport.getSelectedCandidatePair()
    return (pair.local.protocol, pair.local.tcpType, pair.remote.protocol, pair.remote.tcpType)


def talk(a, b):
    """A channel from a to b; returns it and what b gets."""
    received = []
    b.on("datachannel", lambda channel: channel.on("message", received.append))
    return a.createDataChannel("x"), received


def tcp_connections(world):
    return [len(network.host.tcp.connections) for network in world.networks]


@pytest.mark.parametrize("caller_offers", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_who_has_no_udp_calls_who_can_be_called(seed, caller_offers):
    @simulated
    async def main():
        world = World(seed, has_tcp=True)
        world.a, world.b = world.peer(nat=BLOCKED), world.peer(settings=PASSIVE)
        a, b = (world.a, world.b) if caller_offers else (world.b, world.a)
        trickle(a, b)
        trickle(b, a)
        channel, received = talk(a, b)
        channel.on("open", lambda: channel.send("through"))
        await exchange(a, b)
        await connected(a, b, timeout=2)
        await until(lambda: received == ["through"])
        await until(lambda: a.iceConnectionState == "completed")
        assert selected(world.a) == ("tcp", "active", "tcp", "passive")
        assert selected(world.b) == ("tcp", "passive", "tcp", "active")
        await asyncio.sleep(40)  # consent, on both sides
        assert a.connectionState == b.connectionState == "connected"
        await world.close()

    main()


@simulated
async def test_candidates_reach_the_program_and_the_description():
    world = World(has_tcp=True)
    a, _ = world.pair(settings=PASSIVE)
    told = []
    a.on("icecandidate", told.append)
    a.createDataChannel("x")
    await a.setLocalDescription()
    await until(lambda: None in told)
    ours = [candidate for candidate in told if candidate and candidate.protocol]
    assert [(one.protocol, one.tcpType, one.type) for one in ours] == [
        ("udp", None, "host"), ("tcp", "active", "host"), ("tcp", "passive", "host"),
    ]  # fmt: skip
    lines = [line for line in a.localDescription.sdp.splitlines() if line.startswith("a=candidate")]
    assert [line.split()[2] for line in lines] == ["udp", "tcp", "tcp"]
    assert " 9 typ host tcptype active" in lines[1]
    # RFC 6544 section 4.3: the default candidate is one over UDP.
    assert f"m=application {ours[0].port} UDP/DTLS/SCTP" in a.localDescription.sdp
    await world.close()


@simulated
async def test_two_who_only_call_find_no_pair_and_fail():
    world = World(has_tcp=True)
    a, b = world.pair(settings=TCP_ONLY)
    a.createDataChannel("x")
    await exchange(a, b)
    await until(lambda: a.connectionState == b.connectionState == "failed")
    statistics = a.sctp.transport.iceTransport._agent.core.agent.statistics()
    assert statistics.pairs == ()
    assert [candidate.tcp_type.value for candidate in statistics.remote_candidates] == ["active"]
    await world.close()


@simulated
async def test_simultaneous_open():
    world = World(has_tcp=True)
    both = Settings(ice=IceSettings(network_types=("tcp4",), tcp_candidates=("so",)))
    a, b = world.pair(settings=both)
    channel, received = talk(a, b)
    channel.on("open", lambda: channel.send("hello"))
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: received == ["hello"])
    assert selected(a) == selected(b) == ("tcp", "so", "tcp", "so")
    assert tcp_connections(world) == [1, 1]
    await world.close()


@simulated
async def test_udp_wins_where_both_work_and_no_connection_is_kept():
    world = World(has_tcp=True)
    a, b = world.pair(settings=PASSIVE)
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: selected(a)[0] == selected(b)[0] == "udp")
    await asyncio.sleep(8)
    assert tcp_connections(world) == [0, 0]
    await world.close()


@pytest.mark.parametrize("caller_offers", [True, False])
def test_a_connection_that_breaks_is_opened_again_and_nothing_is_lost(caller_offers):
    @simulated
    async def main():
        world = World(has_tcp=True)
        world.a, world.b = world.peer(nat=BLOCKED), world.peer(settings=PASSIVE)
        a, b = (world.a, world.b) if caller_offers else (world.b, world.a)
        channel, received = talk(a, b)
        await exchange(a, b)
        await connected(a, b)
        await until(lambda: channel.readyState == "open")
        for number in range(200):
            if number in {50, 120}:
                world.networks[number % 4 // 2].host.tcp.break_connections()
            channel.send(str(number) + " " * 5000)
            await asyncio.sleep(0.01)
        await until(lambda: len(received) == 200)
        assert [int(message) for message in received] == list(range(200))
        assert a.connectionState == b.connectionState == "connected"
        assert tcp_connections(world) == [1, 1]
        await world.close()

    main()


@simulated
async def test_where_the_broken_connection_can_not_be_had_again_both_fail():
    world = World(has_tcp=True)
    world.a, world.b = a, b = world.peer(nat=BLOCKED), world.peer(settings=PASSIVE)
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await asyncio.sleep(60)
    for address in list(world.networks[1].host.tcp._listeners):
        world.networks[1].host.tcp.stop_listening(address)
    world.networks[1].host.tcp.break_connections()
    await until(lambda: a.iceConnectionState == b.iceConnectionState == "checking", 5)
    await until(lambda: a.connectionState == b.connectionState == "failed", 45)
    await world.close()


@simulated
async def test_udp_dies_and_tcp_takes_over():
    world = World(has_tcp=True)
    world.a, world.b = a, b = world.peer(nat=NatSettings()), world.peer(settings=PASSIVE)
    channel, received = talk(a, b)
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: channel.readyState == "open" and selected(a)[0] == "udp")
    await asyncio.sleep(5)
    world.network.internet._attachments["198.51.100.1"]._owner._blocks.append(True)
    channel.send("after all")
    await until(lambda: received == ["after all"], 30)
    await until(lambda: selected(a)[0] == selected(b)[0] == "tcp", 30)
    assert a.connectionState == b.connectionState == "connected"
    await world.close()


@simulated
async def test_a_peer_that_vanishes_is_noticed_over_tcp_too():
    world = World(has_tcp=True)
    world.a, world.b = a, b = world.peer(nat=BLOCKED), world.peer(settings=PASSIVE)
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await asyncio.sleep(10)
    world.networks[1].host.kill()
    await until(lambda: a.connectionState == "disconnected", 10)
    await until(lambda: a.connectionState == "failed", 40)
    await world.close()


@simulated
async def test_bulk_over_a_slow_connection_is_bounded_and_complete():
    world = World(has_tcp=True)
    slow = LinkSettings(delay=0.02, rate=500_000)
    world.a, world.b = a, b = world.peer(nat=BLOCKED, link=slow), world.peer(settings=PASSIVE, link=LINK)
    channel, received = talk(a, b)
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: channel.readyState == "open")
    for _ in range(128):
        channel.send(bytes(16384))
    most = 0
    (connection,) = world.networks[0].host.tcp.connections.values()
    while len(received) < 128:
        most = max(most, connection.get_write_buffer_size())
        await asyncio.sleep(0.05)
    assert most <= 512 * 1024
    assert a.connectionState == b.connectionState == "connected"
    await world.close()


@simulated
async def test_many_connections_share_one_port():
    world = World(has_tcp=True)
    server = world.host()
    mux = TcpMux(443, network=server)
    await mux.open()
    assert [(address.host, address.port) for address in mux.addresses] == [("203.0.113.1", 443)]
    pairs = []
    for number in range(3):
        client = world.peer(nat=BLOCKED)
        ours = RTCPeerConnection(None, Settings(tcp_mux=mux), network=server)
        channel, received = talk(client, ours)
        channel.on("open", lambda channel=channel, number=number: channel.send(f"I am {number}"))
        await exchange(client, ours)
        pairs.append((client, ours, received))
    for number, (client, ours, received) in enumerate(pairs):
        await connected(client, ours)
        await until(lambda received=received, number=number: received == [f"I am {number}"])
        assert client.sctp.transport.iceTransport.getSelectedCandidatePair().remote.port == 443
    assert mux.statistics().routes == 3
    for client, ours, _ in pairs:
        await asyncio.gather(client.close(), ours.close())
    assert mux.statistics().routes == 0
    mux.close()
    assert [network.open_sockets for network in world.networks] == [0] * 4
