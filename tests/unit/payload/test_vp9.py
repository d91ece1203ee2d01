import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import Frame, Vp9Depacketizer, Vp9Descriptor, Vp9Packetizer, Vp9Rewriter

KEY, INTER = b"\x82key frame", b"\x86inter frame"  # frame_marker 10, profile 0


def layer(spatial_id, *, starts=True, ends=True, inter=False, dependent=False, picture_id=9, tl0=3, data=b"layer"):
    descriptor = Vp9Descriptor(
        starts, ends, inter, picture_id=picture_id, temporal_id=0, spatial_id=spatial_id,
        is_inter_layer_predicted=dependent, tl0_picture_index=tl0,
    )  # fmt: skip
    return descriptor.serialize() + data


# VP9 bitstream specification section 6.2: in profile 3 a reserved bit comes before show_existing_frame and frame_type
@pytest.mark.parametrize(
    ("first_octet", "is_keyframe"),
    [(0x82, True), (0x86, False), (0x8A, False), (0xA2, True), (0xB0, True), (0xB2, False), (0xB4, False)],
)
def test_key_frames_are_recognized(first_octet, is_keyframe):
    (payload,) = Vp9Packetizer(5).packetize(bytes([first_octet, 1]), 100)
    descriptor, _ = Vp9Descriptor.parse(payload)
    assert descriptor.is_inter_picture_predicted is not is_keyframe


def test_frames_are_numbered_and_cut():
    packetizer = Vp9Packetizer(32767)
    assert packetizer.packetize(KEY, 7) == [
        bytes.fromhex("88 ffff") + KEY[:3],
        bytes.fromhex("80 ffff") + KEY[3:6],
        bytes.fromhex("84 ffff") + KEY[6:],
    ]
    assert packetizer.packetize(INTER, 100) == [bytes.fromhex("cc 8000") + INTER]


def test_flexible_mode_names_the_picture_before():
    packetizer = Vp9Packetizer(1, is_flexible=True)
    assert packetizer.packetize(KEY, 100) == [bytes.fromhex("9c 8001") + KEY]
    assert packetizer.packetize(INTER, 100) == [bytes.fromhex("dc 8002 02") + INTER]


def test_what_is_no_frame_or_can_not_be_cut():
    for frame in (b"", b"\x42"):
        with pytest.raises(ValueError, match="the bits 10"):
            Vp9Packetizer(0).packetize(frame, 100)
    with pytest.raises(ValueError, match="0 bytes are left"):
        Vp9Packetizer(0).packetize(KEY, 3)


@pytest.mark.parametrize("is_flexible", [False, True])
@pytest.mark.parametrize(("frame", "is_keyframe"), [(KEY, True), (INTER, False)])
def test_frames_come_back(frame, is_keyframe, is_flexible):
    depacketizer = Vp9Depacketizer()
    for size in range(5, 20):
        payloads = Vp9Packetizer(5, is_flexible=is_flexible).packetize(frame, size)
        assert max(map(len, payloads)) <= size
        assert depacketizer.depacketize(payloads) == Frame(frame, is_keyframe)
        others = [False] * (len(payloads) - 1)
        assert [depacketizer.is_first_of_frame(payload) for payload in payloads] == [True, *others]
        assert [depacketizer.starts_keyframe(payload) for payload in payloads] == [is_keyframe, *others]


def test_layers_of_a_picture_come_together():
    depacketizer = Vp9Depacketizer()
    payloads = [
        layer(0, ends=False, data=b"ba"),
        layer(0, starts=False, data=b"se "),
        layer(1, data=b"upper", dependent=True),
    ]
    assert depacketizer.depacketize(payloads) == Frame(b"base upper", is_keyframe=True)
    assert [depacketizer.is_first_of_frame(payload) for payload in payloads] == [True, False, None]
    assert [depacketizer.starts_keyframe(payload) for payload in payloads] == [True, False, False]


def test_an_upper_layer_that_needs_no_lower_one_can_be_begun_with():
    assert Vp9Depacketizer().starts_keyframe(layer(1))


def test_a_picture_may_come_without_its_lower_layers():
    payloads = [layer(1, data=b"middle ", inter=True), layer(2, data=b"upper", inter=True)]
    assert Vp9Depacketizer().depacketize(payloads) == Frame(b"middle upper", is_keyframe=False)


def test_a_picture_that_is_not_shown_may_come_with_the_next():
    payloads = [layer(0, data=b"hidden ", picture_id=4), layer(0, data=b"shown", inter=True, picture_id=5)]
    assert Vp9Depacketizer().depacketize(payloads) == Frame(b"hidden shown", is_keyframe=True)


def test_half_pictures_are_none():
    for payloads in ([], [layer(0, starts=False)]):
        with pytest.raises(MalformedPacketError, match="not one VP9 picture"):
            Vp9Depacketizer().depacketize(payloads)


def test_a_picture_is_bounded():
    assert Vp9Depacketizer(10).depacketize([layer(0), layer(1)]).data == b"layerlayer"
    with pytest.raises(MalformedPacketError, match="at most 9"):
        Vp9Depacketizer(9).depacketize([layer(0), layer(1)])


def test_a_switch_of_the_source_is_not_seen():
    rewriter = Vp9Rewriter()

    def numbers(payload):
        descriptor, part = Vp9Descriptor.parse(rewriter.rewrite(payload))
        assert part == b"layer"
        return descriptor.picture_id, descriptor.tl0_picture_index, descriptor.spatial_id

    assert numbers(layer(0, picture_id=32767, tl0=255)) == (32767, 255, 0)
    rewriter.switch()
    assert numbers(layer(0, picture_id=70, tl0=4)) == (0, 0, 0)
    assert numbers(layer(1, picture_id=70, tl0=4)) == (0, 0, 1)
    assert numbers(layer(0, picture_id=71, tl0=5)) == (1, 1, 0)
    # Left out by the forwarder: P_DIFF would point elsewhere if the gap was closed.
    assert numbers(layer(0, picture_id=73, tl0=6)) == (3, 2, 0)


def test_the_rest_of_a_descriptor_stays():
    rewriter = Vp9Rewriter()
    for data in ("0c", "f8 8005 00 03 81 fe", "0a 38 0140 00f0 0280 01e0 01 14 04"):
        payload = bytes.fromhex(data) + b"VP9"
        assert rewriter.rewrite(payload) == payload
    assert rewriter.rewrite(bytes.fromhex("8c 06") + b"VP9") == bytes.fromhex("8c 8006") + b"VP9"
    with pytest.raises(MalformedPacketError):
        rewriter.rewrite(b"\x0c")
