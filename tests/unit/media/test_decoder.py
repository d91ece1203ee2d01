from dataclasses import replace

import pytest

from rtcpeer.media.codec_contract import CodecError
from rtcpeer.media.codecs import create_decoder, create_encoder
from rtcpeer.media.settings import CodecSettings
from rtcpeer.rtp.extension_values import VideoOrientation
from tests.unit.media.codec_samples import codec, pictures

NAMES = ["VP8", "VP9", "H264", "AV1"]


def encoded(name, count=8, keyframes=(0,)):
    one = create_encoder(codec(name), CodecSettings(allow_hardware=False), degradation_preference="disabled")
    return [
        frame
        for index, picture in enumerate(pictures(count))
        for frame in one.encode(picture, index * 3000, force_keyframe=index in keyframes)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_picture_comes_at_once(name):
    decoder = create_decoder(codec(name))
    for frame in encoded(name):
        (picture,) = decoder.decode(frame)
        assert (picture.pts, picture.time_base.denominator) == (frame.timestamp, 90000)
    statistics = decoder.statistics()
    assert (statistics.frames_decoded, statistics.key_frames_decoded, statistics.frames_failed) == (8, 1, 0)
    assert (statistics.frame_width, statistics.frame_height) == (160, 120)
    assert statistics.total_decode_time > 0
    assert 0 < statistics.frames_per_second <= 8


@pytest.mark.parametrize("name", NAMES)
def test_nothing_without_a_keyframe(name):
    decoder = create_decoder(codec(name))
    frames = encoded(name, keyframes=(0, 5))
    assert decoder.needs_keyframe
    assert [len(decoder.decode(frame)) for frame in frames[1:]] == [0, 0, 0, 0, 1, 1, 1]
    assert decoder.statistics().frames_dropped == 4


@pytest.mark.parametrize("name", NAMES)
def test_after_a_failure_it_goes_on_with_the_next_keyframe(name):
    decoder = create_decoder(codec(name))
    frames = encoded(name, keyframes=(0, 5))
    decoder.decode(frames[0])
    # What VP8 can not refuse is shorter than its header.
    assert decoder.decode(replace(frames[1], data=b"\xff")) == []
    assert decoder.needs_keyframe
    assert [len(decoder.decode(frame)) for frame in frames[2:]] == [0, 0, 0, 1, 1, 1]
    assert decoder.statistics().frames_failed == 1


def test_after_a_loss_it_waits_for_the_next_keyframe():
    decoder = create_decoder(codec("VP8"))
    frames = encoded("VP8", keyframes=(0, 4))
    frames[2] = replace(frames[2], lost_before=1)
    frames[4] = replace(frames[4], lost_before=1)
    assert [len(decoder.decode(frame)) for frame in frames] == [1, 1, 0, 0, 1, 1, 1, 1]


def test_the_size_changes():
    decoder = create_decoder(codec("VP8"))
    settings = CodecSettings()
    for width, height in ((64, 48), (128, 96), (32, 32)):
        one = create_encoder(codec("VP8"), settings, degradation_preference="disabled")
        (frame,) = one.encode(next(pictures(1, width, height)), 0)
        (picture,) = decoder.decode(frame)
        assert (picture.width, picture.height) == (width, height)


@pytest.mark.parametrize(("degrees", "corner"), [(0, 0), (90, 1), (180, 3), (270, 2)])
def test_pictures_are_turned_as_the_peer_tells(degrees, corner):
    picture = next(pictures(1, 64, 32))
    for number, plane in enumerate(picture.planes):
        data = bytearray(b"\x80" * plane.buffer_size if number else bytes([16]) * plane.buffer_size)
        for line in range(16 if not number else 0):
            data[line * plane.line_size : line * plane.line_size + 32] = b"\xeb" * 32  # the upper left is white
        plane.update(bytes(data))
    one = create_encoder(codec("VP8"), CodecSettings(), degradation_preference="disabled")
    (frame,) = one.encode(picture, 3000)
    decoder = create_decoder(codec("VP8"))
    (turned,) = decoder.decode(replace(frame, orientation=VideoOrientation(degrees)))
    assert (turned.width, turned.height) == ((32, 64) if degrees in {90, 270} else (64, 32))
    assert turned.pts == 3000
    data, size = bytes(turned.planes[0]), turned.planes[0].line_size
    lights = [
        data[line * size + column] > 128
        for line in (turned.height // 4, 3 * turned.height // 4)
        for column in (turned.width // 4, 3 * turned.width // 4)
    ]
    assert lights == [index == corner for index in range(4)]


def test_a_picture_that_claims_to_be_gigantic_is_refused():
    (frame,) = encoded("VP8", 1)
    data = bytearray(frame.data)
    data[6:10] = b"\xff\x3f\xff\x3f"  # 16383x16383 (RFC 6386 section 9.1)
    decoder = create_decoder(codec("VP8"))
    assert decoder.decode(replace(frame, data=bytes(data))) == []
    assert decoder.statistics().frames_failed == 1


def test_empty_and_closed():
    decoder = create_decoder(codec("VP8"))
    (frame, *_) = encoded("VP8", 1)
    assert decoder.decode(replace(frame, data=b"")) == []
    decoder.close()
    decoder.close()
    assert decoder.decode(frame) == []
    assert decoder.statistics().frames_failed == 2


def test_no_decoder():
    with pytest.raises(CodecError, match="no decoder for video/VP7"):
        create_decoder(codec("VP7"))
