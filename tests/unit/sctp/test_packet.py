import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.packet import Envelope, chunk_at, parse_header

# COOKIE ACK of an association between ports 5000 with the tag 0x01020304.
HEADER = bytes.fromhex("1388 1388 01020304")
COOKIE_ACK = bytes.fromhex("0b00 0004")


def crc32c(data: bytes) -> int:
    """Bit by bit from the reflected polynomial of RFC 9260 appendix A, so that no library judges itself."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_the_checksum_is_crc32c_low_byte_first() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    packet = Envelope(5000, 5000, 0x01020304).seal(COOKIE_ACK)
    assert packet[:8] == HEADER
    assert packet[8:12] == crc32c(HEADER + bytes(4) + COOKIE_ACK).to_bytes(4, "little")
    assert packet[12:] == COOKIE_ACK


def test_an_envelope_opens_only_its_own() -> None:
    envelope = Envelope(5000, 5001, 7)
    packet = envelope.seal(COOKIE_ACK)
    assert envelope.open(packet) == COOKIE_ACK
    for other in (Envelope(5001, 5000, 7), Envelope(5000, 5001, 8)):
        assert other.open(packet) is None
    for position in range(len(packet)):
        changed = packet[:position] + bytes([packet[position] ^ 0x40]) + packet[position + 1 :]
        assert envelope.open(changed) is None
    for length in range(len(packet)):
        assert envelope.open(packet[:length]) is None


def test_any_header_is_parsed() -> None:
    header, body = parse_header(Envelope(1, 2, 3).seal(COOKIE_ACK))
    assert (header.source_port, header.destination_port, header.tag, body) == (1, 2, 3, COOKIE_ACK)
    with pytest.raises(MalformedPacketError, match="11 bytes"):
        parse_header(bytes(11))
    with pytest.raises(MalformedPacketError, match="CRC32c"):
        parse_header(bytes(16))


def test_chunks_are_walked_by_their_padded_length() -> None:
    body = bytes.fromhex("0a01 0006 aabb 0000") + COOKIE_ACK
    assert chunk_at(body, 0) == (10, 1, b"\xaa\xbb", 8)
    assert chunk_at(body, 8) == (11, 0, b"", 12)
    assert chunk_at(body[:6], 0) == (10, 1, b"\xaa\xbb", 8)  # the last one's padding may be missing
    with pytest.raises(MalformedPacketError, match="claims 6 bytes, 5"):
        chunk_at(body[:5], 0)
    with pytest.raises(MalformedPacketError, match="claims 3"):
        chunk_at(bytes.fromhex("0a00 0003"), 0)
    with pytest.raises(MalformedPacketError, match="header"):
        chunk_at(body, 10)
