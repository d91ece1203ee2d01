"""The servers of one agent: their names are resolved, and TURN servers are connected to where their URL says so."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from rtcpeer.aio.network import Network, StreamNetwork, StreamPort
from rtcpeer.aio.streams import StreamCallbacks
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.gathering import Gatherer
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
        self.gatherer = gatherer  # the one to tell of what is found from now on
        self.streams: dict[TransportAddress, StreamPort] = {}
        self._network = network
        self._settings = settings
        self._on_change = on_change
        self._callbacks = StreamCallbacks(on_data, on_drained, self._on_full, self._on_lost)
        self._is_closed = False

    async def find(self, server: ServerUrl) -> None:
        """Resolve its name and connect to it, as far as that is needed; what goes wrong is the gatherer's to tell."""
        gatherer, settings = self.gatherer, self._settings
        try:
            async with asyncio.timeout(settings.dns_timeout):
                addresses = await self._network.resolve(server.host, server.port)
        except TimeoutError:
            gatherer.fail_server(server, f"the name {server.host} was not resolved within {settings.dns_timeout} s")
        except (OSError, UnicodeError) as error:  # the latter for a name with an empty or overlong label
            gatherer.fail_server(server, f"the name {server.host} can not be resolved: {_reason(error)}")
        else:
            gatherer.add_server(server, addresses)
            if server.scheme.is_turn and server.is_stream:
                await self._connect(gatherer, server, addresses)
        self._on_change()

    def end_stream(self, local: TransportAddress) -> None:
        """Hang up."""
        port = self.streams.pop(local, None)
        if port is not None:
            port.close()

    def close(self) -> set[asyncio.Task[None]]:
        """Hang up everywhere; returns what is left to wait for."""
        self._is_closed = True
        self._on_change = _ignore
        ports = list(self.streams.values())
        self.streams.clear()
        for port in ports:
            port.close()
        return {asyncio.get_running_loop().create_task(_end(ports), name="rtcpeer hanging up")} if ports else set()

    async def _connect(self, gatherer: Gatherer, server: ServerUrl, addresses: Sequence[TransportAddress]) -> None:
        timeout = self._settings.turn_timeout
        try:
            async with asyncio.timeout(timeout):
                port = await self._first_stream(server, addresses)
        except TimeoutError:
            gatherer.fail_server(server, f"{server.host} took no connection within {timeout} s")
        except OSError as error:
            gatherer.fail_server(server, f"no connection to {server.host}: {_reason(error)}")
        else:
            # The cap on gathering or an ICE restart may have come first.
            is_awaited = gatherer is self.gatherer and not self._is_closed
            if is_awaited and gatherer.add_stream(server, port.local, port.remote):
                self.streams[port.local] = port
            else:
                port.abort()

    async def _first_stream(self, server: ServerUrl, addresses: Sequence[TransportAddress]) -> StreamPort:
        """To the address that answers first: one of each family, the resolver's favourite with a head start."""
        network = self._network
        if not isinstance(network, StreamNetwork):
            raise OSError("this network has no TCP")
        tls_name = server.host if server.scheme is ServerScheme.TURNS else None
        by_family: dict[bool, TransportAddress] = {}
        for address in addresses:
            by_family.setdefault(":" in address.host, address._replace(protocol="tcp"))
        ca_file = self._settings.tls_ca_file

        attempts = (
            partial(network.open_stream, each, tls_name, ca_file, self._callbacks) for each in by_family.values()
        )
        return await _race(list(attempts))

    def _on_full(self, local: TransportAddress, is_full: bool) -> None:
        self.gatherer.relays.stream_full(local, is_full=is_full)

    def _on_lost(self, local: TransportAddress, reason: str) -> None:
        self.streams.pop(local, None)
        self.gatherer.relays.stream_lost(local, reason)
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


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _ignore() -> None:
    pass
