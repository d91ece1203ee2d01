"""Two hosts anywhere on a random internet: where a path exists they find one, agree on it, and nothing hangs."""

import pytest

from rtcpeer.ice import IceState
from tests.scenario.ice_topology import Oracle, draw
from tests.scenario.ice_world import IceWorld
from tests.sim.clock import SimulationError


def play(seed: int) -> bool:
    """Whether there was a path; fails where there was one and it was not found, or not by both."""
    topology = draw(seed)
    if not Oracle(topology).has_path():
        return False
    world = IceWorld(topology)
    try:
        world.network.run(lambda: world.agree, 60)
    except SimulationError as error:
        raise AssertionError(f"seed {seed}: {topology}") from error
    one, other = world.sides
    assert one.agent.is_controlling is not other.agent.is_controlling
    assert {one.agent.state, other.agent.state} <= {IceState.CONNECTED, IceState.COMPLETED}
    return True


@pytest.mark.parametrize("block", range(4))
def test_a_path_is_found_and_agreed_on(block):
    found = [play(seed) for seed in range(block * 25, block * 25 + 25)]
    assert sum(found) >= 15


@pytest.mark.slow
@pytest.mark.parametrize("block", range(1, 20))
def test_a_path_is_found_and_agreed_on_many_times(block):
    for seed in range(block * 100, block * 100 + 100):
        play(seed)
