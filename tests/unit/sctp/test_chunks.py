import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import (
    DATA,
    DATA_HEADER_SIZE,
    ForwardTsn,
    Sack,
    is_reported_when_unknown,
    is_skipped_when_unknown,
    pack_chunk,
    pack_forward_tsn,
    pack_sack,
    parse_forward_tsn,
    parse_sack,
    parse_tsn,
)


def test_data_is_laid_out_as_in_section_3_3_1() -> None:
    # type, flags (B, E), length, TSN, stream, stream sequence number, payload protocol identifier
    expected = bytes.fromhex("00 03 0013 00000a0b 0102 0304 00000033")
    assert DATA.pack(0, 3, 19, 0x0A0B, 0x0102, 0x0304, 51) == expected
    assert DATA.size == DATA_HEADER_SIZE == 16


def test_sack_is_laid_out_as_in_section_3_3_4() -> None:
    # cumulative TSN, window, 1 block, 1 duplicate; block from +2 to +3; the duplicate
    expected = bytes.fromhex("03 00 0018 00000010 00020000 0001 0001 0002 0003 00000009")
    chunk = pack_sack(0x10, 0x20000, (2, 3), (9,))
    assert chunk == expected
    assert parse_sack(chunk[4:]) == Sack(0x10, 0x20000, (2, 3), (9,))
    assert parse_sack(pack_sack(1, 2, (), ())[4:]) == Sack(1, 2, (), ())


def test_forward_tsn_is_laid_out_as_in_rfc_3758() -> None:
    expected = bytes.fromhex("c0 00 000c 00000010 0001 0002")
    assert pack_forward_tsn(0x10, [(1, 2)]) == expected
    assert parse_forward_tsn(expected[4:]) == ForwardTsn(0x10, ((1, 2),))


@pytest.mark.parametrize("length", [0, 3, 5, 6, 7])
def test_wrong_lengths_are_malformed(length: int) -> None:
    with pytest.raises(MalformedPacketError, match="FORWARD-TSN"):
        parse_forward_tsn(bytes(length))
    with pytest.raises(MalformedPacketError, match="SACK"):
        parse_sack(bytes(length))


def test_a_sack_that_counts_more_than_it_holds_is_malformed() -> None:
    with pytest.raises(MalformedPacketError, match="counts"):
        parse_sack(bytes.fromhex("00000010 00020000 ffff ffff") + bytes(100))


def test_the_tsn_of_a_shutdown() -> None:
    assert parse_tsn(bytes.fromhex("01020304")) == 0x01020304
    with pytest.raises(MalformedPacketError):
        parse_tsn(bytes(3))


def test_chunks_are_padded_and_the_padding_not_counted() -> None:
    assert pack_chunk(4, b"abcde", 1) == bytes.fromhex("04 01 0009") + b"abcde\0\0\0"


def test_the_two_high_bits_of_an_unknown_type() -> None:
    table = {kind: (is_skipped_when_unknown(kind), is_reported_when_unknown(kind)) for kind in (0x3F, 0x7F, 0xBF, 0xFF)}
    assert table == {0x3F: (False, False), 0x7F: (False, True), 0xBF: (True, False), 0xFF: (True, True)}
