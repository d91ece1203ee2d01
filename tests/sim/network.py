"""Hosts with several addresses, links, and routers that translate or filter: the internet, in virtual time.

    network = Network(seed=7)
    server = network.host("server", "203.0.113.1")
    home = network.router("home", "198.51.100.1", nat=PORT_RESTRICTED)
    laptop = network.host("laptop", "192.168.1.2", segment=home.inside, up=LinkSettings(delay=0.01))
    socket = laptop.bind("192.168.1.2", 0, on_datagrams=print)
    socket.send(TransportAddress("203.0.113.1", 3478), [b"hello"])
    network.clock.run_for(1.0)

A segment is where addresses reach each other directly: the internet, or what is behind one router. Routers nest: the
outside of one may be the inside of another. Two segments may use the same addresses.
"""

import errno
import random
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from rtcpeer.core import Core, Datagrams, TransportAddress
from tests.sim.clock import Clock, Timeline
from tests.sim.driven import Driven
from tests.sim.link import IDEAL, Link, LinkSettings
from tests.sim.nat import Firewall, NatSettings, NatTable
from tests.sim.tcp import TcpHost

EventT = TypeVar("EventT")

OnDatagrams = Callable[[Datagrams], object]

FIRST_EPHEMERAL_PORT = 49152


class Network:
    """The world of one run. Inside an asyncio loop of `tests.sim.loop`, give the loop as ``timeline``."""

    def __init__(self, seed: int | str = 0, *, timeline: Timeline | None = None) -> None:
        self.clock = Clock()
        self.timeline: Timeline = self.clock if timeline is None else timeline
        self.seed = seed
        self.internet = Segment(self, "internet")
        self.hosts: dict[str, Host] = {}
        self.names: dict[str, list[str]] = {}  # what the domain name system knows
        self.unroutable = 0

    def host(
        self,
        name: str,
        *addresses: str,
        segment: "Segment | None" = None,
        up: LinkSettings = IDEAL,
        down: LinkSettings | None = None,
    ) -> "Host":
        """A new host, its addresses on one interface; `Host.attach` adds more. ``down`` is as ``up`` unless given."""
        if name in self.hosts:
            raise ValueError(f"there is a host {name!r} already")
        host = self.hosts[name] = Host(self, name)
        if addresses:
            host.attach(self.internet if segment is None else segment, *addresses, up=up, down=down)
        return host

    def router(
        self,
        name: str,
        *addresses: str,
        nat: NatSettings | None = None,
        firewall: NatSettings | None = None,
        outside: "Segment | None" = None,
        up: LinkSettings = IDEAL,
        down: LinkSettings | None = None,
    ) -> "Router":
        """A router between ``outside`` (the internet unless given) and its own new ``inside`` segment.

        With ``nat`` it translates IPv4 to its first IPv4 address; what is not translated is routed, through the
        stateful filter ``firewall`` if there is one.
        """
        return Router(self, name, addresses, nat, firewall, self.internet if outside is None else outside, up, down)

    def random(self, purpose: str) -> random.Random:
        """A generator of its own for each purpose, so that one more host does not change the others' luck."""
        return random.Random(f"{self.seed}/{purpose}")

    def describe(self) -> str:
        """Links and cores, for the message of a failure."""
        return "\n".join([host.describe() for host in self.hosts.values()] + [f"  unroutable: {self.unroutable}"])

    def run(self, until: Callable[[], bool], timeout: float = 60.0) -> None:
        """Let time pass until the condition holds; see `Clock.run`."""
        self.clock.run(until, timeout, describe=self.describe)


