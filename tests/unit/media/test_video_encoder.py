from dataclasses import replace

import av
import pytest

from rtcpeer.media import video_implementations
from rtcpeer.media.codec_contract import CodecError, EncodingTarget
from rtcpeer.media.codecs import create_decoder, create_encoder
from rtcpeer.media.settings import CodecSettings
from rtcpeer.media.video_encoder import VideoEncoder
from rtcpeer.media.video_implementations import EncoderShape, implementations_of
from rtcpeer.payload import H264Packetizer, ProfileLevelId, nal_type, nal_units
from tests.unit.media.codec_samples import brightness, codec, pictures, tone

SETTINGS = CodecSettings(allow_hardware=False)
NAMES = ["VP8", "VP9", "H264", "AV1"]


def encoder(name="VP8", *, bitrate=200_000, preference="disabled", target=None, settings=SETTINGS, **parameters):
    return create_encoder(
        codec(name, **parameters), settings, bitrate=bitrate, target=target, degradation_preference=preference
    )


def encode(one, frames, *, keyframes=(), first=0, step=3000):
    return [
        encoded
        for index, frame in enumerate(frames, first)
        for encoded in one.encode(frame, index * step, force_keyframe=index in keyframes)
    ]


def size(frame):
    """Of the picture, by decoding it."""
    (picture,) = create_decoder(frame.codec).decode(frame)
    return picture.width, picture.height


@pytest.mark.parametrize("name", NAMES)
def test_pictures_survive(name):
    one = encoder(name)
    sources = list(pictures(8))
    frames = encode(one, sources, keyframes={5})
    assert [frame.timestamp for frame in frames] == [index * 3000 for index in range(8)]  # none is held back
    assert [frame.is_keyframe for frame in frames] == [index in {0, 5} for index in range(8)]
    decoder = create_decoder(codec(name))
    decoded = [picture for frame in frames for picture in decoder.decode(frame)]
    assert [picture.pts for picture in decoded] == [frame.timestamp for frame in frames]
    for source, picture in zip(sources, decoded, strict=True):
        assert brightness(picture) == pytest.approx(brightness(source), abs=3)
    statistics = one.statistics()
    assert (statistics.frames_encoded, statistics.key_frames_encoded) == (8, 2)
    assert (statistics.frame_width, statistics.frame_height) == (160, 120)
    assert statistics.bytes_encoded == sum(len(frame.data) for frame in frames)
    assert statistics.total_encode_time > 0
    assert 0 < statistics.frames_per_second <= 8
    assert statistics.qp_sum > 0
    one.close()
    one.close()


@pytest.mark.parametrize("name", NAMES)
def test_decoding_can_begin_at_a_keyframe_that_was_asked_for(name):
    frames = encode(encoder(name), pictures(6), keyframes={4})
    decoder = create_decoder(codec(name))
    assert len([picture for frame in frames[4:] for picture in decoder.decode(frame)]) == 2


def test_the_programs_picture_stays_as_it_is():
    (picture,) = pictures(1)
    picture.pts = 77
    encode(encoder(), [picture], keyframes={0})
    assert (picture.pts, picture.time_base.denominator, picture.pict_type) == (77, 90000, next(pictures(1)).pict_type)


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgra", "gray", "yuv422p", "nv12"])
def test_any_pixel_format(pixel_format):
    (source,) = pictures(1, pixel_format=pixel_format)
    (frame,) = encode(encoder(), [source])
    (picture,) = create_decoder(frame.codec).decode(frame)
    assert picture.format.name == "yuv420p"
    assert brightness(picture) == pytest.approx(brightness(source), abs=8)


def test_the_source_changes_its_size():
    one = encoder()
    frames = encode(one, [*pictures(2), *pictures(2, 96, 64), *pictures(2, 161, 121)])
    assert [frame.is_keyframe for frame in frames] == [True, False] * 3
    assert [size(frame) for frame in frames[::2]] == [(160, 120), (96, 64), (160, 120)]


def test_scaled_down():
    one = encoder(target=EncodingTarget(scale_resolution_down_by=2.5))
    assert size(encode(one, pictures(1))[0]) == (64, 48)
    one.set_target(EncodingTarget())
    assert size(encode(one, pictures(1), first=1)[0]) == (160, 120)


def test_fewer_pictures():
    one = encoder(target=EncodingTarget(max_framerate=10))
    assert len(encode(one, pictures(30))) == pytest.approx(10, abs=1)
    assert one.statistics().frames_dropped == pytest.approx(20, abs=1)


@pytest.mark.parametrize("name", ["VP8", "VP9"])
def test_what_the_peer_can_decode(name):
    frames = encode(encoder(name, max_fr="15", max_fs="20"), pictures(30))
    assert len(frames) == pytest.approx(15, abs=1)
    width, height = size(frames[0])
    assert width * height <= 20 * 256
    assert width / height == pytest.approx(4 / 3, rel=0.1)


