"""One listening TCP port for the passive candidates of any number of connections (RFC 6544)."""

from collections.abc import Iterable, Sequence
from typing import Self

from rtcpeer.aio.interfaces import select_addresses
from rtcpeer.aio.network import SystemNetwork, TcpNetwork
from rtcpeer.aio.tcp import TcpPort
from rtcpeer.aio.tcp_listener import TcpListener
from rtcpeer.core import TransportAddress

__all__ = ["TcpMux"]


class TcpMux:
    """Accepts TCP connections for many peer connections on one port::

        async with TcpMux(port=443) as mux:
            pc = RTCPeerConnection(settings=Settings(tcp_mux=mux))

    Whoever connects says whom it wants: by the username fragment in its first packet. The mux is yours to close, after
    the peer connections that use it; connections that it has handed over end with those.

    Args:
        port: 0 takes a free one, see `port` afterwards.
        hosts: the addresses to listen at; None: at all of this machine that are worth a candidate.
        max_waiting: so many connections may be there without having said whom they want.
        accept_timeout: for each to say so.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        hosts: Sequence[str] | None = None,
        max_waiting: int = 256,
        accept_timeout: float = 10.0,
        network: TcpNetwork | None = None,
    ) -> None:
        self.port = port
        self._hosts = hosts
        self._max_waiting = max_waiting
        self._accept_timeout = accept_timeout
        self._network = network
        self._listeners: list[TcpListener] = []
        self._ports: dict[tuple[str, TransportAddress], TcpPort] = {}

    async def open(self) -> None:
        """Listen. Raises OSError when the port can not be had at one of the addresses."""
        network = self._network or SystemNetwork()
        hosts = self._hosts
        if hosts is None:
            hosts = select_addresses(SystemNetwork().interfaces())
        try:
            for host in hosts:
                listener = TcpListener(self._route, limit=self._max_waiting, timeout=self._accept_timeout)
                self._listeners.append(listener)
                await listener.open(network, TransportAddress(host, self.port, "tcp"))
                self.port = listener.local.port
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Accept no more; connections that were handed on live. Idempotent."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self._ports.clear()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    @property
    def refused_connections(self) -> int:
        """How many wanted nobody that we know, or were too many."""
        return sum(listener.refused_connections for listener in self._listeners)

    def addresses(self, host: str) -> list[TransportAddress]:
        """Where an agent with this address is reached; none where we do not listen there."""
        return [listener.local for listener in self._listeners if listener.local.host == host]

    def register(self, username_fragment: str, port: TcpPort) -> None:
        """Hand over what comes for this fragment at the port's address."""
        self._ports[username_fragment, port.local] = port

    def unregister(self, ports: Iterable[TcpPort]) -> None:
        """Hand nothing more to these."""
        gone = set(ports)
        self._ports = {key: port for key, port in self._ports.items() if port not in gone}

    def _route(self, username_fragment: str, local: TransportAddress) -> TcpPort | None:
        return self._ports.get((username_fragment, local))
