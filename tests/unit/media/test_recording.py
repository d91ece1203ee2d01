"""The blocking half of the recorder; times are said, not waited for."""

import itertools
from fractions import Fraction

import av
import pytest

from rtcpeer.media import recording
from rtcpeer.media.recording import Recording
from tests.unit.media.samples import levels, number_of, picture, sound


def record(path, *, audio=(), video=(), container_format=None, options=None):
    """Write lists of (time, frame), in the order of their times."""
    file = Recording(str(path), container_format, options or {})
    inputs = [(file.add_input(kind), items) for kind, items in (("audio", audio), ("video", video)) if items]
    for time, _, entry, frame in sorted(
        ((time, i, entry, frame) for entry, items in inputs for i, (time, frame) in enumerate(items)),
        key=lambda item: item[:2],
    ):
        file.write(entry, frame, time)
    file.finish()


def decoded(path, kind):
    with av.open(str(path)) as container:
        streams = container.streams.audio if kind == "audio" else container.streams.video
        return list(container.decode(streams[0])) if streams else []


def length(path, kind):
    frames = decoded(path, kind)
    last = frames[-1]
    end = last.samples / last.sample_rate if kind == "audio" else 1 / 25
    return last.time + end - frames[0].time


def noise(seconds, **kwargs):
    count = round(seconds * 50)
    return [(i / 50, sound(kwargs.get("rate", 48000) // 50, level=1000, **kwargs)) for i in range(count)]


def film(seconds, start=0.0):
    return [(start + i / 25, picture(i)) for i in range(round(seconds * 25))]


@pytest.mark.parametrize(
    ("name", "audio", "video"),
    [
        ("a.mp4", "aac", "h264"),
        ("a.mov", "aac", "h264"),
        ("a.webm", "opus", "vp8"),
        ("a.mkv", "opus", "h264"),
        ("a.ts", "aac", "h264"),
        ("a.m3u8", "aac", "h264"),
        ("a.ogg", "opus", None),
        ("a.opus", "opus", None),
        ("a.wav", "pcm_s16le", None),
        ("a.mp3", "mp3float", None),
        ("a.flac", "flac", None),
        ("a.gif", None, "gif"),
    ],
)
def test_containers_and_their_codecs(tmp_path, name, audio, video):
    path = tmp_path / name
    record(path, audio=noise(1) if audio else (), video=film(1) if video else ())
    with av.open(str(path)) as container:
        assert {stream.type: stream.codec_context.name for stream in container.streams} == {
            kind: codec for kind, codec in (("audio", audio), ("video", video)) if codec
        }
    if audio:
        assert length(path, "audio") == pytest.approx(1, abs=0.06)
    if video:
        assert len(decoded(path, "video")) == 25
        assert length(path, "video") == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("suffix", "codec"), [("png", "png"), ("jpg", "mjpeg"), ("bmp", "bmp")])
def test_a_sequence_of_images(tmp_path, suffix, codec):
    record(tmp_path / f"frame-%03d.{suffix}", video=film(0.2))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"frame-00{i}.{suffix}" for i in range(1, 6)]
    with av.open(str(tmp_path / f"frame-004.{suffix}")) as container:
        assert container.streams.video[0].codec_context.name == codec
        assert number_of(next(container.decode(video=0))) == 3


@pytest.mark.parametrize(("name", "kind"), [("a.wav", "video"), ("a.ogg", "video"), ("a-%d.png", "audio")])
def test_what_a_container_can_not_hold_is_refused(tmp_path, name, kind):
    file = Recording(str(tmp_path / name), None, {})
    with pytest.raises(ValueError, match=f"can not hold {kind}"):
        file.add_input(kind)
    file.abort()


def test_an_unknown_container_is_refused(tmp_path):
    with pytest.raises(ValueError, match="format"):
        Recording(str(tmp_path / "a.nonsense"), None, {})


def test_a_missing_folder_is_told_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing"):
        Recording(str(tmp_path / "missing" / "a.mp4"), None, {})


def test_options_reach_the_container(tmp_path):
    record(tmp_path / "a.m3u8", video=film(3), options={"hls_time": "1", "hls_list_size": "0"})
    assert len(list(tmp_path.glob("*.ts"))) == 2  # it can cut at keyframes only
    assert (tmp_path / "a.m3u8").read_text().count("#EXTINF") == 2


class TestAudio:
    def test_its_own_rate_and_channels_are_kept(self, tmp_path):
        record(tmp_path / "a.wav", audio=noise(0.5, rate=8000))
        frames = decoded(tmp_path / "a.wav", "audio")
        assert {(frame.sample_rate, frame.layout.nb_channels) for frame in frames} == {(8000, 1)}
        assert levels(frames) == [1000] * 4000

    def test_a_rate_the_codec_does_not_have_is_changed(self, tmp_path):
        record(tmp_path / "a.mp3", audio=noise(0.5, rate=96000, layout="stereo"))
        assert {(f.sample_rate, f.layout.name) for f in decoded(tmp_path / "a.mp3", "audio")} == {(48000, "stereo")}

    def test_a_gap_becomes_silence(self, tmp_path):
        items = [(time if time < 0.5 else time + 2.5, frame) for time, frame in noise(1)]
        record(tmp_path / "a.wav", audio=items)
        samples = levels(decoded(tmp_path / "a.wav", "audio"))
        assert samples == [1000] * 24000 + [0] * 120000 + [1000] * 24000

    def test_a_little_jitter_leaves_no_trace(self, tmp_path):
        items = [(time + (i % 3) * 0.02, frame) for i, (time, frame) in enumerate(noise(1))]
        record(tmp_path / "a.wav", audio=items)
        assert levels(decoded(tmp_path / "a.wav", "audio")) == [1000] * 48000

    def test_what_comes_twice_is_left_out(self, tmp_path):
        items = noise(1)
        record(tmp_path / "a.wav", audio=items + [(0.2, sound(960, level=9))] * 3)
        assert set(levels(decoded(tmp_path / "a.wav", "audio"))) <= {1000, 9}
        file = Recording(str(tmp_path / "b.wav"), None, {})
        entry = file.add_input("audio")
        for time, frame in [*items, (0.2, sound(960, level=9)), (1.0, sound(960, level=7))]:
            file.write(entry, frame, time)
        file.finish()
        assert levels(decoded(tmp_path / "b.wav", "audio")) == [1000] * 48000 + [7] * 960

    def test_the_format_may_change(self, tmp_path):
        items = noise(0.5) + [(0.5 + time, frame) for time, frame in noise(0.5, rate=16000, layout="stereo")]
        record(tmp_path / "a.wav", audio=items)
        samples = levels(decoded(tmp_path / "a.wav", "audio"))
        assert len(samples) == pytest.approx(48000, abs=100)
        assert samples[40000] == pytest.approx(1000, abs=5)


class TestVideo:
    def test_times_are_kept(self, tmp_path):
        items = [(0.0, picture(0)), (0.1, picture(1)), (1.0, picture(2)), (1.04, picture(3))]
        record(tmp_path / "a.mp4", video=items)
        frames = decoded(tmp_path / "a.mp4", "video")
        assert [number_of(frame) for frame in frames] == [0, 1, 2, 3]
        assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 1, 1.04], abs=0.001)

    def test_other_sizes_are_scaled_to_the_first(self, tmp_path):
        items = [(0.0, picture(1)), (0.04, picture(2, width=200, height=100)), (0.08, picture(3, width=31, height=99))]
        record(tmp_path / "a.mp4", video=items)
        frames = decoded(tmp_path / "a.mp4", "video")
        assert [(f.width, f.height, number_of(f)) for f in frames] == [(64, 48, 1), (64, 48, 2), (64, 48, 3)]

    def test_odd_sizes_lose_a_line(self, tmp_path):
        record(tmp_path / "a.mp4", video=[(0.0, picture(1, width=65, height=49))])
        (frame,) = decoded(tmp_path / "a.mp4", "video")
        assert (frame.width, frame.height) == (64, 48)

    def test_two_at_the_same_time_are_one(self, tmp_path):
        record(tmp_path / "a.mp4", video=[(0.0, picture(1)), (0.0, picture(2)), (0.04, picture(3))])
        assert [number_of(frame) for frame in decoded(tmp_path / "a.mp4", "video")] == [1, 3]

    def test_the_tracks_frame_is_not_touched(self, tmp_path):
        frame = picture(1, pts=12345)
        record(tmp_path / "a.mp4", video=[(7.0, frame)])
        assert (frame.pts, frame.time_base, number_of(frame)) == (12345, Fraction(1, 90000), 1)


