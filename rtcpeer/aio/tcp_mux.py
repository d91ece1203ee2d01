"""Many connections on one listening TCP port for each local address, by their passive candidates (RFC 6544)."""

import errno
from collections.abc import Iterable
from dataclasses import dataclass

from rtcpeer.aio.mux import Mux
from rtcpeer.aio.network import Network, TcpNetwork
from rtcpeer.aio.tcp import TcpPort
from rtcpeer.aio.tcp_listener import TcpListener
from rtcpeer.core import TransportAddress
from rtcpeer.ice.settings import IceSettings

__all__ = ["TcpMux", "TcpMuxStatistics"]


@dataclass(frozen=True, slots=True)
class TcpMuxStatistics:
    """What a mux holds now, and what it has counted since it was opened."""

    routes: int  # username fragments and addresses that somebody is waited for at
    waiting_connections: int  # that have not said yet whom they want
    refused_connections: int  # that wanted nobody we know, said nothing in time, or were too many


class TcpMux(Mux):
    """Listening sockets that any number of connections share; the program owns it, and closes it after them::

        async with TcpMux(443) as mux:
            settings = Settings(tcp_mux=mux)
            ...
            pc = RTCPeerConnection(configuration, settings)

    Each peer connection then has a passive candidate with this port on each address, in place of ports of its own.
    Whoever connects says whom it wants: by the username fragment in its first packet.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        settings: IceSettings | None = None,
        network: Network | None = None,
        max_waiting: int = 256,
    ) -> None:
        """Nothing is bound before `open`.

        Args:
            port: on every address; 0 for a free one on each.
            settings: which addresses are bound, and ``tcp_accept_timeout``.
            network: in place of the machine's own.
            max_waiting: so many connections on each address may be there without having said whom they want.

        Raises:
            ValueError: the port is none, or nobody may wait.
        """
        if max_waiting < 1:
            raise ValueError("max_waiting must be at least 1")
        super().__init__("TCP", port, settings, network)
        self._max_waiting = max_waiting
        self._listeners: list[TcpListener] = []
        self._ports: dict[tuple[str, TransportAddress], TcpPort] = {}

    def close(self) -> None:
        """Accept no more; connections that were handed over go on. Idempotent."""
        self._is_open = False
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self._ports.clear()

    @property
    def addresses(self) -> list[TransportAddress]:
        """Where it listens, with the ports that the system chose."""
        return [listener.local for listener in self._listeners]

    def statistics(self) -> TcpMuxStatistics:
        """The counters as they stand."""
        return TcpMuxStatistics(
            routes=len(self._ports),
            waiting_connections=sum(listener.waiting_connections for listener in self._listeners),
            refused_connections=sum(listener.refused_connections for listener in self._listeners),
        )

    def register(self, username_fragment: str, port: TcpPort) -> None:
        """Hand over what comes for this fragment at the port's address."""
        if self._is_open:
            self._ports[username_fragment, port.local] = port

    def unregister(self, username_fragment: str, addresses: Iterable[TransportAddress]) -> None:
        """Nobody waits for this fragment at these addresses any more."""
        for address in addresses:
            self._ports.pop((username_fragment, address), None)

    async def _bind(self, host: str) -> None:
        if not isinstance(self._network, TcpNetwork):
            raise OSError(errno.EPROTONOSUPPORT, "this network has no TCP")
        timeout = self._settings.tcp_accept_timeout
        listener = TcpListener(self._route, limit=self._max_waiting, timeout=timeout)
        await listener.open(self._network, TransportAddress(host, self._port, "tcp"))
        self._listeners.append(listener)

    def _route(self, username_fragment: str, local: TransportAddress) -> TcpPort | None:
        return self._ports.get((username_fragment, local))
