"""After the end of a connection: its UDP sockets stay open until TURN servers have heard of it, but not for long."""

import asyncio
import contextlib

from rtcpeer.aio.driver import Driver
from rtcpeer.aio.network import UdpPort
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.stack.farewell import AllocationsReturned, Farewell
from rtcpeer.stack.relays import Relays

__all__ = ["LeaveTaking"]

# The request and one repetition, with time for its answer; `close` still returns within a second.
PATIENCE = 0.8


class LeaveTaking:
    """Owns the ports from which allocations are given back; what comes to them goes to `driver`."""

    def __init__(self, relays: Relays, ports: dict[TransportAddress, UdpPort]) -> None:
        loop = asyncio.get_running_loop()
        self._ports = ports
        self._over = asyncio.Event()
        self.driver: Driver[Datagrams, AllocationsReturned] = Driver(
            Farewell(relays), self._send, lambda _: self._over.set(), loop
        )
        self.driver.wake()
        self.task = loop.create_task(self._wait(), name="rtcpeer taking leave")
        self.task.add_done_callback(self._end)  # also of a task that is cancelled before it has begun

    async def _wait(self) -> None:
        # A server that does not answer finds out when the allocation expires.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._over.wait()

    def _end(self, _: asyncio.Task[None]) -> None:
        self.driver.close()
        for port in self._ports.values():
            port.close()
        self._ports.clear()

    def _send(self, packets: list[Datagrams]) -> int:
        for local, remote, payloads in packets:
            port = self._ports.get(local)
            if port is not None:
                port.send(remote, payloads)  # what a full socket does not take is repeated
        return len(packets)
