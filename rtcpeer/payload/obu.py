"""Open bitstream units of AV1 (AV1 bitstream specification sections 4.10.5, 5.3 and 5.9)."""

from dataclasses import dataclass
from enum import IntEnum

from rtcpeer.errors import MalformedPacketError
from rtcpeer.wire import Reader

__all__ = ["Obu", "ObuType", "leb128", "obus", "read_leb128", "starts_sequence"]

# obu_forbidden_bit | obu_type | obu_extension_flag | obu_has_size_field | obu_reserved_1bit
_FORBIDDEN, _HAS_EXTENSION, _HAS_SIZE = 0x80, 0x04, 0x02
_MAX_LEB128_BYTES = 8
_SHOW_EXISTING_FRAME, _FRAME_TYPE = 0x80, 0x60  # of a frame header's first octet; type 0 is a key frame
_REDUCED_STILL_PICTURE = 0x08  # of a sequence header's first octet: seq_profile (3) | still_picture | this


class ObuType(IntEnum):
    """obu_type, as far as something here depends on it (section 6.2.2)."""

    SEQUENCE_HEADER = 1
    TEMPORAL_DELIMITER = 2
    FRAME_HEADER = 3
    FRAME = 6
    TILE_LIST = 8


@dataclass(frozen=True, slots=True)
class Obu:
    """One unit, without the size that it may have carried."""

    header: bytes  # one octet, or two with the extension; obu_has_size_field is 0
    payload: bytes

    @property
    def type(self) -> int:
        """An `ObuType`, or another number."""
        return self.header[0] >> 3 & 0x0F

    @property
    def layer(self) -> tuple[int, int] | None:
        """Temporal and spatial id, None when it belongs to all layers."""
        return (self.header[1] >> 5, self.header[1] >> 3 & 0x03) if len(self.header) == 2 else None

    def without_size(self) -> bytes:
        """The unit as RTP carries it."""
        return self.header + self.payload

    def with_size(self) -> bytes:
        """The unit as it stands in the low-overhead bitstream format (section 5.2)."""
        head = bytes([self.header[0] | _HAS_SIZE]) + self.header[1:]
        return head + leb128(len(self.payload)) + self.payload

    @classmethod
    def read(cls, reader: Reader) -> "Obu":
        """The next unit; one that does not tell its size is all that is left."""
        first = reader.uint8()
        if first & _FORBIDDEN:
            raise MalformedPacketError("obu_forbidden_bit is set")
        extension = reader.take(1) if first & _HAS_EXTENSION else b""
        payload = reader.take(read_leb128(reader)) if first & _HAS_SIZE else reader.rest()
        return cls(bytes([first & ~_HAS_SIZE]) + extension, payload)


def obus(data: bytes) -> list[Obu]:
    """The units of a temporal unit in the low-overhead bitstream format; `MalformedPacketError` when it is none."""
    reader, units = Reader(data), []
    while reader.remaining:
        units.append(Obu.read(reader))
    return units


def starts_sequence(units: list[Obu]) -> bool:
    """Whether a coded video sequence begins: with a sequence header and a key frame (section 7.5)."""
    is_reduced = None
    for unit in units:
        if unit.type == ObuType.SEQUENCE_HEADER and unit.payload:
            is_reduced = bool(unit.payload[0] & _REDUCED_STILL_PICTURE)
        elif unit.type in {ObuType.FRAME, ObuType.FRAME_HEADER} and unit.payload:
            is_key = not unit.payload[0] & (_SHOW_EXISTING_FRAME | _FRAME_TYPE)
            return is_reduced is not None and (is_reduced or is_key)
    return False


def leb128(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    octets = bytearray()
    while value > 0x7F:
        octets.append(0x80 | value & 0x7F)
        value >>= 7
    return bytes([*octets, value])


def read_leb128(reader: Reader) -> int:
    """The next number; `MalformedPacketError` where it has more than 8 bytes or 32 bits (section 4.10.5)."""
    value = 0
    for index in range(_MAX_LEB128_BYTES):
        octet = reader.uint8()
        value |= (octet & 0x7F) << 7 * index
        if not octet & 0x80:
            if value > 0xFFFFFFFF:
                break
            return value
    raise MalformedPacketError("a leb128 number of more than 8 bytes or 32 bits")
