"""The demo page, page to page through the real signalling server: what a visitor does, in real browsers."""

import asyncio
import contextlib
import hashlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio

from tests.interop.browser import Browser, Page
from tests.interop.chromium import Chromium, ChromiumPage
from tests.interop.firefox import Firefox

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
FILE_SIZE = 5 << 20

# The same bytes on both sides without carrying them through the driver: a linear congruential generator.
MAKE_FILE = """
const bytes = new Uint8Array(size);
for (let index = 0, state = seed; index < size; index += 1) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  bytes[index] = state >>> 24;
}
return await rtcpeerDemo.sendFile(new Blob([bytes]), name);
"""


def file_digest(seed: int, size: int) -> str:
    data = bytearray(size)
    state = seed
    for index in range(size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        data[index] = state >> 24
    return hashlib.sha256(data).hexdigest()


class Server:
    """`python -m signaling_server` as a process of its own, so that it can go away and come back on its port."""

    def __init__(self) -> None:
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", "-m", "signaling_server", "--port", str(self.port)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        said = ""
        async with asyncio.timeout(30):
            async for line in self._process.stdout:
                said += line.decode()
                found = re.search(r"http://[^\s/]+:(\d+)", said)
                if found:
                    self.port = int(found[1])
                    self._reader = asyncio.create_task(_discard(self._process.stdout))
                    return
        raise AssertionError(f"the server did not start: {said}")

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)
        if self._reader is not None:
            await self._reader


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with Server() as server:
        yield server


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


async def join(browser: Browser, server: Server, name: str, room: str = "test") -> Page:
    page = await browser.new_page(server.url)
    await page.wait_for("window.rtcpeerDemo")
    await page.run("return await rtcpeerDemo.join({ room, name })", room=room, name=name)
    return page


async def screenshot_connected(page: Page, path: Path = IMAGES / "page-connected.png") -> None:
    """Photograph a connected page for the README; the plots get a few seconds of data first."""
    await page.set_viewport(1280, 800)
    await page.wait_for("rtcpeerDemo.stats().samples >= 4")
    path.parent.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path)


async def send_file(sender: Page, receiver: Page, seed: int, size: int = FILE_SIZE) -> None:
    name = f"file-{seed}.bin"
    sent = await sender.run(MAKE_FILE, seed=seed, size=size, name=name)
    (received,) = [one for one in await receiver.evaluate("rtcpeerDemo.received()") if one["name"] == name]
    assert sent["sha256"] == received["sha256"] == file_digest(seed, size)
    assert (received["size"], received["bytes"], received["status"]) == (size, size, "done")


async def talk(one: Page, other: Page) -> None:
    await one.run("rtcpeerDemo.sendText('Grüße, 世界 👋')")
    await other.wait_for("rtcpeerDemo.messages().length === 1")
    await other.run("rtcpeerDemo.sendText('and back')")
    await one.wait_for("rtcpeerDemo.messages().length === 2")
    expected = [{"from": "me", "text": "Grüße, 世界 👋"}, {"from": "peer", "text": "and back"}]
    assert await one.evaluate("rtcpeerDemo.messages()") == expected


async def assert_quiet(*pages: Page) -> None:
    """Nothing was thrown, and the content security policy refused nothing."""
    for page in pages:
        assert [line for line in page.console if line.startswith(("error", "uncaught"))] == []


@pytest.mark.parametrize("mode", ["trickle", "bulk"])
async def test_two_pages_connect_talk_and_exchange_files(server: Server, chromium: Chromium, mode: str) -> None:
    bob = await join(chromium, server, "Bob")
    ada = await join(chromium, server, "Ada")
    for page in (ada, bob):
        await page.run("rtcpeerDemo.setMode(mode)", mode=mode)
    session = await ada.evaluate("rtcpeerDemo.connect('Bob')")
    assert session["ready"]
    assert session["trickle"] is (mode == "trickle")
    await bob.wait_for("rtcpeerDemo.state.peers[0].session?.ready")
    for page in (ada, bob):
        await page.wait_for("rtcpeerDemo.state.peers[0].session.connectionState === 'connected'")

    await talk(ada, bob)
    await send_file(ada, bob, seed=1)
    await send_file(bob, ada, seed=2)
    echo = await ada.evaluate("rtcpeerDemo.echo([0, 1, 1000, 65536])")
    assert echo["matched"] == 4
    await ada.wait_for("rtcpeerDemo.stats().pair && rtcpeerDemo.stats().latest")
    candidates = await ada.evaluate("rtcpeerDemo.candidates()")
    assert {"host"} <= {one["type"] for one in candidates["local"] + candidates["remote"]}
    assert all(candidates.values())
    await assert_quiet(ada, bob)


