import asyncio
import gc
import threading
import weakref
from dataclasses import replace
from itertools import pairwise

import pytest

from rtcpeer.media.codec_contract import EncodingTarget
from rtcpeer.media.codecs import create_decoder, create_encoder
from rtcpeer.media.sending import TrackEncoder
from rtcpeer.media.settings import CodecSettings
from rtcpeer.media.track import MediaStreamError, MediaStreamTrack
from tests.unit.media.codec_samples import codec, pictures, tone

SETTINGS = CodecSettings(allow_hardware=False, max_queued_pictures=100, keyframe_interval_min=0)


class Script(MediaStreamTrack):
    """Gives what it is told, each frame once somebody has put it in."""

    def __init__(self, frames=(), kind="video"):
        super().__init__()
        self.kind = kind
        self.frames = asyncio.Queue()
        self.put(*frames)

    def put(self, *frames):
        for frame in frames:
            self.frames.put_nowait(frame)

    async def recv(self):
        frame = await self.frames.get()
        if frame is None:
            raise MediaStreamError
        if isinstance(frame, Exception):
            raise frame
        return frame


def steps(frames):
    return [other.timestamp - one.timestamp for one, other in pairwise(frames)]


class Sending:
    """A `TrackEncoder` and what comes out of it."""

    def __init__(self, track, name="VP8", settings=SETTINGS, **keywords):
        self.frames, self.ends = [], []
        self.changed = asyncio.Event()
        self.track = track
        self.encoder = TrackEncoder(
            track,
            codec(name) if isinstance(name, str) else name,
            self.on_frame,
            on_end=self.on_end,
            settings=settings,
            degradation_preference="disabled",
            **keywords,
        )
        self.encoder.start()

    def on_frame(self, frame):
        self.frames.append(frame)
        self.changed.set()

    def on_end(self, error):
        self.ends.append(error)
        self.changed.set()

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def got(self, count):
        await self.until(lambda: len(self.frames) >= count)
        return self.frames

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.encoder.close()


async def test_a_track_is_encoded_until_it_ends():
    threads, tasks = threading.active_count(), len(asyncio.all_tasks())
    track = Script([*pictures(5), None])
    async with Sending(track) as sending:
        frames = await sending.got(5)
        assert steps(frames) == [3000] * 4
        assert [frame.is_keyframe for frame in frames] == [True, False, False, False, False]
        assert all(frame.captured_at is not None and frame.rid is None for frame in frames)
        await sending.until(lambda: sending.ends)
        assert sending.ends == [None]
        (statistics,) = sending.encoder.statistics()
        assert (statistics.encoder_implementation, statistics.frames_encoded) == ("libvpx", 5)
        source = sending.encoder.source_statistics()
        assert (source.frames, source.width, source.height) == (5, 160, 120)
        await sending.encoder.close()
    assert (threading.active_count(), len(asyncio.all_tasks())) == (threads, tasks)


async def test_sound_is_not_dropped_and_its_source_is_held_back():
    track = Script(tone(300), "audio")
    async with Sending(track, "opus", replace(SETTINGS, max_queued_pictures=2)) as sending:
        frames = await sending.got(300)
        assert steps(frames) == [960] * 299
        source = sending.encoder.source_statistics()
        assert source.audio_level == pytest.approx(0.21, abs=0.02)
        assert source.total_samples_duration == pytest.approx(6.0)
        assert source.total_audio_energy == pytest.approx(6.0 * 0.045, rel=0.1)


