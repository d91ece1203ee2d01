import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import Frame, Vp8Depacketizer, Vp8Descriptor, Vp8Packetizer, Vp8Rewriter

KEY, INTER = b"\x10key frame", b"\x11inter frame"  # the lowest bit of the first octet tells them apart


# RFC 7741 section 4.2
@pytest.mark.parametrize(
    ("data", "descriptor"),
    [
        ("10", Vp8Descriptor(True, is_long_picture_id=False)),
        ("03", Vp8Descriptor(False, 3, is_long_picture_id=False)),
        ("30", Vp8Descriptor(True, is_non_reference=True, is_long_picture_id=False)),
        ("90 80 7f", Vp8Descriptor(True, picture_id=127, is_long_picture_id=False)),
        ("90 80 ffff", Vp8Descriptor(True, picture_id=32767)),
        ("90 80 8001", Vp8Descriptor(True, picture_id=1)),
        ("80 40 05", Vp8Descriptor(False, tl0_picture_index=5, is_long_picture_id=False)),
        ("80 20 a0", Vp8Descriptor(False, temporal_id=2, is_layer_sync=True, is_long_picture_id=False)),
        ("80 10 1f", Vp8Descriptor(False, key_index=31, is_long_picture_id=False)),
        (
            "b1 f0 9234 56 e7",
            Vp8Descriptor(True, 1, True, 0x1234, True, 0x56, temporal_id=3, is_layer_sync=True, key_index=7),
        ),
    ],
)
def test_descriptor(data, descriptor):
    payload = bytes.fromhex(data)
    assert Vp8Descriptor.parse(payload + b"VP8") == (descriptor, b"VP8")
    assert descriptor.serialize() == payload
    for size in range(len(payload) + 1):
        with pytest.raises(MalformedPacketError):
            Vp8Descriptor.parse(payload[:size])


def test_an_extension_may_be_empty_and_reserved_bits_are_ignored():
    assert Vp8Descriptor.parse(bytes.fromhex("d8 0f") + b"VP8") == (
        Vp8Descriptor(True, is_long_picture_id=False),
        b"VP8",
    )


def test_layer_sync_is_nothing_without_a_temporal_id():
    descriptor, _ = Vp8Descriptor.parse(bytes.fromhex("80 10 ff") + b"VP8")
    assert (descriptor.temporal_id, descriptor.is_layer_sync, descriptor.key_index) == (None, False, 31)


def test_frames_are_numbered_and_cut():
    packetizer = Vp8Packetizer(32767)
    first = packetizer.packetize(KEY, 9)
    assert first == [bytes.fromhex("90 80 ffff") + KEY[:5], bytes.fromhex("80 80 ffff") + KEY[5:]]
    assert packetizer.packetize(INTER, 100) == [bytes.fromhex("90 80 8000") + INTER]


def test_what_can_not_be_cut():
    for frame, size in ((b"", 100), (KEY, 4)):
        with pytest.raises(ValueError, match="byte"):
            Vp8Packetizer(0).packetize(frame, size)


@pytest.mark.parametrize(("frame", "is_keyframe"), [(KEY, True), (INTER, False)])
def test_frames_come_back(frame, is_keyframe):
    depacketizer = Vp8Depacketizer()
    for size in range(5, 20):
        payloads = Vp8Packetizer(5).packetize(frame, size)
        assert max(map(len, payloads)) <= size
        assert depacketizer.depacketize(payloads) == Frame(frame, is_keyframe)
        others = [False] * (len(payloads) - 1)
        assert [depacketizer.is_first_of_frame(payload) for payload in payloads] == [True, *others]
        assert [depacketizer.starts_keyframe(payload) for payload in payloads] == [is_keyframe, *others]


def test_a_frame_begins_with_partition_zero_alone():
    assert not Vp8Depacketizer().is_first_of_frame(b"\x11VP8")
    assert not Vp8Depacketizer().starts_keyframe(b"\x11\x10")


def test_half_frames_and_two_frames_are_none():
    first, second = Vp8Packetizer(5).packetize(KEY, 10)
    for payloads in ([], [second], [first, first], [second, first]):
        with pytest.raises(MalformedPacketError, match="not one VP8 frame"):
            Vp8Depacketizer().depacketize(payloads)


def test_a_frame_is_bounded():
    payloads = Vp8Packetizer(5).packetize(KEY, 10)
    assert Vp8Depacketizer(len(KEY)).depacketize(payloads).data == KEY
    with pytest.raises(MalformedPacketError, match="at most"):
        Vp8Depacketizer(len(KEY) - 1).depacketize(payloads)


def payload_of(picture_id, tl0=None, key=None, *, tid=0, long=True):
    return Vp8Descriptor(
        True, picture_id=picture_id, is_long_picture_id=long, tl0_picture_index=tl0, temporal_id=tid, key_index=key
    ).serialize() + b"VP8"  # fmt: skip


def numbers(payload):
    descriptor, part = Vp8Descriptor.parse(payload)
    assert part == b"VP8"
    return descriptor.picture_id, descriptor.tl0_picture_index, descriptor.key_index


def test_a_switch_between_layers_is_not_seen():
    rewriter = Vp8Rewriter()
    assert numbers(rewriter.rewrite(payload_of(32766, 255, 30))) == (32766, 255, 30)
    assert numbers(rewriter.rewrite(payload_of(32767, 255, 30, tid=1))) == (32767, 255, 30)
    rewriter.switch()
    assert numbers(rewriter.rewrite(payload_of(500, 7, 3))) == (0, 0, 31)
    assert numbers(rewriter.rewrite(payload_of(500, 7, 3))) == (0, 0, 31)
    assert numbers(rewriter.rewrite(payload_of(501, 7, 3, tid=1))) == (1, 0, 31)
    assert numbers(rewriter.rewrite(payload_of(502, 8, 4))) == (2, 1, 0)


def test_a_dropped_layer_leaves_no_gap_in_picture_ids():
    rewriter = Vp8Rewriter()
    rewriter.rewrite(payload_of(10, 1))
    rewriter.drop_picture(payload_of(11, 1, tid=2))
    assert numbers(rewriter.rewrite(payload_of(12, 1, tid=1))) == (11, 1, None)
    rewriter.drop_picture(payload_of(13, 1, tid=2))
    assert numbers(rewriter.rewrite(payload_of(14, 2))) == (12, 2, None)


def test_short_picture_ids_become_long_ones():
    rewriter = Vp8Rewriter()
    payload = payload_of(127, long=False)
    rewritten = rewriter.rewrite(payload)
    assert len(rewritten) == len(payload) + 1
    assert numbers(rewritten)[0] == 127
    assert numbers(rewriter.rewrite(payload_of(0, long=False)))[0] == 128


def test_the_rest_of_a_descriptor_stays():
    rewriter = Vp8Rewriter()
    for data in ("10", "b1 f0 9234 56 e7", "80 10 1f", "33"):
        payload = bytes.fromhex(data) + b"VP8"
        assert rewriter.rewrite(payload) == payload
    rewriter.drop_picture(b"\x10VP8")  # without a number there is nothing to close
    for change in (rewriter.rewrite, rewriter.drop_picture):
        with pytest.raises(MalformedPacketError):
            change(b"\x10")
