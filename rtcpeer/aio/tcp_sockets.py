"""Opening and accepting TCP connections on the event loop, both possible on one port (RFC 6544 section 4.1)."""

import asyncio
import errno
import socket
from collections.abc import Callable

from rtcpeer.core import TransportAddress

__all__ = ["TcpServer", "connect_tcp", "listen_tcp"]

BACKLOG = 64

MakeProtocol = Callable[[], asyncio.Protocol]


class TcpServer:
    """A listening socket; connections that were accepted live on without it."""

    def __init__(self, server: asyncio.Server, local: TransportAddress) -> None:
        self.local = local
        self._server = server

    def close(self) -> None:
        """Accept no more; idempotent."""
        self._server.close()


async def listen_tcp(make: MakeProtocol, address: TransportAddress, *, is_shared: bool = False) -> TcpServer:
    """Accept connections at ``address`` (port 0: any), each with a protocol of its own.

    With ``is_shared`` the port can be connected from as well. Raises OSError when it can not be had.
    """
    sock = _bound_socket(address, is_shared=is_shared, is_listening=True)
    try:
        local = TransportAddress(address.host, sock.getsockname()[1], "tcp")
        return TcpServer(await asyncio.get_running_loop().create_server(make, sock=sock, backlog=BACKLOG), local)
    except BaseException:
        sock.close()
        raise


async def connect_tcp(make: MakeProtocol, local: TransportAddress, remote: TransportAddress) -> None:
    """Connect from ``local`` (port 0: any, else one that is shared). Raises OSError when that can not be had."""
    loop = asyncio.get_running_loop()
    sock = _bound_socket(local, is_shared=local.port != 0, is_listening=False)
    try:
        await loop.sock_connect(sock, (remote.host, remote.port))
        await loop.create_connection(make, sock=sock)
    except BaseException:
        sock.close()
        raise


def _bound_socket(address: TransportAddress, *, is_shared: bool, is_listening: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if is_listening or is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            if not hasattr(socket, "SO_REUSEPORT"):
                raise OSError(errno.ENOPROTOOPT, "this system can not share a TCP port")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address.host, address.port))
    except BaseException:
        sock.close()
        raise
    return sock
