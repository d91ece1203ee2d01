"""An ICE agent alone, whose host has interfaces that come and go."""

import asyncio

import pytest

from rtcpeer import FindingCode, IceAgent, IceSettings, IceState
from tests.sim.peers import LINK, World, simulated, until


def agent(world, **settings):
    made = {"gathering_policy": "continually", "network_poll_interval": 0.5, **settings}
    return IceAgent(IceSettings(**made), network=world.host(), is_controlling=True)


def addresses(agent):
    return [candidate.address for candidate in agent.local_candidates]


async def closed(world, *agents):
    await asyncio.gather(*(one.close() for one in agents))
    assert [network.open_sockets for network in world.networks] == [0] * len(world.networks)


@simulated
async def test_candidates_follow_the_interfaces_and_never_end():
    world = World()
    one = agent(world)
    told = []
    one.on("candidate", lambda candidate: told.append(candidate and candidate.address))
    one.gather()
    assert [each.address for each in await one.gathered()] == ["203.0.113.1"]
    host = world.networks[0].host
    for number in range(70, 76):
        host.interfaces[-1].is_up = False
        host.attach(world.network.internet, f"203.0.113.{number}")
        await asyncio.sleep(1)
        assert addresses(one) == [f"203.0.113.{number}"]
        assert world.networks[0].open_sockets == 1
    assert told == ["203.0.113.1", *(f"203.0.113.{number}" for number in range(70, 76))]
    await closed(world, one)


@simulated
async def test_an_address_that_comes_back_gets_another_socket():
    world = World()
    one = agent(world)
    one.gather()
    (before,) = await one.gathered()
    interface = world.networks[0].host.interfaces[0]
    for is_up in (False, True):
        interface.is_up = is_up
        await asyncio.sleep(1)
        assert len(one.local_candidates) == is_up
    (after,) = one.local_candidates
    assert after.address == before.address
    assert after.port != before.port
    await closed(world, one)


@simulated
async def test_gathering_once_watches_nothing():
    world = World()
    one = agent(world, gathering_policy="once")
    told = []
    one.on("candidate", told.append)
    one.gather()
    await one.gathered()
    host = world.networks[0].host
    host.attach(world.network.internet, "203.0.113.70")
    host.interfaces[0].is_up = False
    await asyncio.sleep(10)
    assert addresses(one) == ["203.0.113.1"]
    assert told[-1] is None
    await closed(world, one)


@simulated
async def test_a_restart_may_begin_to_watch_and_end_it():
    world = World()
    one = agent(world, gathering_policy="once")
    one.gather()
    await one.gathered()
    host = world.networks[0].host
    one.restart(settings=IceSettings(gathering_policy="continually", network_poll_interval=0.5))
    await one.gathered()
    host.attach(world.network.internet, "203.0.113.70")
    await asyncio.sleep(1)
    assert addresses(one) == ["203.0.113.1", "203.0.113.70"]
    one.restart(settings=IceSettings())
    await one.gathered()
    host.attach(world.network.internet, "203.0.113.71")
    await asyncio.sleep(1)
    assert addresses(one) == ["203.0.113.1", "203.0.113.70"]
    await closed(world, one)


@simulated
async def test_what_came_during_a_restart_that_is_rolled_back_is_not_forgotten():
    world = World()
    one, other = agent(world), agent(world)
    one.gather()
    one.set_remote_parameters(other.local_parameters)
    await one.gathered()
    one.restart()
    world.networks[0].host.attach(world.network.internet, "203.0.113.70")
    await asyncio.sleep(1)
    one.roll_back()
    await asyncio.sleep(1)
    assert addresses(one) == ["203.0.113.1", "203.0.113.70"]
    await closed(world, one, other)


@simulated
async def test_filters_and_choices_hold_for_what_comes():
    world = World()
    one = agent(world, local_address_filter=lambda address: address != "203.0.113.70")
    one.gather()
    await one.gathered()
    host = world.networks[0].host
    host.attach(world.network.internet, "203.0.113.70")
    host.attach(world.network.internet, "203.0.113.71")
    await asyncio.sleep(1)
    assert addresses(one) == ["203.0.113.1", "203.0.113.71"]
    await closed(world, one)


@simulated
async def test_no_socket_on_a_new_address_is_told_and_costs_nothing_else():
    world = World()
    one = agent(world)
    failed = []
    one.on("bind_failed", failed.append)
    one.gather()
    await one.gathered()
    network = world.networks[0]
    network.udp_errors.append(OSError(99, "not yet"))
    network.host.attach(world.network.internet, "203.0.113.70")
    await asyncio.sleep(1)
    assert [each.host for each in failed] == ["203.0.113.70"]
    network.host.attach(world.network.internet, "203.0.113.71")
    await asyncio.sleep(1)
    assert addresses(one) == ["203.0.113.1", "203.0.113.70", "203.0.113.71"]
    await closed(world, one)


@simulated
async def test_a_host_that_does_not_tell_its_interfaces_loses_none():
    world = World()
    one = agent(world)
    one.gather()
    await one.gathered()

    def fail():
        raise OSError

    world.networks[0].interfaces = fail
    await asyncio.sleep(2)
    assert addresses(one) == ["203.0.113.1"]
    await closed(world, one)


@simulated
async def test_closed_while_it_gathers_from_a_new_address():
    world = World()
    one = agent(world)
    one.gather()
    await one.gathered()
    network = world.networks[0]
    opening = asyncio.get_running_loop().create_future()
    original = network.open_udp

    async def open_udp(*arguments):
        opening.set_result(None)
        await asyncio.sleep(5)
        return await original(*arguments)

    network.open_udp = open_udp
    network.host.attach(world.network.internet, "203.0.113.70")
    await opening
    await closed(world, one)


@simulated
async def test_a_host_without_any_network_is_told_of_although_one_may_come():
    world = World()
    one = agent(world)
    interface = world.networks[0].host.interfaces[0]
    interface.is_up = False
    one.gather()
    assert await one.gathered() == []
    assert FindingCode.NO_NETWORK in {finding.code for finding in one.explain().findings}
    interface.is_up = True
    await until(lambda: addresses(one) == ["203.0.113.1"], 2)
    assert FindingCode.NO_NETWORK not in {finding.code for finding in one.explain().findings}
    await closed(world, one)


@pytest.mark.parametrize("is_controlling", [True, False])
def test_without_any_address_it_waits_for_one_as_long_as_for_the_first_path(is_controlling):
    @simulated
    async def main():
        world = World()
        one, other = agent(world), agent(world)
        one.on("candidate", other.add_remote_candidate)
        other.on("candidate", one.add_remote_candidate)
        sides = (one, other) if is_controlling else (other, one)
        await asyncio.gather(sides[0].dial(sides[1].local_parameters), sides[1].accept(sides[0].local_parameters))
        host = world.networks[0].host
        host.interfaces[0].is_up = False
        await asyncio.sleep(20)
        assert one.state is IceState.CHECKING
        assert other.state is IceState.DISCONNECTED
        host.attach(world.network.internet, "203.0.113.70", up=LINK)
        await until(lambda: one.state is other.state is IceState.CONNECTED, 3)
        one.send(b"\x80here")
        assert await other.recv() == b"\x80here"
        host.interfaces[1].is_up = False
        await until(lambda: one.state is other.state is IceState.FAILED, 60)
        await closed(world, one, other)

    main()
