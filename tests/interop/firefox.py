"""Debian's Firefox, driven by WebDriver BiDi over its own remote agent: no driver binary."""

import asyncio
import base64
import contextlib
import itertools
import os
import re
import signal
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from tests.interop.browser import START_TIMEOUT, Browser, Page, find_browser, remove_tree

_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

PREFERENCES: dict[str, object] = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "media.autoplay.blocking_policy": 0,
    "media.autoplay.default": 0,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class BidiError(Exception):
    """Firefox refused a command, or the script it was given threw."""


class FirefoxPage(Page):
    """A tab of Firefox."""

    def __init__(self, browser: "Firefox", context: str) -> None:
        super().__init__()
        self._browser = browser
        self._context = context

    async def _call(self, function: str, argument: str) -> str:
        answer = await self._browser.command(
            "script.callFunction",
            functionDeclaration=function,
            awaitPromise=True,
            target={"context": self._context},
            arguments=[{"type": "string", "value": argument}],
        )
        if answer["type"] == "exception":
            raise BidiError(answer["exceptionDetails"]["text"])
        value = answer["result"]["value"]
        assert isinstance(value, str)
        return value

    async def navigate(self, url: str) -> None:
        await self._browser.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def set_viewport(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        await self._browser.command("browsingContext.setViewport", context=self._context, viewport=viewport)

    async def screenshot(self, path: Path, *, full_page: bool = False) -> None:
        origin = "document" if full_page else "viewport"
        answer = await self._browser.command("browsingContext.captureScreenshot", context=self._context, origin=origin)
        path.write_bytes(base64.b64decode(answer["data"]))

    async def close(self) -> None:
        await self._browser.command("browsingContext.close", context=self._context)


class Firefox(Browser):
    """A Firefox with one profile; `hide_addresses` gives host candidates as `.local` names, as a visitor's does."""

    def __init__(self, *, hide_addresses: bool = False, preferences: dict[str, object] | None = None) -> None:
        hiding = {"media.peerconnection.ice.obfuscate_host_addresses": hide_addresses}
        self._preferences = {**PREFERENCES, **hiding, **(preferences or {})}
        self._profile: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, FirefoxPage] = {}

    async def start(self) -> None:
        path = find_browser("firefox-esr", "firefox")
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await self._start(path)
        except BaseException:
            await self.close()
            raise

    async def _start(self, path: str) -> None:
        self._profile = Path(tempfile.mkdtemp(prefix="rtcpeer-firefox-"))
        lines = (f"user_pref({_literal(name)}, {_literal(value)});\n" for name, value in self._preferences.items())
        (self._profile / "user.js").write_text("".join(lines))
        self._process = await asyncio.create_subprocess_exec(
            *(path, "--headless", "--no-remote", "--profile", str(self._profile), "--remote-debugging-port", "0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # Caches and crash reports go where the profile goes, and all its processes end together.
            env={**os.environ, "HOME": str(self._profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
            start_new_session=True,
        )
        url = await self._listening_url(self._process)
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(f"{url}/session", max_msg_size=0)
        self._readers.append(asyncio.create_task(self._read(self._socket)))
        await self.command("session.new", capabilities={})
        await self.command("session.subscribe", events=["log.entryAdded"])

    async def _listening_url(self, process: asyncio.subprocess.Process) -> str:
        assert process.stderr is not None
        said: list[str] = []
        async for line in process.stderr:
            said.append(line.decode(errors="replace"))
            found = _LISTENING.search(said[-1])
            if found:
                self._readers.append(asyncio.create_task(_discard(process.stderr)))
                return found[1]
        raise BidiError(f"Firefox ended before it listened: {''.join(said[-10:])}")

    async def command(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send one BiDi command and return its result."""
        if self._socket is None or self._socket.closed:
            raise BidiError(f"{method}: Firefox is not running")
        number = next(self._ids)
        self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({"id": number, "method": method, "params": parameters})
            answer = await self._answers[number]
        finally:
            del self._answers[number]
        if answer["type"] == "error":
            raise BidiError(f"{method}: {answer['error']}: {answer['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            data = message.json()
            if data["type"] == "event":
                self._note(data["method"], data["params"])
            elif (waiting := self._answers.get(data.get("id"))) is not None and not waiting.done():
                waiting.set_result(data)
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(BidiError("Firefox closed the connection"))

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        page = self._pages.get(parameters.get("source", {}).get("context", ""))
        if method != "log.entryAdded" or page is None:
            return
        uncaught = parameters.get("type") == "javascript"
        page.console.append(f"{'uncaught' if uncaught else parameters['level']}: {parameters.get('text')}")

    async def new_page(self, url: str = "about:blank") -> FirefoxPage:
        created = await self.command("browsingContext.create", type="tab")
        page = self._pages[created["context"]] = FirefoxPage(self, created["context"])
        await page.set_viewport(1280, 800)
        await page.navigate(url)
        return page

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(BidiError, TimeoutError, aiohttp.ClientError, ConnectionError):
                async with asyncio.timeout(5):
                    await self.command("browser.close")
        if self._socket is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await self._socket.close()
        if self._session is not None:
            await self._session.close()
        if process is not None:
            await _end(process)
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._readers.clear()
        profile, self._profile = self._profile, None
        if profile is not None:
            await remove_tree(profile)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait for the browser to end by itself, then end what is left of its process group."""
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass


def _literal(value: object) -> str:
    """A preference's value as user.js writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
