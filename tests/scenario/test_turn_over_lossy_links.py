"""Over links that lose, repeat and reorder, a client gets its allocation, keeps it, and its data comes back."""

import pytest

from rtcpeer.stun import Method
from rtcpeer.turn import AllocationLost, ChannelBound, ChannelRefused, ClientClosed, PermissionRefused, TurnSettings
from tests.scenario.turn_world import World
from tests.sim.link import LinkSettings
from tests.unit.turn.server import Behaviour

LOSSY = LinkSettings(delay=0.02, jitter=0.03, loss=0.2, duplication=0.1, reordering=0.1)
LOSSLESS = LinkSettings(delay=0.02)
# A life 20 times as fast as the protocol's, so that a run of minutes sees many renewals.
FAST = TurnSettings(
    lifetime=30, refresh_margin=15.0, rto=0.3, permission_interval=12.0, permission_lifetime=25.0,
    channel_interval=27.0, channel_lifetime=50.0, retry_interval=1.0, max_requests=6, last_wait_factor=4,
    min_refresh_interval=1.0,
)  # fmt: skip
FAST_SERVER = {"lifetime": 30, "permission_lifetime": 25.0, "channel_lifetime": 50.0, "nonce_lifetime": 7.0}


@pytest.mark.parametrize("seed", range(40))
def test_data_comes_back_for_minutes(seed):
    world = World(seed, LOSSY, FAST, Behaviour(**FAST_SERVER))
    near, far = world.peer("192.0.2.10", LOSSLESS), world.peer("192.0.2.11", LOSSY)
    world.allocate()
    world.client.bind_channel(near)
    world.client.create_permission([far])
    world.endpoint.flush()
    windows = []
    for second in range(180):
        before = len(world.take())
        for peer in (near, far):
            world.send(peer, b"%d" % second)
        world.clock.run_for(1.0)
        windows.append(len(world.take()) - before)
    assert world.events_of(AllocationLost, PermissionRefused, ChannelRefused) == []
    assert ChannelBound(near) in world.events
    # The near one crosses two lossy links (up and down), the far one four; what the relay drops would come on top.
    returned = {peer: {data for address, data in world.got if address == peer} for peer in (near, far)}
    assert len(returned[near]) > 180 * 0.45
    assert len(returned[far]) > 180 * 0.25
    # No window in which the relay was shut.
    assert all(sum(windows[start : start + 15]) > 0 for start in range(165))
    assert world.server.count(Method.REFRESH) >= 180 // 15 - 2
    world.client.close()
    world.endpoint.flush()
    world.network.run(lambda: bool(world.events_of(ClientClosed)), 10.0)


@pytest.mark.parametrize("seed", range(40))
def test_an_allocation_comes_through_heavy_loss(seed):
    world = World(seed, LinkSettings(delay=0.05, loss=0.3, loss_burst=1.5), TurnSettings(), Behaviour())
    world.allocate(timeout=80.0)
    # A retransmitted Allocate is the same request, so the server has one allocation and nobody heard of 437.
    assert len(world.server.allocations) == 1


@pytest.mark.parametrize("seed", range(10))
def test_a_dead_link_ends_it_in_bounded_time(seed):
    world = World(seed, LOSSY, FAST, Behaviour(**FAST_SERVER))
    world.allocate()
    attachment = world.network.hosts["laptop"].interfaces[0]
    attachment.is_up = False
    died = world.clock.time()
    world.network.run(lambda: bool(world.events_of(AllocationLost)), 60.0)
    assert world.clock.time() - died < 30 + FAST.refresh_grace + 1
    world.clock.run_for(100.0)
    assert world.client.next_timeout() is None


@pytest.mark.parametrize("seed", range(10))
def test_an_outage_shorter_than_the_lifetime_is_survived(seed):
    world = World(seed, LOSSLESS, FAST, Behaviour(**FAST_SERVER))
    peer = world.peer("192.0.2.10", LOSSLESS)
    world.allocate()
    world.client.bind_channel(peer)
    world.endpoint.flush()
    world.clock.run_for(10.0 + seed)
    attachment = world.network.hosts["laptop"].interfaces[0]
    attachment.is_up = False
    world.clock.run_for(9.0)
    attachment.is_up = True
    world.clock.run_for(15.0)
    world.send(peer, b"back")
    world.clock.run_for(1.0)
    assert world.take() == [(peer, b"back")]
    assert world.events_of(AllocationLost, PermissionRefused, ChannelRefused) == []


def test_a_seed_repeats_its_run():
    def run() -> list[object]:
        world = World(7, LOSSY, FAST, Behaviour(**FAST_SERVER))
        peer = world.peer("192.0.2.10", LOSSY)
        world.allocate()
        for second in range(40):
            world.send(peer, b"%d" % second)
            world.clock.run_for(1.0)
        return [world.events, world.take(), world.client.statistics(), world.clock.time()]

    assert run() == run()
