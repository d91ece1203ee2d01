import asyncio
import errno

import pytest

from rtcpeer import IceAgent, IceSettings, IceState, InvalidStateError, NetworkError
from rtcpeer.aio.ice_agent import MAX_UNREAD
from tests.sim.nat import NatSettings
from tests.sim.peers import World, simulated, until


def agents(world, **settings):
    made = [IceAgent(IceSettings(**settings), network=world.host(), is_controlling=not index) for index in range(2)]
    for one, other in (made, made[::-1]):
        one.on("candidate", other.add_remote_candidate)
    return made


async def connect(a, b):
    await asyncio.gather(a.dial(b.local_parameters), b.accept(a.local_parameters))


@simulated
async def test_dial_accept_send_and_receive():
    world = World()
    a, b = agents(world)
    states, pairs = [], []
    a.on("state", states.append)
    a.on("selected_pair", lambda local, remote: pairs.append((local.address, remote.address)))
    await connect(a, b)
    assert states[:2] == [IceState.CHECKING, IceState.CONNECTED]
    assert pairs == [("203.0.113.1", "203.0.113.2")]
    for number in range(3):
        a.send(b"\x80" + bytes([number]))
    assert [await b.recv() for _ in range(3)] == [b"\x80\x00", b"\x80\x01", b"\x80\x02"]
    b.send(b"\x90back")
    received = []

    async def read():
        async for data in a:
            received.append(data)  # noqa: PERF401 seen while it grows

    reader = asyncio.create_task(read())
    await until(lambda: received == [b"\x90back"])
    await a.close()
    await reader
    with pytest.raises(InvalidStateError):
        a.send(b"\x80")
    with pytest.raises(InvalidStateError):
        await a.recv()
    await b.close()
    await b.close()
    assert [network.open_sockets for network in world.networks] == [0, 0]


@simulated
async def test_what_nobody_reads_is_bounded_and_counted():
    world = World()
    a, b = agents(world)
    await connect(a, b)
    for _ in range(MAX_UNREAD + 10):
        a.send(b"\x80")
    await asyncio.sleep(1)
    assert b.dropped_datagrams == 10
    await a.close()
    await b.close()


@simulated
async def test_no_path_is_a_network_error_and_closing_says_so():
    world = World()
    a, b = agents(world, patience=2.0)
    world.networks[1].host.kill()
    a.add_remote_candidate(None)
    with pytest.raises(NetworkError):
        await a.dial(b.local_parameters)
    waiting = asyncio.ensure_future(b.accept(a.local_parameters))
    await asyncio.sleep(0.1)
    await b.close()
    with pytest.raises(InvalidStateError):
        await waiting
    await a.close()


@simulated
async def test_gathering_survives_bad_names_failing_sockets_and_no_interfaces():
    world = World()
    network = world.host()
    network.udp_errors.append(OSError("no ports"))

    async def resolve(host, port):
        raise UnicodeError("label empty or too long")

    network.resolve = resolve
    failures = []
    agent = IceAgent(network=network, servers=["stun:a..b"])
    agent.on("server_failed", failures.append)
    agent.gather()
    assert await agent.gathered() == []
    await until(lambda: failures)
    assert "label empty" in failures[0].error_text
    await agent.close()

    def interfaces():
        raise OSError

    network.interfaces = interfaces
    agent = IceAgent(network=network)
    agent.gather()
    assert await agent.gathered() == []
    await agent.close()


@simulated
async def test_a_name_that_is_never_resolved_times_out():
    world = World()
    network = world.host()
    network.silent_names.add("silent.example.org")
    failures = []
    agent = IceAgent(network=network, servers=["stun:silent.example.org"])
    agent.on("server_failed", failures.append)
    agent.gather()
    before = asyncio.get_running_loop().time()
    await until(lambda: failures)
    assert asyncio.get_running_loop().time() - before == pytest.approx(2, abs=0.05)
    await agent.close()


@simulated
async def test_close_while_gathering_and_before():
    world = World()
    network = world.host()
    network.silent_names.add("silent.example.org")
    async with IceAgent(network=network, servers=["stun:silent.example.org"]) as agent:
        agent.gather()
        await asyncio.sleep(0.1)
    assert network.open_sockets == 0
    agent.gather()
    assert agent.state is IceState.CLOSED
    await IceAgent(network=network).close()


@simulated
async def test_gathered_until_the_program_has_what_it_wants():
    world = World()
    world.stun_server()
    servers = ["stun:stun.example.org", "stun:203.0.113.250"]
    agent = IceAgent(IceSettings(bulk_patience=0.01), servers=servers, network=world.host(nat=NatSettings()))
    agent.gather()
    found = await agent.gathered(until=lambda candidates: len(candidates) == 2)
    assert [candidate.type.value for candidate in found] == ["host", "srflx"]
    assert not agent.core.gatherer.is_complete
    before = asyncio.get_running_loop().time()
    await agent.gathered(0.1, lambda _: False)
    assert asyncio.get_running_loop().time() - before == pytest.approx(0.1)
    assert await agent.gathered(until=lambda _: False) == found
    assert agent.core.gatherer.is_complete
    await agent.close()


