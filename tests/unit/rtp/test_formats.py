import pytest

from rtcpeer.payload import AudioPacketizer, Av1Packetizer, H264Packetizer, Vp8Packetizer, Vp9Packetizer
from rtcpeer.rtp.formats import depacketizer_of, is_media, media_codecs, negotiated_as, packetizer_of
from rtcpeer.rtp.parameters import CodecParameters

NAL = b"\0\0\0\1\x65" + b"\x55" * 2000


def video(name, payload_type=96, **parameters):
    told = tuple((key.replace("_", "-"), value) for key, value in parameters.items())
    return CodecParameters("video", name, payload_type, 90000, parameters=told)


OPUS = CodecParameters("audio", "opus", 111, 48000, 2)
EVENTS = CodecParameters("audio", "telephone-event", 110, 48000)


@pytest.mark.parametrize(
    ("codec", "packetizer"),
    [
        (OPUS, AudioPacketizer),
        (CodecParameters("audio", "PCMU", 0, 8000), AudioPacketizer),
        (video("VP8"), Vp8Packetizer),
        (video("vp9"), Vp9Packetizer),
        (video("H264"), H264Packetizer),
        (video("AV1"), Av1Packetizer),
    ],
)
def test_each_format_has_what_cuts_and_what_joins_it(codec, packetizer):
    assert is_media(codec)
    assert type(packetizer_of(codec, bytes)) is packetizer
    assert depacketizer_of(codec) is not None


def test_h264_is_cut_as_its_packetization_mode_says():
    assert len(packetizer_of(video("H264", packetization_mode="1"), bytes).packetize(NAL, 1000)) > 1
    for mode in ({}, {"packetization_mode": "0"}):
        with pytest.raises(ValueError, match="mode 0"):
            packetizer_of(video("H264", **mode), bytes).packetize(NAL, 1000)


@pytest.mark.parametrize("codec", [EVENTS, video("rtx", apt="96"), CodecParameters("audio", "CN", 13, 8000)])
def test_what_is_no_media_has_no_format(codec):
    assert not is_media(codec)
    assert depacketizer_of(codec) is None
    with pytest.raises(ValueError, match="no format"):
        packetizer_of(codec, bytes)


def test_media_codecs_keep_their_order():
    assert media_codecs([EVENTS, OPUS, video("rtx"), video("VP8")]) == (OPUS, video("VP8"))


def test_a_frame_is_sent_under_our_payload_type_whatever_its_own_was():
    ours = [video("VP9", 98, profile_id="2"), video("VP9", 100), video("VP8", 120)]
    assert negotiated_as(video("vp8", 96), ours) == ours[2]
    assert negotiated_as(video("VP9", 35, profile_id="0"), ours) == ours[1]
    assert negotiated_as(video("VP9", 35, profile_id="2"), ours) == ours[0]
    assert negotiated_as(video("VP9", 35, profile_id="1"), ours) is None
    assert negotiated_as(OPUS, ours) is None


def test_of_several_the_one_with_the_same_parameters_is_taken():
    ours = [video("H264", 102, packetization_mode="0"), video("H264", 104, packetization_mode="1")]
    assert negotiated_as(video("H264", 99, packetization_mode="1"), ours) == ours[1]
    assert negotiated_as(video("H264", 99), ours) == ours[0]
