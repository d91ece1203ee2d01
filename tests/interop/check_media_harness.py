"""Browser to browser, without us: what the media tests rely on works.

Run it by hand when the harness or a browser has changed, as `pytest tests/interop/check_media_harness.py`.
It says nothing about rtcpeer, and browsers that encode for each other take the whole machine.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.interop.browser import Browser
from tests.interop.chromium import Chromium
from tests.interop.firefox import Firefox
from tests.interop.peers.media_peer import BrowserMediaPeer, MediaPeer, negotiate

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

Browsers = dict[str, Browser]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browsers() -> AsyncIterator[Browsers]:
    async with Chromium() as chromium, Firefox() as firefox:
        yield {"chromium": chromium, "firefox": firefox}


@contextlib.asynccontextmanager
async def call(browsers: Browsers, *names: str) -> AsyncIterator[tuple[MediaPeer, MediaPeer]]:
    """Two peers with a source of each kind, the first one's picture 0 and tone 440 Hz, the second one's 660 Hz."""
    async with (
        await BrowserMediaPeer.start(browsers[names[0]]) as one,
        await BrowserMediaPeer.start(browsers[names[1]]) as other,
    ):
        for peer, frequency in ((one, 440.0), (other, 660.0)):
            await peer.make_video("picture")
            await peer.make_audio("tone", frequency=frequency)
        yield one, other


async def sees_most(peer: MediaPeer, mid: str, seconds: float = 3.0) -> None:
    """The picture runs, and most of what was drawn in some seconds can be read."""
    await peer.sees(mid)
    await peer.begin_anew(mid)
    await asyncio.sleep(seconds)
    seen = await peer.seen(mid)
    assert len(seen.numbers) >= 0.6 * 15 * seconds, seen
    assert seen.coverage >= 0.6, seen
    assert seen.wrong_colors <= 0.1 * seen.frames, seen


@pytest.mark.parametrize(
    "names", [("chromium", "chromium"), ("chromium", "firefox"), ("firefox", "chromium")], ids="-".join
)
async def test_pictures_and_tones_arrive(browsers: Browsers, names: tuple[str, str]) -> None:
    async with call(browsers, *names) as (one, other):
        for peer in (one, other):
            await peer.add_track("picture")
            await peer.add_track("tone")
        await negotiate(one, other)
        for peer, frequency in ((one, 660.0), (other, 440.0)):
            ((video,), (audio,)) = (await peer.mids("video"), await peer.mids("audio"))
            await sees_most(peer, video)
            await peer.hears(audio, frequency)
            flow = await peer.flow("in", "video")
            assert flow.codecs == ("VP8",)
            assert flow.frames > 30


@pytest.mark.parametrize("codec", ["VP9", "H264", "AV1"])
async def test_a_codec_is_chosen(browsers: Browsers, codec: str) -> None:
    async with call(browsers, "chromium", "chromium") as (one, other):
        await one.add_track("picture")
        await one.add_track("tone")
        await one.prefer("video", codec)
        await one.prefer("audio", "PCMU")
        await negotiate(one, other)
        ((video,), (audio,)) = (await one.mids("video"), await one.mids("audio"))
        await sees_most(other, video)
        await other.hears(audio, 440.0)
        assert (await other.flow("in", "video")).codecs == (codec,)
        assert (await other.flow("in", "audio")).codecs == ("PCMU",)


@pytest.mark.parametrize("names", [("chromium", "chromium"), ("firefox", "chromium")], ids="-".join)
async def test_tracks_and_directions_change(browsers: Browsers, names: tuple[str, str]) -> None:
    async with call(browsers, *names) as (one, other):
        await one.make_audio("high", frequency=1000.0)
        await one.add_track("tone")
        await negotiate(one, other)
        (audio,) = await one.mids("audio")
        await other.hears(audio, 440.0)
        await one.replace_track("tone", "high")
        await other.hears(audio, 1000.0)
        await one.remove_track("high")
        await one.add_transceiver("picture", "sendonly")
        await negotiate(one, other)
        (video,) = await one.mids("video")
        await other.sees(video)
        await other.hears(audio, 0.0)
        await other.set_direction(video, "inactive")
        await negotiate(other, one)
        assert {"inactive"} == {row["currentDirection"] for row in await one.transceivers() if row["mid"] == video}
        await other.set_direction(video, "recvonly")
        await negotiate(other, one)
        await other.begin_anew(video)
        await other.sees(video)
        await one.stop_transceiver(video)
        await negotiate(one, other)
        assert await other.mids("video") == []
