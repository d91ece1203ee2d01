"""The sockets of one agent: its own, where its settings want them, or its share of those of a `UdpMux`."""

import asyncio
from collections.abc import Awaitable, Iterable
from collections.abc import Set as AbstractSet

from rtcpeer.aio.address_choice import bind_in_range, choose_hosts
from rtcpeer.aio.candidate_names import LocalNames
from rtcpeer.aio.network import Network, UdpPort
from rtcpeer.aio.port_callbacks import PortCallbacks
from rtcpeer.aio.tcp_ports import TcpPorts, is_used
from rtcpeer.aio.udp_mux import UdpMux
from rtcpeer.aio.udp_routes import MuxMember
from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.errors import InvalidStateError
from rtcpeer.ice.agent import Agent
from rtcpeer.ice.events import IceState
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.gathering import BaseUse, Gatherer

__all__ = ["LocalPorts"]

_ALIVE = (IceState.CONNECTED, IceState.COMPLETED)


class LocalPorts:
    """Opens them for each generation, tells its gatherer of each, and closes them.

    Own sockets are other ones for each generation, because it may be the NAT's mapping or the TURN server's allocation
    that has died, and because Chromium mixes generations up that share an address. Those of a mux are the same for all.
    """

    def __init__(
        self,
        agent: Agent,
        network: Network,
        names: LocalNames,
        callbacks: PortCallbacks,
        mux: UdpMux | None,
        tcp: TcpPorts,
        entropy: Entropy,
    ) -> None:
        self.by_address: dict[TransportAddress, UdpPort] = {}
        self._agent = agent
        self._network = network
        self._names = names
        self._callbacks: PortCallbacks | None = callbacks
        self._mux = mux
        self._tcp = tcp
        self._entropy = entropy
        self._member: MuxMember | None = None
        self._opening = asyncio.Lock()  # no generation opens a socket that another is about to have

    async def open(
        self, gatherer: Gatherer, parameters: IceParameters, settings: IceSettings, *, needs_relays: bool
    ) -> None:
        """Open all for the generation with these parameters of ours.

        An address that gives no socket is the gatherer's to tell, and costs only itself.
        """
        callbacks = self._callbacks
        if callbacks is None:
            return
        if self._mux is None:
            shared: list[UdpPort] = []
            hosts, use = choose_hosts(self._network, settings, callbacks.on_failed_filter), BaseUse.EVERYTHING
        else:
            shared = self._join(self._mux, gatherer, parameters, callbacks)
            hosts, use = [port.local.host for port in shared], BaseUse.RELAYS
        async with self._opening:
            for preference, port in enumerate(shared):
                await self._add(gatherer, port, preference, BaseUse.DIRECT)
            if needs_relays or self._mux is None:
                await self._open_udp(gatherer, enumerate(hosts), settings, callbacks, use)
            self._tcp.expect(parameters.username_fragment)
            await self._open_tcp(gatherer, enumerate(hosts), settings)
        gatherer.end_of_bases()
        callbacks.on_change()

    async def follow(self, gatherer: Gatherer, settings: IceSettings, present: AbstractSet[str]) -> None:
        """Open sockets on the addresses that have come since `open`; those of a mux are its owner's affair."""
        callbacks = self._callbacks
        if callbacks is None or self._mux is not None:
            return
        hosts = choose_hosts(self._network, settings, callbacks.on_failed_filter)
        async with self._opening:
            known = {base.host for base in gatherer.bases}
            new = [(rank, host) for rank, host in enumerate(hosts) if host in present and host not in known]
            await self._open_udp(gatherer, new, settings, callbacks, BaseUse.EVERYTHING)
            await self._open_tcp(gatherer, new, settings)
        gatherer.end_of_bases()
        callbacks.on_change()

    def release(self, parameters: IceParameters) -> None:
        """The generation with these parameters of ours is no more: a mux has to know."""
        if self._member is not None:
            self._member.drop_credentials(parameters)

    def keep(self, needed: AbstractSet[TransportAddress]) -> None:
        """Close what no generation sends from any more; nothing while sockets are opened."""
        if self._opening.locked():
            return
        for local in [local for local in self._own_ports if local not in needed]:
            self.by_address.pop(local).close()

    def close(self, besides: AbstractSet[TransportAddress] = frozenset()) -> dict[TransportAddress, UdpPort]:
        """Close all but some, which the caller gets, and leave the mux; idempotent."""
        kept = {local: port for local, port in self.by_address.items() if local in besides}
        for local in self.by_address.keys() - kept.keys():
            self.by_address[local].close()
        self.by_address.clear()
        if self._member is not None:
            self._member.leave()
            self._member = None
        self._callbacks = None
        return kept

    @property
    def _own_ports(self) -> list[TransportAddress]:
        """Oldest first."""
        shared = {} if self._member is None else self._member.ports
        return [local for local in self.by_address if local not in shared]

    async def _open_udp(
        self,
        gatherer: Gatherer,
        hosts: Iterable[tuple[int, str]],
        settings: IceSettings,
        callbacks: PortCallbacks,
        use: BaseUse,
    ) -> None:
        for preference, host in hosts:
            bound = await self._bind(gatherer, host, settings, callbacks)
            if bound is not None:
                await self._add(gatherer, bound, preference, use)

    async def _open_tcp(self, gatherer: Gatherer, hosts: Iterable[tuple[int, str]], settings: IceSettings) -> None:
        for preference, host in hosts:
            await self._names.hide(host)
            await self._tcp.open(gatherer, settings, host, preference)

    async def _bind(
        self, gatherer: Gatherer, host: str, settings: IceSettings, callbacks: PortCallbacks
    ) -> UdpPort | None:
        """A new socket on the address; where there can be no other, the one of the generation before."""

        def bind(address: TransportAddress) -> Awaitable[UdpPort]:
            return self._network.open_udp(
                address, callbacks.on_datagrams, callbacks.on_writable, callbacks.on_drained, callbacks.on_refused
            )

        if not is_used("udp", host, settings):
            return None
        try:
            return await bind_in_range(bind, host, settings.port_range, self._entropy)
        except OSError as error:
            standing = next((local for local in reversed(self._own_ports) if local.host == host), None)
            if standing is not None:
                return self.by_address[standing]
            gatherer.fail_base(host, error.strerror or str(error))
            return None

    async def _add(self, gatherer: Gatherer, port: UdpPort, preference: int, use: BaseUse) -> None:
        self.by_address[port.local] = port
        await self._names.hide(port.local.host)
        gatherer.add_base(port.local, preference, use)
        if self._callbacks is not None:
            self._callbacks.on_change()

    def _join(
        self, mux: UdpMux, gatherer: Gatherer, parameters: IceParameters, callbacks: PortCallbacks
    ) -> list[UdpPort]:
        """Our share of the mux, which from now on knows these parameters, too."""
        member = self._member
        try:
            if member is not None and member.ports:
                member.add_credentials(parameters)
                return list(member.ports.values())
            member = MuxMember(callbacks.on_datagrams, callbacks.on_writable, callbacks.on_drained, self._holds)
            ports = mux.join(member, parameters)
        except InvalidStateError as error:
            gatherer.fail_base("", str(error))
            return []
        self._member = member
        return ports

    def _holds(self, local: TransportAddress, remote: TransportAddress) -> bool:
        """Whether a path works, so that nobody else may be behind that address."""
        pair = self._agent.pair(local, remote)
        return pair is not None and pair.is_valid and self._agent.state in _ALIVE