@simulated
async def test_where_the_system_sends_nothing_nobody_waits_for_an_answer():
    world = World()
    a, b = agents(world)
    world.networks[0].unroutable["203.0.113.2"] = errno.ENETUNREACH
    b.gather()
    a.set_remote_parameters(b.local_parameters)
    a.gather()
    await asyncio.sleep(0.1)
    (pair,) = a.core.agent.statistics().pairs
    assert pair.failure is not None
    assert (pair.failure.reason.value, pair.failure.detail) == ("unroutable", "Network is unreachable")
    assert pair.requests_sent == 1
    await asyncio.gather(a.close(), b.close())


async def swap(one, other):
    """What the program does on both sides when one of them restarts: parameters there, and parameters back."""
    answer = asyncio.get_running_loop().create_future()
    other.once("restart", answer.set_result)
    other.set_remote_parameters(one.restart())
    one.set_remote_parameters(await answer)


@pytest.mark.parametrize("first", [0, 1])
def test_restart_gathers_anew_while_datagrams_go_on(first):
    @simulated
    async def main():
        world = World()
        a, b = agents(world)
        candidates = []
        a.on("candidate", candidates.append)
        await connect(a, b)
        await until(lambda: a.state is b.state is IceState.COMPLETED)
        before = candidates[:]
        one, other = (a, b) if first == 0 else (b, a)
        await swap(one, other)
        for number in range(5):
            a.send(b"\x80" + bytes([number]))
            assert await b.recv() == b"\x80" + bytes([number])
            await asyncio.sleep(0.05)
        await until(lambda: a.state is b.state is IceState.COMPLETED)
        new = [candidate for candidate in candidates[len(before) :] if candidate]
        assert {candidate.username_fragment for candidate in new} == {a.local_parameters.username_fragment}
        assert [candidate.username_fragment for candidate in a.local_candidates] == [new[0].username_fragment]
        assert before[0].port != new[0].port
        await asyncio.sleep(10)
        assert [network.open_sockets for network in world.networks] == [1, 1]
        assert a.gathered_for(before[0].username_fragment) == []
        await a.close()
        with pytest.raises(InvalidStateError):
            a.restart()
        await b.close()

    main()


@simulated
async def test_a_restart_may_come_before_gathering_and_during_it():
    world = World()
    a, b = agents(world)
    first = a.local_parameters
    assert a.restart() != first
    a.gather()
    await asyncio.sleep(0)
    a.restart()
    a.restart()
    await connect(a, b)
    await until(lambda: a.state is b.state is IceState.COMPLETED)
    await asyncio.sleep(1)
    assert [network.open_sockets for network in world.networks] == [1, 1]
    assert a.gathered_for(first.username_fragment) == []
    await a.close()
    await b.close()


@simulated
async def test_a_restart_that_is_rolled_back_leaves_candidates_and_sockets():
    world = World()
    a, b = agents(world)
    await connect(a, b)
    await until(lambda: a.state is b.state is IceState.COMPLETED)
    before = a.local_candidates
    a.restart()
    await asyncio.sleep(1)
    assert world.networks[0].open_sockets == 2
    a.roll_back()
    await asyncio.sleep(1)
    assert a.local_candidates == before
    assert world.networks[0].open_sockets == 1
    a.send(b"\x80still")
    assert await b.recv() == b"\x80still"
    await a.close()
    await b.close()


@simulated
async def test_where_no_other_socket_can_be_had_the_old_one_goes_on():
    world = World()
    a, b = agents(world)
    await connect(a, b)
    await until(lambda: a.state is b.state is IceState.COMPLETED)
    before = a.local_candidates[0]
    world.networks[0].udp_errors.append(OSError("all ports are taken"))
    await swap(a, b)
    await until(lambda: a.state is b.state is IceState.COMPLETED)
    assert a.local_candidates[0].port == before.port
    await asyncio.sleep(10)
    assert [network.open_sockets for network in world.networks] == [1, 1]
    await a.close()
    await b.close()


@simulated
async def test_a_restart_may_bring_other_servers():
    world = World()
    world.stun_server()
    a = IceAgent(network=world.host(nat=NatSettings()))
    a.gather()
    assert [candidate.type.value for candidate in await a.gathered()] == ["host"]
    a.restart(servers=["stun:stun.example.org"], settings=IceSettings(transport_policy="nohost"))
    assert [candidate.type.value for candidate in await a.gathered()] == ["srflx"]
    await a.close()
