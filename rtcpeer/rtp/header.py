"""The RTP packet: fixed header, contributing sources, header extension, padding (RFC 3550 sections 5.1 and 5.3.1)."""

from struct import Struct
from typing import Final, NamedTuple

from rtcpeer.errors import MalformedPacketError

__all__ = ["FIXED_HEADER_SIZE", "RtpHeader", "RtpPacket", "is_rtcp", "parse_header", "parse_packet", "replace_fixed"]

FIXED_HEADER_SIZE: Final = 12
VERSION_2: Final = 0x80
PADDING_BIT: Final = 0x20
EXTENSION_BIT: Final = 0x10
CSRC_COUNT: Final = 0x0F
MARKER_BIT: Final = 0x80
MAX_CSRCS: Final = 15
MAX_WORDS: Final = 0xFFFF

# V(2) P(1) X(1) CC(4), M(1) PT(7), sequence number, timestamp, SSRC
FIXED: Final = Struct(">BBHII")
EXTENSION: Final = Struct(">HH")  # defined by profile, length in 32-bit words without this header
CSRCS: Final = tuple(Struct(f">{count}I") for count in range(MAX_CSRCS + 1))

# A named tuple without the Python function that its constructor is, which takes a third of a parse.
make_tuple: Final = tuple.__new__


class RtpHeader(NamedTuple):
    """All of a packet before its payload."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension_profile: int | None = None  # "defined by profile"; None: there is no extension (X is 0)
    extension: bytes = b""  # whole 32-bit words

    @property
    def size(self) -> int:
        """Bytes on the wire: where the payload begins."""
        extension = 0 if self.extension_profile is None else 4 + len(self.extension)
        return FIXED_HEADER_SIZE + 4 * len(self.csrcs) + extension

    def serialize(self, *, has_padding: bool = False) -> bytes:
        """The bytes of the header; `ValueError` or `struct.error` for what no header can say."""
        if self.payload_type > 0x7F:
            raise ValueError(f"a payload type has seven bits, {self.payload_type} does not fit")
        first = VERSION_2 | PADDING_BIT if has_padding else VERSION_2
        second = self.payload_type | MARKER_BIT if self.marker else self.payload_type
        if not self.csrcs and self.extension_profile is None:
            return FIXED.pack(first, second, self.sequence_number, self.timestamp, self.ssrc)
        count = len(self.csrcs)
        if count > MAX_CSRCS:
            raise ValueError(f"a packet names at most {MAX_CSRCS} contributing sources, not {count}")
        if self.extension_profile is not None:
            first |= EXTENSION_BIT
        fixed = FIXED.pack(first | count, second, self.sequence_number, self.timestamp, self.ssrc)
        return fixed + CSRCS[count].pack(*self.csrcs) + self._serialized_extension()

    def _serialized_extension(self) -> bytes:
        if self.extension_profile is None:
            return b""
        words, rest = divmod(len(self.extension), 4)
        if rest or words > MAX_WORDS:
            raise ValueError(f"an extension is at most 65535 words of 32 bits, not {len(self.extension)} bytes")
        return EXTENSION.pack(self.extension_profile, words) + self.extension


class RtpPacket(NamedTuple):
    """A header and what follows it."""

    header: RtpHeader
    payload: bytes | memoryview = b""
    padding_size: int = 0  # bytes of padding, with the one that counts them; 0: P is 0

    def serialize(self) -> bytes:
        """The packet as it goes to SRTP."""
        padding = self.padding_size
        if not padding:
            return self.header.serialize() + self.payload
        if padding > 0xFF:
            raise ValueError(f"one byte counts the padding, {padding} bytes do not fit")
        return b"".join((self.header.serialize(has_padding=True), self.payload, bytes(padding - 1), bytes((padding,))))


def is_rtcp(packet: bytes | memoryview) -> bool:
    """Whether a packet is RTCP, where both come over one transport (RFC 5761 section 4)."""
    return len(packet) > 1 and 192 <= packet[1] <= 223


def parse_header(data: bytes | memoryview) -> RtpHeader:
    """The header alone, as forwarders want it; `MalformedPacketError` where it does not fit into the packet."""
    return _parse(data)[0]


def parse_packet(data: bytes | memoryview) -> RtpPacket:
    """Header and payload, which is a slice of what is given; `MalformedPacketError` where they do not fit."""
    header, offset, first = _parse(data)
    if not first & PADDING_BIT:
        return make_tuple(RtpPacket, (header, data[offset:], 0))
    padding = data[-1]
    if not 0 < padding <= len(data) - offset:
        raise MalformedPacketError(f"{padding} bytes of padding, {len(data) - offset} follow the header")
    return RtpPacket(header, data[offset : len(data) - padding], padding)


def replace_fixed(data: bytes | memoryview, header: RtpHeader) -> bytes:
    """The same packet under another payload type, sequence number, timestamp, SSRC and marker, for forwarders.

    Contributing sources, extension, payload and padding stay as they are; `data` has been parsed before.
    """
    second = header.payload_type | MARKER_BIT if header.marker else header.payload_type
    fixed = FIXED.pack(data[0], second, header.sequence_number, header.timestamp, header.ssrc)
    return b"".join((fixed, data[FIXED_HEADER_SIZE:]))


def _parse(data: bytes | memoryview) -> tuple[RtpHeader, int, int]:
    """The header, where the payload begins, and the first byte."""
    size = len(data)
    if size < FIXED_HEADER_SIZE:
        raise MalformedPacketError(f"{size} bytes can not hold an RTP header")
    first, second, sequence_number, timestamp, ssrc = FIXED.unpack_from(data)
    if first & 0xC0 != VERSION_2:
        raise MalformedPacketError(f"RTP version {first >> 6}")
    if not first & (EXTENSION_BIT | CSRC_COUNT):
        fixed = (second & 0x7F, sequence_number, timestamp, ssrc, second > 0x7F, (), None, b"")
        return make_tuple(RtpHeader, fixed), FIXED_HEADER_SIZE, first
    count = first & CSRC_COUNT
    offset = FIXED_HEADER_SIZE + 4 * count
    if offset > size:
        raise MalformedPacketError(f"{count} contributing sources do not fit into {size} bytes")
    csrcs = CSRCS[count].unpack_from(data, FIXED_HEADER_SIZE) if count else ()
    profile, extension = None, b""
    if first & EXTENSION_BIT:
        if offset + 4 > size:
            raise MalformedPacketError(f"{size - offset} bytes can not hold an extension header")
        profile, words = EXTENSION.unpack_from(data, offset)
        begin = offset + 4
        offset = begin + 4 * words
        if offset > size:
            raise MalformedPacketError(f"an extension of {words} words, {size - begin} bytes are left")
        extension = bytes(data[begin:offset])
    fields = (second & 0x7F, sequence_number, timestamp, ssrc, second > 0x7F, csrcs, profile, extension)
    return make_tuple(RtpHeader, fields), offset, first