class Receiver(Protocol):
    """What has addresses on a segment."""

    def receive(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        """Take what was addressed to one of them."""


class Segment:
    """Where addresses reach each other without a router."""

    def __init__(self, network: Network, name: str) -> None:
        self.name = name
        self.gateway: Router | None = None
        self._network = network
        self._attachments: dict[str, Attachment] = {}

    def add(self, address: str, attachment: "Attachment") -> None:
        """This address is now here; `ValueError` when it is taken."""
        if address in self._attachments:
            raise ValueError(f"{address} is taken on {self.name}")
        self._attachments[address] = attachment
        if self.gateway is not None and not self.gateway.translates(address):
            self.gateway.announce(address)

    def remove(self, address: str) -> None:
        """This address is no longer here."""
        self._attachments.pop(address, None)
        if self.gateway is not None and not self.gateway.translates(address):
            self.gateway.withdraw(address)

    def deliver(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> bool:
        """Hand to the one here that has the address; False when nobody has."""
        attachment = self._attachments.get(destination.host)
        if attachment is None:
            return False
        attachment.deliver(source, destination, payloads)
        return True

    def route(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        """Deliver here, or through the gateway."""
        if self.deliver(source, destination, payloads):
            return
        if self.gateway is not None:
            self.gateway.send_out(source, destination, payloads)
        else:
            self._network.unroutable += len(payloads)


class Attachment:
    """An interface of a host or the outer side of a router: addresses on a segment, with a link each way."""

    def __init__(
        self,
        network: Network,
        name: str,
        owner: Receiver,
        segment: Segment,
        addresses: tuple[str, ...],
        up: LinkSettings,
        down: LinkSettings | None,
    ) -> None:
        self.name = name
        self.segment = segment
        self.addresses = list(addresses)
        self.up = Link(up, network.random(f"{name}/up"))
        self.down = Link(up if down is None else down, network.random(f"{name}/down"))
        self.is_up = True  # False: the cable is pulled; the addresses stay
        self._network = network
        self._owner = owner
        for address in addresses:
            segment.add(address, self)

    def send(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        """Send over the link to the segment and on from there."""
        if not self.is_up:
            return
        timeline = self._network.timeline
        now = timeline.time()
        for arrival, run in self.up.transmit(payloads, now):
            if arrival <= now:
                self.segment.route(source, destination, run)
            else:
                timeline.call_at(arrival, self.segment.route, source, destination, run)

    def deliver(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        """Bring from the segment to the owner: never within the sender's call, even over an ideal link."""
        if not self.is_up:
            return
        timeline = self._network.timeline
        for arrival, run in self.down.transmit(payloads, timeline.time()):
            timeline.call_at(arrival, self._arrive, source, destination, run)

    def remove(self) -> None:
        """Take the interface away, with its addresses."""
        self.is_up = False
        for address in self.addresses:
            self.segment.remove(address)
        self.addresses.clear()

    def announce(self, address: str) -> None:
        """Another address is reached through here."""
        self.segment.add(address, self)

    def _arrive(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        if self.is_up:
            self._owner.receive(source, destination, payloads)


class Host:
    """Has interfaces and sockets. A datagram leaves through the interface that has its source address."""

    def __init__(self, network: Network, name: str) -> None:
        self.network = network
        self.name = name
        self.interfaces: list[Attachment] = []
        self.refused = 0  # datagrams for a port that nobody has
        self.endpoints: list[Driven[Datagrams, object]] = []
        self._sockets: dict[TransportAddress, Socket] = {}
        self._next_port = FIRST_EPHEMERAL_PORT
        self.tcp = TcpHost(self)

    @property
    def addresses(self) -> list[str]:
        """All addresses, in the order in which they were attached."""
        return [address for interface in self.interfaces for address in interface.addresses]

    def attach(
        self,
        segment: Segment,
        *addresses: str,
        up: LinkSettings = IDEAL,
        down: LinkSettings | None = None,
    ) -> Attachment:
        """Add an interface; `Attachment.remove` takes it away again, ``is_up = False`` pulls its cable."""
        name = f"{self.name}/eth{len(self.interfaces)}"
        interface = Attachment(self.network, name, self, segment, addresses, up, down)
        self.interfaces.append(interface)
        return interface

    def bind(self, address: str, port: int, on_datagrams: OnDatagrams) -> "Socket":
        """A socket on one of the host's addresses; port 0 takes a free one. `OSError` as a kernel would."""
        if self.interface_of(address) is None:
            raise OSError(errno.EADDRNOTAVAIL, f"{self.name} does not have the address {address}")
        local = TransportAddress(address, port or self.free_port(address))
        if local in self._sockets:
            raise OSError(errno.EADDRINUSE, f"{local} is in use on {self.name}")
        socket = self._sockets[local] = Socket(self, local, on_datagrams)
        return socket

    def drive(self, core: Core[Datagrams, EventT], *sockets: TransportAddress) -> "Endpoint[EventT]":
        """Bind sockets (one on a free port of each address unless given) and drive the core over them."""
        endpoint: Endpoint[EventT] = Endpoint(self, core, sockets)
        self.endpoints.append(endpoint)  # type: ignore[arg-type]
        return endpoint

    def interface_of(self, address: str) -> Attachment | None:
        """The interface that has the address."""
        return next((interface for interface in self.interfaces if address in interface.addresses), None)

    def send(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        """Send from one of the host's addresses; what can not leave is lost, as on a real network."""
        interface = self.interface_of(source.host)
        if interface is None or (":" in source.host) != (":" in destination.host):
            self.network.unroutable += len(payloads)
        elif self.interface_of(destination.host) is not None:
            timeline = self.network.timeline
            timeline.call_at(timeline.time(), self.receive, source, destination, payloads)
        else:
            interface.send(source, destination, payloads)

    def receive(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        """Hand to the socket that is bound there."""
        if destination.protocol == "tcp":
            for payload in payloads:
                self.tcp.receive(source, destination, payload)
            return
        socket = self._sockets.get(destination)
        if socket is None:
            self.refused += len(payloads)
        else:
            socket.on_datagrams(Datagrams(destination, source, payloads))

    def release(self, local: TransportAddress) -> None:
        """A socket is closed."""
        self._sockets.pop(local, None)

    def kill(self) -> None:
        """Vanish without a word."""
        for interface in self.interfaces:
            interface.is_up = False
        for endpoint in self.endpoints:
            endpoint.stop()

    def describe(self) -> str:
        """Interfaces and cores, for the message of a failure."""
        lines = [f"  {self.name}: refused={self.refused}"]
        lines += [f"    {one.addresses} on {one.segment.name} up {one.up} down {one.down}" for one in self.interfaces]
        for endpoint in self.endpoints:
            lines.append(f"    {type(endpoint.core).__name__} timeout={endpoint.core.next_timeout()}")
            lines += [f"      {event!r:.160}" for event in endpoint.events[-8:]]
        return "\n".join(lines)

    def free_port(self, address: str) -> int:
        """A port that no socket has had lately."""
        while TransportAddress(address, self._next_port) in self._sockets:
            self._next_port += 1
        port = self._next_port
        self._next_port = port + 1 if port < 65535 else FIRST_EPHEMERAL_PORT
        return port


class Socket:
    """One bound address of a host; ``on_datagrams`` may be replaced."""

    def __init__(self, host: Host, local: TransportAddress, on_datagrams: OnDatagrams) -> None:
        self.local = local
        self.on_datagrams = on_datagrams
        self.is_closed = False
        self._host = host

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        """Send; all are taken, always."""
        if not self.is_closed:
            self._host.send(self.local, remote, payloads)
        return len(payloads)

    def close(self) -> None:
        """Give the port back."""
        if not self.is_closed:
            self.is_closed = True
            self._host.release(self.local)


class Endpoint(Driven[Datagrams, EventT], Generic[EventT]):
    """A core on a host, with the sockets it uses; what it sends from another address is lost."""

    def __init__(self, host: Host, core: Core[Datagrams, EventT], addresses: tuple[TransportAddress, ...]) -> None:
        super().__init__(core, host.network.timeline, self._transmit, f"core on {host.name}")
        wanted = [(address.host, address.port) for address in addresses] or [(host_, 0) for host_ in host.addresses]
        self.sockets = {socket.local: socket for socket in (host.bind(*one, self.receive) for one in wanted)}

    @property
    def addresses(self) -> list[TransportAddress]:
        """Where its sockets are bound."""
        return list(self.sockets)

    def _transmit(self, datagrams: Datagrams) -> None:
        socket = self.sockets.get(datagrams.local)
        if socket is not None:
            socket.send(datagrams.remote, datagrams.payloads)


class Router:
    """Between an outside and an inside segment: translates IPv4 when it has a NAT, and filters the rest."""

    def __init__(
        self,
        network: Network,
        name: str,
        addresses: tuple[str, ...],
        nat: NatSettings | None,
        firewall: NatSettings | None,
        outside: Segment,
        up: LinkSettings,
        down: LinkSettings | None,
    ) -> None:
        self.name = name
        self.nat: NatTable | None = None
        self.firewall = None if firewall is None else Firewall(firewall)
        self.dropped = 0
        self._network = network
        self._blocks = [settings.blocks_udp for settings in (nat, firewall) if settings is not None]
        if nat is not None:
            external = next((address for address in addresses if ":" not in address), None)
            if external is None:
                raise ValueError("a NAT needs an IPv4 address outside")
            self.nat = NatTable(nat, external, network.random(f"{name}/nat"))
        self.inside = Segment(network, f"inside of {name}")
        self.inside.gateway = self
        self.outer = Attachment(network, name, self, outside, addresses, up, down)

    def translates(self, address: str) -> bool:
        """Whether this inner address is hidden behind the box's own."""
        return self.nat is not None and ":" not in address

    def announce(self, address: str) -> None:
        """An inner address that is not hidden is reached through this router."""
        self.outer.announce(address)

    def withdraw(self, address: str) -> None:
        """An inner address is gone."""
        self.outer.segment.remove(address)

    def send_out(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        """From inside to anywhere else."""
        now = self._network.timeline.time()
        if self._blocks_all(source):
            self.dropped += len(payloads)
        elif self.nat is None or ":" in source.host:
            if self.firewall is not None:
                self.firewall.outbound(source, destination, now)
            self.outer.send(source, destination, payloads)
        elif destination.host == self.nat.address:
            self._hairpin(self.nat, source, destination, payloads)
        else:
            self.outer.send(self.nat.outbound(source, destination, now), destination, payloads)

    def receive(self, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]) -> None:
        """From outside to one of the router's addresses or to an inner one that is not hidden."""
        now = self._network.timeline.time()
        inner: TransportAddress | None = destination
        if self._blocks_all(source):
            inner = None
        elif self.nat is not None and destination.host == self.nat.address:
            inner = self.nat.inbound(destination.port, source, now)
        elif self.firewall is not None and not self.firewall.permits(destination, source, now):
            inner = None
        if inner is None or not self.inside.deliver(source, inner, payloads):
            self.dropped += len(payloads)

    def _blocks_all(self, source: TransportAddress) -> bool:
        return source.protocol == "udp" and any(self._blocks)

    def _hairpin(
        self, nat: NatTable, source: TransportAddress, destination: TransportAddress, payloads: list[bytes]
    ) -> None:
        now = self._network.timeline.time()
        inner = None
        if nat.settings.hairpinning:
            # RFC 4787 REQ-9: the receiver sees the external address, so that its answer comes back the same way.
            external = nat.outbound(source, destination, now)
            inner = nat.inbound(destination.port, external, now)
            source = external
        if inner is None or not self.inside.deliver(source, inner, payloads):
            self.dropped += len(payloads)
