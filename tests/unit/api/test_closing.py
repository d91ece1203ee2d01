import asyncio

import pytest

from rtcpeer.api.closing import Closing
from tests.sim.peers import simulated


@simulated
async def test_it_may_be_awaited_made_a_task_of_and_repeated():
    leftover = asyncio.create_task(asyncio.sleep(1))
    before = asyncio.get_running_loop().time()
    await asyncio.gather(Closing(lambda: leftover), asyncio.create_task(Closing(lambda: leftover)))
    assert asyncio.get_running_loop().time() - before == pytest.approx(1)
    await Closing(lambda: leftover)
    await Closing(lambda: None)
    assert asyncio.iscoroutine(Closing(lambda: None))


@simulated
async def test_a_cancelled_waiter_cancels_nothing_for_the_others():
    leftover = asyncio.create_task(asyncio.sleep(1))
    first, second = (asyncio.create_task(Closing(lambda: leftover)) for _ in range(2))
    await asyncio.sleep(0.1)
    first.cancel()
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert not leftover.cancelled()
    assert second.exception() is None


def test_ignoring_it_warns_of_nothing():
    closing = Closing(lambda: None)
    closing.close()
    del closing
    unstarted = Closing(lambda: None)
    with pytest.raises(ZeroDivisionError):
        unstarted.throw(ZeroDivisionError())
