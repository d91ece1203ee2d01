"""Continual gathering: what an ICE agent does when this host's addresses come and go."""

import asyncio
import ipaddress
from collections.abc import Callable

from rtcpeer.aio.local_ports import LocalPorts
from rtcpeer.aio.network import MonitoredNetwork, Network
from rtcpeer.aio.tcp_ports import TcpPorts
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.connectivity import Connectivity
from rtcpeer.stack.gathering import GatheringState

__all__ = ["InterfaceWatch"]

_GONE = "this host no longer has the address"


class InterfaceWatch:
    """Gives up what an address that is gone was used for, and has the newest generation gather from new ones.

    It watches by itself where `IceSettings.gathering_policy` says so. Others may watch, too, and call `drop_vanished`.
    """

    def __init__(
        self, core: Connectivity, network: Network, ports: LocalPorts, tcp: TcpPorts, on_change: Callable[[], None]
    ) -> None:
        self._core = core
        self._network = network
        self._ports = ports
        self._tcp = tcp
        self._on_change = on_change
        self._settings: IceSettings | None = None  # while watching by itself
        self._end: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_outdated = False  # something has changed since the task began to look

    def start(self, settings: IceSettings) -> None:
        """Watch from now on, or no more, as the settings say; needs a running event loop."""
        is_wanted = settings.gathering_policy == "continually"
        self._settings = settings if is_wanted else None
        if is_wanted and self._end is None:
            self._end = self.subscribe(settings.network_poll_interval, self.look)
        elif not is_wanted and self._end is not None:
            self._end()
            self._end = None

    def subscribe(self, interval: float, on_change: Callable[[], None]) -> Callable[[], None] | None:
        """Tell of every change until what this returns is called; None where the network can not be watched."""
        return self._network.watch(interval, on_change) if isinstance(self._network, MonitoredNetwork) else None

    def look(self) -> None:
        """See what has changed; nothing where gathering is not continual."""
        if self._settings is None:
            return
        self.drop_vanished()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._gather(), name="rtcpeer interface watch")
            self._task.add_done_callback(self._done)
        else:
            self._is_outdated = True

    def drop_vanished(self) -> None:
        """Give up the paths that begin at an address which this host has no more; others take over at once."""
        present = self.addresses()
        if present is None:
            return
        places = sorted(place for place in self._core.places if _is_gone(place.host, present))
        if places:
            self._core.drop_places(places, asyncio.get_running_loop().time(), _GONE)
            self._ports.keep(self._core.places)
        self._tcp.drop({local.host for local in self._tcp.ports if _is_gone(local.host, present)}, _GONE)
        self._on_change()

    def addresses(self) -> set[str] | None:
        """What this host has now; None where it does not tell."""
        try:
            return {address.host for interface in self._network.interfaces() for address in interface.addresses}
        except OSError:
            return None

    def close(self) -> set[asyncio.Task[None]]:
        """Watch no more; returns the task, already cancelled, that is left to wait for."""
        self._settings = None
        self._on_change = _ignore
        if self._end is not None:
            self._end()
            self._end = None
        if self._task is None:
            return set()
        self._task.cancel()
        return {self._task}

    async def _gather(self) -> None:
        self._is_outdated = True
        while self._is_outdated and self._settings is not None:
            self._is_outdated = False
            gatherer = self._core.gatherer
            if gatherer.state is GatheringState.GATHERING:
                await self._ports.follow(gatherer, self._settings, self.addresses() or set())
                self._ports.keep(self._core.places)

    def _done(self, _: asyncio.Task[None]) -> None:
        self._task = None


def _is_gone(host: str, present: set[str]) -> bool:
    """Loopback is there whatever the interfaces are."""
    return host not in present and not ipaddress.ip_address(host).is_loopback


def _ignore() -> None:
    pass