async def test_simulcast():
    targets = [
        EncodingTarget("a"),
        EncodingTarget("b", scale_resolution_down_by=2),
        EncodingTarget("c", is_active=False),
    ]
    track = Script(pictures(4))
    async with Sending(track, targets=targets) as sending:
        await sending.got(8)
        by_rid = {rid: [frame for frame in sending.frames if frame.rid == rid] for rid in "abc"}
        assert [frame.timestamp for frame in by_rid["a"]] == [frame.timestamp for frame in by_rid["b"]]
        sizes = [(one.frame_width, one.frames_encoded) for one in sending.encoder.statistics()]
        assert sizes == [(160, 4), (80, 4), (None, 0)]
        sending.encoder.request_keyframe("b")
        sending.encoder.set_targets([*targets[:2], EncodingTarget("c", scale_resolution_down_by=4)])
        sending.frames.clear()
        track.put(*list(pictures(6))[4:])
        await sending.got(6)
        keyframes = [(frame.rid, frame.is_keyframe) for frame in sending.frames]
        assert sorted(keyframes) == [("a", False)] * 2 + [("b", False), ("b", True), ("c", False), ("c", True)]
        with pytest.raises(ValueError, match="stay the same"):
            sending.encoder.set_targets(targets[:2])


async def test_bitrate_of_one_encoding():
    async with Sending(Script(pictures(1)), targets=[EncodingTarget("a"), EncodingTarget("b")]) as sending:
        sending.encoder.set_bitrate(123_000, "b")
        await sending.got(2)
        assert [one.target_bitrate for one in sending.encoder.statistics()] == [1_000_000, 123_000]
        sending.encoder.set_bitrate(50_000)
        sending.track.put(*list(pictures(2))[1:])
        await sending.got(4)
        assert [one.target_bitrate for one in sending.encoder.statistics()] == [50_000, 50_000]


async def test_keyframes_are_not_made_more_often_than_allowed():
    track = Script(pictures(3))
    async with Sending(track, settings=replace(SETTINGS, keyframe_interval_min=1000)) as sending:
        await sending.got(3)
        sending.encoder.request_keyframe()
        track.put(*list(pictures(6))[3:])
        frames = await sending.got(6)
        assert sum(frame.is_keyframe for frame in frames) == 1


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (next(tone(1)), "video/VP8 encodes av.VideoFrame, not AudioFrame"),
        ("text", "not str"),
        (ZeroDivisionError("of the program"), "of the program"),
    ],
)
async def test_a_frame_of_a_wrong_type_ends_its_track_only(frame, said):
    track, other = Script([*pictures(2), frame, *pictures(2)]), Script(pictures(2))
    async with Sending(track) as sending, Sending(other) as good:
        await sending.until(lambda: sending.ends)
        (error,) = sending.ends
        assert said in str(error)
        assert track.readyState == "ended"
        assert len(await good.got(2)) == 2
        assert good.ends == []
        # The sender itself can be given another track.
        before = len(sending.frames)
        sending.encoder.replace_track(Script(pictures(2)))
        await sending.got(before + 2)
        assert len(sending.ends) == 1


async def test_a_codec_that_can_not_be_encoded_ends_the_track():
    async with Sending(Script(pictures(1)), replace(codec("VP8"), name="VP7")) as sending:
        await sending.until(lambda: sending.ends)
        assert "no encoder for video/VP7" in str(sending.ends[0])


async def test_the_oldest_picture_is_dropped_where_the_encoder_is_too_slow():
    entered, may_go = threading.Event(), threading.Event()
    track = Script()
    settings = replace(SETTINGS, max_queued_pictures=2)
    async with Sending(track, settings=settings) as sending:
        lane = sending.encoder._lanes[0]
        encode = lane._worker._process

        def slow(job):
            entered.set()
            assert may_go.wait(10)
            return encode(job)

        lane._worker._process = slow
        sent = list(pictures(6))
        track.put(sent[0])
        assert await asyncio.to_thread(entered.wait, 10)
        first = 10**12
        for picture in sent[1:]:
            lane.put(picture, first + picture.pts, 0.0, track)
        may_go.set()
        frames = await sending.got(3)
        assert [frame.data[0] & 1 for frame in frames] == [0, 1, 1]
        assert [frame.timestamp for frame in frames[1:]] == [first + 4 * 3000, first + 5 * 3000]
        (statistics,) = sending.encoder.statistics()
        assert (statistics.frames_dropped, statistics.quality_limitation_reason) == (3, "cpu")


