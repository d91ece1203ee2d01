"""Gathering as a task for each generation: sockets are opened while servers are looked up and connected to."""

import asyncio
from collections.abc import Callable, Sequence

from rtcpeer.aio.local_ports import LocalPorts
from rtcpeer.aio.servers import Servers
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.connectivity import Connectivity
from rtcpeer.stack.gathering import Gatherer
from rtcpeer.stack.servers import ServerUrl

__all__ = ["GatheringTasks"]


class GatheringTasks:
    """Those that are not done, and what becomes of their sockets."""

    def __init__(self, core: Connectivity, ports: LocalPorts, servers: Servers, on_change: Callable[[], None]) -> None:
        self._core = core
        self._ports = ports
        self._servers = servers
        self._on_change = on_change
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, servers: Sequence[ServerUrl], settings: IceSettings) -> None:
        """Gather for the newest generation; needs a running event loop."""
        gatherer, local = self._core.gatherer, self._core.agent.local_parameters
        gatherer.start()
        work = self._gather(gatherer, local, [server for server in servers if gatherer.wants(server)], settings)
        task = asyncio.get_running_loop().create_task(work, name="rtcpeer gathering")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def retired(self, local: IceParameters) -> None:
        """A generation of ours is no more; its sockets close after this turn, in which its relays say goodbye."""
        asyncio.get_running_loop().call_soon(self._retire, local)

    def close(self) -> set[asyncio.Task[None]]:
        """Gather no more; returns the tasks, already cancelled, that are left to wait for."""
        for task in self._tasks:
            task.cancel()
        return set(self._tasks)

    async def _gather(
        self, gatherer: Gatherer, local: IceParameters, servers: Sequence[ServerUrl], settings: IceSettings
    ) -> None:
        needs_relays = any(server.scheme.is_turn and not server.is_stream for server in servers)
        await asyncio.gather(
            self._open_ports(gatherer, local, settings, needs_relays=needs_relays),
            *(self._servers.find(gatherer, server) for server in servers),
        )
        gatherer.end_of_servers()
        self._on_change()

    async def _open_ports(
        self, gatherer: Gatherer, local: IceParameters, settings: IceSettings, *, needs_relays: bool
    ) -> None:
        await self._ports.open(gatherer, local, settings, needs_relays=needs_relays)
        self._ports.keep(self._core.places)  # a generation may have been retired meanwhile

    def _retire(self, local: IceParameters) -> None:
        if local != self._core.agent.local_parameters:  # begun anew with the same ones
            self._ports.release(local)
        self._ports.keep(self._core.places)
