"""TCP on simulated hosts, as far as ICE can tell: handshake, order, acknowledgements, repetition, FIN and RST.

Its segments are datagrams of the protocol "tcp", so that links, NATs and pulled cables treat them like all others.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any

from rtcpeer.core import TransportAddress

if TYPE_CHECKING:
    from tests.sim.network import Host

HEADER = Struct("!BQQ")  # flags, number of the first byte, number of the next byte that is expected
SYN, ACK, FIN, RST = 1, 2, 4, 8
SEGMENT = 1400
WINDOW = 256 * 1024
RTO, RTO_MAX = 0.3, 3.0
GIVE_UP_AFTER = 30.0

MakeProtocol = Callable[[], asyncio.Protocol]
Ends = tuple[TransportAddress, TransportAddress]


class TcpHost:
    """All of one host's connections and listening sockets. Needs a running event loop."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.connections: dict[Ends, Connection] = {}
        self._listeners: dict[TransportAddress, MakeProtocol] = {}

    def listen(self, make: MakeProtocol, local: TransportAddress) -> None:
        """Accept connections; `OSError` as a kernel would."""
        if self.host.interface_of(local.host) is None:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        if local in self._listeners:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._listeners[local] = make

    def stop_listening(self, local: TransportAddress) -> None:
        """Accept no more."""
        self._listeners.pop(local, None)

    async def connect(self, make: MakeProtocol, local: TransportAddress, remote: TransportAddress) -> None:
        """Open a connection; `OSError` as a kernel would."""
        if self.host.interface_of(local.host) is None or (local, remote) in self.connections:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        connection = Connection(self, (local, remote), make)
        connection.opened = asyncio.get_running_loop().create_future()
        try:
            connection.begin()
            await connection.opened
        except BaseException:
            connection.abort()
            raise

    def receive(self, source: TransportAddress, destination: TransportAddress, segment: bytes) -> None:
        """Take a segment."""
        flags, number, expected = HEADER.unpack_from(segment)
        connection = self.connections.get((destination, source))
        if connection is None and flags == SYN and destination in self._listeners:
            connection = Connection(self, (destination, source), self._listeners[destination])
            connection.accept()
        elif connection is not None:
            connection.take(flags, number, expected, segment[HEADER.size :])
        elif flags & FIN:
            self.host.send(destination, source, [HEADER.pack(ACK, expected, number + 1)])  # ours was lost
        elif not flags & RST:
            self.host.send(destination, source, [HEADER.pack(RST, 0, 0)])

    def break_connections(self) -> None:
        """Reset all, at both ends."""
        for connection in list(self.connections.values()):
            connection.abort(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))


