"""UDP sockets on the event loop: bounded reads per wake-up, runs of datagrams in one system call where Linux can.

Generic segmentation offload (``UDP_SEGMENT``) hands the kernel up to 64 equal datagrams as one buffer; generic receive
offload (``UDP_GRO``) hands us such a buffer back. Elsewhere each datagram is its own call, and on loops without
`add_reader` (Windows' proactor) an asyncio datagram endpoint stands behind the same interface.
"""

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from rtcpeer.aio.gso import CONTROL_SIZE, enable_coalescing, offload, run_length, segment_control, segment_size
from rtcpeer.core import Datagrams, TransportAddress

__all__ = ["UdpEndpoint", "UdpSocket", "UdpStatistics", "bind_udp", "open_udp"]

OnDatagrams = Callable[[Datagrams], None]
OnWritable = Callable[[], None]
OnDrained = Callable[[], None]
OnRefused = Callable[[TransportAddress, TransportAddress, int], None]  # local, remote, errno

# One wake-up reads until one of these is reached, so that a flood on one socket leaves the loop to the others.
MAX_READS = 64
MAX_DATAGRAMS = 256
MAX_READ_TIME = 0.005

# What bursts need at 50 ms of a blocked loop and a Gbit/s; the kernel silently grants less (net.core.rmem_max).
RECEIVE_BUFFER = 4 << 20
SEND_BUFFER = 1 << 20

# A device queue that is full (ENOBUFS) gives no wake-up of its own: the socket counts as writable all the while.
FULL_QUEUE_RETRY = 0.001

# Payloads that fit no UDP datagram can not come in, so nothing is ever truncated.
BUFFER_SIZE = 1 << 16

# Addresses are peers' to choose; both caches start anew when a flood of them comes. A mux has thousands of peers.
MAX_CACHED_ADDRESSES = 8192

_BACK_PRESSURE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)
# What says that nothing can be sent there, rather than that this datagram could not: no route, a firewall on this host,
# an interface or an address that is gone.
_UNROUTABLE = (
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
    errno.EAFNOSUPPORT,
    errno.EINVAL,
    errno.EPERM,
    errno.EACCES,
)
# Segmentation fails where a path's MTU is below the segment, or the device can not add checksums.
_NO_SEGMENTATION = (errno.EMSGSIZE, errno.EINVAL, errno.EIO, errno.EOPNOTSUPP)

_SockAddr = tuple[str, int]


@dataclass(frozen=True, slots=True)
class UdpStatistics:
    """Counters of one socket since it was opened."""

    datagrams_sent: int
    bytes_sent: int
    datagrams_received: int
    bytes_received: int
    send_errors: int  # datagrams the kernel refused: ICMP errors, no route, too large, a firewall
    receive_errors: int  # ICMP errors reported on reading


