import asyncio

from rtcpeer.api.negotiation_need import NegotiationNeed
from tests.sim.peers import simulated


class Fixture:
    def __init__(self):
        self.is_needed = True
        self.told = 0
        self.need = NegotiationNeed(lambda: self.is_needed, self.tell)

    def tell(self):
        self.told += 1


@simulated
async def test_told_once_in_a_later_turn_until_it_is_forgotten():
    fixture = Fixture()
    fixture.need.update()
    fixture.need.update()
    assert fixture.told == 0
    await asyncio.sleep(0)
    assert fixture.told == 1
    fixture.need.update()
    await asyncio.sleep(0)
    assert fixture.told == 1
    fixture.need.forget()
    fixture.need.update()
    await asyncio.sleep(0)
    assert fixture.told == 2


@simulated
async def test_not_needed_any_more_and_then_needed_again():
    fixture = Fixture()
    for is_needed in (True, False, None, True):
        fixture.is_needed = is_needed
        fixture.need.update()
        await asyncio.sleep(0)
    assert fixture.told == 2


@simulated
async def test_an_operation_is_waited_for():
    fixture = Fixture()
    release = asyncio.Event()
    operation = asyncio.ensure_future(fixture.need.operations.run(release.wait))
    await asyncio.sleep(0)
    fixture.need.update()
    await asyncio.sleep(1)
    assert fixture.told == 0
    release.set()
    await operation
    await asyncio.sleep(0)
    assert fixture.told == 1


@simulated
async def test_closed_it_says_nothing():
    fixture = Fixture()
    fixture.need.update()
    fixture.need.close()
    await asyncio.sleep(0)
    assert fixture.told == 0


def test_before_the_loop_runs_the_application_knows_by_itself():
    fixture = Fixture()
    fixture.need.update()
    assert fixture.told == 0
