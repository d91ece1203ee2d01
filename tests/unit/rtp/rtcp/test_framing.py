import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp.framing import UnknownPacket, frame, iterate_frames, pack_ssrcs, unpack_ssrcs

# V=2 P=0 count=1 | PT=204 | length 1 | body
FIRST = bytes.fromhex("81 cc 0001" + "01020304")
# V=2 P=1 count=3 | PT=207 | length 2 | body | padding of 4
PADDED = bytes.fromhex("a3 cf 0002" + "05060708" + "00000004")


def test_a_compound_is_walked():
    assert list(iterate_frames(FIRST + PADDED)) == [
        (204, 1, bytes.fromhex("01020304")),
        (207, 3, bytes.fromhex("05060708")),
    ]


def test_padding_in_the_middle():
    assert next(iterate_frames(PADDED + FIRST)) == (207, 3, bytes.fromhex("05060708"))


def test_nothing_but_padding():
    assert list(iterate_frames(bytes.fromhex("a0 cf 0001 00000004"))) == [(207, 0, b"")]


@pytest.mark.parametrize("length", range(len(FIRST) + len(PADDED)))
def test_every_prefix(length):
    if length == len(FIRST):
        assert len(list(iterate_frames(FIRST))) == 1
    else:
        with pytest.raises(MalformedPacketError):
            list(iterate_frames((FIRST + PADDED)[:length]))


@pytest.mark.parametrize(
    "data", ["41 cc 0000", "a1 cc 0000", "a1 cc 0001 00000000", "a1 cc 0001 00000005", "a1 cc 0001 000000ff"]
)
def test_broken_headers(data):
    with pytest.raises(MalformedPacketError):
        list(iterate_frames(bytes.fromhex(data)))


def test_a_packet_is_framed():
    assert frame(204, 1, bytes.fromhex("01020304")) == FIRST
    assert UnknownPacket(204, 1, bytes.fromhex("01020304")).serialize() == FIRST


@pytest.mark.parametrize(("count", "body"), [(32, b""), (-1, b""), (0, b"abc"), (0, bytes(4 * 0x10000))])
def test_what_no_packet_holds(count, body):
    with pytest.raises(ValueError, match="holds"):
        frame(204, count, body)


def test_lists_of_sources():
    assert pack_ssrcs((1, 0xFFFFFFFF)) == bytes.fromhex("00000001 ffffffff")
    assert unpack_ssrcs(bytes.fromhex("ee 00000001 ffffffff"), 2, 1) == (1, 0xFFFFFFFF)
    with pytest.raises(MalformedPacketError):
        unpack_ssrcs(bytes(7), 2)
