"""The sockets of one agent: its own, where its settings want them, or its share of those of a `UdpMux`."""

from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from rtcpeer.aio.address_choice import bind_in_range, choose_hosts
from rtcpeer.aio.candidate_names import LocalNames
from rtcpeer.aio.network import Network, UdpPort
from rtcpeer.aio.tcp_ports import TcpPorts, is_used
from rtcpeer.aio.udp_mux import UdpMux
from rtcpeer.aio.udp_routes import MuxMember
from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.errors import InvalidStateError
from rtcpeer.ice.agent import Agent
from rtcpeer.ice.events import FilterFailed, IceState
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.gathering import BaseUse, Gatherer

__all__ = ["LocalPorts", "PortCallbacks"]

_ALIVE = (IceState.CONNECTED, IceState.COMPLETED)


@dataclass(frozen=True, slots=True)
class PortCallbacks:
    """Whom the sockets deliver to."""

    on_datagrams: Callable[[Datagrams], None]
    on_writable: Callable[[], None]
    on_drained: Callable[[], None]
    on_refused: Callable[[TransportAddress, TransportAddress, int], None]
    on_change: Callable[[], None]  # there is something new to flush
    on_failed_filter: Callable[[FilterFailed], None]


class LocalPorts:
    """Opens them, tells the gatherer of each, and closes them."""

    def __init__(
        self,
        agent: Agent,
        gatherer: Gatherer,
        network: Network,
        settings: IceSettings,
        names: LocalNames,
        callbacks: PortCallbacks,
        mux: UdpMux | None,
        tcp: TcpPorts,
        entropy: Entropy,
    ) -> None:
        self.by_address: dict[TransportAddress, UdpPort] = {}
        self._agent = agent
        self._gatherer = gatherer
        self._network = network
        self._settings = settings
        self._names = names
        self._callbacks: PortCallbacks | None = callbacks
        self._mux = mux
        self._tcp = tcp
        self._entropy = entropy
        self._member: MuxMember | None = None

    async def open(self, *, needs_relays: bool) -> None:
        """Open all; an address that gives no socket is the gatherer's to tell, and costs only itself."""
        callbacks = self._callbacks
        if callbacks is None:
            return
        if self._mux is None:
            hosts = choose_hosts(self._network, self._settings, callbacks.on_failed_filter)
            await self._open_own(hosts, BaseUse.EVERYTHING, callbacks)
        else:
            ports = self._join(self._mux, callbacks)
            hosts = [port.local.host for port in ports]
            for preference, port in enumerate(ports):
                await self._add(port, preference, BaseUse.DIRECT, callbacks)
            if needs_relays:
                await self._open_own(hosts, BaseUse.RELAYS, callbacks)
        for preference, host in enumerate(hosts):
            await self._names.hide(host)
            await self._tcp.open(host, preference)
        self._gatherer.end_of_bases()
        callbacks.on_change()

    def expect(self, parameters: IceParameters) -> None:
        """Our credentials are these from now on, besides those that we had: a mux has to know."""
        if self._member is not None:
            self._member.add_credentials(parameters)

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

    async def _open_own(self, hosts: Iterable[str], use: BaseUse, callbacks: PortCallbacks) -> None:
        def bind(address: TransportAddress) -> Awaitable[UdpPort]:
            return self._network.open_udp(
                address, callbacks.on_datagrams, callbacks.on_writable, callbacks.on_drained, callbacks.on_refused
            )

        for preference, host in enumerate(hosts):
            if not is_used("udp", host, self._settings):
                continue
            try:
                port = await bind_in_range(bind, host, self._settings.port_range, self._entropy)
            except OSError as error:
                self._gatherer.fail_base(host, error.strerror or str(error))
                continue
            await self._add(port, preference, use, callbacks)

    async def _add(self, port: UdpPort, preference: int, use: BaseUse, callbacks: PortCallbacks) -> None:
        self.by_address[port.local] = port
        await self._names.hide(port.local.host)
        self._gatherer.add_base(port.local, preference, use)
        callbacks.on_change()

    def _join(self, mux: UdpMux, callbacks: PortCallbacks) -> list[UdpPort]:
        member = MuxMember(callbacks.on_datagrams, callbacks.on_writable, callbacks.on_drained, self._holds)
        try:
            ports = mux.join(member, self._agent.local_parameters)
        except InvalidStateError as error:
            self._gatherer.fail_base("", str(error))
            return []
        self._member = member
        return ports

    def _holds(self, local: TransportAddress, remote: TransportAddress) -> bool:
        """Whether a path works, so that nobody else may be behind that address."""
        pair = self._agent.pair(local, remote)
        return pair is not None and pair.is_valid and self._agent.state in _ALIVE
