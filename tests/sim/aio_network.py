"""`rtcpeer.aio.network.Network` over a simulated host, so that the layers above run unchanged in virtual time."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable

from rtcpeer.aio.network import Interface, InterfaceAddress, TcpServer, UdpPort
from rtcpeer.aio.network_monitor import NetworkMonitor
from rtcpeer.core import Datagrams, TransportAddress
from tests.sim.network import Host

__all__ = ["SimulatedNetwork", "SimulatedTcpNetwork"]


class SimulatedNetwork:
    """The network of one host; give the `Network` of the simulator the running loop as its timeline.

    ``known_addresses`` says more about an address than its prefix (temporary, deprecated, ...). ``resolve_delay`` is
    how long the resolver takes; a name in ``silent_names`` is never answered. ``udp_errors`` makes the next binds fail,
    and what is sent to a host of ``unroutable`` is refused with that errno.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.known_addresses: dict[str, InterfaceAddress] = {}
        self.resolve_delay = 0.0
        self.silent_names: set[str] = set()
        self.udp_errors: list[OSError] = []
        self.unroutable: dict[str, int] = {}
        self.opened = 0
        self._monitor: NetworkMonitor | None = None

    @property
    def open_sockets(self) -> int:
        """How many sockets are open, with TCP connections."""
        return self.opened + len(self.host.tcp.connections)

    def interfaces(self) -> list[Interface]:
        """The interfaces whose cable is plugged in."""
        return [
            Interface(one.name.rpartition("/")[2], index + 1, tuple(map(self._address, one.addresses)))
            for index, one in enumerate(self.host.interfaces)
            if one.is_up and one.addresses
        ]

    async def open_udp(
        self,
        address: TransportAddress,
        on_datagrams: Callable[[Datagrams], None],
        on_writable: Callable[[], None],
        on_drained: Callable[[], None] | None = None,
        on_refused: Callable[[TransportAddress, TransportAddress, int], None] | None = None,
    ) -> UdpPort:
        """Bind; a simulated socket always takes everything, so ``on_writable`` is never called."""
        if self.udp_errors:
            raise self.udp_errors.pop(0)
        return _SimulatedPort(self, address, on_datagrams, on_drained, on_refused)

    async def resolve(self, host: str, port: int) -> list[TransportAddress]:
        """Numeric hosts at once, names from `tests.sim.network.Network.names` after ``resolve_delay``."""
        try:
            return [TransportAddress(str(ipaddress.ip_address(host.strip("[]"))), port)]
        except ValueError:
            pass
        if host in self.silent_names:
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(self.resolve_delay)
        found = self.host.network.names.get(host, [])
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, f"no addresses for {host}")
        return [TransportAddress(address, port) for address in found]

    def watch(self, interval: float, on_change: Callable[[], None]) -> Callable[[], None]:
        """Look every ``interval`` seconds; it keeps the clock going, so nobody waits for ever meanwhile."""
        if self._monitor is None:
            self._monitor = NetworkMonitor(asyncio.get_running_loop(), self.interfaces, has_netlink=False)
        return self._monitor.subscribe(interval, on_change)

    def _address(self, address: str) -> InterfaceAddress:
        return self.known_addresses.get(address) or InterfaceAddress(address, 64 if ":" in address else 24)


class SimulatedTcpNetwork(SimulatedNetwork):
    """One whose host speaks TCP, so that there are TCP candidates."""

    async def connect_tcp(
        self, make: Callable[[], asyncio.Protocol], local: TransportAddress, remote: TransportAddress
    ) -> None:
        """Connect from ``local``; what is left open counts as an open socket."""
        port = local.port or self.host.free_port(local.host)
        await self.host.tcp.connect(make, local._replace(port=port), remote)

    async def listen_tcp(
        self,
        make: Callable[[], asyncio.Protocol],
        address: TransportAddress,
        *,
        is_shared: bool = False,
    ) -> TcpServer:
        """Accept connections."""
        local = address._replace(port=address.port or self.host.free_port(address.host))
        return _SimulatedServer(self, make, local)


class _SimulatedPort:
    """A simulated socket that says when it is gone, so that a test can see what was left open."""

    def __init__(
        self,
        network: SimulatedNetwork,
        address: TransportAddress,
        on_datagrams: Callable[[Datagrams], None],
        on_drained: Callable[[], None] | None,
        on_refused: Callable[[TransportAddress, TransportAddress, int], None] | None,
    ) -> None:
        self._network = network
        self._on_datagrams = on_datagrams
        self._on_drained = on_drained
        self._is_draining = False
        self._on_refused = on_refused
        self._socket = network.host.bind(address.host, address.port, self._receive)
        self._is_closed = False
        network.opened += 1

    @property
    def local(self) -> TransportAddress:
        return self._socket.local

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        error = self._network.unroutable.get(remote.host)
        if error is not None:
            if self._on_refused is not None:
                asyncio.get_running_loop().call_soon(self._tell_refusal, remote, error)
            return len(payloads)
        return self._socket.send(remote, payloads)

    def _receive(self, packet: Datagrams) -> None:
        self._on_datagrams(packet)
        if not self._is_draining:
            self._is_draining = True
            asyncio.get_running_loop().call_soon(self._drain)  # what arrives at this instant is one batch

    def _drain(self) -> None:
        self._is_draining = False
        if self._on_drained is not None and not self._is_closed:
            self._on_drained()

    def _tell_refusal(self, remote: TransportAddress, error: int) -> None:
        if self._on_refused is not None and not self._is_closed:
            self._on_refused(self.local, remote, error)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._network.opened -= 1
            self._socket.close()


class _SimulatedServer:
    """A listening socket."""

    def __init__(
        self, network: SimulatedNetwork, make: Callable[[], asyncio.Protocol], local: TransportAddress
    ) -> None:
        network.host.tcp.listen(make, local)
        self.local = local
        self._network: SimulatedNetwork | None = network
        network.opened += 1

    def close(self) -> None:
        network, self._network = self._network, None
        if network is not None:
            network.opened -= 1
            network.host.tcp.stop_listening(self.local)
