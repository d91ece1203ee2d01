import asyncio
from collections.abc import Callable

import pytest

from rtcpeer.aio.interfaces import Interface, InterfaceAddress
from rtcpeer.aio.network_monitor import NetworkMonitor, monitor_of
from tests.sim.loop import run


class Machine:
    """Interfaces that the test changes."""

    def __init__(self) -> None:
        self.interfaces: list[Interface] = []
        self.looks = 0
        self.is_broken = False

    def add(self, host: str) -> None:
        self.interfaces = [*self.interfaces, Interface("eth0", 2, (InterfaceAddress(host, 24),))]

    def look(self) -> list[Interface]:
        self.looks += 1
        if self.is_broken:
            raise OSError("no /proc")
        return self.interfaces


@pytest.fixture
def machine() -> Machine:
    return Machine()


def monitor(machine: Machine) -> NetworkMonitor:
    return NetworkMonitor(asyncio.get_running_loop(), machine.look, has_netlink=False)


def noting(times: list[float]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()
    return lambda: times.append(loop.time())


def test_a_change_is_told_within_the_interval_and_once(machine):
    async def main() -> None:
        changes: list[float] = []
        end = monitor(machine).subscribe(2.0, noting(changes))
        await asyncio.sleep(5)
        assert changes == []
        machine.add("192.0.2.1")
        changed_at = asyncio.get_running_loop().time()
        await asyncio.sleep(10)
        assert len(changes) == 1
        assert 0 < changes[0] - changed_at <= 2.0
        end()

    run(main())


def test_the_shortest_interval_counts(machine):
    async def main() -> None:
        watcher = monitor(machine)
        slow, fast = [], []
        ends = [watcher.subscribe(60.0, noting(slow)), watcher.subscribe(1.0, noting(fast))]
        machine.add("192.0.2.1")
        await asyncio.sleep(1.5)
        assert len(slow) == len(fast) == 1
        for end in ends:
            end()

    run(main())


def test_nothing_is_left_without_subscribers(machine):
    async def main() -> None:
        changes: list[float] = []
        end = monitor(machine).subscribe(1.0, noting(changes))
        end()
        end()
        machine.add("192.0.2.1")
        looks = machine.looks
        await asyncio.sleep(10)
        assert machine.looks == looks
        assert changes == []

    run(main())  # a timer that was left would keep the clock going; a task is an error here


def test_whoever_is_unsubscribed_by_another_is_not_told(machine):
    async def main() -> None:
        watcher = monitor(machine)
        told: list[str] = []
        ends: list[Callable[[], None]] = []

        def first() -> None:
            told.append("first")
            ends[1]()

        ends.append(watcher.subscribe(1.0, first))
        ends.append(watcher.subscribe(1.0, lambda: told.append("second")))
        machine.add("192.0.2.1")
        await asyncio.sleep(3)
        assert told == ["first"]
        ends[0]()

    run(main())


def test_a_system_that_does_not_answer_has_no_interfaces(machine):
    async def main() -> None:
        machine.add("192.0.2.1")
        changes: list[float] = []
        end = monitor(machine).subscribe(1.0, noting(changes))
        machine.is_broken = True
        await asyncio.sleep(1.5)
        assert len(changes) == 1
        machine.is_broken = False
        await asyncio.sleep(1.5)
        assert len(changes) == 2
        end()

    run(main())


def test_a_loop_has_one_monitor_for_all():
    async def main() -> NetworkMonitor:
        loop = asyncio.get_running_loop()
        assert monitor_of(loop) is monitor_of(loop)
        return monitor_of(loop)

    assert asyncio.run(main()) is not asyncio.run(main())
