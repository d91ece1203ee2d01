"""Multicast DNS on an event loop: the ports on every interface, around `rtcpeer.ice.mdns`.

There is one `MdnsService` for an event loop, however many connections it carries: a socket for each of them would be
woken by every packet of the whole link, and the kernel bounds how many may join a group. It has sockets only while
somebody asks for a name or has one published, so that a program without ``.local`` names never opens port 5353.
"""

import asyncio
import contextlib
import errno
import functools
import ipaddress
import socket
import struct
import sys
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from rtcpeer.aio.driver import Driver
from rtcpeer.aio.interfaces import Interface, list_interfaces
from rtcpeer.aio.udp import UdpEndpoint, UdpSocket
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.dns import is_response
from rtcpeer.ice.mdns import (
    GROUP_IPV4,
    GROUP_IPV6,
    PORT,
    Mdns,
    MdnsEvent,
    MdnsStatistics,
    NameResolved,
    NameUnresolved,
)

__all__ = [
    "Link",
    "MdnsService",
    "Port",
    "is_port_taken",
    "links_of",
    "multicast_socket",
    "open_multicast",
    "service_of",
]

# A machine with more (containers have an interface each) has its first ones asked.
MAX_LINKS = 32

# linux/in.h; the socket module does not name it. Unless it is off a socket gets what any program has joined.
IP_MULTICAST_ALL = 49

# While it is open it looks for interfaces that came and went with a new name, but no more often than this.
LOOK_INTERVAL = 2.0

_TTL = 255  # RFC 6762 section 11

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Port(Protocol):
    """A socket of one link."""

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        """Send; what is not taken is lost."""

    def close(self) -> None:
        """Stop at once."""


@dataclass(frozen=True, slots=True)
class Link:
    """One address family of one interface."""

    interface: str
    index: int
    local: TransportAddress
    networks: tuple[IpNetwork, ...]

    @property
    def is_ipv6(self) -> bool:
        """Its address family."""
        return ":" in self.local.host


OpenPort = Callable[[Link, Callable[[Datagrams], None]], Awaitable[Port]]


def links_of(interfaces: list[Interface]) -> list[Link]:
    """The links there are, in the order of the interfaces; loopback only where a machine has nothing else.

    Programs on one machine hear each other on any interface.
    """
    links: dict[TransportAddress, Link] = {}
    loopback: dict[TransportAddress, Link] = {}
    for interface in interfaces:
        for version in (4, 6):
            found = [
                ipaddress.ip_interface(f"{entry.host}/{entry.prefix_length}")
                for entry in interface.addresses
                if not entry.is_tentative and (":" in entry.host) == (version == 6)
            ]
            if not found:
                continue
            # The link-local address of an IPv6 interface stays when its prefix changes.
            best = next((one for one in found if version == 6 and one.is_link_local), found[0])
            local = TransportAddress(str(best.ip), PORT)
            networks = tuple(one.network for one in found)
            kind = loopback if best.is_loopback else links
            kind.setdefault(local, Link(interface.name, interface.index, local, networks))
    return list((links or loopback).values())[:MAX_LINKS]


