"""What the layers above want from a host's network, and that network itself; the simulator brings its own."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from rtcpeer.aio.hops import trace_hops
from rtcpeer.aio.interfaces import Interface, InterfaceAddress, list_interfaces
from rtcpeer.aio.mdns import service_of
from rtcpeer.aio.network_monitor import monitor_of
from rtcpeer.aio.streams import StreamCallbacks, StreamPort, open_stream
from rtcpeer.aio.tcp_sockets import connect_tcp, listen_tcp
from rtcpeer.aio.udp import open_udp
from rtcpeer.core import Datagrams, TransportAddress

__all__ = [
    "HopNetwork",
    "Interface",
    "InterfaceAddress",
    "MdnsNetwork",
    "MonitoredNetwork",
    "Network",
    "StreamNetwork",
    "StreamPort",
    "SystemNetwork",
    "TcpNetwork",
    "TcpServer",
    "UdpPort",
]


class UdpPort(Protocol):
    """A bound UDP socket that delivers to the callbacks it was opened with."""

    @property
    def local(self) -> TransportAddress:
        """Where it is bound, with the port that the system chose."""

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        """Send in order; returns how many were taken. When it took fewer, ``on_writable`` tells that there is room."""

    def close(self) -> None:
        """Stop at once, no callback follows; idempotent."""


class Network(Protocol):
    """The network of one host."""

    def interfaces(self) -> list[Interface]:
        """The interfaces that are up, each with its addresses."""

    async def open_udp(
        self,
        address: TransportAddress,
        on_datagrams: Callable[[Datagrams], None],
        on_writable: Callable[[], None],
        on_drained: Callable[[], None] | None = None,
        on_refused: Callable[[TransportAddress, TransportAddress, int], None] | None = None,
    ) -> UdpPort:
        """Bind to ``address`` (port 0: any free one). Raises OSError when that can not be had.

        ``on_drained`` has to be called after ``on_datagrams``, once for all that was read at one go: only then is it
        answered. ``on_refused`` tells that nothing can be sent from here (local address) to there (remote address), and
        the errno; a network may leave it out.
        """

    async def resolve(self, host: str, port: int) -> list[TransportAddress]:
        """All addresses of a host name, in the system's order (RFC 6724). Raises OSError when it has none."""


@runtime_checkable
class MdnsNetwork(Protocol):
    """What a network may know besides: names in ``.local`` (RFC 6762)."""

    async def resolve_mdns(self, name: str, timeout: float) -> list[str]:  # noqa: ASYNC109 of the questions
        """The addresses behind a name. Raises OSError when nobody answers within ``timeout``."""

    async def publish_mdns(self, name: str, address: str) -> Callable[[], None]:
        """Answer for a name until what this returns is called. Raises OSError where that can not be had."""


@runtime_checkable
class StreamNetwork(Protocol):
    """What a network may know besides: TCP, and TLS over it."""

    async def open_stream(
        self, remote: TransportAddress, tls_name: str | None, ca_file: str | None, callbacks: StreamCallbacks
    ) -> StreamPort:
        """Connect, over TLS where the certificate's name is given. Raises OSError when that can not be had."""


class TcpServer(Protocol):
    """A listening socket."""

    @property
    def local(self) -> TransportAddress:
        """Where it listens, with the port that the system chose."""

    def close(self) -> None:
        """Accept no more; idempotent."""


@runtime_checkable
class TcpNetwork(Protocol):
    """What a network may know besides: TCP connections from and to a certain address (RFC 6544)."""

    async def connect_tcp(
        self, make: Callable[[], asyncio.Protocol], local: TransportAddress, remote: TransportAddress
    ) -> None:
        """Connect from ``local`` (port 0: any free one). Raises OSError when that can not be had."""

    async def listen_tcp(
        self, make: Callable[[], asyncio.Protocol], address: TransportAddress, *, is_shared: bool = False
    ) -> TcpServer:
        """Accept connections; with ``is_shared`` on a port that can be connected from as well. Raises OSError."""


@runtime_checkable
class MonitoredNetwork(Protocol):
    """What a network may know besides: when interfaces and addresses come and go."""

    def watch(self, interval: float, on_change: Callable[[], None]) -> Callable[[], None]:
        """Tell when `Network.interfaces` would give another answer than before, at most ``interval`` seconds later.

        Until what this returns is called.
        """


@runtime_checkable
class HopNetwork(Protocol):
    """What a network may know besides: the routers on the way."""

    async def trace_hops(self, host: str, server: TransportAddress) -> list[str | None]:
        """The first routers from a local address, as far as they tell; empty where nothing is found out."""


class SystemNetwork:
    """The network of the machine we run on."""

    def interfaces(self) -> list[Interface]:
        """Ask the operating system."""
        return list_interfaces()

    async def open_udp(
        self,
        address: TransportAddress,
        on_datagrams: Callable[[Datagrams], None],
        on_writable: Callable[[], None],
        on_drained: Callable[[], None] | None = None,
        on_refused: Callable[[TransportAddress, TransportAddress, int], None] | None = None,
    ) -> UdpPort:
        """A `rtcpeer.aio.udp.UdpSocket`, or what stands in for it where the loop has no readers."""
        return await open_udp(address, on_datagrams, on_writable, on_drained, on_refused)

    async def resolve(self, host: str, port: int) -> list[TransportAddress]:
        """Numeric hosts at once, names by the system's resolver in the loop's executor."""
        try:
            return [TransportAddress(str(ipaddress.ip_address(host.strip("[]"))), port)]
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        addresses = (TransportAddress(str(sockaddr[0]).partition("%")[0], port) for *_, sockaddr in found)
        return list(dict.fromkeys(addresses))

    async def open_stream(
        self, remote: TransportAddress, tls_name: str | None, ca_file: str | None, callbacks: StreamCallbacks
    ) -> StreamPort:
        """A connection of the event loop's; ``ca_file`` (PEM) instead of those whom the system trusts."""
        return await open_stream(remote, tls_name, ca_file, callbacks)

    async def connect_tcp(
        self, make: Callable[[], asyncio.Protocol], local: TransportAddress, remote: TransportAddress
    ) -> None:
        """A connection of the event loop's."""
        await connect_tcp(make, local, remote)

    async def listen_tcp(
        self, make: Callable[[], asyncio.Protocol], address: TransportAddress, *, is_shared: bool = False
    ) -> TcpServer:
        """A server of the event loop's."""
        return await listen_tcp(make, address, is_shared=is_shared)

    async def resolve_mdns(self, name: str, timeout: float) -> list[str]:  # noqa: ASYNC109 of the questions
        """By the event loop's `rtcpeer.aio.mdns.MdnsService`."""
        return await service_of(asyncio.get_running_loop()).resolve(name, timeout)

    async def publish_mdns(self, name: str, address: str) -> Callable[[], None]:
        """By the event loop's `rtcpeer.aio.mdns.MdnsService`."""
        return await service_of(asyncio.get_running_loop()).publish(name, address)

    def watch(self, interval: float, on_change: Callable[[], None]) -> Callable[[], None]:
        """By the event loop's `rtcpeer.aio.network_monitor.NetworkMonitor`."""
        return monitor_of(asyncio.get_running_loop()).subscribe(interval, on_change)

    async def trace_hops(self, host: str, server: TransportAddress) -> list[str | None]:
        """On Linux over IPv4."""
        return await trace_hops(host, server)