@pytest.mark.parametrize("mode", ["trickle", "bulk"])
async def test_bulk_puts_every_candidate_into_the_description(server: Server, chromium: Chromium, mode: str) -> None:
    await join(chromium, server, "Bob")
    ada = await join(chromium, server, "Ada")
    sent = await ada.run(
        """
        const types = [];
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) { types.push(JSON.parse(text)); send.call(this, text); };
        rtcpeerDemo.setMode(mode);
        await rtcpeerDemo.connect('Bob');
        return types;
        """,
        mode=mode,
    )
    (offer,) = [one["description"]["sdp"] for one in sent if one["type"] == "description"]
    trickled = [one for one in sent if one["type"] == "candidate"]
    if mode == "bulk":
        assert "a=candidate:" in offer
        assert trickled == []
    else:
        assert "a=candidate:" not in offer
        assert trickled


async def test_both_press_connect_at_once(server: Server, chromium: Chromium) -> None:
    bob = await join(chromium, server, "Bob")
    ada = await join(chromium, server, "Ada")
    await bob.wait_for("rtcpeerDemo.state.peers.length === 1")
    await asyncio.gather(ada.evaluate("rtcpeerDemo.connect('Bob')"), bob.evaluate("rtcpeerDemo.connect('Ada')"))
    await talk(ada, bob)
    await send_file(bob, ada, seed=3, size=100_000)
    await assert_quiet(ada, bob)


@pytest.mark.parametrize("offerer", ["chromium", "firefox"])
async def test_firefox_and_chromium(server: Server, chromium: Chromium, offerer: str) -> None:
    async with Firefox() as firefox:
        pages = {
            "chromium": await join(chromium, server, "Chromium"),
            "firefox": await join(firefox, server, "Firefox"),
        }
        one = pages.pop(offerer)
        (other,) = pages.values()
        await one.wait_for("rtcpeerDemo.state.peers.length === 1")
        await one.run("await rtcpeerDemo.connect(rtcpeerDemo.state.peers[0].id)")
        await other.wait_for("rtcpeerDemo.state.peers[0].session?.ready")
        await talk(one, other)
        await send_file(one, other, seed=4)
        await send_file(other, one, seed=5)
        for page in (one, other):
            await page.wait_for("rtcpeerDemo.stats().pair?.local && rtcpeerDemo.stats().samples > 0")
        await assert_quiet(one, other)


