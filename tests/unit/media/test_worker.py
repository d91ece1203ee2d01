import asyncio
import threading
from itertools import count

import pytest

from rtcpeer.media.worker import Worker


class Owner:
    """Collects what comes, and can hold the thread up."""

    def __init__(self, process=lambda item: [item]):
        self.batches, self.failures, self.finished_in = [], [], None
        self.changed = asyncio.Event()
        self.may_go = threading.Event()
        self.may_go.set()
        self.entered = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._process = process
        self.worker = Worker(self.process, self.deliver, self.fail, self.finish, "test")

    def process(self, item):
        self._loop.call_soon_threadsafe(self.entered.set)
        assert self.may_go.wait(10)
        return self._process(item)

    def deliver(self, results):
        self.batches.append(results)
        self.changed.set()

    def fail(self, error, item):
        self.failures.append((error, item))
        self.changed.set()

    def finish(self):
        self.finished_in = threading.current_thread()

    @property
    def results(self):
        return [result for batch in self.batches for result in batch]

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def test_items_are_processed_in_order_in_a_thread_of_their_own():
    owner = Owner(lambda item: [(item, threading.current_thread().name)])
    for item in range(100):
        owner.worker.put(item)
    await owner.until(lambda: len(owner.results) == 100)
    assert owner.results == [(item, "test") for item in range(100)]
    assert len(owner.batches) < 100  # what is ready together comes together
    await owner.worker.close()


async def test_a_failure_is_told_in_its_turn_and_ends_nothing():
    owner = Owner(lambda item: [10 // item])
    for item in (5, 0, 2):
        owner.worker.put(item)
    await owner.until(lambda: owner.results == [2, 5])
    ((error, item),) = owner.failures
    assert (type(error), item) == (ZeroDivisionError, 0)
    await owner.worker.close()


async def test_what_waits_can_be_taken_back():
    owner = Owner()
    owner.may_go.clear()
    for item in range(4):
        owner.worker.put(item)
    await asyncio.wait_for(owner.entered.wait(), 10)
    assert owner.worker.queued == 3
    assert owner.worker.take_oldest() == 1
    owner.may_go.set()
    await owner.until(lambda: owner.results == [0, 2, 3])
    assert owner.worker.take_oldest() is None
    await owner.worker.close()


async def test_close_waits_for_the_thread_and_drops_the_rest():
    owner = Owner()
    owner.may_go.clear()
    for item in range(4):
        owner.worker.put(item)
    await asyncio.wait_for(owner.entered.wait(), 10)
    closing = asyncio.ensure_future(owner.worker.close())
    await asyncio.sleep(0)
    assert not closing.done()
    owner.may_go.set()
    await asyncio.wait_for(closing, 10)
    assert owner.finished_in is not None
    assert not owner.finished_in.is_alive()
    owner.worker.put(5)
    await owner.worker.close()
    await asyncio.sleep(0)
    assert owner.results == []


async def test_drained():
    owner = Owner()
    await owner.worker.drained()
    owner.may_go.clear()
    for item in range(3):
        owner.worker.put(item)
    waiting = [asyncio.ensure_future(owner.worker.drained()) for _ in range(2)]
    await asyncio.wait_for(owner.entered.wait(), 10)
    assert owner.worker.take_oldest() == 1
    owner.may_go.set()
    await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert owner.results == [0, 2]
    owner.may_go.clear()
    owner.entered.clear()
    owner.worker.put(3)
    await asyncio.wait_for(owner.entered.wait(), 10)
    last = asyncio.ensure_future(owner.worker.drained())
    await asyncio.sleep(0)
    assert owner.worker.take_oldest() is None
    await asyncio.wait_for(last, 10)  # nobody waits for what was taken back
    owner.may_go.set()
    await owner.worker.close()
    await owner.worker.drained()


async def test_without_work_there_is_no_thread():
    before = threading.active_count()
    owner = Owner()
    assert threading.active_count() == before
    await owner.worker.close()
    assert owner.finished_in is None


def test_a_loop_that_is_gone_does_not_matter():
    async def begin():
        owner = Owner()
        owner.may_go.clear()
        owner.worker.put(1)
        await asyncio.wait_for(owner.entered.wait(), 10)
        return owner

    owner = asyncio.run(begin())
    owner.may_go.set()
    owner.worker._wake.put(False)
    owner.worker._thread.join(10)
    assert owner.finished_in is not None


@pytest.mark.parametrize("seed", range(3))
async def test_no_result_is_left_behind(seed):
    """Results come while the loop takes some away."""
    owner = Owner()
    numbers = count()
    for _ in range(200):
        for _ in range(seed + 1):
            owner.worker.put(next(numbers))
        await asyncio.sleep(0)
    total = next(numbers)
    await owner.until(lambda: len(owner.results) == total)
    assert owner.results == list(range(total))
    await owner.worker.close()
