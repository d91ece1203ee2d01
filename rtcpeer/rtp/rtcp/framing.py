"""The header of every RTCP packet, and packets that are carried without being understood (RFC 3550 section 6.4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct, pack, unpack_from
from typing import Final

from rtcpeer.errors import MalformedPacketError

__all__ = ["PacketType", "Ssrcs", "UnknownPacket", "frame", "iterate_frames", "pack_ssrcs", "require", "unpack_ssrcs"]

VERSION_2: Final = 0x80
PADDING_BIT: Final = 0x20
MAX_COUNT: Final = 0x1F
MAX_WORDS: Final = 0xFFFF
HEADER: Final = Struct(">BBH")  # V(2) P(1) count or FMT(5), packet type, length in words minus one

Ssrcs = tuple[int, ...]


class PacketType(IntEnum):
    """RTCP packet types that we know."""

    SR = 200
    RR = 201
    SDES = 202
    BYE = 203
    APP = 204
    RTPFB = 205  # RFC 4585 section 6.2
    PSFB = 206  # RFC 4585 section 6.3


@dataclass(frozen=True, slots=True)
class UnknownPacket:
    """A packet of a type or a feedback format that we do not know, as it came."""

    packet_type: int
    count: int  # for feedback the FMT
    body: bytes

    def serialize(self) -> bytes:
        """The packet."""
        return frame(self.packet_type, self.count, self.body)


def frame(packet_type: int, count: int, body: bytes) -> bytes:
    """A packet around its body, which is whole words; `ValueError` when it does not fit."""
    words, rest = divmod(len(body), 4)
    if rest or words > MAX_WORDS or not 0 <= count <= MAX_COUNT:
        raise ValueError(f"no RTCP packet holds a count of {count} and {len(body)} bytes")
    return HEADER.pack(VERSION_2 | count, packet_type, words) + body


def iterate_frames(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Packet type, count and body of every packet in a compound; `MalformedPacketError` where they do not fill it."""
    offset, end = 0, len(data)
    if not end:
        raise MalformedPacketError("an empty RTCP packet")
    while offset < end:
        if offset + HEADER.size > end:
            raise MalformedPacketError(f"{end - offset} bytes can not hold an RTCP header")
        first, packet_type, words = HEADER.unpack_from(data, offset)
        if first & 0xC0 != VERSION_2:
            raise MalformedPacketError(f"RTCP version {first >> 6}")
        begin = offset + HEADER.size
        offset = begin + 4 * words
        if offset > end:
            raise MalformedPacketError(f"RTCP packet {packet_type} claims {4 * words} bytes, {end - begin} are left")
        stop = offset
        # Deviation: taken off wherever it is, though section 6.4.1 has padding in the last packet alone.
        if first & PADDING_BIT:
            padding = data[offset - 1] if words else 0
            if not 0 < padding <= stop - begin:
                raise MalformedPacketError(f"{padding} bytes of padding in {stop - begin} of RTCP packet {packet_type}")
            stop -= padding
        yield packet_type, first & MAX_COUNT, data[begin:stop]


def require(body: bytes, size: int, what: str) -> None:
    """`MalformedPacketError` unless the body has that many bytes."""
    if len(body) < size:
        raise MalformedPacketError(f"{what} needs {size} bytes, not {len(body)}")


def pack_ssrcs(ssrcs: Ssrcs) -> bytes:
    """The SSRCs, one after the other."""
    return pack(f">{len(ssrcs)}I", *ssrcs)


def unpack_ssrcs(body: bytes, count: int, offset: int = 0) -> Ssrcs:
    """So many SSRCs; `MalformedPacketError` when there are fewer."""
    require(body, offset + 4 * count, f"a list of {count} sources")
    return unpack_from(f">{count}I", body, offset)
