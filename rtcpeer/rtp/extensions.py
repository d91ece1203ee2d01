"""Header extensions: the one-byte and two-byte forms, and the numbers that a session agreed on (RFC 8285)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.extension_values import (
    CODECS,
    AbsoluteCaptureTime,
    AudioLevel,
    Decoder,
    Encoder,
    PlayoutDelay,
    VideoOrientation,
)
from rtcpeer.rtp.header import RtpHeader

__all__ = ["ExtensionMap", "HeaderExtensions", "parse_elements", "serialize_elements"]

ONE_BYTE: Final = 0xBEDE  # section 4.2
TWO_BYTE: Final = 0x1000  # section 4.3; the low four bits are appbits, which nobody uses
TWO_BYTE_MASK: Final = 0xFFF0
PADDING_ID: Final = 0
STOP_ID: Final = 15  # section 4.2: reserved; whoever sees it in the one-byte form reads no further
MAX_ONE_BYTE_ID: Final = 14
MAX_ONE_BYTE_SIZE: Final = 16
MAX_SIZE: Final = 255

new_object: Final = object.__new__


def parse_elements(profile: int | None, data: bytes) -> list[tuple[int, bytes]]:
    """Id and value of every element; none when the extension is of neither form.

    `MalformedPacketError` where an element runs out of the extension.
    """
    if profile == ONE_BYTE:
        return _parse_one_byte(data)
    if profile is not None and profile & TWO_BYTE_MASK == TWO_BYTE:
        return _parse_two_byte(data)
    return []


def serialize_elements(elements: Sequence[tuple[int, bytes]], *, allow_two_byte: bool = False) -> tuple[int, bytes]:
    """Profile and data of an extension with these elements, in the short form where it holds them all.

    ``allow_two_byte`` is what ``a=extmap-allow-mixed`` was agreed on for (section 6); `ValueError` when the elements
    need it without.
    """
    parts = bytearray()
    for number, value in elements:
        size = len(value)
        if not 0 < number <= MAX_ONE_BYTE_ID or not 0 < size <= MAX_ONE_BYTE_SIZE:
            if not allow_two_byte:
                raise ValueError(
                    "ids above 14 and values above 16 bytes need the two-byte form, which was not agreed on"
                )
            return _serialize_two_byte(elements)
        parts.append(number << 4 | size - 1)
        parts += value
    return ONE_BYTE, bytes(parts.ljust((len(parts) + 3) & ~3, b"\0"))


@dataclass
class HeaderExtensions:
    """What the extensions of one packet say; None where they do not.

    Without slots, so that those read from a packet hold what it says, and find the rest in their class.
    """

    mid: str | None = None
    rid: str | None = None
    repaired_rid: str | None = None
    absolute_send_time: int | None = None  # 6.18 bits fixed point, seconds
    transport_sequence_number: int | None = None
    audio_level: AudioLevel | None = None
    video_orientation: VideoOrientation | None = None
    playout_delay: PlayoutDelay | None = None
    absolute_capture_time: AbsoluteCaptureTime | None = None


class ExtensionMap:
    """Which id means which extension, as a session has negotiated it; ids of what we do not know are kept and skipped.

    Within a BUNDLE group an id means the same in every section (RFC 9143), so that one map serves all.
    """

    __slots__ = ("_allow_two_byte", "_decoders", "_encoders", "_ids")

    def __init__(self, ids: Mapping[str, int], *, allow_two_byte: bool = False) -> None:
        """``ids`` by URI; `ValueError` when an id is out of range or given twice."""
        highest = 255 if allow_two_byte else MAX_ONE_BYTE_ID
        for uri, number in ids.items():
            if not 0 < number <= highest or number == STOP_ID:
                raise ValueError(f"id {number} of {uri} is not one of 1 to {highest} without {STOP_ID}")
        if len(set(ids.values())) < len(ids):
            raise ValueError("an id stands for two extensions")
        self._ids = dict(ids)
        self._allow_two_byte = allow_two_byte
        self._decoders: dict[int, tuple[str, Decoder]] = {}
        self._encoders: list[tuple[str, int, Encoder]] = []
        for name, (uri, encode, decode) in CODECS.items():
            if uri in ids:
                self._decoders[ids[uri]] = (name, decode)
                self._encoders.append((name, ids[uri], encode))

    def __contains__(self, uri: str) -> bool:
        return uri in self._ids

    @property
    def ids(self) -> dict[str, int]:
        """The id of every URI."""
        return dict(self._ids)

    def decode(self, header: RtpHeader) -> HeaderExtensions:
        """What the header's extension says; `MalformedPacketError` where an element runs out of it (hot path).

        Of elements with one id the last counts.
        """
        values = new_object(HeaderExtensions)
        if header.extension_profile is not None:
            decoders = self._decoders
            said = values.__dict__
            for number, value in parse_elements(header.extension_profile, header.extension):
                known = decoders.get(number)
                if known is not None:
                    said[known[0]] = known[1](value)
        return values

    def encode(self, values: HeaderExtensions) -> tuple[int | None, bytes]:
        """Profile and data for a header; what was not negotiated is left out, and None and nothing if that is all."""
        elements = []
        for name, number, encode in self._encoders:
            value = getattr(values, name)
            if value is not None:
                elements.append((number, encode(value)))
        if not elements:
            return None, b""
        return serialize_elements(elements, allow_two_byte=self._allow_two_byte)


def _serialize_two_byte(elements: Sequence[tuple[int, bytes]]) -> tuple[int, bytes]:
    parts = bytearray()
    for number, value in elements:
        if not 0 < number <= 255 or len(value) > MAX_SIZE:
            raise ValueError(f"id {number} with {len(value)} bytes fits into no extension")
        parts += bytes((number, len(value)))
        parts += value
    return TWO_BYTE, bytes(parts.ljust((len(parts) + 3) & ~3, b"\0"))


def _parse_one_byte(data: bytes) -> list[tuple[int, bytes]]:
    elements: list[tuple[int, bytes]] = []
    offset, end = 0, len(data)
    while offset < end:
        first = data[offset]
        offset += 1
        if not first:
            continue
        number = first >> 4
        if number == STOP_ID or not number:
            # 15 ends it by section 4.2. A padding byte with a length is none: what follows can not be trusted either.
            break
        begin = offset
        offset += (first & 0x0F) + 1
        if offset > end:
            raise MalformedPacketError(f"element {number} claims {offset - begin} bytes, {end - begin} are left")
        elements.append((number, data[begin:offset]))
    return elements


def _parse_two_byte(data: bytes) -> list[tuple[int, bytes]]:
    elements: list[tuple[int, bytes]] = []
    offset, end = 0, len(data)
    while offset < end:
        number = data[offset]
        offset += 1
        if number == PADDING_ID:
            continue
        if offset == end:
            raise MalformedPacketError(f"element {number} has no length")
        begin = offset + 1
        offset = begin + data[offset]
        if offset > end:
            raise MalformedPacketError(f"element {number} claims {offset - begin} bytes, {end - begin} are left")
        elements.append((number, data[begin:offset]))
    return elements
