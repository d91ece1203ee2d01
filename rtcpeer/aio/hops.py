"""The first routers on the way to a server, from the complaints of those where a packet's time to live ends.

Only Linux hands such complaints (ICMP time exceeded) to a UDP socket of an ordinary user, through its error queue
(ip(7), ``IP_RECVERR``); elsewhere nothing is found.
"""

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
import sys

from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.stun.message import Method, StunMessage

__all__ = ["offender_of", "trace_hops"]

# linux/in.h and linux/errqueue.h; the socket module does not name them.
IP_RECVERR = 11
MSG_ERRQUEUE = 0x2000
SO_EE_ORIGIN_ICMP = 2
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # errno, origin, type, code, padding, info, data
_OFFENDER = struct.Struct("!2xH4s")  # behind it, of a sockaddr_in: port, address
ICMP_TIME_EXCEEDED = 11  # RFC 792

_BUFFER = 512


async def trace_hops(
    host: str,
    server: TransportAddress,
    *,
    limit: int = 4,
    patience: float = 1.0,
    entropy: Entropy = os.urandom,
) -> list[str | None]:
    """The addresses of the first ``limit`` routers from a local IPv4 address; None for one that keeps silent.

    Ends at the last one that spoke. What is sent is a STUN request, should one get as far as the server.
    """
    if sys.platform != "linux" or ":" in host:
        return []
    loop = asyncio.get_running_loop()
    found: dict[int, str] = {}
    everyone = asyncio.Event()

    def read(sock: socket.socket, ttl: int) -> None:
        router = _complainer(sock)
        if router is not None:
            found[ttl] = router
        if len(found) == limit:
            everyone.set()

    request = StunMessage.request(Method.BINDING, entropy).serialize()
    with contextlib.ExitStack() as stack:
        # A socket for each: routers need not quote more of a packet than its ports.
        socks: dict[int, socket.socket] = {}
        with contextlib.suppress(OSError):
            for ttl in range(1, limit + 1):
                socks[ttl] = stack.enter_context(_socket(host, ttl))
        for ttl, sock in socks.items():
            loop.add_reader(sock, read, sock, ttl)
            stack.callback(loop.remove_reader, sock)
        for _ in range(2):
            for ttl in socks.keys() - found.keys():
                with contextlib.suppress(OSError):
                    socks[ttl].sendto(request, (server.host, server.port))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience / 2):
                    await everyone.wait()
    return [found.get(ttl) for ttl in range(1, max(found, default=0) + 1)]


def _socket(host: str, ttl: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        sock.bind((host, 0))
    except OSError:
        sock.close()
        raise
    return sock


def _complainer(sock: socket.socket) -> str | None:
    """Who complains in the error queue. The answer of a server is thrown away, as is the error that a read reports."""
    with contextlib.suppress(OSError):
        sock.recv(_BUFFER)
    router = None
    with contextlib.suppress(OSError):
        while router is None:
            _, ancillary, _, _ = sock.recvmsg(_BUFFER, _BUFFER, MSG_ERRQUEUE)
            for level, kind, data in ancillary:
                if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR):
                    router = offender_of(data)
    return router


def offender_of(data: bytes) -> str | None:
    """Who let the packet's time to live end, from a ``sock_extended_err``; None where it is about something else."""
    if len(data) < _EXTENDED_ERROR.size + _OFFENDER.size:
        return None
    _, origin, icmp_type, *_ = _EXTENDED_ERROR.unpack_from(data)
    if (origin, icmp_type) != (SO_EE_ORIGIN_ICMP, ICMP_TIME_EXCEEDED):
        return None
    _, address = _OFFENDER.unpack_from(data, _EXTENDED_ERROR.size)
    return str(ipaddress.IPv4Address(address))
