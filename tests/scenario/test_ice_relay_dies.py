"""Two sides meet only at their relays, one of which dies at any moment: both go over to the other, and agree."""

import random

import pytest

from tests.scenario.ice_topology import Box, Topology
from tests.scenario.ice_world import IceWorld
from tests.sim.link import LinkSettings
from tests.sim.nat import PORT_RESTRICTED, SYMMETRIC


def play(seed: int) -> None:
    dice = random.Random(f"relays {seed}")
    topology = Topology(
        seed,
        boxes=[Box(None, SYMMETRIC, False), Box(None, dice.choice([PORT_RESTRICTED, SYMMETRIC]), False)],
        places=[[(0, True, False)], [(1, True, False)]],
        has_relay=(True, True),
        link=LinkSettings(delay=dice.choice([0.001, 0.02]), loss=dice.choice([0.0, 0.0, 0.1])),
    )
    world = IceWorld(topology)
    allocations = world.turn.allocations
    world.network.run(lambda: len(allocations) == 2)
    world.network.clock.run_for(dice.uniform(0.05, 6))
    # The server forgets it, and says nothing: whoever has it sees a path that is dead in both directions.
    del allocations[dice.choice(list(allocations))]
    died = world.now
    world.network.run(lambda: world.now > died + 0.5 and world.agree, 12)
    for side in world.sides:
        assert not side.dropped_at, seed


@pytest.mark.parametrize("block", range(4))
def test_the_other_relay_takes_over(block):
    for seed in range(block * 20, block * 20 + 20):
        play(seed)
