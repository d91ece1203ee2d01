"""Picture and sound on the demo page, page to page: what a visitor sends, sees, hears and reads."""

import asyncio

import pytest

from tests.interop.browser import Page
from tests.interop.chromium import Chromium
from tests.interop.firefox import Firefox
from tests.interop.test_web_page import Server, assert_quiet, chromium, join, server

__all__ = ["chromium", "server"]  # fixtures

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

# What a tile of the page shows: its size, and how many frames it has shown in a second or more.
TILE = """
const video = document.querySelector(`video[aria-label="Picture from ${name}"]`);
if (!video) return null;
let called = 0;
const count = () => { called += 1; video.requestVideoFrameCallback(count); };
video.requestVideoFrameCallback(count);
const before = video.getVideoPlaybackQuality().totalVideoFrames;
await new Promise((resolve) => setTimeout(resolve, 1000));
// Firefox counts no frames of a stream, and Chromium calls a page in the background twice a second.
const frames = Math.max(called, video.getVideoPlaybackQuality().totalVideoFrames - before);
return { width: video.videoWidth, height: video.videoHeight, frames, paused: video.paused };
"""
# The colour in the middle of the test picture's third bar.
COLOR = """
const video = document.querySelector(`video[aria-label="Picture from ${name}"]`);
const context = Object.assign(document.createElement("canvas"), { width: 70, height: 30 }).getContext("2d");
context.drawImage(video, 0, 0, 70, 30);
return [...context.getImageData(25, 5, 1, 1).data.slice(0, 3)];
"""


async def connected(one: Page, other: Page) -> None:
    await one.run("await rtcpeerDemo.connect(rtcpeerDemo.state.peers[0].id)")
    await other.wait_for("rtcpeerDemo.state.peers[0].session?.ready")


async def plays(page: Page, name: str) -> dict[str, int]:
    """The tile with this peer's picture, once it moves."""
    async with asyncio.timeout(30):
        while not (tile := await page.run(TILE, name=name)) or tile["frames"] < 3:
            pass
    assert not tile["paused"]
    return tile


async def flows(page: Page, direction: str, kind: str, codec: str) -> None:
    await page.wait_for(
        "rtcpeerDemo.media().streams.some((one) => one.direction === direction && one.kind === kind"
        " && one.codec === codec && one.rate > 0 && (kind === 'audio' || one.frames > 0))",
        direction=direction,
        kind=kind,
        codec=codec,
    )


async def test_two_pages_see_and_hear_each_other(server: Server, chromium: Chromium) -> None:
    bob, ada = await join(chromium, server, "Bob"), await join(chromium, server, "Ada")
    await connected(ada, bob)
    await ada.run("await rtcpeerDemo.startMedia('generated')")
    await plays(bob, "Ada")
    assert await ada.evaluate("rtcpeerDemo.media().received") == []
    await bob.run("await rtcpeerDemo.startMedia('camera')")
    await plays(ada, "Bob")
    red, green, blue = await bob.run(COLOR, name="Ada")
    assert red < 100 < min(green, blue)
    for page in (ada, bob):
        (stream,) = await page.evaluate("rtcpeerDemo.media().received")
        assert stream["kinds"] == ["audio", "video"]
        for direction in ("in", "out"):
            await flows(page, direction, "audio", "opus")
            await flows(page, direction, "video", "VP8")
        await page.wait_for("rtcpeerDemo.media().latest.roundTrip > 0")
        assert await page.evaluate("document.getElementById('call-streams').children.length") == 4
        assert not await page.evaluate("document.getElementById('call-plots').hidden")
    # Sections are used again: what was stopped goes on in the same ones.
    await ada.run("await rtcpeerDemo.stopMedia()")
    await bob.wait_for("rtcpeerDemo.media().received.length === 0")
    await bob.wait_for("!document.querySelector('video[aria-label=\"Picture from Ada\"]')")
    await plays(ada, "Bob")
    await ada.run("await rtcpeerDemo.startMedia('camera')")
    await plays(bob, "Ada")
    assert await ada.evaluate("rtcpeerDemo.peerConnection().getTransceivers().length") == 2
    await ada.run("rtcpeerDemo.disconnect('Bob')")
    await bob.wait_for("rtcpeerDemo.state.peers[0].session.closed")
    await bob.wait_for("document.querySelectorAll('video').length === 0")
    await assert_quiet(ada, bob)


async def test_both_begin_at_once(server: Server, chromium: Chromium) -> None:
    bob, ada = await join(chromium, server, "Bob"), await join(chromium, server, "Ada")
    await connected(ada, bob)
    await asyncio.gather(*(page.run("await rtcpeerDemo.startMedia('generated')") for page in (ada, bob)))
    await plays(bob, "Ada")
    await plays(ada, "Bob")
    assert await ada.evaluate("rtcpeerDemo.peerConnection().getTransceivers().length") == 2
    await assert_quiet(ada, bob)


