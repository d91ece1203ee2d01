"""The TCP side of one ICE agent: which bases it has, and what becomes of their connections (RFC 6544)."""

import asyncio
from collections.abc import Awaitable, Iterable
from collections.abc import Set as AbstractSet

from rtcpeer.aio.address_choice import bind_in_range
from rtcpeer.aio.network import Network, TcpNetwork
from rtcpeer.aio.port_callbacks import PortCallbacks
from rtcpeer.aio.tcp import TcpCallbacks, TcpPort
from rtcpeer.aio.tcp_connection import TcpConnection
from rtcpeer.aio.tcp_listener import TcpListener
from rtcpeer.aio.tcp_mux import TcpMux
from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.ice.candidate import DISCARD_PORT, TcpType, tcp_host_candidate
from rtcpeer.ice.choice import gathered_types
from rtcpeer.ice.pair import Path
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.connectivity import Connectivity
from rtcpeer.stack.gathering import Gatherer

__all__ = ["TcpPorts", "is_used"]

CLOSING_TIMEOUT = 0.5  # for the last bytes to leave


class TcpPorts:
    """Opens the bases of each address and hands them to the gatherer; tells the agent of connections that are lost."""

    def __init__(
        self,
        core: Connectivity,
        network: Network,
        settings: IceSettings,
        mux: TcpMux | None,
        callbacks: PortCallbacks,
        entropy: Entropy,
    ) -> None:
        self.ports: dict[TransportAddress, TcpPort] = {}
        self._core = core
        self._network = network
        self._settings = settings
        self._mux = mux
        self._on_change = callbacks.on_change
        self._entropy = entropy
        self._callbacks: TcpCallbacks | None = TcpCallbacks(
            callbacks.on_datagrams, callbacks.on_drained, self._on_lost, core.agent.knows_path, self._has_room
        )
        self._listeners: list[TcpListener] = []
        self._fragments = {core.agent.local_parameters.username_fragment}

    async def open(self, gatherer: Gatherer, settings: IceSettings, host: str, preference: int) -> None:
        """Gather what the settings want of this address; a later generation has the same bases.

        What can not be had is the gatherer's to tell.
        """
        network, wanted = self._network, settings.tcp_candidates
        is_wanted = is_used("tcp", host, settings) and "host" in gathered_types(settings)
        if not isinstance(network, TcpNetwork) or not is_wanted or self._callbacks is None:
            return
        # RFC 6544 section 4.4: who is lite waits for connections.
        if "active" in wanted and not settings.lite:
            self._add(network, TransportAddress(host, DISCARD_PORT, "tcp"), TcpType.ACTIVE)
        if self._mux is not None:
            for address in self._mux.addresses:
                if address.host == host:
                    self._add(network, address, TcpType.PASSIVE)
            self._register(self._fragments)
        elif "passive" in wanted:
            await self._listen(gatherer, network, host, TcpType.PASSIVE)
        if "so" in wanted and not settings.lite:
            await self._listen(gatherer, network, host, TcpType.SIMULTANEOUS_OPEN)
        for local, port in self.ports.items():
            if local.host == host:
                gatherer.add_host(tcp_host_candidate(local, preference, port.tcp_type))

    def expect(self, username_fragment: str) -> None:
        """Our fragment is this one from now on: a mux has to know. Who comes with an earlier one is taken as before."""
        self._fragments.add(username_fragment)
        self._register([username_fragment])

    def release(self, path: Path) -> None:
        """The agent has no use for the connection of this path."""
        port = self.ports.get(path[0])
        if port is not None:
            port.release(path[1])

    def drop(self, hosts: AbstractSet[str], reason: str) -> None:
        """These addresses are gone, and with them their connections; should they come back, there will be others."""
        for local, port in self.ports.items():
            if local.host in hosts:
                port.abort(reason)

    def close(self) -> set[asyncio.Task[None]]:
        """Close everything; returns what is left to wait for."""
        self._callbacks = None  # owner and ports hold each other through these
        self._on_change = _ignore
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        if self._mux is not None:
            for fragment in self._fragments:
                self._mux.unregister(fragment, self.ports)
        ports = list(self.ports.values())
        self.ports.clear()
        for port in ports:
            port.close()
        connections = [connection for port in ports for connection in port.leftovers[0]]
        tasks = [task for port in ports for task in port.leftovers[1]]
        if not connections and not tasks:
            return set()
        return {asyncio.get_running_loop().create_task(_end(connections, tasks), name="rtcpeer closing TCP")}

    async def _listen(self, gatherer: Gatherer, network: TcpNetwork, host: str, tcp_type: TcpType) -> None:
        if any(local.host == host and port.tcp_type is tcp_type for local, port in self.ports.items()):
            return
        settings = self._settings
        listener = TcpListener(self._route, limit=settings.max_tcp_connections, timeout=settings.tcp_accept_timeout)
        self._listeners.append(listener)

        def bind(address: TransportAddress) -> Awaitable[None]:
            return listener.open(network, address._replace(protocol="tcp"), is_shared=tcp_type.connects)

        try:
            await bind_in_range(bind, host, settings.port_range, self._entropy)
        except OSError as error:
            gatherer.fail_base(host, error.strerror or str(error))
            return
        if self._callbacks is not None:
            self._add(network, listener.local, tcp_type)

    def _add(self, network: TcpNetwork, local: TransportAddress, tcp_type: TcpType) -> None:
        if self._callbacks is not None and local not in self.ports:
            self.ports[local] = TcpPort(local, tcp_type, network, self._settings, self._callbacks)

    def _register(self, fragments: Iterable[str]) -> None:
        passive = [port for port in self.ports.values() if port.tcp_type is TcpType.PASSIVE]
        if self._mux is not None:
            for fragment in fragments:
                for port in passive:
                    self._mux.register(fragment, port)

    def _route(self, username_fragment: str, local: TransportAddress) -> TcpPort | None:
        ours = {*self._fragments, self._core.agent.local_parameters.username_fragment}
        return self.ports.get(local) if username_fragment in ours else None

    def _has_room(self) -> bool:
        return sum(port.connections for port in self.ports.values()) < self._settings.max_tcp_connections

    def _on_lost(self, path: Path, reason: str) -> None:
        self._core.agent.connection_lost(path, asyncio.get_running_loop().time(), reason)
        self._on_change()


def is_used(protocol: str, host: str, settings: IceSettings) -> bool:
    """Whether the settings want host candidates of this transport at an address of this family."""
    return f"{protocol}{6 if ':' in host else 4}" in settings.network_types


async def _end(connections: list[TcpConnection], tasks: list[asyncio.Task[None]]) -> None:
    """Wait until what was written has gone, but not for ever."""
    await asyncio.wait([*tasks, *(connection.ended for connection in connections)], timeout=CLOSING_TIMEOUT)
    for connection in connections:
        connection.abort()


def _ignore() -> None:
    pass
