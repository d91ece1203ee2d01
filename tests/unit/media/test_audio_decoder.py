from dataclasses import replace
from fractions import Fraction

import pytest

from rtcpeer.media.codec_contract import CodecError
from rtcpeer.media.codecs import create_decoder, create_encoder
from rtcpeer.media.settings import CodecSettings
from rtcpeer.media.silence import amplitude
from tests.unit.media.codec_samples import codec, frequency, tone

NAMES = ["opus", "PCMU", "PCMA", "G722"]


def encoded(name, count=20, **parameters):
    one = create_encoder(codec(name, **parameters), CodecSettings())
    ticks = codec(name).clock_rate // 50
    return [packet for index, frame in enumerate(tone(count)) for packet in one.encode(frame, index * ticks)]


def decode(decoder, frames):
    return [piece for frame in frames for piece in decoder.decode(frame)]


def is_continuous(sound):
    ends = [piece.pts * piece.time_base + Fraction(piece.samples, piece.sample_rate) for piece in sound]
    return ends[:-1] == [piece.pts * piece.time_base for piece in sound[1:]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lost", [1, 3])
def test_the_time_of_lost_packets_is_filled(name, lost):
    frames = encoded(name)
    del frames[10 : 10 + lost]
    frames[10] = replace(frames[10], lost_before=lost)
    decoder = create_decoder(codec(name))
    sound = decode(decoder, frames)
    seconds = sum(piece.samples for piece in sound) / sound[0].sample_rate
    assert seconds == pytest.approx((len(frames) + lost) * 0.02)
    assert is_continuous(sound)
    statistics = decoder.statistics()
    assert statistics.concealment_events == 1
    assert statistics.concealed_samples == lost * sound[0].sample_rate // 50
    assert statistics.silent_concealed_samples == (0 if name == "opus" else statistics.concealed_samples)
    assert statistics.total_samples_received == sum(piece.samples for piece in sound)


def test_opus_goes_on_with_what_it_heard_and_fades_it_out():
    frames = encoded("opus", 40)
    missing = create_decoder(codec("opus"))
    decode(missing, frames[:10])
    made_up = missing.decode(frames[30])[:-1]
    assert len(made_up) == 20
    assert amplitude(made_up[0]) > 0.1
    assert frequency(made_up[:1]) == pytest.approx(440, rel=0.3)
    assert amplitude(made_up[-1]) < 0.01


def test_a_long_gap_stays_one():
    frames = encoded("opus", 4)
    frames[3] = replace(frames[3], timestamp=frames[3].timestamp + 100_000)
    decoder = create_decoder(codec("opus"))
    assert [piece.pts for piece in decode(decoder, frames)] == [0, 960, 1920, 102_880]
    assert decoder.statistics().concealed_samples == 0


def test_a_packet_that_is_late_is_no_gap():
    frames = encoded("opus", 4)
    decoder = create_decoder(codec("opus"))
    assert [piece.pts for piece in decode(decoder, [frames[2], frames[1], frames[3]])] == [1920, 960, 1920, 2880]


@pytest.mark.parametrize("data", [b"", b"\x03", b"\xff\xff\xff"])
def test_a_malformed_packet_of_opus_is_a_lost_one(data):
    frames = encoded("opus", 6)
    frames[3] = replace(frames[3], data=data)
    decoder = create_decoder(codec("opus"))
    sound = decode(decoder, frames)
    assert [piece.pts for piece in sound] == [index * 960 for index in range(6)]
    assert decoder.statistics().frames_failed == 1
    assert decoder.statistics().frames_decoded == 5


def test_packets_of_any_length_and_channels():
    for ptime in ("10", "40", "60"):
        for stereo in ("0", "1"):
            frames = encoded("opus", 12, ptime=ptime, stereo=stereo)
            sound = decode(create_decoder(codec("opus")), frames)
            assert {piece.layout.name for piece in sound} == {"stereo"}
            assert sum(piece.samples for piece in sound) == 12 * 960


def test_closed_and_unknown():
    decoder = create_decoder(codec("opus"))
    (frame,) = encoded("opus", 1)
    decoder.close()
    decoder.close()
    assert decoder.decode(frame) == []
    with pytest.raises(CodecError, match="no decoder for audio/iLBC"):
        create_decoder(replace(codec("opus"), name="iLBC"))
