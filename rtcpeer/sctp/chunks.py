"""Chunks: types, layouts, and the packing and parsing of all but the hot loops (RFC 9260 section 3.3)."""

from collections.abc import Sequence
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from rtcpeer.errors import MalformedPacketError

__all__ = [
    "DATA",
    "DATA_HEADER_SIZE",
    "FLAG_BEGIN",
    "FLAG_END",
    "FLAG_IMMEDIATE",
    "FLAG_TAG_REFLECTED",
    "FLAG_UNORDERED",
    "ChunkType",
    "ForwardTsn",
    "Sack",
    "is_reported_when_unknown",
    "is_skipped_when_unknown",
    "pack_chunk",
    "pack_forward_tsn",
    "pack_sack",
    "parse_forward_tsn",
    "parse_sack",
    "parse_tsn",
]


class ChunkType(IntEnum):
    """The registry; I-DATA (0x40) and I-FORWARD-TSN (0xc2) of RFC 8260 have their place here when they are built."""

    DATA = 0x00
    INIT = 0x01
    INIT_ACK = 0x02
    SACK = 0x03
    HEARTBEAT = 0x04
    HEARTBEAT_ACK = 0x05
    ABORT = 0x06
    SHUTDOWN = 0x07
    SHUTDOWN_ACK = 0x08
    ERROR = 0x09
    COOKIE_ECHO = 0x0A
    COOKIE_ACK = 0x0B
    SHUTDOWN_COMPLETE = 0x0E
    RECONFIG = 0x82  # RFC 6525 section 3.1
    FORWARD_TSN = 0xC0  # RFC 3758 section 3.2


DATA = Struct(">BBHIHHI")  # type, flags, length, TSN, stream identifier, stream sequence number, payload protocol id
DATA_HEADER_SIZE = 16
FLAG_END = 0x01
FLAG_BEGIN = 0x02
FLAG_UNORDERED = 0x04
FLAG_IMMEDIATE = 0x08  # section 3.3.1: acknowledge without delay
FLAG_TAG_REFLECTED = 0x01  # ABORT and SHUTDOWN COMPLETE: the tag is the receiver's own, sent back (section 8.5.1)

_CHUNK = Struct(">BBH")  # type, flags, length
_TSN = Struct(">I")
_SACK = Struct(">IIHH")  # cumulative TSN ack, advertised receive window, gap block count, duplicate count
_SACK_TYPE = int(ChunkType.SACK)  # the enum's attribute costs a lookup in its class for each SACK
_SACK_CHUNK = Struct(">BBHIIHH")  # the same behind the chunk header
_SKIPPED = Struct(">HH")  # stream identifier, stream sequence number


class Sack(NamedTuple):
    """A SACK; the gap blocks hold first and last offset from the cumulative TSN, flat, as they are on the wire."""

    cumulative_tsn: int
    receive_window: int
    blocks: tuple[int, ...]
    duplicates: tuple[int, ...]


class ForwardTsn(NamedTuple):
    """A FORWARD-TSN: everything up to the TSN is given up; per ordered stream the last sequence number skipped."""

    tsn: int
    skipped: tuple[tuple[int, int], ...]


def is_skipped_when_unknown(kind: int) -> bool:
    """Whether processing goes on behind an unknown chunk: its highest bit (section 3.2)."""
    return bool(kind & 0x80)


def is_reported_when_unknown(kind: int) -> bool:
    """Whether an unknown chunk is reported to the sender: its second highest bit (section 3.2)."""
    return bool(kind & 0x40)


def pack_chunk(kind: int, value: bytes = b"", flags: int = 0) -> bytes:
    """One chunk, padded to four bytes."""
    return _CHUNK.pack(kind, flags, 4 + len(value)) + value + bytes(-len(value) % 4)


def pack_sack(cumulative_tsn: int, receive_window: int, blocks: Sequence[int], duplicates: Sequence[int]) -> bytes:
    """A whole SACK chunk; ``blocks`` is flat as in `Sack`."""
    if not blocks and not duplicates:
        return _SACK_CHUNK.pack(_SACK_TYPE, 0, 16, cumulative_tsn, receive_window, 0, 0)
    length = 16 + 2 * len(blocks) + 4 * len(duplicates)
    head = _SACK_CHUNK.pack(_SACK_TYPE, 0, length, cumulative_tsn, receive_window, len(blocks) // 2, len(duplicates))
    return head + Struct(f">{len(blocks)}H{len(duplicates)}I").pack(*blocks, *duplicates)


def parse_sack(value: bytes) -> Sack:
    """The value of a SACK chunk; `MalformedPacketError` when the counts do not fit."""
    if len(value) < 12:
        raise MalformedPacketError("SACK is too short")
    tsn, window, block_count, duplicate_count = _SACK.unpack_from(value)
    if len(value) < 12 + 4 * (block_count + duplicate_count):
        raise MalformedPacketError("SACK is shorter than its counts say")
    if not block_count and not duplicate_count:
        return Sack(tsn, window, (), ())
    fields = Struct(f">{2 * block_count}H{duplicate_count}I").unpack_from(value, 12)
    return Sack(tsn, window, fields[: 2 * block_count], fields[2 * block_count :])


def pack_forward_tsn(tsn: int, skipped: Sequence[tuple[int, int]]) -> bytes:
    """A whole FORWARD-TSN chunk (RFC 3758 section 3.2)."""
    return pack_chunk(ChunkType.FORWARD_TSN, _TSN.pack(tsn) + b"".join(_SKIPPED.pack(*pair) for pair in skipped))


def parse_forward_tsn(value: bytes) -> ForwardTsn:
    """The value of a FORWARD-TSN chunk."""
    if len(value) < 4 or len(value) % 4:
        raise MalformedPacketError("FORWARD-TSN has a wrong length")
    skipped = tuple((stream_id, ssn) for stream_id, ssn in _SKIPPED.iter_unpack(value[4:]))
    return ForwardTsn(_TSN.unpack_from(value)[0], skipped)


def parse_tsn(value: bytes) -> int:
    """The one field of a SHUTDOWN chunk: the cumulative TSN ack."""
    if len(value) < 4:
        raise MalformedPacketError("SHUTDOWN is too short")
    tsn: int = _TSN.unpack_from(value)[0]
    return tsn
