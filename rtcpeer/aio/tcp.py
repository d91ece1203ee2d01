"""A TCP base of an ICE agent in the form of the ports that the driver sends to (RFC 6544)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from rtcpeer.aio.network import TcpNetwork
from rtcpeer.aio.tcp_connection import TcpConnection
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.candidate import TcpType
from rtcpeer.ice.pair import Path
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stun.message import is_stun

__all__ = ["TcpCallbacks", "TcpPort"]

# How long a connection that is not needed is kept: for what is on its way, and in case it is needed after all. One in
# use carries a check for consent more often than that (6 s apart at most).
LINGER = 7.0
# Pieces with which somebody who has connected to us may show that it knows our password.
MAX_ATTEMPTS = 8
# Simultaneous open: where the peer's SYN comes before ours, ours is refused, and where ours comes first, the peer's is.
RETRIES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


@dataclass(frozen=True, slots=True)
class TcpCallbacks:
    """What the owner of a port wants to hear of, and what it is asked."""

    on_datagrams: Callable[[Datagrams], None]
    on_drained: Callable[[], None]  # no more follow in this turn
    on_lost: Callable[[Path, str], None]  # a connection could not be had or has ended, and why; not after `close`
    is_known: Callable[[Path], bool]  # whether checks have shown that the peer is behind it
    has_room: Callable[[], bool]  # whether there may be another connection


class TcpPort:
    """The connections of one base, by the peer's address. Sending to an address connects to it, where we may."""

    def __init__(
        self,
        local: TransportAddress,
        tcp_type: TcpType,
        network: TcpNetwork,
        settings: IceSettings,
        callbacks: TcpCallbacks,
    ) -> None:
        self.local = local
        self.tcp_type = tcp_type
        self.refused_connections = 0
        self._network = network
        self._settings = settings
        self._callbacks: TcpCallbacks | None = callbacks
        self._connections: dict[TransportAddress, TcpConnection] = {}
        self._alive: set[TcpConnection] = set()  # with those that are but waiting for their last bytes to leave
        self._opening: dict[TcpConnection, asyncio.Task[None]] = {}
        self._silent: set[TcpConnection] = set()  # we opened them, and nothing has come yet
        self._strangers: dict[TcpConnection, _Trial] = {}
        self._dropped_datagrams = 0

    def send(self, remote: TransportAddress, payloads: list[bytes]) -> int:
        """Send in order; returns how many were taken, which is all: what does not fit is dropped."""
        connection = self._connections.get(remote) or self._open(remote)
        if connection is not None:
            connection.send(payloads)
        return len(payloads)

    def adopt(self, connection: TcpConnection, payloads: list[bytes]) -> None:
        """Take over a connection that somebody has opened to us; it has yet to prove that it is the peer's."""
        known = self._connections.get(connection.remote)
        if self._callbacks is None or (known is None and not self._callbacks.has_room()):
            self.refused_connections += 1
            connection.abort()
            return
        if known is not None:
            connection.send(known.take_queue())
            self._forget(known)
            known.close()
        connection.owner = self
        self._keep(connection)
        loop = asyncio.get_running_loop()
        self._strangers[connection] = _Trial(
            loop.call_later(self._settings.tcp_accept_timeout, self._refuse, connection)
        )
        self.take_frames(connection, payloads)

    def release(self, remote: TransportAddress) -> None:
        """Nothing more is to be sent to this address for now; close the connection soon unless something is."""
        connection = self._connections.get(remote)
        if connection is None:
            return
        if connection in self._opening:
            self._forget(connection)
            connection.close()
        else:
            connection.expire_in(LINGER)

    def abort(self, reason: str) -> None:
        """Nothing arrives any more over what is open now: the owner is told of each loss."""
        for connection in list(self._connections.values()):
            self._lose(connection, reason)
            connection.abort()

    def close(self) -> None:
        """End all connections, once everything is written; no callback follows; idempotent."""
        self._callbacks = None
        for connection in self._alive:
            connection.close()
        for trial in self._strangers.values():
            trial.timer.cancel()
        for task in self._opening.values():
            task.cancel()

    @property
    def leftovers(self) -> tuple[list[TcpConnection], list[asyncio.Task[None]]]:
        """After `close`: what is left to wait for."""
        return list(self._alive), list(self._opening.values())

    @property
    def connections(self) -> int:
        """How many there are, with those that are being opened."""
        return len(self._connections)

    @property
    def dropped_datagrams(self) -> int:
        """Datagrams that did not fit into full connections."""
        return self._dropped_datagrams + sum(each.dropped_datagrams for each in self._connections.values())

    def take_frames(self, connection: TcpConnection, payloads: list[bytes]) -> None:
        """Called by a connection."""
        callbacks = self._callbacks
        if callbacks is None:
            return
        if connection in self._silent:
            self._silent.discard(connection)
            if not is_stun(payloads[0]):
                # Deviation: RFC 6544 section 7.1 gives up all pairs with this remote candidate. They are few, and each
                # finds out for itself.
                self._lose(connection, "what answers there is no ICE agent")
                connection.abort()
                return
        callbacks.on_datagrams(Datagrams(self.local, connection.remote, payloads))
        callbacks.on_drained()
        trial = self._strangers.get(connection)
        if trial is None:
            return
        if callbacks.is_known((self.local, connection.remote)):
            self._strangers.pop(connection).timer.cancel()
            return
        trial.attempts += 1
        if trial.attempts >= MAX_ATTEMPTS:
            self._refuse(connection)

    def take_loss(self, connection: TcpConnection, reason: str) -> None:
        """Called by a connection."""
        self._lose(connection, reason)

    def _open(self, remote: TransportAddress) -> TcpConnection | None:
        callbacks = self._callbacks
        if callbacks is None:
            return None
        loop = asyncio.get_running_loop()
        if not self.tcp_type.connects or not callbacks.has_room():
            # Not from inside `send`, whose caller is in the middle of something.
            reason = "there are too many connections" if self.tcp_type.connects else "the peer has to connect again"
            loop.call_soon(self._tell_loss, (self.local, remote), reason)
            return None
        connection = TcpConnection(self, remote)
        self._keep(connection)
        self._silent.add(connection)
        self._opening[connection] = loop.create_task(self._connect(connection, remote), name="rtcpeer ICE-TCP")
        return connection

    async def _connect(self, connection: TcpConnection, remote: TransportAddress) -> None:
        timeout = self._settings.tcp_check_timeout
        try:
            async with asyncio.timeout(timeout):
                await self._try_to_connect(connection, remote)
        except TimeoutError:
            self._fail(connection, f"{remote} took no connection within {timeout} s")
        except OSError as error:
            self._fail(connection, f"no connection to {remote}: {error.strerror or error}")
        finally:
            self._opening.pop(connection, None)

    async def _try_to_connect(self, connection: TcpConnection, remote: TransportAddress) -> None:
        is_simultaneous = self.tcp_type is TcpType.SIMULTANEOUS_OPEN
        local = self.local if is_simultaneous else self.local._replace(port=0)
        for delay in RETRIES if is_simultaneous else ():
            try:
                await self._network.connect_tcp(lambda: connection, local, remote)
            except OSError:
                await asyncio.sleep(delay)
            else:
                return
        await self._network.connect_tcp(lambda: connection, local, remote)

    def _fail(self, connection: TcpConnection, reason: str) -> None:
        if connection.owner is self:
            self._lose(connection, reason)
            connection.close()

    def _refuse(self, connection: TcpConnection) -> None:
        """Whoever connected has not shown that it knows our password."""
        self.refused_connections += 1
        self._forget(connection)
        connection.close()

    def _lose(self, connection: TcpConnection, reason: str) -> None:
        self._forget(connection)
        self._tell_loss((self.local, connection.remote), reason)

    def _tell_loss(self, path: Path, reason: str) -> None:
        if self._callbacks is not None:
            self._callbacks.on_lost(path, reason)

    def _keep(self, connection: TcpConnection) -> None:
        self._connections[connection.remote] = connection
        self._alive.add(connection)
        connection.ended.add_done_callback(lambda _: self._alive.discard(connection))

    def _forget(self, connection: TcpConnection) -> None:
        if self._connections.get(connection.remote) is connection:
            del self._connections[connection.remote]
        self._dropped_datagrams += connection.dropped_datagrams
        self._silent.discard(connection)
        trial = self._strangers.pop(connection, None)
        if trial is not None:
            trial.timer.cancel()
        task = self._opening.get(connection)
        if task is not None and task is not asyncio.current_task():
            task.cancel()


class _Trial:
    """Somebody who has connected to us has not yet shown who it is."""

    __slots__ = ("attempts", "timer")

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        self.timer = timer
        self.attempts = 0