class TestAlignment:
    def test_late_video_is_late_in_the_file(self, tmp_path):
        record(tmp_path / "a.mp4", audio=noise(3), video=film(1, start=2.0))
        assert decoded(tmp_path / "a.mp4", "audio")[0].time == pytest.approx(0, abs=0.03)
        assert decoded(tmp_path / "a.mp4", "video")[0].time == pytest.approx(2, abs=0.03)

    def test_late_audio_is_silent_before(self, tmp_path):
        record(tmp_path / "a.mkv", audio=[(time + 1, frame) for time, frame in noise(1)], video=film(2))
        assert length(tmp_path / "a.mkv", "audio") == pytest.approx(2, abs=0.06)
        assert decoded(tmp_path / "a.mkv", "video")[0].time == pytest.approx(0, abs=0.03)

    def test_what_never_comes_is_not_waited_for_for_ever(self, tmp_path, monkeypatch):
        monkeypatch.setattr(recording, "MAX_WAIT", 0.5)
        file = Recording(str(tmp_path / "a.mp4"), None, {})
        audio, video = file.add_input("audio"), file.add_input("video")
        for time, frame in noise(1):
            file.write(audio, frame, time)
            assert file.takes_tracks is (time <= 0.5)
        file.write(video, picture(5, width=32, height=32), 1.0)
        file.finish()
        (frame,) = decoded(tmp_path / "a.mp4", "video")
        assert (frame.width, frame.height, number_of(frame)) == (640, 480, 5)
        assert length(tmp_path / "a.mp4", "audio") == pytest.approx(1, abs=0.06)

    def test_who_leaves_without_a_frame_is_not_in_the_file(self, tmp_path):
        file = Recording(str(tmp_path / "a.mp4"), None, {})
        audio, video = file.add_input("audio"), file.add_input("video")
        for time, frame in itertools.islice(noise(1), 25):
            file.write(audio, frame, time)
        assert file.takes_tracks
        file.leave(video)
        assert not file.takes_tracks
        file.leave(audio)
        file.finish()
        with av.open(str(tmp_path / "a.mp4")) as container:
            assert [stream.type for stream in container.streams] == ["audio"]

    def test_without_any_frame_there_is_no_file(self, tmp_path):
        file = Recording(str(tmp_path / "a.mp4"), None, {})
        file.add_input("audio")
        file.finish()
        assert list(tmp_path.iterdir()) == []