class MdnsService:
    """Asks for names and answers for ours; open as long as it has something to do.

    The callables are the system's, or a test's; ``on_close`` is called when nothing is left to do.
    """

    def __init__(
        self,
        interfaces: Callable[[], list[Interface]],
        open_port: OpenPort | None = None,
        is_port_shared: Callable[[], bool] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._interfaces = interfaces
        self._open_port = open_port or open_multicast
        self._is_port_shared = is_port_shared or is_port_taken
        self._on_close = on_close
        self._core = Mdns()
        self._driver: Driver[Datagrams, MdnsEvent] | None = None
        self._ports: dict[Link, Port] = {}
        self._waiting: dict[str, list[asyncio.Future[tuple[str, ...]]]] = {}
        self._published: Counter[tuple[str, str]] = Counter()
        self._users = 0
        self._looked_at = 0.0
        self._opening = asyncio.Lock()
        self.off_link_queries = 0

    @property
    def links(self) -> list[Link]:
        """Where questions go out; empty while closed."""
        return list(self._ports)

    def statistics(self) -> MdnsStatistics:
        """The core's counters."""
        return self._core.statistics()

    async def resolve(self, name: str, timeout: float) -> list[str]:  # noqa: ASYNC109 the core keeps it
        """The addresses behind a ``.local`` name, one of each family at most.

        Raises:
            OSError: nobody answered within ``timeout``, or there is no network to ask on.
        """
        name = name.lower()
        await self._join()
        future: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append(future)
        try:
            self._core.resolver.resolve(name, timeout)
            self._wake()
            return list(await future)
        finally:
            self._stop_waiting(name, future)
            self._leave()

    async def publish(self, name: str, address: str) -> Callable[[], None]:
        """Answer for a name until what this returns is called.

        Raises:
            ValueError: it is not a single label in ``.local``, or the address is none.
            OSError: there is no network, or port 5353 can not be shared.
        """
        await self._join()
        try:
            self._core.responder.publish(name, address)
        except BaseException:
            self._leave()
            raise
        self._published[name, address] += 1
        self._wake()
        return functools.partial(self._withdraw, name, address)

    def _withdraw(self, name: str, address: str) -> None:
        if self._published[name, address] > 0:
            self._published[name, address] -= 1
            self._core.responder.withdraw(name, address)
            self._wake()
            self._leave()

    def _stop_waiting(self, name: str, future: asyncio.Future[tuple[str, ...]]) -> None:
        """After an answer the name has left already; after a cancellation nobody may be left who wants to know."""
        waiting = self._waiting.get(name)
        if waiting is not None and future in waiting:
            waiting.remove(future)
            if not waiting:
                del self._waiting[name]
                self._core.resolver.cancel(name)

    async def _join(self) -> None:
        """Have ports, on the interfaces that there are now; to be paired with `_leave`."""
        self._users += 1
        try:
            async with self._opening:
                await self._open()
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        self._users -= 1
        if self._users:
            return
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()  # says goodbye for the last names
        for port in self._ports.values():
            port.close()
        self._ports.clear()
        self._published.clear()
        if self._on_close is not None:
            self._on_close()

    async def _open(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._ports and now < self._looked_at + LOOK_INTERVAL:
            return
        self._looked_at = now
        wanted = links_of(self._interfaces())
        if not self._ports:
            # RFC 6762 section 15.1: of the programs on a port only one gets a unicast answer.
            self._core.resolver.prefers_unicast = not self._is_port_shared()
        for link in set(self._ports).difference(wanted):
            self._ports.pop(link).close()
        for link in wanted:
            if link not in self._ports:
                # An interface that knows no multicast costs only itself.
                with contextlib.suppress(OSError):
                    self._ports[link] = await self._open_port(link, functools.partial(self._received, link))
        if not self._ports:
            raise OSError(errno.ENETUNREACH, "no interface takes part in multicast DNS")
        self._core.set_links([link.local for link in self._ports])
        if self._driver is None:
            self._driver = Driver(self._core, self._send, self._on_event, asyncio.get_running_loop())

    def _wake(self) -> None:
        if self._driver is not None:
            self._driver.wake()

    def _received(self, link: Link, packet: Datagrams) -> None:
        payloads = packet.payloads
        if not self._is_on_link(packet.remote.host):
            # RFC 6762 section 11: who asks from elsewhere, by unicast, would learn the address that a name is to hide.
            payloads = [payload for payload in payloads if is_response(payload)]
            self.off_link_queries += len(packet.payloads) - len(payloads)
        if payloads and self._driver is not None:
            self._driver.received(Datagrams(link.local, packet.remote, payloads))

    def _is_on_link(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        if address.version == 6 and address.is_link_local:
            return True
        return any(address in network for link in self._ports for network in link.networks)

    def _send(self, packets: list[Datagrams]) -> int:
        ports = {link.local: port for link, port in self._ports.items()}
        for local, remote, payloads in packets:
            port = ports.get(local)
            if port is not None:
                for payload in payloads:  # one at a time: a multicast datagram is nothing to segment
                    port.send(remote, [payload])
        return len(packets)  # what a full socket did not take is asked for again

    def _on_event(self, event: MdnsEvent) -> None:
        for future in self._waiting.pop(event.name, ()):
            if future.done():
                continue
            match event:
                case NameResolved(_, addresses):
                    future.set_result(addresses)
                case NameUnresolved(name):
                    future.set_exception(OSError(errno.ETIMEDOUT, f"nobody on the link answered for {name}"))


_services: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, MdnsService] = weakref.WeakKeyDictionary()


def service_of(loop: asyncio.AbstractEventLoop) -> MdnsService:
    """The service that all of a loop share; to be asked for anew for each name, since it goes when it has none left."""
    service = _services.get(loop)
    if service is None:
        reference = weakref.ref(loop)
        service = _services[loop] = MdnsService(list_interfaces, on_close=functools.partial(_forget, reference))
    return service


def _forget(reference: weakref.ref[asyncio.AbstractEventLoop]) -> None:
    loop = reference()
    if loop is not None:
        _services.pop(loop, None)


async def open_multicast(link: Link, on_datagrams: Callable[[Datagrams], None]) -> Port:
    """Join the group on a link and read. Raises OSError where that can not be had."""
    loop = asyncio.get_running_loop()
    sock = multicast_socket(link)
    try:
        try:
            return UdpSocket(sock, on_datagrams, _ignore, loop)
        except NotImplementedError:
            endpoint = UdpEndpoint(link.local, on_datagrams, _ignore, loop)
            await loop.create_datagram_endpoint(lambda: endpoint, sock=sock)
            return endpoint
    except BaseException:
        sock.close()
        raise


def is_port_taken() -> bool:
    """Whether another program has port 5353 open, such as a browser or the system's own resolver."""
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("", PORT))
        except OSError:
            return True
    return False


def multicast_socket(link: Link) -> socket.socket:
    """A socket on port 5353, shared with other programs (RFC 6762 section 15), that has joined the group on one link.

    It is bound to no address: bound to the group it would get no unicast answers, bound to the link's no multicast.
    """
    sock = socket.socket(socket.AF_INET6 if link.is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if link.is_ipv6:
            _join_ipv6(sock, link)
        else:
            _join_ipv4(sock, link)
    except BaseException:
        sock.close()
        raise
    return sock


def _join_ipv4(sock: socket.socket, link: Link) -> None:
    host = socket.inet_aton(link.local.host)
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, host)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _TTL)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, _TTL)
    sock.bind(("", PORT))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP_IPV4.host) + host)


def _join_ipv6(sock: socket.socket, link: Link) -> None:
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if sys.platform == "linux":
        # For IPv6 the kernel does not look on which interface a group was joined, so that each socket would get
        # everything. Where we may not (before Linux 5.7), the copies do no harm but their cost.
        with contextlib.suppress(PermissionError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.interface.encode())
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, link.index)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _TTL)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, _TTL)
    sock.bind(("::", PORT))
    group = socket.inet_pton(socket.AF_INET6, GROUP_IPV6.host) + struct.pack("@I", link.index)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)


def _ignore() -> None:
    """There is room again: nothing waited for it."""
