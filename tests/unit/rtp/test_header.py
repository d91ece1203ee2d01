import struct

import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.header import RtpHeader, RtpPacket, is_rtcp, parse_header, parse_packet, replace_fixed

# V=2 P=0 X=0 CC=0 | M=1 PT=96 | sequence number | timestamp | SSRC | payload
PLAIN = bytes.fromhex("80 e0 1234 01020304 deadbeef" + "cafe")
# V=2 P=1 X=1 CC=2 | M=0 PT=111 | sequence number | timestamp | SSRC | CSRC CSRC
# | profile 0xbede, one word | the word | payload | padding of 3 bytes
FULL = bytes.fromhex("b2 6f ffff ffffffff 00000001" + "0000000a 0000000b" + "bede0001 10aa0000" + "0102" + "000003")
FULL_HEADER = RtpHeader(111, 0xFFFF, 0xFFFFFFFF, 1, False, (10, 11), 0xBEDE, bytes.fromhex("10aa0000"))


def test_a_plain_packet():
    packet = parse_packet(PLAIN)
    assert packet == RtpPacket(RtpHeader(96, 0x1234, 0x01020304, 0xDEADBEEF, marker=True), bytes.fromhex("cafe"))
    assert packet.header.size == 12
    assert packet.serialize() == PLAIN


def test_everything_that_a_packet_can_have():
    packet = parse_packet(FULL)
    assert packet == RtpPacket(FULL_HEADER, b"\x01\x02", 3)
    assert packet.header.size == 28
    assert packet.serialize() == FULL


def test_a_header_alone():
    assert parse_header(FULL) == FULL_HEADER
    assert parse_header(FULL[:28]) == FULL_HEADER


def test_a_memoryview_is_not_copied():
    packet = parse_packet(memoryview(FULL))
    assert isinstance(packet.payload, memoryview)
    assert packet.payload.obj is FULL
    assert packet.serialize() == FULL


def test_nothing_but_padding():
    packet = parse_packet(bytes.fromhex("a0 60 0001 00000000 00000001" + "00000004"))
    assert packet.payload == b""
    assert packet.padding_size == 4


def test_an_extension_of_no_words():
    data = bytes.fromhex("90 60 0001 00000000 00000001" + "bede0000" + "ff")
    packet = parse_packet(data)
    assert (packet.header.extension_profile, packet.header.extension, packet.payload) == (0xBEDE, b"", b"\xff")
    assert packet.serialize() == data


@pytest.mark.parametrize("length", range(28))
def test_headers_that_end_too_early(length):
    with pytest.raises(MalformedPacketError):
        parse_header(FULL[:length])
    with pytest.raises(MalformedPacketError):
        parse_packet(FULL[:length])


@pytest.mark.parametrize("first", ["00", "40", "c0"])
def test_other_versions(first):
    with pytest.raises(MalformedPacketError, match="version"):
        parse_packet(bytes.fromhex(first) + PLAIN[1:])


@pytest.mark.parametrize("tail", ["", "00", "cafe00", "cafe04", "ff"])
def test_padding_that_does_not_fit(tail):
    with pytest.raises(MalformedPacketError, match=r"padding|header"):
        parse_packet(bytes.fromhex("a0 60 0001 00000000 00000000" + tail))


def test_the_fixed_header_is_replaced():
    data = replace_fixed(
        FULL, FULL_HEADER._replace(payload_type=100, ssrc=7, sequence_number=8, timestamp=9, marker=True)
    )
    assert data[:12] == bytes.fromhex("b2 e4 0008 00000009 00000007")
    assert data[12:] == FULL[12:]
    assert replace_fixed(memoryview(FULL), FULL_HEADER) == FULL


@pytest.mark.parametrize(
    "header",
    [
        RtpHeader(128, 0, 0, 0),
        RtpHeader(0, 0, 0, 0, csrcs=tuple(range(16))),
        RtpHeader(0, 0, 0, 0, extension_profile=0xBEDE, extension=b"abc"),
        RtpHeader(0, 0, 0, 0, extension_profile=0xBEDE, extension=bytes(4 * 0x10000)),
    ],
)
def test_what_no_header_says(header):
    with pytest.raises(ValueError, match=r"not|fit"):
        header.serialize()


@pytest.mark.parametrize("header", [RtpHeader(0, 0x10000, 0, 0), RtpHeader(0, 0, -1, 0), RtpHeader(0, 0, 0, 1 << 32)])
def test_numbers_that_are_too_wide(header):
    with pytest.raises(struct.error):
        header.serialize()


def test_padding_that_can_not_be_counted():
    with pytest.raises(ValueError, match="padding"):
        RtpPacket(RtpHeader(0, 0, 0, 0), b"", 256).serialize()


@pytest.mark.parametrize(("second", "expected"), [(191, False), (192, True), (200, True), (223, True), (224, False)])
def test_rtcp_by_its_second_byte(second, expected):
    assert is_rtcp(bytes((0x80, second))) is expected


def test_too_short_for_rtcp():
    assert not is_rtcp(b"\x80")