async def test_codecs_and_simulcast_change_while_it_runs(server: Server, chromium: Chromium) -> None:
    bob, ada = await join(chromium, server, "Bob"), await join(chromium, server, "Ada")
    await connected(ada, bob)
    await ada.run("await rtcpeerDemo.setCodec('video', 'VP9'); await rtcpeerDemo.setCodec('audio', 'PCMU')")
    await ada.run("await rtcpeerDemo.startMedia('generated')")
    await flows(bob, "in", "video", "VP9")
    await flows(bob, "in", "audio", "PCMU")
    await ada.run("await rtcpeerDemo.setCodec('video', 'VP8'); await rtcpeerDemo.setCodec('audio', '')")
    await flows(bob, "in", "video", "VP8")
    await flows(bob, "in", "audio", "opus")
    await ada.run("await rtcpeerDemo.setSimulcast(true)")
    await ada.wait_for("rtcpeerDemo.media().streams.some(({ rid }) => rid === 'q')")
    assert "a=simulcast:send q;h;f" in await ada.evaluate("rtcpeerDemo.peerConnection().localDescription.sdp")
    await plays(bob, "Ada")
    await ada.run("await rtcpeerDemo.setSimulcast(false)")
    await plays(bob, "Ada")
    await ada.wait_for("rtcpeerDemo.media().streams.every(({ rid }) => rid === null)")
    await assert_quiet(ada, bob)


async def test_where_there_is_no_camera_it_is_generated(server: Server, chromium: Chromium) -> None:
    bob, ada = await join(chromium, server, "Bob"), await join(chromium, server, "Ada")
    await connected(ada, bob)
    await ada.run(
        """
        const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => {
          if (wanted.video) throw new DOMException("none", "NotFoundError");
          return await real(wanted);
        };
        await rtcpeerDemo.startMedia("camera");
        """
    )
    await plays(bob, "Ada")
    red, green, blue = await bob.run(COLOR, name="Ada")
    assert red < 100 < min(green, blue)
    await ada.wait_for("document.getElementById('feed').textContent.includes('There is no camera to use.')")
    await ada.run(
        """
        navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NotAllowedError"); };
        await rtcpeerDemo.startMedia("camera");
        """
    )
    assert await ada.evaluate("rtcpeerDemo.media().source") == "generated"
    await plays(bob, "Ada")
    await assert_quiet(ada, bob)


async def test_a_visitor_uses_the_buttons_on_a_phone(server: Server, chromium: Chromium) -> None:
    bob, ada = await join(chromium, server, "Bob"), await join(chromium, server, "Ada")
    await ada.set_viewport(360, 740)
    await connected(ada, bob)
    hand = ada.playwright
    await hand.get_by_text("Source, codecs, simulcast").click()
    await hand.get_by_label("Send", exact=True).select_option("A test picture and a tone")
    await hand.get_by_label("Video codec").select_option("VP8")
    await hand.get_by_role("button", name="Send picture and sound").click()
    await plays(bob, "Ada")
    await bob.run("await rtcpeerDemo.startMedia('camera')")
    await plays(ada, "Bob")
    assert await ada.evaluate("document.documentElement.scrollWidth") == 360
    await hand.get_by_role("button", name="Hide picture").click()
    await bob.wait_for(f"(await (async () => {{ {COLOR} }})()).every((value) => value < 30)", name="Ada")
    await hand.get_by_role("button", name="Show picture").click()
    await bob.wait_for(f"(await (async () => {{ {COLOR} }})())[1] > 100", name="Ada")
    await hand.get_by_role("button", name="Mute sound", exact=True).click()
    assert (await ada.evaluate("rtcpeerDemo.media().muted"))["audio"]
    await hand.get_by_role("button", name="Unmute sound").click()
    await hand.get_by_role("button", name="Do not hear Bob").click()
    assert await ada.evaluate("document.querySelector('video[aria-label=\"Picture from Bob\"]').muted")
    await hand.get_by_label("Send", exact=True).select_option("Camera and microphone")
    await ada.wait_for("rtcpeerDemo.media().source === 'camera'")
    await bob.wait_for(f"(await (async () => {{ {COLOR} }})())[2] < 60", name="Ada")  # Chromium's camera shows green
    await hand.get_by_role("button", name="Stop sending").click()
    await bob.wait_for("rtcpeerDemo.media().received.length === 0")
    await assert_quiet(ada, bob)


@pytest.mark.parametrize("offerer", ["chromium", "firefox"])
async def test_firefox_and_chromium(server: Server, chromium: Chromium, offerer: str) -> None:
    async with Firefox() as firefox:
        pages = {
            "Chromium": await join(chromium, server, "Chromium"),
            "Firefox": await join(firefox, server, "Firefox"),
        }
        names = sorted(pages, key=lambda name: name.lower() != offerer)
        one, other = (pages[name] for name in names)
        await one.wait_for("rtcpeerDemo.state.peers.length === 1")
        await connected(one, other)
        # One after the other: Chromium that rolls its offer back refuses one whose extensions have other numbers.
        await one.run("await rtcpeerDemo.startMedia('generated')")
        await plays(other, names[0])
        await other.run("await rtcpeerDemo.startMedia('generated')")
        await plays(one, names[1])
        for page in (one, other):
            for direction in ("in", "out"):
                await flows(page, direction, "audio", "opus")
        await assert_quiet(one, other)