async def test_odd_files_arrive(server: Server, chromium: Chromium) -> None:
    bob = await join(chromium, server, "Bob")
    ada = await join(chromium, server, "Ada")
    await ada.run("await rtcpeerDemo.connect('Bob')")
    for seed, size in enumerate([0, 1, 16 * 1024, 16 * 1024 + 1], start=10):
        await send_file(ada, bob, seed=seed, size=size)
    await ada.run("await rtcpeerDemo.sendFile(new Blob(['x']), '../../etc/passwd\\u202egnp.exe')")
    assert (await bob.evaluate("rtcpeerDemo.received()"))[-1]["name"] == "passwdgnp.exe"


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        (['{"type":"file","name":"a","size":3}', b"abc", '{"type":"end","sha256":"00"}'], "the checksum differs"),
        (['{"type":"file","name":"a","size":3}', b"abcd"], "more bytes than announced"),
        (['{"type":"file","name":"a","size":3}', b"ab", '{"type":"end"}'], "2 of 3 bytes came"),
        (['{"type":"file","name":"a","size":-1}'], "the size is not a number of bytes"),
        ([b"abc"], "bytes before the announcement"),
        (["nonsense"], "a message that docs/data-protocol.md does not know"),
    ],
)
async def test_a_damaged_file_is_refused(
    server: Server, chromium: Chromium, messages: list[str | bytes], complaint: str
) -> None:
    bob = await join(chromium, server, "Bob")
    ada = await join(chromium, server, "Ada")
    await ada.run("await rtcpeerDemo.connect('Bob')")
    answer = await ada.run(
        """
        const channel = rtcpeerDemo.peerConnection().createDataChannel("file");
        await new Promise((resolve) => { channel.onopen = resolve; });
        const answer = new Promise((resolve) => { channel.onmessage = ({ data }) => resolve(JSON.parse(data)); });
        for (const one of messages) channel.send(typeof one === "string" ? one : new Uint8Array(one));
        return await answer;
        """,
        messages=[list(one) if isinstance(one, bytes) else one for one in messages],
    )
    assert answer == {"type": "error", "message": complaint}
    (transfer,) = await bob.evaluate("rtcpeerDemo.received()")
    assert transfer["status"] == "failed"
    assert complaint in transfer["error"]


async def test_a_peer_that_opens_no_chat_can_be_answered(server: Server, chromium: Chromium) -> None:
    """A program that only sends a file: one `file` channel in the offer, nothing else."""
    bob = await join(chromium, server, "Bob")
    ada = await join(chromium, server, "Ada")
    sending = ada.run(
        """
        const create = RTCPeerConnection.prototype.createDataChannel;
        RTCPeerConnection.prototype.createDataChannel = function (label) { return create.call(this, "file"); };
        const pc = (rtcpeerDemo.connect("Bob").catch(() => {}), rtcpeerDemo.peerConnection("Bob"));
        const seen = await new Promise((resolve) => {
          pc.addEventListener("datachannel", ({ channel }) => {
            channel.onmessage = ({ data }) => resolve([channel.label, data]);
          });
        });
        return seen;
        """
    )
    asking = asyncio.create_task(sending)
    await bob.wait_for("rtcpeerDemo.state.peers[0].session?.connectionState === 'connected'")
    assert await bob.evaluate("rtcpeerDemo.state.peers[0].session.status") == "Connected"
    await bob.run("rtcpeerDemo.sendText('who is it?')")
    assert await asking == ["chat", "who is it?"]


async def test_a_page_is_used_by_hand(server: Server, chromium: Chromium) -> None:
    bob = await join(chromium, server, "Bob", room="by hand")
    ada = await chromium.new_page(f"{server.url}?room=by%20hand")
    hand = ada.playwright
    await hand.fill("#name", "Ada <b>&")
    assert await hand.input_value("#room") == "by hand"
    await hand.press("#name", "Enter")
    await hand.get_by_role("button", name="Connect to Bob").press("Enter")
    await hand.get_by_label("Message", exact=True).fill("typed <i>text</i>")
    await hand.keyboard.press("Enter")
    await bob.wait_for("rtcpeerDemo.messages().length === 1")
    assert await bob.evaluate("rtcpeerDemo.messages()[0].text") == "typed <i>text</i>"
    assert await bob.evaluate("document.querySelector('.peer strong').textContent") == "Ada <b>&"
    await hand.set_input_files("#file", {"name": "note.txt", "mimeType": "text/plain", "buffer": b"abc"})
    await bob.wait_for("rtcpeerDemo.received()[0]?.status === 'done'")
    assert (await bob.evaluate("rtcpeerDemo.received()[0]"))["sha256"] == hashlib.sha256(b"abc").hexdigest()
    assert isinstance(bob, ChromiumPage)
    async with bob.playwright.expect_download() as download:
        await bob.playwright.get_by_role("link", name="Save note.txt").click()
    assert (await (await download.value).path()).read_bytes() == b"abc"
    await hand.locator("#session-action").click()
    await bob.wait_for("rtcpeerDemo.state.peers[0].session.closed")
    assert await hand.locator("#send").is_disabled()
    await hand.locator("#session-action").click()
    await bob.wait_for("rtcpeerDemo.state.peers[0].session.ready")
    await assert_quiet(ada, bob)


