import asyncio

import pytest

from rtcpeer.media.pacing import Pacer
from tests.sim.peers import simulated


def now():
    return asyncio.get_running_loop().time()


@simulated
async def test_slots_do_not_drift_with_what_happens_between_them():
    start, pacer = now(), Pacer(0.02)
    for number in range(500):
        assert await pacer.slot() == number
        assert now() - start == pytest.approx(number * 0.02)
        await asyncio.sleep(0.019 if number % 2 else 0.003)


@simulated
async def test_a_little_lateness_is_made_up():
    start, pacer = now(), Pacer(0.02)
    await pacer.slot()
    await asyncio.sleep(0.1)
    assert [await pacer.slot() for _ in range(8)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert now() - start == pytest.approx(0.16)


@simulated
async def test_who_was_away_gets_the_current_slot_and_no_burst():
    start, pacer = now(), Pacer(0.02)
    await pacer.slot()
    await asyncio.sleep(10.01)
    assert [await pacer.slot() for _ in range(3)] == [500, 501, 502]
    assert now() - start == pytest.approx(10.04)
