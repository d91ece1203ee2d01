"""Debian's Chromium, driven by Playwright's async API."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Playwright, async_playwright
from playwright.async_api import Page as PlaywrightPage

from tests.interop.browser import START_TIMEOUT, Browser, Page, find_browser, remove_tree

CLOSE_TIMEOUT = 20  # seconds; a browser that hangs is left to its driver's end

ARGUMENTS = [
    "--autoplay-policy=no-user-gesture-required",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--use-fake-device-for-media-stream",
]
# Without permission for a camera Chromium hides its addresses behind `.local` names; see interop.md.
SHOWN_ADDRESSES = ["--use-fake-ui-for-media-stream", "--disable-features=WebRtcHideLocalIpsWithMdns"]

ColorScheme = Literal["light", "dark"]


class ChromiumPage(Page):
    """A tab of Chromium; `playwright` is Playwright's own page, for clicks and keys."""

    def __init__(self, page: PlaywrightPage) -> None:
        super().__init__()
        self.playwright = page
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))

    def _note(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    async def _call(self, function: str, argument: str) -> str:
        answer = await self.playwright.evaluate(function, argument)
        assert isinstance(answer, str)
        return answer

    async def navigate(self, url: str) -> None:
        await self.playwright.goto(url)

    async def set_viewport(self, width: int, height: int) -> None:
        await self.playwright.set_viewport_size({"width": width, "height": height})

    async def set_color_scheme(self, scheme: ColorScheme) -> None:
        await self.playwright.emulate_media(color_scheme=scheme)

    async def screenshot(self, path: Path, *, full_page: bool = False) -> None:
        await self.playwright.screenshot(path=path, full_page=full_page)

    async def close(self) -> None:
        # A page that hangs does not answer; the browser's own end takes it along.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.playwright.close()


class Chromium(Browser):
    """A Chromium with one profile. `hide_addresses` gives host candidates as `.local` names, as a visitor's does."""

    def __init__(self, *, hide_addresses: bool = False, arguments: tuple[str, ...] = ()) -> None:
        self._arguments = [*ARGUMENTS, *(() if hide_addresses else SHOWN_ADDRESSES), *arguments]
        self._playwright: Playwright | None = None
        self._context: BrowserContext | None = None
        self._profile: Path | None = None

    async def start(self) -> None:
        path = find_browser("chromium", "chromium-browser", "google-chrome")
        self._profile = Path(tempfile.mkdtemp(prefix="rtcpeer-chromium-"))
        try:
            self._playwright = await async_playwright().start()
            self._context = await self._playwright.chromium.launch_persistent_context(
                self._profile,
                executable_path=path,
                headless=True,
                args=self._arguments,
                chromium_sandbox=False,
                viewport={"width": 1280, "height": 800},
                timeout=START_TIMEOUT * 1000,
            )
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        context, self._context = self._context, None
        playwright, self._playwright = self._playwright, None
        profile, self._profile = self._profile, None
        try:
            if context is not None:
                # Playwright kills a browser that does not close when its own driver ends.
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await context.close()
        except (Error, TimeoutError):
            pass
        finally:
            if playwright is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_TIMEOUT):
                        await playwright.stop()
            if profile is not None:
                await remove_tree(profile)

    async def new_page(self, url: str = "about:blank") -> ChromiumPage:
        assert self._context is not None, "start() comes first"
        page = ChromiumPage(await self._context.new_page())
        await page.navigate(url)
        return page
