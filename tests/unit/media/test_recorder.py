import asyncio
import io
import threading

import av
import pytest

from rtcpeer.errors import OperationError
from rtcpeer.media.player import MediaPlayer
from rtcpeer.media.recorder import MediaRecorder
from rtcpeer.media.track import AudioStreamTrack, VideoStreamTrack
from tests.sim.peers import simulated
from tests.unit.media.samples import ListTrack, number_of, picture, sound, write_file


def streams(path):
    with av.open(str(path)) as container:
        return {
            stream.type: float(stream.duration * stream.time_base) if stream.duration else None
            for stream in container.streams
        }


def pictures(path):
    with av.open(str(path)) as container:
        return [(number_of(frame), frame.time) for frame in container.decode(video=0)]


def films(count, **kwargs):
    return ListTrack("video", [picture(i, pts=i * 3600) for i in range(count)], interval=0.04, **kwargs)


@simulated
async def test_tracks_are_recorded_from_start_to_stop(tmp_path):
    recorder = MediaRecorder(tmp_path / "a.mp4")
    audio, video = AudioStreamTrack(), VideoStreamTrack()
    recorder.addTrack(audio)
    recorder.addTrack(video)
    recorder.addTrack(video)
    await recorder.start()
    await recorder.start()
    await asyncio.sleep(2)
    await recorder.stop()
    await recorder.stop()
    assert streams(tmp_path / "a.mp4") == {"audio": pytest.approx(2, abs=0.1), "video": pytest.approx(2, abs=0.1)}
    assert (audio.readyState, video.readyState) == ("live", "live")


@simulated
async def test_a_track_that_is_added_while_recording_begins_there(tmp_path):
    recorder, late = MediaRecorder(tmp_path / "a.mp4"), films(25)
    recorder.addTrack(films(5))
    await recorder.start()
    recorder.addTrack(late)
    await asyncio.sleep(0.5)
    await recorder.stop()
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert len(container.streams.video) == 2


@simulated
async def test_a_track_that_comes_too_late_is_refused(tmp_path):
    recorder = MediaRecorder(tmp_path / "a.mp4")
    recorder.addTrack(VideoStreamTrack())
    await recorder.start()
    await asyncio.sleep(0.5)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"a\.mp4 has begun without this audio track"):
            recorder.addTrack(AudioStreamTrack())
        await recorder.stop()
    await recorder.start()


@simulated
async def test_tracks_with_timestamps_of_their_own_are_aligned_by_arrival(tmp_path):
    first = ListTrack("video", [picture(i, pts=10**9 + i * 3600) for i in range(50)], interval=0.04)
    second = ListTrack("audio", [sound(pts=777 + i * 960, level=1000) for i in range(50)], interval=0.02)
    recorder = MediaRecorder(tmp_path / "a.mkv")
    recorder.addTrack(first)
    recorder.addTrack(second)
    await recorder.start()
    await asyncio.sleep(3)
    await recorder.stop()
    assert pictures(tmp_path / "a.mkv")[10] == (10, pytest.approx(0.42, abs=0.02))
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert next(container.decode(audio=0)).time == pytest.approx(0, abs=0.02)


@simulated
async def test_disabled_is_recorded_black(tmp_path):
    track, recorder = films(25), MediaRecorder(tmp_path / "a.mp4")
    recorder.addTrack(track)
    await recorder.start()
    await asyncio.sleep(0.41)
    track.enabled = False
    await asyncio.sleep(0.3)
    await recorder.stop()
    assert [number for number, _ in pictures(tmp_path / "a.mp4")] == [*range(10), *[0] * 7]


@simulated
async def test_what_was_recorded_can_be_played_and_recorded_again(tmp_path):
    player = MediaPlayer(write_file(tmp_path / "a.mp4", audio=1, video=1))
    recorder = MediaRecorder(tmp_path / "b.mp4")
    recorder.addTrack(player.audio)
    recorder.addTrack(player.video)
    await recorder.start()
    await asyncio.sleep(3)
    await recorder.stop()
    assert [number for number, _ in pictures(tmp_path / "b.mp4")] == list(range(25))
    assert streams(tmp_path / "b.mp4") == {"audio": pytest.approx(1, abs=0.05), "video": pytest.approx(1, abs=0.05)}


@simulated
async def test_without_a_frame_nothing_is_written(tmp_path):
    recorder = MediaRecorder(tmp_path / "a.mp4")
    recorder.addTrack(ListTrack("audio", []))
    await recorder.start()
    await recorder.stop()
    assert list(tmp_path.iterdir()) == []
    await MediaRecorder(tmp_path / "b.mp4").stop()


@simulated
async def test_an_object_to_write_to():
    file = io.BytesIO()
    recorder = MediaRecorder(file, format="webm")
    recorder.addTrack(films(10))
    await recorder.start()
    await asyncio.sleep(1)
    await recorder.stop()
    with av.open(io.BytesIO(file.getvalue())) as container:
        assert len(list(container.decode(video=0))) == 10


class TestErrors:
    @simulated
    async def test_of_the_file_are_told_at_the_end(self, tmp_path):
        (tmp_path / "a.mp4").mkdir()  # which can not be written to
        recorder, other = MediaRecorder(tmp_path / "a.mp4"), films(500)
        recorder.addTrack(other)
        await recorder.start()
        await asyncio.sleep(10)
        assert other.given < 20  # it is not read any more
        with pytest.raises(OperationError, match=r"Recording to .*a\.mp4 failed: .*directory") as caught:
            await recorder.stop()
        assert isinstance(caught.value.__cause__, OSError)

    @simulated
    async def test_of_a_track_end_the_recording_of_all(self, tmp_path):
        recorder, audio = MediaRecorder(tmp_path / "a.mp4"), AudioStreamTrack()
        recorder.addTrack(audio)
        recorder.addTrack(ListTrack("video", [picture(0, pts=0), ZeroDivisionError("a bug")], interval=0.1))
        await recorder.start()
        await asyncio.sleep(2)
        with pytest.raises(OperationError, match="a bug"):
            await recorder.stop()
        await recorder.stop()

    @simulated
    async def test_encoded_media_is_refused(self, tmp_path):
        recorder = MediaRecorder(tmp_path / "a.mp4")
        recorder.addTrack(ListTrack("video", [av.Packet(b"x")]))
        await recorder.start()
        await asyncio.sleep(0.1)
        with pytest.raises(OperationError, match="a recorder takes decoded frames, and a track gave Packet"):
            await recorder.stop()


async def test_no_thread_is_left(tmp_path):
    recorder = MediaRecorder(tmp_path / "a.wav")
    track = ListTrack("audio", [sound(pts=960 * i) for i in range(5)])
    recorder.addTrack(track)
    await recorder.start()
    while track.readyState == "live":
        await asyncio.sleep(0)
    threads = [each for each in threading.enumerate() if each.name.startswith("rtcpeer-recorder")]
    await recorder.stop()
    await asyncio.to_thread(threads[0].join)
    assert streams(tmp_path / "a.wav") == {"audio": pytest.approx(0.1)}
