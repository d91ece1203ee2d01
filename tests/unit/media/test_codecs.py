from dataclasses import replace

import pytest

from rtcpeer.media.codecs import create_decoder, create_encoder, is_same_format, supported_codecs
from rtcpeer.media.settings import CodecSettings
from tests.unit.media.codec_samples import codec


def test_what_is_supported_can_be_made():
    names = [one.name for one in supported_codecs()]
    assert names == ["opus", "G722", "PCMU", "PCMA", "VP8", "VP9", "H264", "AV1"]
    for one in supported_codecs():
        assert (one.can_encode, one.can_decode, one.kind) == (True, True, codec(one.name).kind)
        create_encoder(codec(one.name), CodecSettings(allow_hardware=False)).close()
        create_decoder(codec(one.name)).close()


def test_names_are_compared_without_regard_to_case():
    lower = replace(codec("VP8"), name="vp8")
    create_encoder(lower, CodecSettings()).close()
    assert is_same_format(lower, codec("VP8"))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (codec("VP8"), replace(codec("VP8"), payload_type=120), True),
        (codec("VP8"), codec("VP9"), False),
        (codec("VP9"), codec("VP9", profile_id="0"), True),
        (codec("VP9"), codec("VP9", profile_id="2"), False),
        (codec("AV1"), codec("AV1", profile="1"), False),
        (codec("H264"), codec("H264", profile_level_id="42e034"), True),  # another level
        (codec("H264"), codec("H264", profile_level_id="640c1f"), False),
        (codec("H264"), codec("H264", profile_level_id="zz"), False),
        (codec("H264"), codec("H264", packetization_mode="0"), False),
        (codec("opus"), codec("opus", stereo="1"), True),
        (codec("PCMU"), replace(codec("PCMU"), clock_rate=16000), False),
    ],
)
def test_whether_frames_can_be_sent_as(one, other, expected):
    assert is_same_format(one, other) is expected
    assert is_same_format(other, one) is expected