async def test_another_track_goes_on():
    first, second = Script(pictures(2)), Script(pictures(2))
    async with Sending(first) as sending:
        await sending.got(2)
        sending.encoder.replace_track(None)
        first.put(*pictures(1))
        sending.encoder.replace_track(second)
        frames = await sending.got(4)
        assert len(frames) == 4
        times = [frame.timestamp for frame in frames]
        assert times == sorted(set(times))
        assert first.readyState == "live"


async def test_another_codec_begins_with_a_keyframe():
    track = Script(pictures(2))
    async with Sending(track) as sending:
        await sending.got(2)
        sending.encoder.set_codec(codec("VP8"))
        sending.encoder.set_codec(codec("VP9"))
        track.put(*list(pictures(4))[2:])
        frames = await sending.got(4)
        assert [frame.codec.name for frame in frames] == ["VP8", "VP8", "VP9", "VP9"]
        assert [frame.is_keyframe for frame in frames] == [True, False, True, False]
        assert len(create_decoder(codec("VP9")).decode(frames[2])) == 1


async def test_another_clock_rate_keeps_the_time():
    track = Script(tone(50), "audio")
    async with Sending(track, "opus") as sending:
        await sending.got(50)
        sending.encoder.set_codec(codec("PCMU"))
        track.put(*tone(10, first=50))
        frames = await sending.got(55)
        assert frames[50].codec.name == "PCMU"
        assert frames[50].timestamp / 8000 == pytest.approx(frames[0].timestamp / 48000, abs=10)


async def test_paused():
    track = Script()
    async with Sending(track) as sending:
        sending.encoder.set_paused(True)
        track.put(*pictures(3))
        async with asyncio.timeout(10):
            while sending.encoder.source_statistics().frames < 3:
                await asyncio.sleep(0)
        sending.encoder.set_paused(False)
        track.put(*list(pictures(5))[3:])
        frames = await sending.got(2)
        assert steps(frames) == [3000]
        assert frames[0].is_keyframe


class Feedback(Script):
    def __init__(self, frames):
        super().__init__(frames)
        self.asked, self.bitrates = 0, []

    def request_keyframe(self):
        self.asked += 1

    def set_bitrate(self, bitrate):
        self.bitrates.append(bitrate)


async def test_encoded_frames_pass_through():
    one = create_encoder(codec("VP8"), SETTINGS)
    theirs = replace(codec("VP8"), payload_type=101)
    encoded = [
        replace(frame, codec=theirs, rid="q", ssrc=5)
        for index, picture in enumerate(pictures(3))
        for frame in one.encode(picture, index * 3000)
    ]
    track = Feedback(encoded)
    async with Sending(track) as sending:
        frames = await sending.got(3)
        assert [frame.data for frame in frames] == [frame.data for frame in encoded]
        assert [frame.timestamp for frame in frames] == [frame.timestamp for frame in encoded]
        assert {(frame.codec.payload_type, frame.rid) for frame in frames} == {(96, None)}
        sending.encoder.request_keyframe()
        sending.encoder.set_bitrate(70_000)
        assert (track.asked, track.bitrates) == (1, [70_000])
        track.put(replace(encoded[0], codec=codec("VP9")))
        assert (await sending.got(4))[3].codec == codec("VP9")  # that may have been agreed on, too


async def test_closed_before_it_starts_and_without_a_track():
    sending = Sending(None)
    await sending.encoder.close()
    await sending.encoder.close()
    sending.encoder.replace_track(Script(pictures(1)))
    await asyncio.sleep(0)
    assert sending.frames == []


async def test_closed_it_is_no_garbage_for_the_collector():
    sending = Sending(Script(pictures(2)))
    await sending.got(2)
    await sending.encoder.close()
    encoder, sending.encoder = weakref.ref(sending.encoder), None
    gc.disable()
    try:
        await asyncio.sleep(0)
        assert encoder() is None
    finally:
        gc.enable()
