import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import Vp9Descriptor, Vp9GroupPicture, Vp9ScalabilityStructure

GROUP = (Vp9GroupPicture(0, True, (4,)), Vp9GroupPicture(2, False, (1, 2, 3)), Vp9GroupPicture(1, True, ()))


# RFC 9628 section 4.2
@pytest.mark.parametrize(
    ("data", "descriptor"),
    [
        ("0c", Vp9Descriptor(True, True, is_long_picture_id=False)),
        ("45", Vp9Descriptor(False, True, True, is_upper_reference=False, is_long_picture_id=False)),
        ("88 7f", Vp9Descriptor(True, False, picture_id=127, is_long_picture_id=False)),
        ("88 ffff", Vp9Descriptor(True, False, picture_id=32767)),
        # Layers, not flexible: TID 5, U, SID 3, D, TL0PICIDX 9
        (
            "e4 8001 b7 09",
            Vp9Descriptor(
                False, True, True, picture_id=1, temporal_id=5, is_switching_up_point=True, spatial_id=3,
                is_inter_layer_predicted=True, tl0_picture_index=9,
            ),
        ),
        # Flexible: no TL0PICIDX, P_DIFF 1, 64 and 127
        (
            "f8 05 00 03 81 fe",
            Vp9Descriptor(
                True, False, True, True, picture_id=5, is_long_picture_id=False, temporal_id=0,
                reference_differences=(1, 64, 127),
            ),
        ),
        # Flexible without prediction between pictures: no P_DIFF
        ("98 05", Vp9Descriptor(True, False, False, True, picture_id=5, is_long_picture_id=False)),
        # A structure of two layers with resolutions and a group
        (
            "0a 38 0140 00f0 0280 01e0 03 14 04 4c 01 02 03 30",
            Vp9Descriptor(
                True, False, is_long_picture_id=False,
                structure=Vp9ScalabilityStructure(2, ((320, 240), (640, 480)), GROUP),
            ),
        ),
        ("0a e0", Vp9Descriptor(True, False, is_long_picture_id=False, structure=Vp9ScalabilityStructure(8))),
        (
            "0a 08 00",
            Vp9Descriptor(True, False, is_long_picture_id=False, structure=Vp9ScalabilityStructure(1, None, ())),
        ),
    ],
)  # fmt: skip
def test_descriptor(data, descriptor):
    payload = bytes.fromhex(data)
    assert Vp9Descriptor.parse(payload + b"VP9") == (descriptor, b"VP9")
    assert descriptor.serialize() == payload
    for size in range(len(payload) + 1):
        with pytest.raises(MalformedPacketError):
            Vp9Descriptor.parse(payload[:size])


def test_a_fourth_reference_is_malformed():
    with pytest.raises(MalformedPacketError, match="more than 3"):
        Vp9Descriptor.parse(bytes.fromhex("d8 05 03 03 03 02") + b"VP9")


# RFC 9628 section 4.2: F is ignored where I is 0
def test_flexible_is_nothing_without_a_picture_id():
    descriptor, part = Vp9Descriptor.parse(bytes.fromhex("7c 20 05") + b"VP9")
    assert (descriptor.is_flexible, descriptor.temporal_id, descriptor.tl0_picture_index) == (False, 1, 5)
    assert (descriptor.reference_differences, part) == ((), b"VP9")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"starts_frame": False}, False),
        ({"is_inter_picture_predicted": True}, False),
        ({"temporal_id": 0, "spatial_id": 1, "is_inter_layer_predicted": True}, False),
        ({"temporal_id": 0, "spatial_id": 1}, True),
        ({"temporal_id": 0, "spatial_id": 0}, True),
    ],
)
def test_keyframes(changes, expected):
    assert Vp9Descriptor(**{"starts_frame": True, "ends_frame": False} | changes).starts_keyframe is expected
