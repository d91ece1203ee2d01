import asyncio
from fractions import Fraction

import av
import pytest

from rtcpeer.media.track import (
    AudioStreamTrack,
    MediaStreamError,
    MediaStreamTrack,
    VideoStreamTrack,
    receive_from,
)
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters
from tests.sim.peers import simulated
from tests.unit.media.samples import ListTrack, levels, number_of, picture, read_all, sound

OPUS = CodecParameters("audio", "opus", 111, 48000, 2)


def now():
    return asyncio.get_running_loop().time()


def encoded(number, *, is_keyframe=True):
    return EncodedFrame(bytes([number]), number, is_keyframe, OPUS)


def test_a_track_has_the_attributes_of_the_w3c():
    track, other = AudioStreamTrack(), AudioStreamTrack()
    assert (track.kind, track.readyState, track.enabled, track.muted, track.label) == ("audio", "live", True, False, "")
    assert track.id != other.id
    assert VideoStreamTrack().kind == "video"
    with pytest.raises(AttributeError):
        track.muted = True


@simulated
async def test_silence_at_its_pace():
    track, start = AudioStreamTrack(), now()
    frames = [await track.recv() for _ in range(100)]
    assert now() - start == pytest.approx(1.98)
    assert [frame.pts for frame in frames] == [960 * i for i in range(100)]
    assert {(f.sample_rate, f.samples, f.layout.name, f.format.name) for f in frames} == {(48000, 960, "mono", "s16")}
    assert set(levels(frames)) == {0}


@simulated
async def test_green_at_its_pace():
    track, start = VideoStreamTrack(), now()
    frames = [await track.recv() for _ in range(31)]
    assert now() - start == pytest.approx(1)
    assert [(frame.pts, frame.time_base) for frame in frames] == [(3000 * i, Fraction(1, 90000)) for i in range(31)]
    red, green, blue = bytes(frames[0].reformat(format="rgb24").planes[0])[:3]
    assert green > 100
    assert red == blue == 0


@simulated
async def test_a_track_that_was_stopped_has_ended_once():
    track, calls = VideoStreamTrack(), []
    track.on("ended", lambda: calls.append("on"))
    track.onended = lambda: calls.append("attribute")
    await track.recv()
    waiting = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0.001)
    track.stop()
    track.stop()
    assert (track.readyState, calls) == ("ended", ["on", "attribute"])
    for pending in (waiting, track.recv(), AudioStreamTrack.recv(track), track.next_timestamp()):
        with pytest.raises(MediaStreamError):
            await pending


def test_muting_is_told_when_it_changes():
    track, calls = AudioStreamTrack(), []
    track.onmute, track.onunmute = (lambda: calls.append("mute")), (lambda: calls.append("unmute"))
    for is_muted in (False, True, True, False):
        track._set_muted(is_muted)
        assert track.muted is is_muted
    track.stop()
    track._set_muted(True)
    assert calls == ["mute", "unmute"]


@simulated
async def test_a_subclass_without_recv_is_told():
    with pytest.raises(NotImplementedError, match="MediaStreamTrack does not override recv"):
        await MediaStreamTrack().recv()


class TestEnabled:
    @simulated
    async def test_a_disabled_video_track_is_black(self):
        track = ListTrack("video", [picture(9, pts=i) for i in range(3)])
        assert number_of(await receive_from(track)) == 9
        track.enabled = False
        blank = await receive_from(track)
        assert (number_of(blank), blank.pts, blank.width) == (0, 1, 64)
        track.enabled = True
        assert number_of(await receive_from(track)) == 9

    @simulated
    async def test_a_disabled_audio_track_is_silent(self):
        track = ListTrack("audio", [sound(160, level=500, rate=8000, layout="stereo", pts=320)])
        track.enabled = False
        blank = await receive_from(track)
        assert (blank.pts, blank.samples, blank.sample_rate, blank.layout.name) == (320, 160, 8000, "stereo")
        assert set(levels([blank])) == {0}

    @simulated
    async def test_encoded_media_of_a_disabled_track_is_dropped(self):
        track = ListTrack("audio", [encoded(0), av.Packet(b"x")])
        track.enabled = False
        with pytest.raises(MediaStreamError):
            await receive_from(track)
        assert track.given == 2


class TestClone:
    @simulated
    async def test_both_get_every_frame(self):
        track = ListTrack("video", [picture(i) for i in range(20)], interval=0.04)
        clone = track.clone()
        assert (clone.kind, clone.id == track.id) == ("video", False)
        first, second, third = await asyncio.gather(read_all(track), read_all(clone), read_all(track.clone()))
        assert [number_of(frame) for frame in first] == list(range(20))
        assert first == second == third

    @simulated
    async def test_enabled_and_end_are_its_own(self):
        track = VideoStreamTrack()
        track.enabled = False
        clone = track.clone()
        assert clone.enabled is False
        clone.enabled = True
        assert track.enabled is False
        await clone.recv()
        clone.stop()
        assert (clone.readyState, track.readyState) == ("ended", "live")
        await track.recv()
        track.stop()
        await asyncio.sleep(1)

    @simulated
    async def test_it_ends_and_mutes_with_its_source(self):
        track = ListTrack("video", [picture(1)])
        clone, calls = track.clone(), []
        clone.on("ended", lambda: calls.append("ended"))
        track._set_muted(True)
        assert clone.muted
        track._set_muted(False)
        assert not clone.muted
        assert len(await read_all(clone)) == 1
        assert (clone.readyState, calls) == ("ended", ["ended"])

    @simulated
    async def test_stopping_the_original_ends_its_clones(self):
        track = VideoStreamTrack()
        clone = track.clone()
        await clone.recv()
        track.stop()
        assert len(await read_all(clone)) <= 1
        assert clone.readyState == "ended"
