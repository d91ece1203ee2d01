"""Calls between us and browsers: every codec, offered by either side, counted frame by frame and heard by its tone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rtcpeer import RTCPeerConnection
from tests.interop.browser import Browser
from tests.interop.chromium import Chromium
from tests.interop.firefox import Firefox
from tests.interop.peers.media_peer import BrowserMediaPeer, MediaPeer, Seen, negotiate
from tests.interop.peers.python_media_peer import PythonMediaPeer

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

SECONDS = 10.0
RATE = 15
OUR_TONE, THEIR_TONE = 440.0, 660.0
# Video and audio; each audio codec once with either browser is enough.
CODECS = [("VP8", "opus"), ("VP9", "PCMU"), ("H264", "opus"), ("AV1", "opus")]

Browsers = dict[str, Browser]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browsers() -> AsyncIterator[Browsers]:
    async with Chromium() as chromium, Firefox() as firefox:
        yield {"chromium": chromium, "firefox": firefox}


@contextlib.asynccontextmanager
async def peers(browsers: Browsers, name: str) -> AsyncIterator[tuple[PythonMediaPeer, BrowserMediaPeer]]:
    """Ours and theirs, each with a source called "picture" and one called "tone"."""
    async with await BrowserMediaPeer.start(browsers[name]) as theirs, PythonMediaPeer(RTCPeerConnection()) as ours:
        for peer, frequency in ((ours, OUR_TONE), (theirs, THEIR_TONE)):
            await peer.make_video("picture", rate=RATE)
            await peer.make_audio("tone", frequency=frequency)
        yield ours, theirs


async def decoded_and_sent(receiver: MediaPeer, sender: MediaPeer) -> tuple[int, int]:
    """Frames of video until now."""
    return (await receiver.flow("in", "video")).frames, (await sender.flow("out", "video")).frames


async def assert_most_decoded(receiver: MediaPeer, sender: MediaPeer, then: tuple[int, int]) -> None:
    """The sender has stopped; what it had sent is still on the way, and waits for a decoder on a busy machine."""
    for _ in range(100):
        decoded, sent = (
            now - before for now, before in zip(await decoded_and_sent(receiver, sender), then, strict=True)
        )
        if decoded >= 0.95 * sent:
            break
        await asyncio.sleep(0.1)
    assert sent >= 0.5 * SECONDS * RATE, f"{sender.name} hardly sends"
    assert decoded >= 0.95 * sent, f"{receiver.name} has decoded {decoded} of {sent} frames of {sender.name}"


def assert_whole(seen: Seen, *, is_exact: bool) -> None:
    """The pictures are those that were drawn, and their colours too."""
    assert seen.wrong_colors <= 0.02 * seen.frames, seen
    # What Firefox paints is fewer than what it decodes when the machine is busy.
    assert len(seen.numbers) >= (0.7 if is_exact else 0.4) * SECONDS * RATE, seen


@pytest.mark.parametrize(("video", "audio"), CODECS)
async def test_frames_and_tones_arrive_with_chromium(browsers: Browsers, video: str, audio: str) -> None:
    """One call offered by us and one by them, at the same time where the codec leaves a small machine time for that."""
    calls = [hold_call(browsers, "chromium", video, audio, we_offer=we_offer) for we_offer in (True, False)]
    if video == "AV1":
        for call in calls:
            await call
    else:
        await asyncio.gather(*calls)


@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
@pytest.mark.parametrize(("video", "audio"), [codecs for codecs in CODECS if codecs[0] != "H264"])
async def test_frames_and_tones_arrive_with_firefox(browsers: Browsers, video: str, audio: str, we_offer: bool) -> None:
    """One at a time: a tab in the background paints nothing."""
    await hold_call(browsers, "firefox", video, audio, we_offer=we_offer)


async def hold_call(browsers: Browsers, name: str, video: str, audio: str, *, we_offer: bool) -> None:
    async with peers(browsers, name) as (ours, theirs):
        if video not in await theirs.codecs("video"):
            pytest.skip(f"this {name} has no {video}")
        for peer in (ours, theirs):
            await peer.add_track("picture")
            await peer.add_track("tone")
        offerer, answerer = (ours, theirs) if we_offer else (theirs, ours)
        await offerer.prefer("video", video)
        await offerer.prefer("audio", audio)
        await negotiate(offerer, answerer)
        ((mid,), (audio_mid,)) = (await ours.mids("video"), await ours.mids("audio"))
        for peer in (ours, theirs):
            await peer.sees(mid)
        ways = ((ours, theirs), (theirs, ours))
        before = [await decoded_and_sent(*way) for way in ways]
        for peer in (ours, theirs):
            await peer.begin_anew(mid)
        await asyncio.sleep(SECONDS)
        await ours.hears(audio_mid, THEIR_TONE)
        await theirs.hears(audio_mid, OUR_TONE)
        for peer in (ours, theirs):
            await peer.replace_track("picture", None)
        for (receiver, sender), then in zip(ways, before, strict=True):
            await assert_most_decoded(receiver, sender, then)
            assert_whole(await receiver.seen(mid), is_exact=receiver.name != "firefox")
            for direction in ("in", "out"):
                assert (await receiver.flow(direction, "video")).codecs == (video,)
                assert (await receiver.flow(direction, "audio")).codecs == (audio,)


@pytest.mark.parametrize("who", ["we-change", "they-change"])
@pytest.mark.parametrize("name", ["chromium", "firefox"])
async def test_tracks_and_directions_change(browsers: Browsers, name: str, who: str) -> None:
    async with peers(browsers, name) as (ours, theirs):
        one, other = (ours, theirs) if who == "we-change" else (theirs, ours)
        await one.make_audio("high", frequency=1000.0)
        await one.add_track("tone")
        await negotiate(one, other)
        (audio,) = await one.mids("audio")
        await other.hears(audio, OUR_TONE if one is ours else THEIR_TONE)
        # Replaced, without negotiation.
        await one.replace_track("tone", "high")
        await other.hears(audio, 1000.0)
        # Another one is added, then one by the other side in the section that there is.
        await one.add_track("picture")
        await negotiate(one, other)
        (video,) = await one.mids("video")
        await other.sees(video)
        await other.add_track("picture")
        await other.add_track("tone")
        await negotiate(other, one)
        assert await one.mids("video") == await other.mids("video") == [video]
        await one.sees(video)
        await one.hears(audio, OUR_TONE if other is ours else THEIR_TONE)
        # Removed, and added again.
        await one.remove_track("high")
        await negotiate(one, other)
        await other.hears(audio, 0.0)
        await one.add_track("high")
        await negotiate(one, other)
        await other.hears((await one.mids("audio"))[-1], 1000.0)
        # Held by the other side, and taken up again by the first.
        await other.set_direction(video, "inactive")
        await negotiate(other, one)
        await other.begin_anew(video)
        sent = (await one.flow("out", "video")).frames
        await asyncio.sleep(1)
        assert (await one.flow("out", "video")).frames <= sent + 2
        assert len((await other.seen(video)).numbers) <= 2
        await other.set_direction(video, "sendrecv")
        await negotiate(one, other)
        await other.begin_anew(video)
        await other.sees(video)
        # Stopped for good; the section is used again.
        await one.stop_transceiver(video)
        await negotiate(one, other)
        assert await other.mids("video") == []
        await one.add_transceiver("picture", "sendonly")
        await negotiate(one, other)
        await other.sees((await one.mids("video"))[0])
