import pytest

from rtcpeer.jsep import NegotiationSettings
from rtcpeer.sdp.transport import Setup


@pytest.mark.parametrize(
    ("field", "value"),
    [("answer_setup", Setup.ACTPASS), ("sctp_port", 0), ("sctp_port", 65536), ("max_message_size", -1)],
)
def test_bad_settings_name_their_field(field, value):
    with pytest.raises(ValueError, match=field):
        NegotiationSettings(**{field: value})
