"""An encoder that obeys its target fills a path that changes, and does not flood it (item 3 of the issue on media)."""

import pytest

from tests.sim.congestion import Congestion

STEPS = ((0.0, 300_000), (20.0, 1_000_000), (40.0, 2_000_000), (60.0, 500_000))
SETTLING = 10.0


@pytest.mark.slow
@pytest.mark.parametrize("loss", [0.0, 0.02])
@pytest.mark.parametrize("seed", range(3))
def test_video_settles_at_what_the_path_carries_without_filling_its_queue(seed, loss):
    run = Congestion(STEPS, end=80.0, loss=loss, seed=seed)
    for phase in run.phases():
        settled = run.usage(phase.start + SETTLING, phase.end)
        assert 0.7 <= settled.share <= 1.0, (phase, settled)
        assert settled.delay_95 < 0.15, (phase, settled)


def test_a_path_that_narrows_is_not_flooded_for_long():
    run = Congestion(((0.0, 1_000_000), (15.0, 300_000)), end=30.0, seed=1)
    assert run.usage(20.0, 30.0).delay_95 < 0.15
    assert run.usage(20.0, 30.0).share > 0.7
