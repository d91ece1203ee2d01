import pytest

from rtcpeer.srtp import SrtpSettings


@pytest.mark.parametrize(
    ("name", "value"), [("replay_window", 63), ("replay_window", 0x8000), ("max_incoming_ssrcs", 0)]
)
def test_what_srtp_can_not_do(name, value):
    with pytest.raises(ValueError, match=name):
        SrtpSettings(**{name: value})


def test_the_limits_themselves():
    SrtpSettings(replay_window=64)
    SrtpSettings(replay_window=0x7FFF)
