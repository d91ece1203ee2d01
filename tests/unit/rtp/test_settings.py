import pytest

from rtcpeer.rtp.settings import MediaSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_packet_size", 255),
        ("max_packet_size", 1351),
        ("report_interval", 0),
        ("report_bandwidth", 0),
        ("report_bandwidth", 1.1),
        ("feedback_interval", 0),
        ("max_feedback_interval", 0.01),
        ("keyframe_interval", -1),
        ("audio_bitrate", 0),
        ("max_bitrate", 0),
        ("stream_timeout", 0),
        ("max_streams", 0),
    ],
)
def test_what_can_not_work_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        MediaSettings(**{name: value})