class _Port:
    """What both kinds of port share: the callbacks, the delivery, the counters."""

    def __init__(
        self,
        local: TransportAddress,
        on_datagrams: OnDatagrams,
        on_writable: OnWritable,
        loop: asyncio.AbstractEventLoop,
        on_drained: OnDrained | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        self.local = local
        self._on_datagrams = on_datagrams
        self._on_writable = on_writable
        self._on_drained: OnDrained = on_drained or _ignore
        self._on_refused = on_refused
        self._loop = loop
        self._is_full = False
        self._remotes: dict[Any, TransportAddress] = {}
        self._sockaddrs: dict[TransportAddress, _SockAddr | None] = {}
        self._datagrams_sent = 0
        self._bytes_sent = 0
        self._datagrams_received = 0
        self._bytes_received = 0
        self._send_errors = 0
        self._receive_errors = 0

    def statistics(self) -> UdpStatistics:
        """The counters as they stand."""
        return UdpStatistics(
            datagrams_sent=self._datagrams_sent,
            bytes_sent=self._bytes_sent,
            datagrams_received=self._datagrams_received,
            bytes_received=self._bytes_received,
            send_errors=self._send_errors,
            receive_errors=self._receive_errors,
        )

    def _deliver(self, address: Any, payloads: list[bytes]) -> None:
        self._datagrams_received += len(payloads)
        remote = self._remotes.get(address)
        if remote is None:
            if len(self._remotes) >= MAX_CACHED_ADDRESSES:
                self._remotes.clear()
            remote = self._remotes[address] = TransportAddress(address[0].partition("%")[0], address[1])
        try:
            self._on_datagrams(Datagrams(self.local, remote, payloads))
        except Exception as error:  # noqa: BLE001
            # What was read and belongs to other remotes must not be lost to one failing handler.
            self._loop.call_exception_handler({"message": "Taking datagrams failed", "exception": error})

    def _sockaddr(self, remote: TransportAddress) -> _SockAddr | None:
        try:
            return self._sockaddrs[remote]
        except KeyError:
            if len(self._sockaddrs) >= MAX_CACHED_ADDRESSES:
                self._sockaddrs.clear()
            sockaddr = self._sockaddrs[remote] = _numeric_sockaddr(self.local, remote)
            return sockaddr

    def _forget_callbacks(self) -> None:
        """Owner and port hold each other through these; without them nothing is left for the cycle collector."""
        self._on_datagrams = _ignore_datagrams
        self._on_writable = _ignore
        self._on_drained = _ignore
        self._on_refused = None


class UdpSocket(_Port):
    """One bound socket. Callbacks come from the event loop, never from inside `send`; after `close` there are none.

    ``on_datagrams`` is called once for each run of datagrams of one remote; ``on_writable`` once after `send` took
    fewer than it was given, when there is room again; ``on_refused`` when the system says that nothing can be sent from
    here to a remote, with the error number.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_datagrams: OnDatagrams,
        on_writable: OnWritable,
        loop: asyncio.AbstractEventLoop,
        on_drained: OnDrained | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        """Take over ``sock``, bound and non-blocking. Raises NotImplementedError where the loop has no add_reader."""
        super().__init__(_local_address(sock), on_datagrams, on_writable, loop, on_drained, on_refused)
        self._fileno = sock.fileno()
        loop.add_reader(self._fileno, self._on_readable)
        self._socket: socket.socket | None = sock
        self._buffer = bytearray(BUFFER_SIZE)
        self._view = memoryview(self._buffer)
        self._can_segment = offload().segment
        self._can_coalesce = offload().coalesce and enable_coalescing(sock)
        self._is_quiet = False  # the last wake-up had one datagram at most
        self._retry: asyncio.TimerHandle | None = None

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        """Send in order; returns how many were taken. What the network refuses counts as taken, and as an error."""
        sock = self._socket
        if sock is None:
            return len(payloads)
        if self._is_full:
            return 0
        sockaddr = self._sockaddrs.get(remote) or self._sockaddr(remote)
        if sockaddr is None:
            self._send_errors += len(payloads)
            return len(payloads)
        index = 0
        total = len(payloads)
        while index < total:
            count = run_length(payloads, index) if self._can_segment and index + 1 < total else 1
            taken = self._send_run(sock, sockaddr, payloads, index, count)
            if not taken:
                break
            index += taken
        return index

    def close(self) -> None:
        """Close at once; idempotent."""
        sock, self._socket = self._socket, None
        if sock is None:
            return
        self._loop.remove_reader(self._fileno)
        self._loop.remove_writer(self._fileno)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        sock.close()
        self._forget_callbacks()

    def _send_run(self, sock: socket.socket, sockaddr: _SockAddr, payloads: list[bytes], index: int, count: int) -> int:
        """Send ``count`` datagrams in one call; returns how many are done with, 0 for back-pressure."""
        try:
            if count == 1:
                self._bytes_sent += sock.sendto(payloads[index], sockaddr)
            else:
                run = payloads[index : index + count]
                self._bytes_sent += sock.sendmsg(run, segment_control(len(run[0])), 0, sockaddr)
        except OSError as error:
            if error.errno in _BACK_PRESSURE:
                self._wait_until_writable(error.errno)
                return 0
            if count > 1 and error.errno in _NO_SEGMENTATION:
                self._can_segment = False
                return self._send_run(sock, sockaddr, payloads, index, 1)
            self._send_errors += count
            self._note_refusal(sockaddr, error.errno)
            return count
        self._datagrams_sent += count
        return count

    def _note_refusal(self, sockaddr: _SockAddr, reason: int | None) -> None:
        if self._on_refused is not None and reason in _UNROUTABLE:
            # Later, for the core that wants to know is being asked for packets just now.
            self._loop.call_soon(self._tell_refusal, TransportAddress(*sockaddr), reason)

    def _tell_refusal(self, remote: TransportAddress, reason: int) -> None:
        if self._on_refused is not None:
            self._on_refused(self.local, remote, reason)

    def _wait_until_writable(self, reason: int | None) -> None:
        self._is_full = True
        if reason == errno.ENOBUFS:
            self._retry = self._loop.call_later(FULL_QUEUE_RETRY, self._on_room)
        else:
            self._loop.add_writer(self._fileno, self._on_room)

    def _on_room(self) -> None:
        self._retry = None
        self._loop.remove_writer(self._fileno)
        self._is_full = False
        self._on_writable()

    def _on_readable(self) -> None:
        """Read up to the bounds; what is left wakes us again in the next turn."""
        before = self._datagrams_received
        if self._is_quiet:
            # This one is probably alone, too: it is answered before the socket is asked for more. With the caches of a
            # processor that was idle, the system call and the exception that say "no more" take 9 µs.
            self._read_run(1)
        self._read_run(MAX_READS)
        self._is_quiet = self._datagrams_received - before <= 1

    def _read_run(self, reads: int) -> None:
        """Read so often at most, deliver, and say so if there was anything."""
        sock = self._socket
        if sock is None:
            return
        run: list[bytes] = []
        run_address: Any = None
        left = MAX_DATAGRAMS
        give_up_at = time.monotonic() + MAX_READ_TIME
        for _ in range(reads):
            try:
                payloads, address = self._read(sock)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                # Some systems report the ICMP error of an earlier datagram here; the socket itself is well.
                self._receive_errors += 1
                continue
            if address != run_address:
                finished, finished_address = run, run_address
                run, run_address = payloads, address
                if finished:
                    self._deliver(finished_address, finished)
                    if self._socket is None:
                        return
            else:
                run += payloads
            left -= len(payloads)
            if left <= 0 or time.monotonic() > give_up_at:
                break
        if run:
            self._deliver(run_address, run)
            self._on_drained()

    def _read(self, sock: socket.socket) -> tuple[list[bytes], Any]:
        """One system call: the datagrams it gave, without empty ones (nothing we speak has them), and their source."""
        if not self._can_coalesce:
            size, address = sock.recvfrom_into(self._buffer)
            self._bytes_received += size
            return ([bytes(self._view[:size])] if size else []), address
        size, control, _, address = sock.recvmsg_into([self._buffer], CONTROL_SIZE)
        self._bytes_received += size
        data = bytes(self._view[:size])
        segment = segment_size(control) if control else 0
        if segment > 0:
            return [data[start : start + segment] for start in range(0, size, segment)], address
        return ([data] if size else []), address


class UdpEndpoint(_Port, asyncio.DatagramProtocol):
    """`UdpSocket`'s interface over an asyncio datagram endpoint, for loops that have no add_reader."""

    def __init__(
        self,
        local: TransportAddress,
        on_datagrams: OnDatagrams,
        on_writable: OnWritable,
        loop: asyncio.AbstractEventLoop,
        on_drained: OnDrained | None = None,
    ) -> None:
        super().__init__(local, on_datagrams, on_writable, loop, on_drained)
        self._transport: asyncio.DatagramTransport | None = None

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        """As `UdpSocket.send`."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return len(payloads)
        sockaddr = self._sockaddr(remote)
        if sockaddr is None:
            self._send_errors += len(payloads)
            return len(payloads)
        for index, payload in enumerate(payloads):
            if self._is_full:
                return index
            transport.sendto(payload, sockaddr)
            self._datagrams_sent += 1
            self._bytes_sent += len(payload)
        return len(payloads)

    def close(self) -> None:
        """Stop both directions now; the loop closes the socket in its next turn."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        self._forget_callbacks()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: the endpoint is up."""
        # Asyncio's own datagram transports need not be subclasses of asyncio.DatagramTransport.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Asyncio's: one datagram."""
        self._bytes_received += len(data)
        if data:
            self._deliver(addr, [data])
            self._on_drained()

    def error_received(self, exc: Exception) -> None:
        """Asyncio's: an ICMP error, or a send that failed."""
        del exc
        self._receive_errors += 1

    def pause_writing(self) -> None:
        """Asyncio's: its buffer is full."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Asyncio's: its buffer has room."""
        self._is_full = False
        self._on_writable()


async def open_udp(
    address: TransportAddress,
    on_datagrams: OnDatagrams,
    on_writable: OnWritable,
    on_drained: OnDrained | None = None,
    on_refused: OnRefused | None = None,
) -> UdpSocket | UdpEndpoint:
    """Bind to ``address`` (port 0: any) and read. Raises OSError when the address or the port can not be had.

    ``on_drained`` is called when all that was read at one go has been delivered. An asyncio endpoint does not call
    ``on_refused``, for it is not told where what failed was sent.
    """
    loop = asyncio.get_running_loop()
    sock = bind_udp(address)
    try:
        try:
            return UdpSocket(sock, on_datagrams, on_writable, loop, on_drained, on_refused)
        except NotImplementedError:
            endpoint = UdpEndpoint(_local_address(sock), on_datagrams, on_writable, loop, on_drained)
            await loop.create_datagram_endpoint(lambda: endpoint, sock=sock)
            return endpoint
    except BaseException:
        sock.close()
        raise


def bind_udp(address: TransportAddress) -> socket.socket:
    """A bound, non-blocking socket with large buffers. An IPv6 one takes no IPv4: those have sockets of their own."""
    family = _family(address.host)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _enlarge(sock, socket.SO_RCVBUF, RECEIVE_BUFFER)
        _enlarge(sock, socket.SO_SNDBUF, SEND_BUFFER)
        sock.bind((address.host, address.port))
    except BaseException:
        sock.close()
        raise
    return sock


def _enlarge(sock: socket.socket, option: int, size: int) -> None:
    """Ask for a buffer; Linux grants what it allows, others refuse what is too much, so ask for less."""
    while size > sock.getsockopt(socket.SOL_SOCKET, option):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, size)
        except OSError:
            size //= 2
        else:
            return


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _local_address(sock: socket.socket) -> TransportAddress:
    name = sock.getsockname()
    return TransportAddress(name[0].partition("%")[0], name[1])


def _numeric_sockaddr(local: TransportAddress, remote: TransportAddress) -> tuple[str, int] | None:
    """What the socket module wants; None for what a socket on ``local`` can not reach.

    The socket module would look a host name up, which blocks, and a candidate's port is the peer's to choose.
    """
    family = _family(local.host)
    try:
        socket.inet_pton(family, remote.host)
    except (OSError, ValueError):
        return None
    return (remote.host, remote.port) if 0 < remote.port <= 0xFFFF else None


def _ignore_datagrams(datagrams: Datagrams) -> None:
    pass


def _ignore() -> None:
    pass
