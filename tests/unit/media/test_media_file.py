import itertools
from pathlib import Path

import av
import pytest

from rtcpeer.media import media_file
from rtcpeer.media.media_file import Ended, MediaFile
from tests.unit.media.samples import levels, number_of, picture, write_file


def all_of(media, kind, *, others=(), limit=1000):
    frames = []
    while len(frames) < limit and not isinstance(frame := media.next_frame(kind, others), Ended):
        frames.append(frame)
    return frames


def times(frames):
    return [float(frame.pts * frame.time_base) for frame in frames]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return write_file(tmp_path_factory.mktemp("files") / "both.mp4", audio=1, video=1)


def test_both_streams_of_a_file(both):
    media = MediaFile(both)
    assert (set(media.kinds), media.name, media.is_live) == ({"audio", "video"}, both, False)
    pictures, sounds = all_of(media, "video"), all_of(media, "audio")
    assert [number_of(frame) for frame in pictures] == list(range(25))
    assert times(pictures) == pytest.approx([i / 25 for i in range(25)], abs=0.001)
    assert {(f.sample_rate, f.layout.name, f.format.name) for f in sounds} == {(48000, "stereo", "s16")}
    assert {frame.samples for frame in sounds[:-1]} == {960}
    assert times(sounds) == pytest.approx([i / 50 for i in range(len(sounds))], abs=0.001)
    assert len(sounds) / 50 == pytest.approx(1, abs=0.05)
    assert max(levels(sounds)) > 5000
    assert media.next_frame("video") is media.next_frame("audio") is Ended.FOR_GOOD
    media.close()


def test_repeating_goes_on_in_time(tmp_path):
    media = MediaFile(write_file(tmp_path / "a.mp4", audio=0.6, video=0.4), is_looping=True)
    pictures, sounds = [], []
    while len(pictures) < 25 or len(sounds) < 70:  # in turns, as a player reads
        for kind, frames in (("video", pictures), ("audio", sounds)):
            frame = media.next_frame(kind, media.kinds - {kind})
            frames += [] if frame is Ended.FOR_NOW else [frame]
    media.close()
    assert [number_of(frame) for frame in pictures] == [i % 10 for i in range(len(pictures))]
    period = times(pictures)[10]
    assert 0.6 <= period < 0.65  # as long as the longer of the two
    assert times(pictures)[10:20] == pytest.approx([period + i / 25 for i in range(10)], abs=0.001)
    assert all(0 < b - a < 0.06 for a, b in itertools.pairwise(times(sounds)))


def test_of_a_stream_nobody_reads_the_last_pictures_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(media_file, "MAX_PACKETS", 30)
    media = MediaFile(write_file(tmp_path / "a.mp4", audio=4, video=4))
    assert len(all_of(media, "audio")) >= 198
    numbers = [number_of(frame) for frame in all_of(media, "video")]
    media.close()
    assert len(numbers) <= 30
    assert numbers == [number_of(picture(i)) for i in range(100 - len(numbers), 100)]
    assert (100 - len(numbers)) % 10 == 0  # from a keyframe on


def test_of_a_stream_somebody_reads_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(media_file, "MAX_PACKETS", 10)
    media = MediaFile(write_file(tmp_path / "a.mp4", audio=0.1, video=1))
    while isinstance(media.next_frame("audio", ["video"]), av.AudioFrame):
        pass
    assert media.next_frame("audio", ["video"]) is Ended.FOR_NOW
    assert [number_of(frame) for frame in all_of(media, "video", others=["audio"])] == list(range(25))
    assert media.next_frame("audio", ["video"]) is Ended.FOR_GOOD
    media.close()


def test_without_decoding_h264_gets_start_codes_and_parameter_sets(both):
    media = MediaFile(both, is_decoding=False)
    assert set(media.kinds) == {"video"}  # AAC is none of WebRTC's
    packets = all_of(media, "video")
    media.close()
    assert [packet.is_keyframe for packet in packets] == [i % 10 == 0 for i in range(25)]
    assert times(packets) == pytest.approx([i / 25 for i in range(25)], abs=0.001)
    decoder = av.CodecContext.create("h264", "r")  # which has seen nothing of the file but the packets
    pictures = [frame for packet in [*packets[10:], None] for frame in decoder.decode(packet)]
    assert [number_of(frame) for frame in pictures] == list(range(10, 25))


def test_without_decoding_webm_is_as_it_is(tmp_path):
    path = write_file(tmp_path / "a.webm", audio=0.2, video=0.2, audio_codec="libopus", video_codec="libvpx")
    media = MediaFile(path, is_decoding=False)
    pictures, sounds = all_of(media, "video"), all_of(media, "audio")
    media.close()
    assert (len(pictures), len(sounds)) == (5, 11)
    assert times(sounds) == pytest.approx([i / 50 for i in range(11)], abs=0.01)


def test_raw_h264_has_the_times_of_its_frame_rate(tmp_path):
    media = MediaFile(write_file(tmp_path / "a.h264", video=0.4))
    assert times(all_of(media, "video")) == pytest.approx([i / 25 for i in range(10)])
    media.close()


def test_time_begins_at_zero_where_the_file_does_not(tmp_path):
    media = MediaFile(write_file(tmp_path / "a.ts", audio=0.4, video=0.4))  # MPEG-TS begins at 1.4 s
    assert 0 <= times(all_of(media, "video"))[0] < 0.1
    assert 0 <= times(all_of(media, "audio"))[0] < 0.1
    media.close()


def test_a_cover_picture_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.mp3"), "w") as container:
        audio, cover = container.add_stream("libmp3lame", rate=48000), container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame("s16p", "stereo", 48000)
        frame.sample_rate = 48000
        for packet in [*cover.encode(picture()), *audio.encode(frame), *audio.encode(None)]:
            container.mux(packet)
    media = MediaFile(str(tmp_path / "a.mp3"))
    assert set(media.kinds) == {"audio"}
    media.close()


def test_packets_that_can_not_be_decoded_are_left_out(tmp_path):
    path = tmp_path / "a.h264"
    write_file(path, video=1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    media = MediaFile(str(path))
    assert 10 <= len(all_of(media, "video")) <= 25
    media.close()


class TestOpening:
    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"No such file or directory.*missing\.mp4"):
            MediaFile(str(tmp_path / "missing.mp4"))

    def test_a_file_that_is_no_media(self, tmp_path):
        (tmp_path / "a.txt").write_text("nothing")
        with pytest.raises(av.FFmpegError):
            MediaFile(str(tmp_path / "a.txt"))

    def test_a_format_that_does_not_exist(self, both):
        with pytest.raises(ValueError, match="nonsense"):
            MediaFile(both, "nonsense")

    def test_nothing_to_send_without_decoding(self, tmp_path):
        path = write_file(tmp_path / "a.mp4", audio=0.2)
        with pytest.raises(ValueError, match=r"no audio or video that can be sent without decoding in .*a\.mp4"):
            MediaFile(path, is_decoding=False)

    def test_an_object_to_read_from(self, both):
        with Path(both).open("rb") as file:
            media = MediaFile(file)
            assert len(all_of(media, "video")) == 25
            media.close()

    def test_options_and_format(self):
        media = MediaFile("testsrc=size=64x48:rate=10", "lavfi", {"foo": "ignored"})
        assert [frame.width for frame in all_of(media, "video", limit=3)] == [64] * 3
        media.close()
