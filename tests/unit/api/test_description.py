import pytest

from rtcpeer import RTCSessionDescription


def test_round_trip_through_json():
    description = RTCSessionDescription(sdp="v=0\r\n", type="answer")
    assert description.toJSON() == {"type": "answer", "sdp": "v=0\r\n"}
    assert RTCSessionDescription.fromJSON(description.toJSON()) == description
    assert RTCSessionDescription.fromJSON(description) == description


@pytest.mark.parametrize("value", [{"type": "rollback"}, {"type": "rollback", "sdp": None}])
def test_a_rollback_needs_no_sdp(value):
    assert RTCSessionDescription.fromJSON(value) == RTCSessionDescription("", "rollback")


@pytest.mark.parametrize("value", [None, "v=0", 5, {}, {"sdp": "v=0"}, {"type": "ofer", "sdp": ""}, {"type": None}])
def test_what_is_none_is_a_type_error(value):
    with pytest.raises(TypeError):
        RTCSessionDescription.fromJSON(value)
    with pytest.raises(TypeError):
        RTCSessionDescription("", "ofer")
