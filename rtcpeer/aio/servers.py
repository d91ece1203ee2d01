"""The servers of one agent: their names are resolved, and TURN servers are connected to where their URL says so."""

import asyncio
import functools
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from rtcpeer.aio.network import Network, StreamNetwork, StreamPort
from rtcpeer.aio.streams import StreamCallbacks
from rtcpeer.aio.turn_credentials import CredentialDesk
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.dtls import TrustStore
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.gathering import Gatherer
from rtcpeer.stack.relays import CredentialsRefused, StreamUnneeded, StreamWanted
from rtcpeer.stack.servers import ServerScheme, ServerUrl

__all__ = ["Servers"]

# RFC 8305 section 8: how much later the server's second address is tried.
ATTEMPT_DELAY = 0.25


class Servers:
    """Hands servers to the gatherer, one as soon as the other, and keeps the connections to them."""

    def __init__(
        self,
        gatherer: Gatherer,
        network: Network,
        settings: IceSettings,
        *,
        on_data: Callable[[Datagrams], None],
        on_drained: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self.gatherer = gatherer  # the newest one: connections for those before it are not kept
        self.streams: dict[TransportAddress, StreamPort] = {}
        self._credentials = CredentialDesk(gatherer.relays.set_credentials, settings.turn_timeout, on_change)
        self._network = network
        self._settings = settings
        self._on_change = on_change
        self._callbacks = StreamCallbacks(on_data, on_drained, self._on_full, self._on_lost)
        self._redirections: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def find(self, gatherer: Gatherer, server: ServerUrl) -> None:
        """Resolve its name and connect to it, as far as that is needed; what goes wrong is the gatherer's to tell."""
        try:
            # At once for all servers, so that those that share a source of credentials share its answer.
            server = await self._credentials.fill(server)
            await self._meet(gatherer, server, await self._resolve(server))
        except OSError as error:
            gatherer.fail_server(server, str(error))
        self._on_change()

    def handle(self, event: StreamUnneeded | StreamWanted | CredentialsRefused) -> None:
        """Do what the relays need done."""
        match event:
            case StreamUnneeded(end):
                self._end_stream(end)
            case StreamWanted():
                # The first server has named another.
                self._end_stream(event.local)
                task = asyncio.get_running_loop().create_task(self._reconnect(event), name="rtcpeer redirected")
                self._redirections.add(task)
                task.add_done_callback(self._redirections.discard)
            case CredentialsRefused(server):
                self._credentials.refused(server)

    def close(self) -> set[asyncio.Task[None]]:
        """Hang up everywhere; returns what is left to wait for."""
        self._is_closed = True
        self._on_change = _ignore
        for task in self._redirections:
            task.cancel()
        leftovers = self._redirections | self._credentials.close()
        ports = list(self.streams.values())
        self.streams.clear()
        for port in ports:
            port.close()
        if ports:
            leftovers.add(asyncio.get_running_loop().create_task(_end(ports), name="rtcpeer hanging up"))
        return leftovers

    def _end_stream(self, local: TransportAddress) -> None:
        port = self.streams.pop(local, None)
        if port is not None:
            port.close()

    async def _resolve(self, server: ServerUrl) -> list[TransportAddress]:
        timeout = self._settings.dns_timeout
        try:
            async with asyncio.timeout(timeout):
                return await self._network.resolve(server.host, server.port)
        except TimeoutError:
            raise OSError(f"the name {server.host} was not resolved within {timeout} s") from None
        except (OSError, UnicodeError) as error:  # the latter for a name with an empty or overlong label
            raise OSError(f"the name {server.host} can not be resolved: {_reason(error)}") from error

    async def _meet(self, gatherer: Gatherer, server: ServerUrl, addresses: Sequence[TransportAddress]) -> None:
        if server.scheme is ServerScheme.STUNS:
            # What a server sees of a TLS connection is a TCP address, which no UDP candidate can be made of. Browsers
            # do not ask these servers either.
            raise OSError("a stuns: server is not asked: over TLS it sees no UDP address; use stun:")
        trust: TrustStore | None = None
        if server.is_dtls:
            loop = asyncio.get_running_loop()
            trust = await loop.run_in_executor(None, _trust_store, self._settings.tls_ca_file)  # it reads files
        gatherer.add_server(server, addresses, trust)
        if server.scheme.is_turn and server.is_stream:
            await self._connect(gatherer, server, addresses)

    async def _connect(self, gatherer: Gatherer, server: ServerUrl, addresses: Sequence[TransportAddress]) -> None:
        tls_name = server.host if server.scheme is ServerScheme.TURNS else None
        port = await self._open(server, addresses, tls_name)
        # The cap on gathering or an ICE restart may have come first.
        is_awaited = gatherer is self.gatherer and not self._is_closed
        self._keep(port, is_awaited and gatherer.add_stream(server, port.local, port.remote))

    async def _reconnect(self, wanted: StreamWanted) -> None:
        relays = self.gatherer.relays
        try:
            port = await self._open(wanted.server, [wanted.remote], wanted.tls_name)
        except OSError as error:
            relays.not_reconnected(wanted.local, str(error))
        else:
            self._keep(port, not self._is_closed and relays.reconnected(wanted.local, port.local, port.remote))
        self._on_change()

    def _keep(self, port: StreamPort, is_wanted: bool) -> None:
        if is_wanted and not self._is_closed:
            self.streams[port.local] = port
        else:
            port.abort()

    async def _open(self, server: ServerUrl, addresses: Sequence[TransportAddress], tls_name: str | None) -> StreamPort:
        """Connect in time; raises OSError with a sentence for people."""
        timeout = self._settings.turn_timeout
        try:
            async with asyncio.timeout(timeout):
                return await self._first_stream(addresses, tls_name)
        except TimeoutError:
            raise OSError(f"{server.host} took no connection within {timeout} s") from None
        except OSError as error:
            raise OSError(f"no connection to {server.host}: {_reason(error)}") from error

    async def _first_stream(self, addresses: Sequence[TransportAddress], tls_name: str | None) -> StreamPort:
        """To the address that answers first: one of each family, the resolver's favourite with a head start."""
        network = self._network
        if not isinstance(network, StreamNetwork):
            raise OSError("this network has no TCP")
        by_family: dict[bool, TransportAddress] = {}
        for address in addresses:
            by_family.setdefault(":" in address.host, address._replace(protocol="tcp"))
        ca_file = self._settings.tls_ca_file

        attempts = (
            functools.partial(network.open_stream, each, tls_name, ca_file, self._callbacks)
            for each in by_family.values()
        )
        return await _race(list(attempts))

    def _on_full(self, local: TransportAddress, is_full: bool) -> None:
        self.gatherer.relays.stream_full(local, is_full=is_full)

    def _on_lost(self, local: TransportAddress, reason: str) -> None:
        self.streams.pop(local, None)
        self.gatherer.relays.way_lost(local, reason)
        self._on_change()


async def _race(attempts: list[Callable[[], Coroutine[Any, Any, StreamPort]]]) -> StreamPort:
    """The first that succeeds, each with a head start over the next; raises the first error when none does."""
    tasks: list[asyncio.Task[StreamPort]] = []
    try:
        for index, attempt in enumerate(attempts):
            tasks.append(asyncio.get_running_loop().create_task(attempt(), name="rtcpeer connecting"))
            is_last = index == len(attempts) - 1
            while pending := [task for task in tasks if not task.done()]:
                await asyncio.wait(pending, timeout=None if is_last else ATTEMPT_DELAY, return_when="FIRST_COMPLETED")
                if _winner(tasks) is not None or not is_last:
                    break
            winner = _winner(tasks)
            if winner is not None:
                return winner.result()
        return tasks[0].result()  # raises
    finally:
        await _drop_losers(tasks)


def _winner(tasks: list[asyncio.Task[StreamPort]]) -> asyncio.Task[StreamPort] | None:
    done = (task for task in tasks if task.done() and not task.cancelled())
    return next((task for task in done if task.exception() is None), None)


async def _drop_losers(tasks: list[asyncio.Task[StreamPort]]) -> None:
    winner = _winner(tasks)
    for task in tasks:
        if task is winner:
            continue
        task.cancel()
        late = (await asyncio.gather(task, return_exceptions=True))[0]
        if not isinstance(late, BaseException):
            late.abort()


async def _end(ports: list[StreamPort]) -> None:
    """Wait until what was written has gone, but not for ever."""
    await asyncio.wait([port.ended for port in ports], timeout=0.5)
    for port in ports:
        port.abort()


@functools.cache
def _trust_store(ca_file: str | None) -> TrustStore:
    return TrustStore(ca_file)


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _ignore() -> None:
    pass
