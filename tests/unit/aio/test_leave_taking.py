import asyncio

import pytest

from rtcpeer.aio.leave_taking import PATIENCE, LeaveTaking
from rtcpeer.core import Datagrams
from tests.sim.loop import run
from tests.unit.stack.test_relays import BASE, opened


class FakePort:
    """A socket with the server of a bench behind it; the first so many datagrams are lost."""

    def __init__(self, bench, lost):
        self.bench = bench
        self.lost = lost
        self.sent = 0
        self.is_closed = False
        self.leave = None

    def send(self, remote, payloads):
        self.sent += len(payloads)
        for payload in payloads:
            if self.lost:
                self.lost -= 1
                continue
            for answer in self.bench.server.receive(BASE, payload, asyncio.get_running_loop().time()):
                self.leave.driver.received(Datagrams(BASE, remote, [answer]))
        return len(payloads)

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize(("lost", "sent", "took"), [(0, 1, 0.0), (1, 2, 0.5), (9, 2, PATIENCE)])
def test_the_server_hears_of_it_or_time_is_over(lost, sent, took):
    async def main():
        bench, _ = opened()
        bench.relays.close()
        port = FakePort(bench, lost)
        ports = {BASE: port}
        started = asyncio.get_running_loop().time()
        port.leave = LeaveTaking(bench.relays, ports)
        await port.leave.task
        assert asyncio.get_running_loop().time() - started == pytest.approx(took, abs=0.01)
        await asyncio.sleep(0)
        assert (port.sent, port.is_closed, ports) == (sent, True, {})
        assert bool(bench.server.allocations) is (lost > 1)

    run(main())


def test_whoever_ends_all_tasks_ends_it_too():
    async def main():
        bench, _ = opened()
        bench.relays.close()
        port = FakePort(bench, 0)
        port.leave = leave = LeaveTaking(bench.relays, {BASE: port})
        leave.task.cancel()
        await asyncio.wait([leave.task])
        assert port.is_closed

    run(main())
