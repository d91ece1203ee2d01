"""Credentials that the program makes when they are needed: asked for, shared, asked for again."""

import asyncio
import functools
import inspect
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from rtcpeer.stack.servers import CredentialSource, ServerUrl
from rtcpeer.turn import Credentials

__all__ = ["CredentialDesk"]

# With a lifetime that the program gave: asked again so long before the end, or after half of it if that is later.
RENEWAL_MARGIN = 60.0
MIN_INTERVAL = 5.0


class CredentialDesk:
    """Asks each source once for all that want it at a time; who asks later, as for an ICE restart, has it asked anew.

    ``use`` hands new credentials to the relays at a URL, and tells whether there are any.
    """

    def __init__(self, use: Callable[[str, Credentials], bool], timeout: float, on_change: Callable[[], None]) -> None:
        self._use = use
        self._timeout = timeout
        self._on_change = on_change
        self._asked: dict[CredentialSource, asyncio.Task[Credentials]] = {}
        self._asked_at: dict[CredentialSource, float] = {}
        self._urls: dict[CredentialSource, set[str]] = {}
        self._renewals: dict[CredentialSource, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def fill(self, server: ServerUrl) -> ServerUrl:
        """The server with its credentials; raises `OSError` with a sentence for people where there are none."""
        source = server.credential_source
        if source is None:
            return server
        self._urls.setdefault(source, set()).add(server.url)
        try:
            return replace(server, credentials=await self._ask(source))
        except TimeoutError:
            raise OSError(f"the program gave no credentials for {server.host} within {self._timeout} s") from None
        except Exception as error:
            text = f"the program gave no credentials for {server.host}: {type(error).__name__}: {error}"
            raise OSError(text) from error

    def refused(self, server: ServerUrl) -> None:
        """The server takes what it was shown no longer: ask for something newer, but not at the server's pace."""
        source = server.credential_source
        if source is not None and self._now() >= self._asked_at.get(source, -math.inf) + MIN_INTERVAL:
            self._renew(source)

    def close(self) -> set[asyncio.Task[None]]:
        """Ask no more; returns what is left to wait for."""
        self._is_closed = True
        for timer in self._renewals.values():
            timer.cancel()
        for task in (*self._tasks, *self._asked.values()):
            task.cancel()
        if self._asked:
            self._keep(self._settle(list(self._asked.values())))
        return set(self._tasks)

    async def _ask(self, source: CredentialSource) -> Credentials:
        task = self._asked.get(source)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._call(source), name="rtcpeer asking for credentials")
            self._asked[source] = task
            self._asked_at[source] = self._now()
            task.add_done_callback(functools.partial(self._answered, source))
        return await asyncio.shield(task)

    def _answered(self, source: CredentialSource, task: asyncio.Task[Credentials]) -> None:
        del self._asked[source]
        if not task.cancelled():
            task.exception()  # whoever still waits gets it; that nobody does is no mistake

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="rtcpeer renewing credentials")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    @staticmethod
    async def _settle(tasks: list[asyncio.Task[Credentials]]) -> None:
        await asyncio.wait(tasks)

    async def _call(self, source: CredentialSource) -> Credentials:
        async with asyncio.timeout(self._timeout):
            answer = source()
            if inspect.isawaitable(answer):
                answer = await answer
        lifetime: float | None = None
        if isinstance(answer, Credentials):
            credentials = answer
        else:
            username, password, *rest = answer
            credentials = Credentials(username, password)
            lifetime = rest[0] if rest else None
        if not all(isinstance(each, str) for each in (credentials.username, credentials.password)):
            raise TypeError("username and credential are strings")
        self._plan(source, lifetime)
        return credentials

    def _plan(self, source: CredentialSource, lifetime: float | None) -> None:
        """Ask again before what we have ends."""
        timer = self._renewals.pop(source, None)
        if timer is not None:
            timer.cancel()
        if lifetime is not None and not self._is_closed:
            wait = max(lifetime - min(RENEWAL_MARGIN, lifetime / 2), MIN_INTERVAL)
            self._renewals[source] = asyncio.get_running_loop().call_later(wait, self._renew, source)

    def _renew(self, source: CredentialSource) -> None:
        if not self._is_closed:
            self._keep(self._replace(source))

    async def _replace(self, source: CredentialSource) -> None:
        try:
            credentials = await self._ask(source)
        except Exception:  # noqa: BLE001
            # What we have may still do. Where it does not, its refusal comes again, and we ask again.
            return
        used = [self._use(url, credentials) for url in self._urls[source]]
        if not any(used):
            self._plan(source, None)
        self._on_change()
