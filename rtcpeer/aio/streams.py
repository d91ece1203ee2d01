"""TCP and TLS connections to TURN servers, in the form of the ports that the driver sends to."""

import asyncio
import functools
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from rtcpeer.core import Datagrams, TransportAddress

__all__ = ["StreamCallbacks", "StreamPort", "open_stream"]

# What may wait in our own buffer: beyond that data is dropped rather than delivered late.
BUFFER_LIMIT = 256 * 1024
SHUTDOWN_TIMEOUT = 0.5  # for the peer's close_notify


@dataclass(frozen=True, slots=True)
class StreamCallbacks:
    """What the owner of a stream wants to hear of."""

    on_data: Callable[[Datagrams], None]  # a piece of the stream, in the form of a datagram
    on_drained: Callable[[], None]  # no more follows in this turn
    on_full: Callable[[TransportAddress, bool], None]  # our end; whether the buffer is full
    on_lost: Callable[[TransportAddress, str], None]  # our end, and why; not after `close`


class StreamPort(asyncio.Protocol):
    """One connection. `send` takes everything; that the buffer is full is told beforehand."""

    def __init__(self, callbacks: StreamCallbacks) -> None:
        self.local = TransportAddress("", 0, "tcp")
        self.remote = TransportAddress("", 0, "tcp")
        self.ended = asyncio.get_running_loop().create_future()
        self._callbacks: StreamCallbacks | None = callbacks
        self._transport: asyncio.Transport | None = None

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:  # noqa: ARG002 there is but one
        """Write in order; returns how many were taken, which is all."""
        if self._transport is not None:
            self._transport.write(b"".join(payloads))
        return len(payloads)

    def close(self) -> None:
        """End the connection once everything is written; no callback follows; idempotent."""
        self._callbacks = None
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._callbacks = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        transport = cast("asyncio.Transport", transport)  # uvloop's are no subclasses of it
        self._transport = transport
        self.local = _address(transport.get_extra_info("sockname"))
        self.remote = _address(transport.get_extra_info("peername"))
        transport.set_write_buffer_limits(BUFFER_LIMIT)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._callbacks is not None:
            self._callbacks.on_data(Datagrams(self.local, self.remote, [data]))
        if self._callbacks is not None:
            self._callbacks.on_drained()

    def pause_writing(self) -> None:
        """Called by the event loop."""
        if self._callbacks is not None:
            self._callbacks.on_full(self.local, True)

    def resume_writing(self) -> None:
        """Called by the event loop."""
        if self._callbacks is not None:
            self._callbacks.on_full(self.local, False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._transport = None
        callbacks, self._callbacks = self._callbacks, None
        if not self.ended.done():
            self.ended.set_result(None)
        if callbacks is not None:
            callbacks.on_lost(self.local, f"the connection was lost: {exc}" if exc else "the server has hung up")


async def open_stream(
    remote: TransportAddress, tls_name: str | None, ca_file: str | None, callbacks: StreamCallbacks
) -> StreamPort:
    """Connect; over TLS where a name is given, which the server's certificate has to prove.

    Raises:
        OSError: no connection, no valid certificate, or no such file.
    """
    loop = asyncio.get_running_loop()
    make = functools.partial(StreamPort, callbacks)
    if tls_name is None:
        _, port = await loop.create_connection(make, remote.host, remote.port)
        return port
    context = await loop.run_in_executor(None, _context, ca_file)  # it reads files
    _, port = await loop.create_connection(
        make,
        remote.host,
        remote.port,
        ssl=context,
        server_hostname=tls_name,
        ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
    )
    return port


@functools.cache
def _context(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def _address(name: tuple[str, int]) -> TransportAddress:
    return TransportAddress(name[0].partition("%")[0], name[1], "tcp")
