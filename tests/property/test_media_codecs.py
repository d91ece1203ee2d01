"""Whatever a peer sends as encoded media: decoders never raise, and go on with what is good afterwards."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.media.codecs import create_decoder, create_encoder
from rtcpeer.media.rtp_clock import RtpClock
from rtcpeer.media.settings import CodecSettings
from rtcpeer.rtp.frames import EncodedFrame
from tests.unit.media.codec_samples import codec, pictures, tone

AUDIO, VIDEO = ["opus", "PCMU", "PCMA", "G722"], ["VP8", "VP9", "H264", "AV1"]
SETTINGS = CodecSettings(allow_hardware=False)


@cache
def encoded(name):
    one = create_encoder(codec(name), SETTINGS)
    sources = tone(6) if name in AUDIO else pictures(6, 64, 64)
    ticks = codec(name).clock_rate // 50
    return [frame for index, source in enumerate(sources) for frame in one.encode(source, index * ticks)]


@pytest.mark.parametrize("name", [*AUDIO, *VIDEO])
@settings(max_examples=20, deadline=None)
@given(data=st.lists(st.binary(max_size=300), max_size=5), are_keyframes=st.booleans())
def test_random_data(name, data, are_keyframes):
    decoder = create_decoder(codec(name))
    for index, each in enumerate(data):
        decoder.decode(EncodedFrame(each, index * 960, are_keyframes, codec(name)))
    decoder.close()


@pytest.mark.parametrize("name", [*AUDIO, *VIDEO])
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_mutated_data(name, data):
    decoder = create_decoder(codec(name))
    for frame in encoded(name):
        mutated = bytearray(frame.data)
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(mutated) - 1))
            mutated[at] ^= data.draw(st.integers(1, 255))
        cut = data.draw(st.integers(0, len(mutated)) | st.none())
        decoder.decode(replace(frame, data=bytes(mutated[:cut])))
    (good, *_) = encoded(name)
    decoder.decode(replace(good, timestamp=100_000))  # may still fail, and then begins afresh
    assert decoder.decode(replace(good, timestamp=200_000))


@given(
    st.lists(st.tuples(st.none() | st.integers(-(2**40), 2**40), st.floats(0, 0.5)), max_size=30),
    st.sampled_from([8000, 48000, 90000]),
)
def test_timestamps_always_grow(frames, clock_rate):
    clock, now, times = RtpClock(clock_rate), 0.0, []
    for pts, passed in frames:
        now += passed
        times.append(clock.timestamp(pts, Fraction(1, clock_rate), now))
    assert times == sorted(set(times))