@pytest.mark.parametrize(("name", "margin"), [("VP8", 1.3), ("VP9", 1.35), ("H264", 1.3), ("AV1", 1.5)])
def test_the_bitrate_follows_without_keyframes(name, margin):
    one = encoder(name, bitrate=400_000)
    frames = list(pictures(60, 320, 240))

    def rate(bitrate, begin):
        one.set_bitrate(bitrate)
        encoded = encode(one, [*frames, *frames], first=begin)
        return sum(len(frame.data) for frame in encoded[60:]) * 8 / 2, sum(frame.is_keyframe for frame in encoded)

    high, _ = rate(400_000, 0)
    low, keyframes = rate(200_000, 120)
    assert 400_000 / margin < high < 400_000 * margin
    assert 200_000 / margin < low < 200_000 * margin
    assert keyframes == (name == "AV1")  # can not be told otherwise


def test_far_from_its_bitrate_an_encoder_is_opened_again():
    one = encoder(bitrate=1_000_000)
    encode(one, pictures(2))
    one.set_bitrate(100_000)
    assert [frame.is_keyframe for frame in encode(one, pictures(2), first=2)] == [True, False]


def test_the_target_limits_the_bitrate():
    one = encoder(bitrate=500_000, target=EncodingTarget(max_bitrate=300_000))
    assert one.statistics().target_bitrate == 300_000
    one.set_bitrate(1)
    assert one.statistics().target_bitrate == SETTINGS.min_bitrate


def test_quality_gives_way_to_a_low_bitrate():
    one = encoder(bitrate=30_000, preference="maintain-framerate")
    frames = encode(one, pictures(40, 640, 480))
    assert len(frames) == 40
    assert size(frames[0])[0] < 320
    assert one.statistics().quality_limitation_reason == "bandwidth"
    one.set_degradation_preference("maintain-resolution")
    frames = encode(one, pictures(40, 640, 480), first=40)
    assert len(frames) < 20
    assert size(frames[0]) == (640, 480)


@pytest.mark.parametrize(
    ("profile_level_id", "profile"),
    [("42e01f", "Constrained Baseline"), ("4d001f", "Main"), ("64001f", "High"), ("640c1f", "High")],
)
def test_h264_has_the_profile_that_was_agreed(profile_level_id, profile):
    (frame,) = encode(encoder("H264", profile_level_id=profile_level_id), pictures(1))
    (sps,) = (unit for unit in nal_units(frame.data) if nal_type(unit) == 7)
    assert ProfileLevelId.of_sequence_parameter_set(sps).profile.value == profile


def test_h264_without_a_profile_is_baseline_whatever_its_level():
    plain = replace(codec("H264"), parameters=())
    (frame,) = encode(create_encoder(plain, SETTINGS), pictures(1, 320, 240))
    (sps,) = (unit for unit in nal_units(frame.data) if nal_type(unit) == 7)
    assert sps[1] == 66
    assert ProfileLevelId.of_sequence_parameter_set(sps).level > 10  # it says what it is
    assert size(frame) == (320, 240)


def test_packetization_mode_0_has_units_that_fit_into_packets():
    one = encoder("H264", bitrate=3_000_000, packetization_mode="0")
    frames = encode(one, pictures(3, 640, 480))
    assert max(len(frame.data) for frame in frames) > 5000
    for frame in frames:
        assert H264Packetizer(packetization_mode=0).packetize(frame.data, 1200)


@pytest.mark.parametrize("value", ["zz", "ffffff", "58001f"])
def test_a_profile_that_can_not_be_encoded(value):
    with pytest.raises(CodecError, match=f"profile.*{value}"):
        encode(encoder("H264", profile_level_id=value), pictures(1))


@pytest.mark.parametrize(
    ("cores", "width", "height", "threads"),
    [
        (1, 1920, 1080, 1),
        (2, 1920, 1080, 1),
        (4, 1920, 1080, 2),
        (16, 1920, 1080, 4),
        (16, 1280, 720, 2),
        (16, 640, 480, 1),
    ],
)
def test_threads_leave_half_of_the_machine_to_others(monkeypatch, cores, width, height, threads):
    monkeypatch.setattr(video_implementations, "available_cores", lambda: cores)
    assert EncoderShape(codec("VP8"), width, height, 30.0, 1, 1, 1.0).threads == threads


def test_sound_is_no_picture():
    with pytest.raises(CodecError, match=r"video/VP8 encodes av.VideoFrame, not AudioFrame"):
        encode(encoder(), tone(1))


def test_no_encoder():
    with pytest.raises(CodecError, match="no encoder for video/VP7"):
        VideoEncoder(codec("VP7"), (), SETTINGS)


def test_an_implementation_that_does_not_open_is_left_out():
    (good,) = implementations_of("VP8")
    bad = replace(good, name="libx265", options=lambda shape: {"preset": "no such"})
    one = VideoEncoder(codec("VP8"), (bad, good), SETTINGS)
    (frame,) = encode(one, pictures(1))
    assert frame.is_keyframe
    assert one.statistics().encoder_implementation == "libvpx"


def test_a_picture_without_size_is_refused():
    with pytest.raises(CodecError):
        encode(encoder(), [av.VideoFrame(0, 0)])
