"""The common header and its checksum (RFC 9260 sections 3.1 and 6.8)."""

from struct import Struct

from google_crc32c import extend, value

from rtcpeer.errors import MalformedPacketError

__all__ = ["HEADER_SIZE", "Envelope", "PacketHeader", "chunk_at", "parse_header"]

HEADER_SIZE = 12
_HEADER = Struct(">HHI")  # source port, destination port, verification tag; the checksum follows
_CHECKSUM = Struct("<I")  # appendix A transmits the CRC32c with its low byte first
_CHUNK = Struct(">BBH")  # type, flags, length
_NO_CHECKSUM = b"\0\0\0\0"  # section 6.8: the checksum is computed over a packet where it is zero


class Envelope:
    """The header of one direction of one association, together with its share of the checksum.

    The first twelve bytes never change while the tag does not, so their CRC is computed once and extended per packet.
    """

    __slots__ = ("_header", "_header_crc")

    def __init__(self, source_port: int, destination_port: int, tag: int) -> None:
        self._header = _HEADER.pack(source_port, destination_port, tag)
        self._header_crc = value(self._header + _NO_CHECKSUM)

    def seal(self, body: bytes) -> bytes:
        """The packet around these chunks."""
        checksum: int = extend(self._header_crc, body)
        return self._header + checksum.to_bytes(4, "little") + body

    def open(self, packet: bytes) -> bytes | None:
        """The chunks of a packet that bears this header and a right checksum, else None."""
        if packet[:8] != self._header:
            return None
        body = packet[12:]
        if len(packet) < HEADER_SIZE or extend(self._header_crc, body) != _CHECKSUM.unpack_from(packet, 8)[0]:
            return None
        return body


class PacketHeader:
    """The header of a packet that is none of the association's own."""

    __slots__ = ("destination_port", "source_port", "tag")

    def __init__(self, source_port: int, destination_port: int, tag: int) -> None:
        self.source_port = source_port
        self.destination_port = destination_port
        self.tag = tag


def parse_header(packet: bytes) -> tuple[PacketHeader, bytes]:
    """Header and chunks of any packet; `MalformedPacketError` when it is too short or its checksum is wrong."""
    if len(packet) < HEADER_SIZE:
        raise MalformedPacketError(f"{len(packet)} bytes can not hold the SCTP header")
    header = PacketHeader(*_HEADER.unpack_from(packet))
    body = packet[12:]
    if value(packet[:8] + _NO_CHECKSUM + body) != _CHECKSUM.unpack_from(packet, 8)[0]:
        raise MalformedPacketError("wrong CRC32c")
    return header, body


def chunk_at(body: bytes, offset: int) -> tuple[int, int, bytes, int]:
    """Type, flags and value of the chunk at ``offset``, and where the next one begins.

    `MalformedPacketError` where its length runs out of the packet.
    """
    left = len(body) - offset
    if left < _CHUNK.size:
        raise MalformedPacketError(f"{left} bytes can not hold a chunk header")
    kind, flags, length = _CHUNK.unpack_from(body, offset)
    if length < _CHUNK.size or length > left:
        raise MalformedPacketError(f"chunk of type {kind} claims {length} bytes, {left} are left")
    # Section 3.2: padding to four bytes is not counted; the last chunk's may be missing.
    return kind, flags, body[offset + 4 : offset + length], offset + ((length + 3) & ~3)
