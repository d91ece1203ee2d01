"""The examples of media with the demo page in Chromium: what a visitor sees, hears, and finds on disk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
import pytest_asyncio

from tests.interop.chromium import Chromium, ChromiumPage
from tests.interop.media_marks import pitch, tone
from tests.interop.test_examples import Example
from tests.interop.test_web_media import COLOR, TILE, flows, plays

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


@contextlib.asynccontextmanager
async def running(*command: str) -> AsyncIterator[tuple[Example, str]]:
    """An example with its own server, and the page's address."""
    async with Example(*command, "--with-server", "--port", "0") as example:
        yield example, (await example.says(r"Open (http://127\.0\.0\.1:\d+/) in a browser"))[1]
        assert await example.interrupt() == 0


async def visit(chromium: Chromium, url: str, name: str, peer: str) -> ChromiumPage:
    """Join, and connect to the example."""
    page = await chromium.new_page(url)
    await page.wait_for("window.rtcpeerDemo")
    await page.run("await rtcpeerDemo.join({ room: 'lobby', name })", name=name)
    await page.wait_for("rtcpeerDemo.state.peers.some((one) => one.name === peer)", peer=peer)
    await page.run("await rtcpeerDemo.connect(peer)", peer=peer)
    return page


async def sees_color(page: ChromiumPage, peer: str, wanted: tuple[int, int, int]) -> None:
    """At the spot that COLOR looks at, once it is there."""
    await page.wait_for(
        f"(await (async () => {{ {COLOR} }})()).every((value, index) => Math.abs(value - wanted[index]) < 40)",
        name=peer,
        wanted=wanted,
    )


BAR = (43, 184, 192)  # the third of the page's test picture


async def test_video_echo_filters_pictures(chromium: Chromium) -> None:
    async with running("examples.video_echo", "--filter", "negative") as (example, url):
        page = await visit(chromium, url, "Ada", "filter")
        await page.run("await rtcpeerDemo.startMedia('generated')")
        await example.says("Ada sees negative")
        await plays(page, "filter")
        red, green, blue = BAR
        await sees_color(page, "filter", (255 - red, 255 - green, 255 - blue))
        await flows(page, "in", "audio", "opus")
        await page.run("rtcpeerDemo.sendText('gray')")
        gray = round(0.299 * red + 0.587 * green + 0.114 * blue)
        await sees_color(page, "filter", (gray, gray, gray))
        await page.run("rtcpeerDemo.sendText('nonsense')")
        await page.wait_for(
            "rtcpeerDemo.messages().some(({ text }) => text === 'Filters: edges, gray, mirror, negative')"
        )
        await page.run("rtcpeerDemo.sendText('edges')")
        await sees_color(page, "filter", (0, 0, 0))
        await page.close()


def make_film(path: Path) -> None:
    """Ten seconds of orange, and a tone."""
    with av.open(str(path), "w") as film:
        video = film.add_stream("libx264", rate=15, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        audio = film.add_stream("aac", rate=48000, layout="mono")
        frame = av.VideoFrame(320, 240, "rgb24")
        frame.planes[0].update(bytes((240, 120, 0)) * (320 * 240))
        picture = frame.reformat(format="yuv420p")
        for index in range(150):
            picture.pts, picture.time_base = index, Fraction(1, 15)
            film.mux(video.encode(picture))
        for index in range(500):
            film.mux(audio.encode(tone(523.0, index * 960)))
        film.mux(video.encode(None))
        film.mux(audio.encode(None))


async def test_play_file_plays_to_all(chromium: Chromium, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    make_film(film)
    async with running("examples.play_file", str(film)) as (_, url):
        pages = [await visit(chromium, url, name, "player") for name in ("Ada", "Bob")]
        for page in pages:
            await plays(page, "player")
            await sees_color(page, "player", (240, 120, 0))
            await flows(page, "in", "audio", "opus")
        for page in pages:
            await page.close()


async def test_record_writes_what_came(chromium: Chromium, tmp_path: Path) -> None:
    async with running("examples.record", str(tmp_path / "call.mp4")) as (example, url):
        for number, name in enumerate(("Ada", "Bob"), start=1):
            page = await visit(chromium, url, name, "recorder")
            await page.run("await rtcpeerDemo.startMedia('generated')")
            await example.says(rf"{name} is recorded to .*call-{number}\.mp4 \(audio and video\)")
            await asyncio.sleep(4)
            if number == 1:
                await page.run("rtcpeerDemo.disconnect('recorder')")
                await example.says(r"call-1\.mp4 is closed: [1-9]\d* KiB")
                await page.close()
    # The second one was still being recorded at Ctrl-C.
    assert "call-2.mp4 is closed" in example.output
    await page.close()
    for number in (1, 2):
        with av.open(str(tmp_path / f"call-{number}.mp4")) as film:
            pictures = list(film.decode(video=0))
        with av.open(str(tmp_path / f"call-{number}.mp4")) as film:
            sounds = list(film.decode(audio=0))
        assert len(pictures) > 20
        assert pictures[-1].time - pictures[0].time > 2
        assert pitch(sounds[len(sounds) // 2 :]) == pytest.approx(440, abs=5)


async def test_webcam_shows_the_camera(chromium: Chromium) -> None:
    source = "color=c=0x2060E0:size=320x240:rate=15"
    async with running("examples.webcam", "--format", "lavfi", "--device", source) as (_, url):
        page = await visit(chromium, url, "Ada", "camera")
        tile = await plays(page, "camera")
        assert (tile["width"], tile["height"]) == (320, 240)
        await sees_color(page, "camera", (0x20, 0x60, 0xE0))
        await page.close()


async def test_sfu_forwards_layers(chromium: Chromium) -> None:
    async with running("examples.sfu") as (example, url):
        ada, bob, eve = [await visit(chromium, url, name, "conference") for name in ("Ada", "Bob", "Eve")]
        await ada.run("await rtcpeerDemo.setSimulcast(true); await rtcpeerDemo.startMedia('generated')")
        await plays(bob, "conference")
        await sees_color(bob, "conference", BAR)
        await plays(eve, "conference")
        assert await ada.run(TILE, name="conference") is None
        # Each gets the layer that it asks for, at the same time.
        await bob.run("rtcpeerDemo.sendText('q')")
        await bob.wait_for(f"(await (async () => {{ {TILE} }})()).width === 160", name="conference")
        await eve.run("rtcpeerDemo.sendText('h')")
        await eve.wait_for(f"(await (async () => {{ {TILE} }})()).width === 320", name="conference")
        assert (await bob.run(TILE, name="conference"))["width"] == 160
        await bob.run("rtcpeerDemo.sendText('h')")
        await example.says("Bob gets layer h of Ada")
        await bob.wait_for(f"(await (async () => {{ {TILE} }})()).width === 320", name="conference")
        # Those who only looked speak as well.
        await bob.run("await rtcpeerDemo.startMedia('generated')")
        await plays(ada, "conference")
        await eve.wait_for("rtcpeerDemo.media().received.length === 2")
        await flows(eve, "in", "audio", "opus")
        # Who stops or goes is seen no more.
        await bob.run("await rtcpeerDemo.stopMedia()")
        await ada.wait_for("rtcpeerDemo.media().received.length === 0")
        await ada.run("rtcpeerDemo.disconnect('conference')")
        await eve.wait_for("rtcpeerDemo.media().received.length === 0")
        for page in (ada, bob, eve):
            await page.close()
