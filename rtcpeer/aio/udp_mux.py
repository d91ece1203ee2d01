"""Many connections on one UDP port for each local address, as a server behind a firewall wants it."""

import asyncio
import errno
from dataclasses import dataclass

from rtcpeer.aio.mux import Mux
from rtcpeer.aio.network import Network, UdpPort
from rtcpeer.aio.udp_routes import MuxMember, MuxPort, RouteCounters, SharedSocket
from rtcpeer.core import TransportAddress
from rtcpeer.errors import InvalidStateError
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings

__all__ = ["UdpMux", "UdpMuxStatistics"]


@dataclass(frozen=True, slots=True)
class UdpMuxStatistics:
    """What a mux holds now, and what it has counted since it was opened."""

    connections: int
    routes: int  # remote addresses that belong to a connection
    unknown_fragments: int  # checks for no connection, dropped
    forged_checks: int  # with a connection's username fragment and a wrong signature, dropped
    collisions: int  # right checks from where another connection's path works, dropped
    stray_datagrams: int  # other traffic from unknown addresses, dropped
    questions_spared: int  # to STUN servers, because the answer was known


class UdpMux(Mux):
    """Sockets that any number of connections share; the program owns it, and closes it after its connections::

        async with UdpMux(3478) as mux:
            settings = Settings(udp_mux=mux)
            ...
            pc = RTCPeerConnection(configuration, settings)

    What comes in is told apart by the username fragment in a peer's first check, then by its address. So one peer
    address serves one connection: two peers behind one NAT have different ports, but two connections between the same
    two muxes can not be told apart, and the second finds no path. Nor do two connections at one of its addresses
    find each other.

    Each socket asks a STUN server once for all connections. An allocation at a TURN server needs a socket of its own,
    which a connection opens besides.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        settings: IceSettings | None = None,
        network: Network | None = None,
        mapping_lifetime: float = 30.0,
    ) -> None:
        """Nothing is bound before `open`.

        Args:
            port: on every address; 0 for a free one on each.
            settings: which addresses are bound: its interface and local address filters, ``bind_addresses``,
                ``include_loopback`` and ``include_unique_local``.
            network: in place of the machine's own.
            mapping_lifetime: seconds for which a STUN server's answer serves other connections. NATs keep a mapping
                for 2 minutes at least (RFC 4787 section 4.3).

        Raises:
            ValueError: the port is none, or the lifetime is negative.
        """
        if mapping_lifetime < 0:
            raise ValueError("mapping_lifetime must not be negative")
        super().__init__("UDP", port, settings, network)
        self._mapping_lifetime = mapping_lifetime
        self._registry: dict[str, tuple[MuxMember, bytes]] = {}
        self._counters = RouteCounters()
        self._sockets: list[SharedSocket] = []

    def close(self) -> None:
        """Close the sockets; connections that are still there lose their paths. Idempotent."""
        self._is_open = False
        for shared in self._sockets:
            shared.close()
        for member in {id(member): member for member, _ in self._registry.values()}.values():
            member.leave()
        self._sockets.clear()

    @property
    def addresses(self) -> list[TransportAddress]:
        """Where it is bound, most preferred first."""
        return [shared.local for shared in self._sockets]

    def statistics(self) -> UdpMuxStatistics:
        """A snapshot."""
        counters = self._counters
        return UdpMuxStatistics(
            connections=len({id(member) for member, _ in self._registry.values()}),
            routes=sum(len(shared.routes) for shared in self._sockets),
            unknown_fragments=counters.unknown_fragments,
            forged_checks=counters.forged_checks,
            collisions=counters.collisions,
            stray_datagrams=counters.stray_datagrams,
            questions_spared=counters.questions_spared,
        )

    def join(self, member: MuxMember, parameters: IceParameters) -> list[UdpPort]:
        """A connection's share of every socket, until it leaves; connections do this by themselves.

        Raises:
            InvalidStateError: the mux is not open, or another connection has that username fragment.
        """
        if not self._is_open:
            raise InvalidStateError("the UDP mux is not open")
        member.registry = self._registry
        member.add_credentials(parameters)
        for shared in self._sockets:
            member.ports[shared.local] = MuxPort(member, shared)
        return list(member.ports.values())

    async def _bind(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        shared = SharedSocket(self._registry, self._counters, self._mapping_lifetime, loop.time, loop.call_soon)
        try:
            socket = await self._network.open_udp(
                TransportAddress(host, self._port), shared.receive, shared.writable, shared.drained
            )
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and not self._settings.bind_addresses:
                return  # it has left its interface meanwhile
            raise
        shared.attach(socket)
        self._sockets.append(shared)
