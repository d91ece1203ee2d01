"""AV1 in RTP (the Alliance for Open Media's "RTP Payload Format For AV1", version 1.0.0).

Frames are temporal units in the low-overhead bitstream format; temporal delimiters and tile lists do not travel
(section 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload.contract import DEFAULT_MAX_FRAME_SIZE, Frame, join_bounded
from rtcpeer.payload.obu import Obu, ObuType, leb128, obus, read_leb128, starts_sequence
from rtcpeer.wire import Reader

__all__ = ["AggregationHeader", "Av1Depacketizer", "Av1Packetizer", "obu_elements"]

_CONTINUES, _CONTINUED, _SEQUENCE_START = 0x80, 0x40, 0x08  # Z | Y | W (2) | N | reserved
_MAX_COUNT = 3  # of elements that W can say; 0 stands for any number
_NOT_SENT = (ObuType.TEMPORAL_DELIMITER, ObuType.TILE_LIST)


@dataclass(frozen=True, slots=True)
class AggregationHeader:
    """The first octet of each payload (section 4.4)."""

    continues_fragment: bool  # Z
    ends_in_fragment: bool  # Y
    element_count: int  # W: 0 where each element is behind its length
    starts_sequence: bool  # N

    def serialize(self) -> bytes:
        """The header as its octet."""
        octet = self.element_count << 4
        octet |= _CONTINUES if self.continues_fragment else 0
        octet |= _CONTINUED if self.ends_in_fragment else 0
        octet |= _SEQUENCE_START if self.starts_sequence else 0
        return bytes([octet])

    @classmethod
    def parse(cls, octet: int) -> "AggregationHeader":
        """Read the octet."""
        header = cls(
            bool(octet & _CONTINUES), bool(octet & _CONTINUED), octet >> 4 & 0x03, bool(octet & _SEQUENCE_START)
        )
        if header.continues_fragment and header.starts_sequence:
            raise MalformedPacketError("a coded video sequence does not begin with the rest of an OBU")
        return header


def obu_elements(payload: bytes) -> tuple[AggregationHeader, list[bytes]]:
    """The OBUs and fragments of OBUs in a payload; `MalformedPacketError` when it breaks its format."""
    reader = Reader(payload)
    header = AggregationHeader.parse(reader.uint8())
    elements: list[bytes] = []
    while reader.remaining or len(elements) < header.element_count or not elements:
        is_last = len(elements) + 1 == header.element_count
        element = reader.rest() if is_last else reader.take(read_leb128(reader))
        if not element:
            raise MalformedPacketError("an empty OBU element")
        elements.append(element)
    return header, elements


class Av1Packetizer:
    """Cuts temporal units; OBUs that are small travel together, and what does not fit goes on in the next payload."""

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """The temporal unit; `ValueError` when it is none."""
        try:
            units = [unit for unit in obus(frame) if unit.type not in _NOT_SENT]
        except MalformedPacketError as error:
            raise ValueError("a temporal unit of AV1 is in the low-overhead bitstream format") from error
        if not units:
            raise ValueError("a temporal unit of AV1 without an OBU that can be sent")
        packing = _Packing(max_size, starts_sequence(units))
        for unit in units:
            packing.add(unit)
        return packing.finish()


class Av1Depacketizer:
    """Reads the payloads of a temporal unit."""

    def __init__(self, max_frame_size: int = DEFAULT_MAX_FRAME_SIZE) -> None:
        self._max_frame_size = max_frame_size

    def is_first_of_frame(self, payload: bytes) -> bool | None:
        """None where an OBU begins, which may not be the first one; a payload that begins in one is not first."""
        header, _ = obu_elements(payload)
        if header.continues_fragment:
            return False
        return True if header.starts_sequence else None

    def starts_keyframe(self, payload: bytes) -> bool:
        """Whether a coded video sequence begins here."""
        return obu_elements(payload)[0].starts_sequence

    def depacketize(self, payloads: Sequence[bytes]) -> Frame:
        """One temporal unit from its payloads; each OBU has its size field, and no temporal delimiter comes first."""
        units: list[bytes] = []
        fragments: list[bytes] = []  # of the OBU that goes on
        for payload in payloads:
            header, elements = obu_elements(payload)
            if header.continues_fragment != bool(fragments):
                raise MalformedPacketError("an OBU goes on without its beginning, or is not gone on with")
            for index, element in enumerate(elements, 1):
                fragments.append(element)
                if index < len(elements) or not header.ends_in_fragment:
                    units.append(b"".join(fragments))
                    fragments = []
        if fragments:
            raise MalformedPacketError("the temporal unit ends in the middle of an OBU")
        read = [_whole(unit) for unit in units]
        data = join_bounded([unit.with_size() for unit in read if unit.type not in _NOT_SENT], self._max_frame_size)
        return Frame(data, AggregationHeader.parse(payloads[0][0]).starts_sequence)


def _whole(data: bytes) -> Obu:
    reader = Reader(data)
    unit = Obu.read(reader)
    if reader.remaining:
        raise MalformedPacketError(f"{reader.remaining} bytes behind an OBU")
    return unit


class _Packing:
    """Payloads being filled in the order of the OBUs."""

    def __init__(self, max_size: int, is_sequence_start: bool) -> None:
        if max_size < 2:
            raise ValueError(f"a payload of AV1 has at least 2 bytes, not {max_size}")
        self._max_size = max_size
        self._is_sequence_start = is_sequence_start
        self._payloads: list[bytes] = []
        self._elements: list[bytes] = []
        self._layer: tuple[int, int] | None = None
        self._continues_fragment = False

    def add(self, unit: Obu) -> None:
        """Put it behind the others, cut where a payload ends."""
        # Section 5: the OBUs of a payload that name a layer name the same one, and a sequence header comes first.
        is_other_layer = unit.layer is not None and self._layer not in {None, unit.layer}
        if self._elements and (is_other_layer or unit.type == ObuType.SEQUENCE_HEADER):
            self._close(ends_in_fragment=False)
        rest = unit.without_size()
        while rest:
            space = self._space()
            if space < 1:
                self._close(ends_in_fragment=False)
                continue
            self._elements.append(rest[:space])
            self._layer = unit.layer or self._layer
            rest = rest[space:]
            if rest:
                self._close(ends_in_fragment=True)

    def finish(self) -> list[bytes]:
        """All payloads."""
        if self._elements:
            self._close(ends_in_fragment=False)
        return self._payloads

    def _space(self) -> int:
        """How large one more element can be."""
        space = self._max_size - 1 - sum(len(leb128(len(element))) + len(element) for element in self._elements)
        if len(self._elements) < _MAX_COUNT:
            return space
        return space - len(leb128(max(space, 0)))  # with its own length before it

    def _close(self, *, ends_in_fragment: bool) -> None:
        count = len(self._elements)
        header = AggregationHeader(
            self._continues_fragment,
            ends_in_fragment,
            count if count <= _MAX_COUNT else 0,
            self._is_sequence_start and not self._payloads,
        )
        *others, last = self._elements
        parts = [leb128(len(element)) + element for element in others]
        parts.append(last if count <= _MAX_COUNT else leb128(len(last)) + last)
        self._payloads.append(header.serialize() + b"".join(parts))
        self._elements = []
        self._layer = None
        self._continues_fragment = ends_in_fragment
