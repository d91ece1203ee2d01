"""The marks of the media tests themselves: they must survive every codec at a low bitrate, and tell what is wrong."""

from fractions import Fraction

import av
import pytest

from tests.interop.media_marks import COLORS, NUMBERS, picture, pitch, read, tone

ENCODERS = {
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libx264": {"preset": "ultrafast", "tune": "zerolatency"},
    "libsvtav1": {"preset": "10", "svtav1-params": "rtc=1:scm=0:pred-struct=1:rc=2:scd=0"},
}


def through_video_codec(name: str, frames: list[av.VideoFrame], bit_rate: int) -> list[av.VideoFrame]:
    encoder = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
    encoder.bit_rate, encoder.framerate, encoder.time_base = bit_rate, Fraction(15), Fraction(1, 15)
    encoder.options = ENCODERS[name]
    packets = []
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = index, Fraction(1, 15)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create({"libsvtav1": "libdav1d", "libx264": "h264"}.get(name, name), "r")
    return [frame for packet in [*packets, None] for frame in decoder.decode(packet)]


def through_audio_codec(name: str, frames: list[av.AudioFrame], bit_rate: int | None) -> list[av.AudioFrame]:
    encoder = av.CodecContext.create(name, "w")
    encoder.sample_rate, encoder.layout, encoder.format = frames[0].sample_rate, "mono", "s16"
    if bit_rate:
        encoder.bit_rate = bit_rate
    packets = [packet for frame in frames for packet in encoder.encode(frame)] + encoder.encode(None)
    decoder = av.CodecContext.create(name, "r")
    decoder.sample_rate, decoder.layout = frames[0].sample_rate, "mono"
    return [frame for packet in packets for frame in decoder.decode(packet)]


@pytest.mark.parametrize("name", ENCODERS)
def test_numbers_and_colors_survive_a_codec(name: str) -> None:
    numbers = [0, NUMBERS - 1, *range(1000, 1028)]
    decoded = through_video_codec(name, [picture(number) for number in numbers], 100_000)
    assert [read(frame).number for frame in decoded] == numbers
    assert {read(frame).colors for frame in decoded} == {tuple(COLORS)}


@pytest.mark.parametrize(("width", "height"), [(160, 120), (640, 480), (322, 242)])
def test_any_size_is_read(width: int, height: int) -> None:
    frame = picture(2730, width=width, height=height)
    assert read(frame).number == 2730
    assert read(frame.reformat(width=80, height=60)).number == 2730


def test_what_is_no_mark_is_not_taken_for_one() -> None:
    gray = picture(5).reformat(format="rgb24").to_ndarray() // 8 + 112
    assert read(av.VideoFrame.from_ndarray(gray, format="rgb24")).number is None
    one, other = (picture(number).to_ndarray(format="rgb24") for number in (0x00F, 0x010))
    # The upper half of one and the lower half of the other, as a decoder shows them that lost a packet.
    one[60:] = other[60:]
    assert read(av.VideoFrame.from_ndarray(one, format="rgb24")).number is None
    swapped = picture(5).to_ndarray(format="rgb24")[:, :, ::-1].copy()
    assert read(av.VideoFrame.from_ndarray(swapped, format="rgb24")).colors[0] == "blue"


@pytest.mark.parametrize(("name", "rate", "bit_rate"), [("libopus", 48000, 16_000), ("pcm_mulaw", 8000, None)])
@pytest.mark.parametrize("hertz", [440.0, 1234.5])
def test_a_tone_survives_a_codec(name: str, rate: int, bit_rate: int | None, hertz: float) -> None:
    samples = rate // 50
    frames = [tone(hertz, index * samples, samples=samples, rate=rate) for index in range(50)]
    assert pitch(frames) == pytest.approx(hertz, abs=1)
    assert pitch(through_audio_codec(name, frames, bit_rate)[5:]) == pytest.approx(hertz, abs=5)


def test_silence_has_no_pitch() -> None:
    assert pitch([tone(440, 0, volume=0.0)]) == 0.0
