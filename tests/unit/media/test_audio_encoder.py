from dataclasses import replace

import av
import pytest

from rtcpeer.media.audio_encoder import AudioEncoder, audio_format
from rtcpeer.media.codec_contract import CodecError, EncodingTarget
from rtcpeer.media.codecs import create_decoder
from rtcpeer.media.settings import CodecSettings
from rtcpeer.payload import OpusPacket
from tests.unit.media.codec_samples import codec, frequency, pictures, tone

SETTINGS = CodecSettings()


def encoder(name="opus", *, bitrate=None, target=None, **parameters):
    return AudioEncoder(codec(name, **parameters), SETTINGS, bitrate=bitrate, target=target)


def encode(one, sound, *, first=0):
    """At 20 ms a frame."""
    ticks = one.codec.clock_rate // 50
    return [encoded for index, frame in enumerate(sound, first) for encoded in one.encode(frame, index * ticks)]


@pytest.mark.parametrize("name", ["opus", "PCMU", "PCMA", "G722"])
@pytest.mark.parametrize(("rate", "layout"), [(48000, "mono"), (44100, "stereo"), (8000, "mono")])
def test_a_tone_survives(name, rate, layout):
    one = encoder(name)
    frames = encode(one, tone(50, rate=rate, layout=layout, samples=rate // 50))
    ticks = one.codec.clock_rate // 50
    assert [frame.timestamp for frame in frames] == [index * ticks for index in range(len(frames))]
    assert len(frames) in {49, 50}
    assert all(frame.is_keyframe and frame.codec == one.codec for frame in frames)
    decoder = create_decoder(one.codec)
    sound = [piece for frame in frames for piece in decoder.decode(frame)]
    assert frequency(sound[5:]) == pytest.approx(440, rel=0.02)
    assert [piece.pts for piece in sound[:3]] == [0, ticks, 2 * ticks]
    assert one.statistics().audio_level == pytest.approx(0.3 / 2**0.5, rel=0.1)
    assert frames[10].audio_level.level == pytest.approx(13, abs=1)
    assert one.statistics().total_samples_duration == pytest.approx(len(frames) * 0.02)


@pytest.mark.parametrize("ptime", [10, 20, 40, 60])
def test_packets_have_the_length_that_was_asked_for(ptime):
    frames = encode(encoder(target=EncodingTarget(packet_time_ms=ptime)), tone(12))
    assert [OpusPacket.parse(frame.data).duration_ticks for frame in frames] == [48 * ptime] * (240 // ptime)
    assert [frame.timestamp for frame in frames] == [index * 48 * ptime for index in range(240 // ptime)]


@pytest.mark.parametrize(
    ("parameters", "asked", "ptime"),
    [
        ({}, None, 20),
        ({"ptime": "40"}, None, 40),
        ({"minptime": "10"}, None, 20),
        ({"minptime": "60"}, None, 60),
        ({"maxptime": "10"}, None, 10),
        ({"ptime": "30"}, None, 20),
        ({"maxptime": "3"}, None, 20),
        ({"ptime": "nonsense"}, 60, 60),
        ({"ptime": "20"}, 40, 40),
        ({}, 39, 20),  # its a=maxptime may be the reason
        ({}, 5, 10),
    ],
)
def test_the_peer_says_how_long_packets_are(parameters, asked, ptime):
    assert audio_format(codec("opus", **parameters), asked).frame_samples == 48 * ptime


@pytest.mark.parametrize(("name", "rate"), [("PCMU", 8000), ("PCMA", 8000), ("G722", 8000)])
def test_packets_of_a_telephone_may_have_30_ms(name, rate):
    frames = encode(encoder(name, target=EncodingTarget(packet_time_ms=30)), tone(12))
    assert {len(frame.data) for frame in frames} == {240}
    assert [frame.timestamp for frame in frames] == [index * 30 * rate // 1000 for index in range(len(frames))]
    assert len(frames) in {7, 8}


@pytest.mark.parametrize("name", ["opus", "PCMU"])
def test_packets_may_become_longer_while_it_encodes(name):
    one = encoder(name)
    rate = one.codec.clock_rate
    before = encode(one, tone(5))
    one.set_target(EncodingTarget(packet_time_ms=60))
    after = encode(one, tone(7), first=5)
    ticks = rate * 60 // 1000
    assert [frame.timestamp for frame in after] == [after[0].timestamp + index * ticks for index in range(len(after))]
    assert after[0].timestamp in {5 * rate // 50, 4 * rate // 50}
    assert (len(before) in {4, 5}, len(after)) == (True, 2)


def test_opus_is_stereo_where_the_peer_wants_it():
    for wanted in ("0", "1"):
        (frame, *_) = encode(encoder(stereo=wanted), tone(1, layout="stereo"))
        assert OpusPacket.parse(frame.data).is_stereo is (wanted == "1")


def test_opus_prepares_for_loss_where_the_peer_wants_it():
    for wanted in ("0", "1"):
        frames = encode(encoder(useinbandfec=wanted), tone(20))
        assert all(OpusPacket.parse(frame.data).has_fec for frame in frames[5:]) is (wanted == "1")


def test_opus_sends_pauses_where_the_peer_wants_it():
    one = encoder(usedtx="1")
    silence = list(tone(100, loudness=0.0))
    frames = encode(one, [*tone(10), *silence, *tone(10)])
    times = [frame.timestamp // 960 for frame in frames]
    assert times[:20] == list(range(20))
    assert times[-10:] == list(range(110, 120))
    pauses = [frame.timestamp // 960 for frame in frames if OpusPacket.parse(frame.data).is_dtx]
    assert times[20:-10] == [
        20,
        39,
        40,
        59,
        60,
        79,
        80,
        99,
        100,
    ]  # every 400 ms one, and what says that it pauses again
    assert pauses == [20, 40, 60, 80, 100]
    decoder = create_decoder(one.codec)
    assert sum(piece.samples for frame in frames for piece in decoder.decode(frame)) == 120 * 960
    assert len(encode(encoder(), [*tone(10), *silence])) == 110


@pytest.mark.parametrize(
    ("parameters", "bitrate", "limit", "expected"),
    [
        ({}, None, None, 32_000),
        ({"stereo": "1"}, None, None, 64_000),
        ({"maxaveragebitrate": "20000"}, None, None, 20_000),
        ({"maxaveragebitrate": "128000"}, None, None, 128_000),
        ({"maxaveragebitrate": "9999999", "stereo": "1"}, None, None, 510_000),
        ({}, 16_000, None, 16_000),
        ({}, 1_000_000, 24_000, 24_000),
        ({}, 1, None, 6_000),
    ],
)
def test_bitrates_of_opus(parameters, bitrate, limit, expected):
    one = encoder(bitrate=bitrate, target=EncodingTarget(max_bitrate=limit), **parameters)
    assert one.target_bitrate == expected
    frames = encode(one, tone(50))
    assert sum(len(frame.data) for frame in frames) * 8 < expected * 1.2


def test_the_bitrate_changes_while_it_runs():
    one = encoder()
    before = encode(one, tone(50))
    one.set_bitrate(12_000)
    after = encode(one, tone(50, first=50), first=50)
    assert [frame.timestamp for frame in before + after] == [index * 960 for index in range(100)]
    assert sum(len(frame.data) for frame in after) < 0.6 * sum(len(frame.data) for frame in before)
    one.set_target(EncodingTarget(max_bitrate=8_000))
    assert one.target_bitrate == 8_000
    assert encoder("PCMU").target_bitrate is None


def test_a_gap_of_the_source_stays_one():
    one = encoder()
    frames = encode(one, tone(3)) + encode(one, tone(3, first=10), first=10)
    assert [frame.timestamp // 960 for frame in frames] == [0, 1, 2, 10, 11, 12]


def test_a_source_that_is_early_by_less_than_a_packet_keeps_the_timestamps_growing():
    one = encoder()
    encode(one, tone(3))
    (frame,) = one.encode(next(tone(1)), 2 * 960 - 200)
    assert frame.timestamp == 3 * 960


def test_small_jitter_of_the_source_is_none():
    one = encoder()
    frames = [
        encoded
        for index, frame in enumerate(tone(20))
        for encoded in one.encode(frame, index * 960 + (300 if index % 2 else 0))
    ]
    assert [frame.timestamp for frame in frames] == [index * 960 for index in range(20)]


def test_the_source_changes_its_format():
    one = encoder()
    frames = encode(one, [*tone(3), *tone(3, rate=16000, samples=320, layout="stereo")])
    assert [frame.timestamp // 960 for frame in frames[:5]] == list(range(5))


def test_the_programs_frame_stays_as_it_is():
    (frame,) = tone(1)
    frame.pts = 77
    encoder().encode(frame, 0)
    assert (frame.pts, frame.time_base.denominator, frame.samples) == (77, 48000, 960)


def test_a_narrow_band_for_a_peer_that_plays_no_more():
    (frame, *_) = encode(encoder(maxplaybackrate="8000"), tone(5))[2:]
    assert frame.data[0] >> 3 < 4  # narrow band (RFC 6716 table 2)


def test_what_can_not_be_encoded():
    with pytest.raises(CodecError, match=r"audio/opus encodes av.AudioFrame, not VideoFrame"):
        encode(encoder(), pictures(1))
    with pytest.raises(CodecError, match="no encoder for audio/iLBC"):
        AudioEncoder(replace(codec("opus"), name="iLBC"), SETTINGS)
    strange = av.AudioFrame("s16", "mono", 960)  # nobody has said its sample rate
    with pytest.raises(CodecError, match="960 samples of s16, mono, 0 Hz can not become audio/opus"):
        encode(encoder(), [strange])
