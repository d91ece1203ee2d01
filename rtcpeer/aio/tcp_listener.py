"""Accepting TCP connections from strangers until each has said whom it wants (RFC 6544 section 7.2)."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from rtcpeer.aio.network import TcpNetwork, TcpServer
from rtcpeer.aio.tcp_connection import TcpConnection
from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import MessageClass, Method, StunMessage

__all__ = ["TcpListener", "TcpReceiver", "requested_username_fragment"]


class TcpReceiver(Protocol):
    """Whoever takes over a connection with what has come over it so far."""

    def adopt(self, connection: TcpConnection, payloads: list[bytes]) -> None:
        """The first of ``payloads``, of which there is at least one, is a binding request for this receiver."""


class TcpListener:
    """One listening socket. A connection whose first frame is no binding request for one of ours is closed.

    ``route`` finds the receiver by the local username fragment and by our address, which it gets with the socket's
    port. At most ``limit`` connections wait to be routed, each for at most ``timeout`` seconds.
    """

    def __init__(
        self, route: Callable[[str, TransportAddress], TcpReceiver | None], *, limit: int, timeout: float
    ) -> None:
        self.refused_connections = 0
        self._route = route
        self._limit = limit
        self._timeout = timeout
        self._server: TcpServer | None = None
        self._arrivals: dict[TcpConnection, asyncio.TimerHandle] = {}
        self._is_closed = False

    async def open(self, network: TcpNetwork, address: TransportAddress, *, is_shared: bool = False) -> None:
        """Listen. Raises OSError when the address or the port can not be had."""
        server = await network.listen_tcp(self._accept, address, is_shared=is_shared)
        if self._is_closed:
            server.close()
        self._server = server

    @property
    def local(self) -> TransportAddress:
        """Where it listens, with the port that the system chose."""
        assert self._server is not None, "the listener was not opened"
        return self._server.local

    @property
    def waiting_connections(self) -> int:
        """How many have not said yet whom they want."""
        return len(self._arrivals)

    def close(self) -> None:
        """Accept no more, and drop who has not been routed; idempotent."""
        self._is_closed = True
        if self._server is not None:
            self._server.close()
            self._server = None  # it holds us
        for connection in list(self._arrivals):
            self._drop(connection)
        self._route = _nobody

    def take_frames(self, connection: TcpConnection, payloads: list[bytes]) -> None:
        """Called by a connection that has come."""
        username_fragment = requested_username_fragment(payloads[0])
        receiver = None if username_fragment is None else self._route(username_fragment, connection.local)
        if receiver is None:
            self._drop(connection)
        else:
            self._arrivals.pop(connection).cancel()
            receiver.adopt(connection, payloads)

    def take_loss(self, connection: TcpConnection, reason: str) -> None:  # noqa: ARG002 nobody to tell it to
        """Called by a connection that has come, and gone."""
        self._arrivals.pop(connection).cancel()

    def _accept(self) -> TcpConnection:
        connection = TcpConnection(self)
        if self._is_closed or len(self._arrivals) >= self._limit:
            self.refused_connections += 1
            connection.close()  # the event loop has accepted it already
        else:
            loop = asyncio.get_running_loop()
            self._arrivals[connection] = loop.call_later(self._timeout, self._drop, connection)
        return connection

    def _drop(self, connection: TcpConnection) -> None:
        self.refused_connections += 1
        timer = self._arrivals.pop(connection, None)
        if timer is not None:
            timer.cancel()
        connection.abort()


def requested_username_fragment(payload: bytes) -> str | None:
    """Whose a connection's first packet is: the local part of a binding request's USERNAME (RFC 8445 section 7.2.2)."""
    try:
        message = StunMessage.parse(payload)
        username = message.text(AttributeType.USERNAME)
    except MalformedPacketError:
        return None
    if message.method != Method.BINDING or message.message_class is not MessageClass.REQUEST:
        return None
    return None if username is None else username.partition(":")[0]


def _nobody(username_fragment: str, local: TransportAddress) -> None:  # noqa: ARG001 there is none for any
    return None
