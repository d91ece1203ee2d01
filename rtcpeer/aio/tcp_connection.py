"""One TCP connection that carries datagrams (RFC 6544 section 7.1, framed by RFC 4571)."""

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from typing import Protocol, cast

from rtcpeer.core import TransportAddress
from rtcpeer.ice.framing import FrameReader, frame_datagrams
from rtcpeer.stun.message import is_stun

__all__ = ["ConnectionOwner", "TcpConnection"]

# What may wait in our own buffer. A datagram beyond that is dropped, as by any full link; SCTP slows down then.
BUFFER_LIMIT = 256 * 1024
# Consent must not be lost to our own load: STUN may use that much more.
STUN_RESERVE = 64 * 1024
# Before the connection is up there are checks alone, one for each.
MAX_QUEUED = 16
# What the kernel takes without having sent it; more would only be latency.
NOT_SENT_LIMIT = 128 * 1024


class ConnectionOwner(Protocol):
    """Whom a connection belongs to at the moment."""

    def take_frames(self, connection: "TcpConnection", payloads: list[bytes]) -> None:
        """Datagrams came, at least one."""

    def take_loss(self, connection: "TcpConnection", reason: str) -> None:
        """The connection has ended, and not by `close`."""


class TcpConnection(asyncio.Protocol):
    """Opened by us or by the peer. What is sent before it is up waits for that; `send` never blocks."""

    def __init__(self, owner: ConnectionOwner, remote: TransportAddress | None = None) -> None:
        self.owner: ConnectionOwner | None = owner
        self.local = TransportAddress("", 0, "tcp")  # once it is up
        self.remote = remote or self.local
        self.ended = asyncio.get_running_loop().create_future()
        self.dropped_datagrams = 0
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._queue: list[bytes] = []
        self._expiry: asyncio.TimerHandle | None = None

    def send(self, payloads: list[bytes]) -> None:
        """Write in order; what does not fit is dropped and counted."""
        if self._expiry is not None:
            self._forget_expiry()
        transport = self._transport
        if transport is None:
            room = MAX_QUEUED - len(self._queue)
            self._queue += payloads[:room]
            self.dropped_datagrams += max(0, len(payloads) - room)
            return
        if transport.get_write_buffer_size() > BUFFER_LIMIT:
            payloads = self._what_must_go(payloads, transport.get_write_buffer_size())
        if payloads and not transport.is_closing():
            transport.write(frame_datagrams(payloads))

    def take_queue(self) -> list[bytes]:
        """What waits for the connection, which will not come up: another one is there in its place."""
        queue, self._queue = self._queue, []
        return queue

    def expire_in(self, seconds: float) -> None:
        """Close after that time, unless something is sent meanwhile; the owner hears of it."""
        self._forget_expiry()
        self._expiry = asyncio.get_running_loop().call_later(seconds, self._expire)

    def close(self) -> None:
        """End it once everything is written; the owner hears no more; idempotent."""
        self.owner = None
        self._forget_expiry()
        if self._transport is not None:
            self._transport.close()
        elif not self.ended.done():
            self.ended.set_result(None)

    def abort(self) -> None:
        """End it at once."""
        self.close()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        stream = cast("asyncio.Transport", transport)  # uvloop's are no subclasses of it
        peer = transport.get_extra_info("peername")
        if self.owner is None or peer is None:  # it may be gone already
            stream.abort()
            return
        self.local, self.remote = _address(transport.get_extra_info("sockname")), _address(peer)
        self._transport = stream
        _limit_unsent(stream)
        queue = self.take_queue()
        if queue:
            self.send(queue)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        payloads = self._reader.feed(data)
        if payloads and self.owner is not None:
            self.owner.take_frames(self, payloads)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._transport = None
        self._forget_expiry()
        owner, self.owner = self.owner, None
        if not self.ended.done():
            self.ended.set_result(None)
        if owner is not None:
            owner.take_loss(self, f"the connection was lost: {exc}" if exc else "the peer has hung up")

    def _what_must_go(self, payloads: Iterable[bytes], waiting: int) -> list[bytes]:
        kept: list[bytes] = []
        for payload in payloads:
            if is_stun(payload) and waiting <= BUFFER_LIMIT + STUN_RESERVE:
                kept.append(payload)
            else:
                self.dropped_datagrams += 1
        return kept

    def _expire(self) -> None:
        owner = self.owner
        self.close()
        if owner is not None:
            owner.take_loss(self, "it was not needed any more")

    def _forget_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None


def _limit_unsent(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT_LIMIT)


def _address(name: tuple[str, int]) -> TransportAddress:
    return TransportAddress(name[0].partition("%")[0], name[1], "tcp")
