import dataclasses

import pytest

from rtcpeer.rtp.extension_values import (
    CODECS,
    AbsoluteCaptureTime,
    AudioLevel,
    PlayoutDelay,
    VideoOrientation,
    absolute_send_time,
)
from rtcpeer.rtp.extensions import HeaderExtensions

EXAMPLES = [
    ("mid", "audio0", "617564696f30"),
    ("rid", "hi", "6869"),
    ("repaired_rid", "lo", "6c6f"),
    ("absolute_send_time", 0x010203, "010203"),
    ("transport_sequence_number", 0xABCD, "abcd"),
    ("audio_level", AudioLevel(0, has_voice=True), "80"),
    ("audio_level", AudioLevel(127), "7f"),
    ("video_orientation", VideoOrientation(), "00"),
    ("video_orientation", VideoOrientation(90), "01"),
    ("video_orientation", VideoOrientation(270, is_flipped=True, is_back_camera=True), "0f"),
    ("playout_delay", PlayoutDelay(1, 0xFFF), "001fff"),
    ("absolute_capture_time", AbsoluteCaptureTime(0x0102030405060708), "0102030405060708"),
    ("absolute_capture_time", AbsoluteCaptureTime(1, -1), "0000000000000001 ffffffffffffffff"),
]


@pytest.mark.parametrize(("name", "value", "data"), EXAMPLES)
def test_each_there_and_back(name, value, data):
    _, encode, decode = CODECS[name]
    assert encode(value) == bytes.fromhex(data)
    assert decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("mid", ""),
        ("mid", "ff"),
        ("rid", "80"),
        ("absolute_send_time", "0102"),
        ("transport_sequence_number", "010203"),
        ("audio_level", "0101"),
        ("video_orientation", ""),
        ("playout_delay", "0102"),
        ("playout_delay", "002001"),  # the minimum above the maximum
        ("absolute_capture_time", "010203040506070809"),
    ],
)
def test_what_is_laid_out_otherwise_is_absent(name, data):
    assert CODECS[name][2](bytes.fromhex(data)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mid", ""),
        ("mid", "ü"),
        ("audio_level", AudioLevel(128)),
        ("video_orientation", VideoOrientation(45)),
        ("playout_delay", PlayoutDelay(2, 1)),
        ("playout_delay", PlayoutDelay(0, 0x1000)),
    ],
)
def test_what_can_not_be_written(name, value):
    with pytest.raises(ValueError):  # noqa: PT011  (each says it in its own words)
        CODECS[name][1](value)


def test_each_field_has_a_codec():
    assert [field.name for field in dataclasses.fields(HeaderExtensions)] == list(CODECS)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.0, 0), (1.0, 1 << 18), (63.5, 127 << 17), (64.0, 0), (1e9 + 0.25, 0x010000)]
)
def test_absolute_send_time_wraps_every_64_seconds(seconds, expected):
    assert absolute_send_time(seconds) == expected