class Connection(asyncio.Transport):
    """One end. The first byte that is sent has the number 1, for SYN has the number 0."""

    def __init__(self, tcp: TcpHost, ends: Ends, make: MakeProtocol) -> None:
        super().__init__()
        self.opened: asyncio.Future[None] | None = None
        self._tcp = tcp
        self._ends = ends
        self._make = make
        self._protocol: asyncio.Protocol | None = None
        self._unacknowledged = bytearray()  # sent and unsent
        self._acknowledged = 0  # the number of the first byte in there, 0 before the peer's first ACK
        self._next = 1  # the number of the first byte that was not sent
        self._expected = 0  # of the peer's, 0 before its SYN
        self._early: dict[int, bytes] = {}
        self._peer_fin_at: int | None = None
        self._fin_at: int | None = None  # the number that FIN has
        self._rto = RTO
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._is_over = False
        tcp.connections[ends] = self

    def begin(self) -> None:
        """Send SYN."""
        self._heard_at = asyncio.get_running_loop().time()
        self._emit(SYN | (ACK if self.opened is None else 0), 0)
        self._arm()

    def accept(self) -> None:
        """Answer the peer's SYN."""
        self._expected = 1
        self.begin()

    def take(self, flags: int, number: int, expected: int, data: bytes) -> None:
        """Take a segment of the peer's."""
        self._heard_at = asyncio.get_running_loop().time()
        if flags & RST:
            code = errno.ECONNREFUSED if self._protocol is None else errno.ECONNRESET
            self._end(OSError(code, os.strerror(code)))
            return
        if flags & SYN and not self._expected:
            self._expected = 1
        if flags & ACK and expected > self._acknowledged:
            self._take_acknowledgement(expected)
        is_new = data or flags & (SYN | FIN)
        if self._acknowledged and self._expected:
            self._establish()
        if self._is_over or self._protocol is None:
            if is_new and not self._is_over:
                self._emit(SYN | ACK, 0)  # two that open at the same time: RFC 9293 section 3.5
            return
        if data:
            self._early[number] = data  # asyncio's timers for one moment fire in any order
            for start, early in sorted(self._early.items()):
                if start <= self._expected and not self._is_over:
                    del self._early[start]
                    news = early[self._expected - start :]
                    self._expected += len(news)
                    if news:
                        self._protocol.data_received(news)
        if flags & FIN:
            self._peer_fin_at = number
        is_finished = self._expected == self._peer_fin_at
        if is_finished:
            self._expected += 1
        if is_new:
            self._emit(ACK, self._next)
        if is_finished:
            self.close()
            self._end(None)
        elif not self._is_over:
            self._transmit()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._unacknowledged += data
        self._transmit()

    def close(self) -> None:
        if self._fin_at is None and not self._is_over:
            self._fin_at = self._acknowledged + len(self._unacknowledged)
            self._transmit()

    def abort(self, error: OSError | None = None) -> None:
        if not self._is_over:
            self._emit(RST, 0)
            self._end(error)

    def is_closing(self) -> bool:
        return self._is_over or self._fin_at is not None

    def get_write_buffer_size(self) -> int:
        return self._acknowledged + len(self._unacknowledged) - self._next

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        index = {"sockname": 0, "peername": 1}.get(name)
        return default if index is None else self._ends[index][:2]

    def _take_acknowledgement(self, expected: int) -> None:
        del self._unacknowledged[: expected - max(self._acknowledged, 1)]
        self._acknowledged = expected
        self._next = max(self._next, expected)
        self._rto = RTO
        self._arm()
        if self._fin_at is not None and expected > self._fin_at:
            self._end(None)

    def _establish(self) -> None:
        if self._protocol is not None or self._is_over:
            return
        self._protocol = self._make()
        if self.opened is not None and not self.opened.done():
            self.opened.set_result(None)
        self._protocol.connection_made(self)

    def _transmit(self) -> None:
        while not self._is_over and self._protocol is not None:
            sent = self._next - self._acknowledged
            piece = bytes(self._unacknowledged[sent : sent + SEGMENT])
            if not piece or sent >= WINDOW:
                break
            self._emit(ACK, self._next, piece)
            self._next += len(piece)
        if self._fin_at == self._next and not self._is_over:
            self._emit(ACK | FIN, self._next)
            self._next += 1
        self._arm()

    def _emit(self, flags: int, number: int, data: bytes = b"") -> None:
        local, remote = self._ends
        self._tcp.host.send(local, remote, [HEADER.pack(flags, number, self._expected) + data])

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._is_over and (self._next > self._acknowledged):
            self._timer = asyncio.get_running_loop().call_later(self._rto, self._repeat)

    def _repeat(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        if now - self._heard_at > GIVE_UP_AFTER:
            self.abort(TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))
            return
        self._rto = min(self._rto * 2, RTO_MAX)
        if self._protocol is None:
            self._emit(SYN | (ACK if self._expected else 0), 0)
            self._arm()
        else:
            self._next = self._acknowledged
            self._transmit()

    def _end(self, error: OSError | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._arm()
        del self._tcp.connections[self._ends]
        if self._protocol is not None:
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)
        elif self.opened is not None and not self.opened.done():
            self.opened.set_exception(error or ConnectionAbortedError())