async def test_nothing_is_wider_than_a_phone(server: Server, chromium: Chromium) -> None:
    bob = await join(chromium, server, "Bob with a name of the longest kind that the server takes 64 ch.")
    ada = await join(chromium, server, "Ada")
    await ada.run("await rtcpeerDemo.connect(rtcpeerDemo.state.peers[0].id); rtcpeerDemo.sendText('x'.repeat(300))")
    await bob.wait_for("rtcpeerDemo.messages().length === 1")
    for page in (ada, bob):
        await page.set_viewport(360, 740)
        assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_a_refused_join_is_shown(server: Server, chromium: Chromium) -> None:
    page = await chromium.new_page(server.url)
    answer = await page.run(
        "return await rtcpeerDemo.join({ room: 'x'.repeat(65), name: 'Ada' }).catch((error) => error.message)"
    )
    assert answer.startswith("invalid-message: ")
    await page.wait_for("document.querySelector('.toast')?.textContent.includes('room')")
    assert await page.evaluate("rtcpeerDemo.state.signaling") == "closed"
    await page.wait_for("getComputedStyle(document.getElementById('join-form')).display !== 'none'")


async def test_bad_ice_servers_are_explained(server: Server, chromium: Chromium) -> None:
    page = await chromium.new_page(server.url)
    hand = page.playwright
    for text, complaint in {
        "stun:stun.example.org\nhttp://x": "Line 2",
        "turn:turn.example.org": "user name",
        "stun:host:999999": "999999",
    }.items():
        await hand.get_by_role("button", name="Settings").click()
        await hand.fill("#ice-servers", text)
        await hand.get_by_role("button", name="Save").click()
        assert complaint in await hand.locator("#ice-error").inner_text()
        await hand.get_by_role("button", name="Cancel").click()


async def test_the_server_goes_and_comes_back(server: Server, chromium: Chromium) -> None:
    bob = await join(chromium, server, "Bob")
    ada = await join(chromium, server, "Ada")
    await ada.run("await rtcpeerDemo.connect('Bob')")
    await bob.wait_for("rtcpeerDemo.state.peers[0].session?.ready")
    await server.stop()
    for page in (ada, bob):
        await page.wait_for("rtcpeerDemo.state.signaling === 'waiting'")
        await page.wait_for("!document.getElementById('banner').hidden")
    await talk(ada, bob)  # what stands goes on without the server
    await server.start()
    for page in (ada, bob):
        await page.wait_for("rtcpeerDemo.state.signaling === 'joined'", within=40)
        await page.wait_for("rtcpeerDemo.state.peers.some((peer) => peer.present)")
        await page.wait_for("document.getElementById('banner').hidden")
    await ada.run("rtcpeerDemo.disconnect(rtcpeerDemo.state.selected)")
    await ada.wait_for("rtcpeerDemo.state.peers.length === 1")
    await ada.run("await rtcpeerDemo.connect(rtcpeerDemo.state.peers[0].id)")
    await ada.run("rtcpeerDemo.sendText('again')")
    await bob.wait_for("rtcpeerDemo.state.peers.some((peer) => peer.present && peer.session?.ready)")


async def test_a_peer_that_goes_is_noticed(server: Server, chromium: Chromium) -> None:
    bob = await join(chromium, server, "Bob")
    ada = await join(chromium, server, "Ada")
    await ada.run("await rtcpeerDemo.connect('Bob')")
    await bob.navigate("about:blank")
    await ada.wait_for("rtcpeerDemo.state.peers.length === 0")
    assert await ada.evaluate("rtcpeerDemo.state.errors") == []


async def test_a_browser_without_webrtc_is_told(server: Server, chromium: Chromium) -> None:
    page = await chromium.new_page()
    await page.playwright.add_init_script("delete window.RTCPeerConnection;")
    await page.navigate(server.url)
    await page.wait_for("document.getElementById('empty-title').textContent.includes('no WebRTC')")
    assert await page.evaluate("document.getElementById('join').disabled")
