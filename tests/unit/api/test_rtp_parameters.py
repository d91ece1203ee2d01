import pytest

from rtcpeer.api.rtp_parameters import (
    RTCRtpCodecCapability,
    RTCRtpCodecParameters,
    RTCRtpEncodingParameters,
    RTCRtpTransceiverInit,
    format_line,
    from_dictionary,
    is_same_codec,
)
from rtcpeer.rtp.parameters import CodecParameters


def test_a_codec_is_shown_as_in_browsers():
    h264 = CodecParameters(
        "video", "H264", 102, 90000, parameters=(("packetization-mode", "1"), ("profile-level-id", "42e01f"))
    )
    shown = RTCRtpCodecParameters.of(h264)
    assert shown == RTCRtpCodecParameters(
        "video/H264", 90000, None, "packetization-mode=1;profile-level-id=42e01f", payloadType=102
    )
    assert shown.name == "H264"
    assert shown.parameters == {"packetization-mode": "1", "profile-level-id": "42e01f"}


def test_channels_are_of_audio_only():
    assert RTCRtpCodecParameters.of(CodecParameters("audio", "opus", 111, 48000, 2)).channels == 2
    assert RTCRtpCodecParameters.of(CodecParameters("video", "VP8", 96, 90000)).channels is None


def test_parameters_without_a_name():
    assert format_line([("", "0-15")]) == "0-15"
    assert format_line([]) is None
    codec = RTCRtpCodecCapability("audio/telephone-event", 8000, 1, "0-15")
    assert codec.parameters == {"": "0-15"}


def test_the_same_codec_however_it_is_written():
    one = RTCRtpCodecCapability("video/H264", 90000, None, "a=1;b=2")
    assert is_same_codec(one, RTCRtpCodecParameters("VIDEO/h264", 90000, None, "b=2; a=1", payloadType=5))
    for other in (
        RTCRtpCodecCapability("video/H265", 90000, None, "a=1;b=2"),
        RTCRtpCodecCapability("video/H264", 8000, None, "a=1;b=2"),
        RTCRtpCodecCapability("video/H264", 90000, 1, "a=1;b=2"),
        RTCRtpCodecCapability("video/H264", 90000, None, "a=1"),
    ):
        assert not is_same_codec(one, other)


def test_dictionaries_as_in_javascript():
    assert from_dictionary(RTCRtpEncodingParameters, {"rid": "q", "maxBitrate": 5}).maxBitrate == 5
    made = RTCRtpTransceiverInit("recvonly")
    assert from_dictionary(RTCRtpTransceiverInit, made) is made
    with pytest.raises(TypeError, match="maxBitRate"):
        from_dictionary(RTCRtpEncodingParameters, {"maxBitRate": 5})
    with pytest.raises(TypeError, match="dictionary"):
        from_dictionary(RTCRtpEncodingParameters, 5)
