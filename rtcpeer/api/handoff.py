"""Keeping a connection while its host changes networks: restarts ICE where no other path takes over."""

import asyncio
import contextlib
import ipaddress
import math
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Self

from rtcpeer.api.closing import Closing
from rtcpeer.api.events import EventTarget
from rtcpeer.api.ice_candidate import RTCIceCandidatePair
from rtcpeer.api.peer_connection import RTCPeerConnection
from rtcpeer.ice.events import IceState

__all__ = ["NetworkHandoff"]

_WORKING = (IceState.CONNECTED, IceState.COMPLETED)
_RECENT = 30.0  # for so long what goes wrong is put down to the network that has changed


class NetworkHandoff(EventTarget):
    """Watches a connection and the network of its host, and restarts ICE when the path in use has died.

    One side is enough, and both do no harm. It calls `RTCPeerConnection.restartIce`, so that ``negotiationneeded``
    fires; the exchange is the application's, for instance `rtcpeer.signaling.PeerNegotiator`'s::

        async with NetworkHandoff(pc) as handoff:
            handoff.on("gave_up", tell_the_user)
            ...

    With `IceSettings.gathering_policy` ``"continually"`` another path often takes over without any restart. Close it,
    or the connection, when it is needed no more.

    Args:
        pc: the connection; what happens before it is connected for the first time is not this object's affair.
        max_restarts: how many there may be until the connection works again.
        first_delay: seconds in which another path may take over before the first restart.
        retry_delay: seconds that the first restart is given before the second one.
        backoff: each further restart is given so many times as long as the one before.
        patience: seconds that a silent path is given to come back where the network has not changed.
        poll_interval: seconds between looks at the interfaces where the kernel does not tell.

    Events: ``renominated`` (the `RTCIceCandidatePair` that has taken over, without a restart), ``restarting`` (the
    number of the attempt, from 1), ``recovered`` (the connection works again after restarts), ``gave_up`` (it does not,
    after the last one; should it recover all the same, the count begins anew).

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    def __init__(
        self,
        pc: RTCPeerConnection,
        *,
        max_restarts: int = 3,
        first_delay: float = 0.5,
        retry_delay: float = 5.0,
        backoff: float = 2.0,
        patience: float = 3.0,
        poll_interval: float = 2.0,
    ) -> None:
        super().__init__()
        if max_restarts < 1 or backoff < 1:
            raise ValueError("max_restarts and backoff must be at least 1")
        if min(first_delay, patience) < 0 or min(retry_delay, poll_interval) <= 0:
            raise ValueError("first_delay and patience must not be negative, retry_delay and poll_interval positive")
        self._pc = pc
        self._max_restarts = max_restarts
        self._first_delay = first_delay
        self._retry_delay = retry_delay
        self._backoff = backoff
        self._patience = patience
        self._ice = pc._transports.first.ice  # noqa: SLF001
        self._agent = self._ice._agent  # noqa: SLF001
        self._changed_at = -math.inf  # the network
        self._pair = self._ice.getSelectedCandidatePair()
        self._settled = _fragment(self._pair) if self._agent.core.agent.selected_pair else None
        self._news = asyncio.Event()
        self._listeners: list[tuple[Any, str, Callable[..., object]]] = [
            (pc, "iceconnectionstatechange", self._on_state),
            (pc, "connectionstatechange", self._on_state),
            (self._ice, "selectedcandidatepairchange", self._on_pair),
            (self._agent, "selected_pair", self._on_selected),
        ]
        for emitter, event, listener in self._listeners:
            emitter.on(event, listener)
        self._end = self._agent.interfaces.subscribe(poll_interval, self._on_network)
        self._task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._run(), name="rtcpeer handoff")
        self._is_closed = False
        self._on_state()

    def close(self) -> Coroutine[Any, Any, None]:
        """Watch no more, at once; awaiting the result waits until the task is gone, too. Idempotent."""
        self._shut_down()
        return Closing(lambda: self._task)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _shut_down(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._end is not None:
            self._end()
        for emitter, event, listener in self._listeners:
            if listener in emitter.listeners(event):  # a connection that closes drops its listeners
                emitter.remove_listener(event, listener)
        self._task.cancel()
        self.remove_all_listeners()

    async def _run(self) -> None:
        await self._until(self._is_working)
        while True:
            await self._until(lambda: not self._is_working())
            if not await self._until(self._is_working, self._grace) and not await self._restart():
                self.emit("gave_up")
                await self._until(self._is_working)

    async def _restart(self) -> bool:
        """Restart until the connection works; False where it does not after all."""
        for attempt in range(1, self._max_restarts + 1):
            if not self._has_network():
                # There is nothing to try, and no signalling either.
                await self._until(lambda: self._is_working() or self._has_network())
                await self._until(self._is_working, partial(float, self._first_delay))
            if not self._is_working():
                self.emit("restarting", attempt)
                if not self._is_closed:  # by the handler
                    self._pc.restartIce()
            delay = self._retry_delay * self._backoff ** (attempt - 1)
            if await self._until(self._is_working, partial(float, delay)):
                self.emit("recovered")
                return True
        return False

    async def _until(self, condition: Callable[[], bool], limit: Callable[[], float] | None = None) -> bool:
        """Wait until it holds; False where it did not in time, which news may make shorter or longer."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while not condition():
            self._news.clear()
            deadline = None if limit is None else since + limit()
            if deadline is not None and loop.time() >= deadline:
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
        return True

    def _is_working(self) -> bool:
        agent = self._agent.core.agent
        return agent.send_path() is not None and agent.state in _WORKING

    def _grace(self) -> float:
        """How long to wait for another path."""
        agent = self._agent.core.agent
        state = agent.state
        is_network_new = asyncio.get_running_loop().time() < self._changed_at + _RECENT
        # Other pairs that worked are being asked right now (`rtcpeer.ice.failover`), which takes a round trip or two.
        has_others = state is IceState.DISCONNECTED and len(agent.valid_pairs) > 1
        if (is_network_new and not has_others) or state is IceState.FAILED:
            return self._first_delay
        # Otherwise it may come back by itself; or the peer has begun to restart, and we would only disturb that.
        return self._patience if state is IceState.DISCONNECTED else self._retry_delay

    def _has_network(self) -> bool:
        """Whether there is any address from which others than our own link are reached, as far as we know."""
        addresses = self._agent.interfaces.addresses()
        return addresses is None or any(map(_is_routable, addresses))

    def _on_network(self) -> None:
        self._changed_at = asyncio.get_running_loop().time()
        self._agent.interfaces.drop_vanished()
        self._news.set()

    def _on_state(self) -> None:
        self._news.set()
        if self._pc.connectionState == "closed":
            self._shut_down()

    def _on_selected(self, *_: object) -> None:
        # Not yet: that data goes over to the pair that was nominated first is told after this, and no news.
        asyncio.get_running_loop().call_soon(self._settle)

    def _settle(self) -> None:
        self._settled = _fragment(self._ice.getSelectedCandidatePair())

    def _on_pair(self) -> None:
        before, self._pair = self._pair, self._ice.getSelectedCandidatePair()
        self._news.set()
        if self._pair is not None and _fragment(before) == _fragment(self._pair) == self._settled:
            self.emit("renominated", self._pair)


def _fragment(pair: RTCIceCandidatePair | None) -> str | None:
    """Ours in the generation of this pair."""
    return None if pair is None else pair.local.usernameFragment


def _is_routable(host: str) -> bool:
    address = ipaddress.ip_address(host)
    return not address.is_loopback and not address.is_link_local
