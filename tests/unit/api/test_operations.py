import asyncio

import pytest

from rtcpeer import InvalidStateError
from rtcpeer.api.operations import OperationsChain
from tests.sim.peers import simulated


@simulated
async def test_one_at_a_time_in_order_and_a_failure_stops_nobody():
    log, emptied = [], []
    chain = OperationsChain(lambda: emptied.append(len(log)))

    async def operation(number):
        log.append(("begin", number))
        await asyncio.sleep(1)
        log.append(("end", number))
        if number == 1:
            raise ZeroDivisionError
        return number

    calls = [chain.run(lambda number=number: operation(number)) for number in range(3)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [results[0], type(results[1]), results[2]] == [0, ZeroDivisionError, 2]
    assert log == [(what, number) for number in range(3) for what in ("begin", "end")]
    assert emptied == [6]
    assert chain.is_empty


@simulated
async def test_what_waits_when_it_closes_never_begins():
    chain = OperationsChain(lambda: None)
    first = asyncio.ensure_future(chain.run(lambda: asyncio.sleep(1, "done")))
    second = asyncio.ensure_future(chain.run(lambda: asyncio.sleep(1, "never")))
    await asyncio.sleep(0.5)
    chain.close()
    assert await first == "done"
    with pytest.raises(InvalidStateError):
        await second
