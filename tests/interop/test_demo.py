"""`make demo` as a person runs it: the page in a real browser, connected to the Python echo peer."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.interop.browser import Page
from tests.interop.chromium import Chromium, ChromiumPage
from tests.interop.conftest import require_program
from tests.interop.test_examples import Example, free_port
from tests.interop.test_web_media import COLOR, flows, plays
from tests.interop.test_web_page import MAKE_FILE, assert_quiet, screenshot_connected

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
FILE_SIZE = 20 << 20
UPDATES_IMAGES = os.environ.get("RTCPEER_UPDATE_IMAGES") == "1"


@pytest_asyncio.fixture
async def demo() -> AsyncIterator[tuple[Example, str]]:
    """The demo and its address."""
    port = free_port()
    # These tests run in the environment that the demo would make: there is nothing to install, and no network for it.
    settled = [option for marker in (".installed", ".installed-dev") for option in ("-o", f".venv/{marker}")]
    async with Example(require_program("make"), "--no-print-directory", *settled, "demo", f"PORT={port}") as process:
        url = f"http://127.0.0.1:{port}/"
        await process.says(f"Open {url} in a browser")
        yield process, url
        await process.interrupt()
        assert "Error" not in process.output


async def join(chromium: Chromium, url: str, name: str) -> ChromiumPage:
    """Enter the room that the page proposes."""
    page = await chromium.new_page(url)
    await page.wait_for("window.rtcpeerDemo")
    await page.playwright.get_by_label("Name").fill(name)
    await page.playwright.get_by_role("button", name="Join").click()
    await page.wait_for("rtcpeerDemo.state.peers.some((peer) => peer.name === 'echo')")
    return page


async def there_and_back(demo: Example, page: Page, seed: int, size: int = FILE_SIZE) -> None:
    """Send a file; the echo peer confirms it by its checksum, and sends it back."""
    name = f"file-{seed}.bin"
    sent = await page.run(MAKE_FILE, seed=seed, size=size, name=name)
    await page.wait_for("rtcpeerDemo.received().some((one) => one.name === name && one.status === 'done')", name=name)
    (received,) = [one for one in await page.evaluate("rtcpeerDemo.received()") if one["name"] == name]
    assert sent["sha256"] == received["sha256"]
    assert (sent["size"], received["size"], received["bytes"]) == (size, size, size)
    # The page counts with its own SHA-256, the echo peer with Python's.
    await demo.says(f"Ada sent {name} .*SHA-256 {sent['sha256'][:12]}")
    await demo.says(f"Ada has {name} .* back")


@pytest.mark.parametrize("mode", ["trickle", "bulk"])
async def test_a_visitor_talks_to_the_echo_peer(demo: tuple[Example, str], mode: str) -> None:
    process, url = demo
    async with Chromium() as chromium:
        page = await join(chromium, url, "Ada")
        await page.run("rtcpeerDemo.setMode(mode)", mode=mode)
        session = await page.evaluate("rtcpeerDemo.connect('echo')")
        assert session["trickle"] is (mode == "trickle")
        await process.says("Ada connected after")

        await page.run("rtcpeerDemo.sendText('Hello from the browser')")
        await page.wait_for("rtcpeerDemo.messages().length === 2")
        await process.says("Ada: Hello from the browser")
        echoed = await page.evaluate("rtcpeerDemo.echo([0, 1, 1000, 65536, 262144])")
        assert echoed["matched"] == 5
        await there_and_back(process, page, seed=1)
        await page.playwright.get_by_role("button", name="New path").click()
        await page.wait_for("rtcpeerDemo.timeline().filter((one) => one.text === 'answer received').length === 2")
        await there_and_back(process, page, seed=2, size=0)
        await page.run("rtcpeerDemo.sendText('Grüße, 世界 👋')")
        await page.wait_for("rtcpeerDemo.messages().length === 4")
        texts = [one["text"] for one in await page.evaluate("rtcpeerDemo.messages()")]
        assert texts == ["Hello from the browser"] * 2 + ["Grüße, 世界 👋"] * 2
        assert (await page.evaluate("rtcpeerDemo.state"))["peers"][0]["session"]["connectionState"] == "connected"

        await page.run("rtcpeerDemo.disconnect('echo')")
        await process.says("Ada disconnected: the other side")
        await assert_quiet(page)


async def test_a_visitor_sees_and_hears_itself(demo: tuple[Example, str]) -> None:
    process, url = demo
    async with Chromium() as chromium:
        page = await join(chromium, url, "Ada")
        await page.run("await rtcpeerDemo.connect('echo'); await rtcpeerDemo.startMedia('generated')")
        await process.says("Ada gets picture back")
        await process.says("Ada gets sound back")
        await plays(page, "echo")
        red, green, blue = await page.run(COLOR, name="echo")
        assert red < 100 < min(green, blue)
        for direction in ("in", "out"):
            await flows(page, direction, "audio", "opus")
            await flows(page, direction, "video", "VP8")
        await page.run("rtcpeerDemo.sendText('Hello from the browser')")
        if UPDATES_IMAGES:
            await page.wait_for("rtcpeerDemo.media().samples > 20")
            await screenshot_connected(page)
        await page.run("await rtcpeerDemo.stopMedia()")
        await page.wait_for("rtcpeerDemo.media().received.every(({ kinds }) => kinds.length === 0)")
        await page.run("await rtcpeerDemo.startMedia('camera')")
        await plays(page, "echo")
        await assert_quiet(page)


async def test_visitors_come_again_and_at_once(demo: tuple[Example, str]) -> None:
    process, url = demo
    async with Chromium() as chromium:
        pages = [await join(chromium, url, name) for name in ("Ada", "Bob")]
        for number in range(3):
            for page in pages:
                # The offer follows the bye of the last connection at once.
                await page.run("await rtcpeerDemo.connect('echo'); rtcpeerDemo.sendText(text)", text=f"round {number}")
            for page in pages:
                await page.wait_for("rtcpeerDemo.messages('echo').length === 2")
                await page.run("rtcpeerDemo.disconnect('echo')")
        assert process.output.count("Ada connected after") == process.output.count("Bob connected after") == 3
        # One that closes its tab without a word is noticed as well.
        await pages[0].run("await rtcpeerDemo.connect('echo')")
        await pages[0].close()
        await process.says("Ada left")
        await process.says("(?s)(Ada disconnected.*){4}")
        await assert_quiet(pages[1])


async def test_the_port_is_taken(demo: tuple[Example, str]) -> None:
    _, url = demo
    port = url.rstrip("/").rpartition(":")[2]
    async with Example("examples.datachannel_echo", "--with-server", "--port", port) as second:
        assert await second.ended() == 1
        assert f"port {port} on 127.0.0.1 is taken" in second.output
