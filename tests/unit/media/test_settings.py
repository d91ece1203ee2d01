import pytest

from rtcpeer.media.codec_contract import EncodingTarget
from rtcpeer.media.settings import CodecSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_bitrate", 0),
        ("min_bitrate", -1),
        ("max_keyframe_interval", 0),
        ("opus_bitrate", 0),
        ("opus_complexity", 11),
        ("packet_loss_percent", 101),
        ("max_queued_pictures", 0),
        ("max_queued_frames", 0),
        ("max_unread", 0),
        ("keyframe_interval_min", -1),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        CodecSettings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("scale_resolution_down_by", 0.5), ("max_bitrate", 0), ("max_framerate", -1)]
)
def test_a_target_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        EncodingTarget(**{name: value})
