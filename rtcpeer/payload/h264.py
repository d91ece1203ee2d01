"""H.264 in RTP (RFC 6184), packetization modes 0 and 1: single NAL units, STAP-A and FU-A.

The interleaved mode (STAP-B, MTAP, FU-B), which no browser offers, is malformed here. Frames are access units as byte
streams (annex B of H.264).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload.contract import DEFAULT_MAX_FRAME_SIZE, Frame, join_bounded, split_evenly
from rtcpeer.payload.h264_nal import NalType, ParameterSets, annex_b, nal_type, nal_units
from rtcpeer.wire import Reader

__all__ = ["H264Depacketizer", "H264Packetizer", "H264PayloadSummary"]

_FORBIDDEN, _NRI, _TYPE = 0x80, 0x60, 0x1F  # of a NAL unit's first octet
_NAL_SIZE = Struct("!H")  # before each NAL unit of a STAP-A (RFC 6184 section 5.7.1)
_FU_START, _FU_END = 0x80, 0x40  # S | E | R | type (section 5.8)
_FU_HEADERS = 2


@dataclass(frozen=True, slots=True)
class H264PayloadSummary:
    """What a forwarder sees in a payload: the types of the NAL units that begin in it, in their order."""

    nal_types: tuple[int, ...]
    is_continuation: bool  # begins with the middle or the end of a NAL unit

    @classmethod
    def parse(cls, payload: bytes) -> "H264PayloadSummary":
        """Look at a payload; `MalformedPacketError` when it breaks its format."""
        kind = _kind(payload)
        if kind == NalType.FU_A:
            fragment = _Fragment.parse(payload)
            return cls((fragment.nal_header & _TYPE,) if fragment.is_start else (), not fragment.is_start)
        if kind == NalType.STAP_A:
            return cls(tuple(nal_type(unit) for unit in _aggregated(payload)), is_continuation=False)
        return cls((kind,), is_continuation=False)


class H264Packetizer:
    """Cuts access units; an IDR picture that comes without parameter sets gets the last ones seen before it.

    ``parameter_sets`` are those that the encoder has told beside its stream. In packetization mode 0 nothing is cut or
    joined, so that the encoder must keep its slices small.
    """

    def __init__(self, *, packetization_mode: int = 1, parameter_sets: Iterable[bytes] = ()) -> None:
        if packetization_mode not in {0, 1}:
            raise ValueError(f"packetization mode {packetization_mode} is not supported, 0 and 1 are")
        self._is_single = packetization_mode == 0
        self._parameter_sets = ParameterSets(parameter_sets)

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """The access unit; neighbours that are small travel together, and what is too large is cut evenly."""
        units = nal_units(frame)
        if not units or not all(0 < nal_type(unit) <= NalType.LAST_SINGLE for unit in units):
            raise ValueError("an access unit has NAL units of the types 1 to 23, and at least one")
        units = self._parameter_sets.completed(units)
        for unit in units:
            self._parameter_sets.observe(unit)
        if self._is_single:
            if max(map(len, units)) > max_size:
                raise ValueError(f"packetization mode 0 can not cut NAL units to {max_size} bytes")
            return units
        return _aggregate(units, max_size)


class H264Depacketizer:
    """Reads the payloads of an access unit."""

    def __init__(self, max_frame_size: int = DEFAULT_MAX_FRAME_SIZE) -> None:
        self._max_frame_size = max_frame_size

    def is_first_of_frame(self, payload: bytes) -> bool | None:
        """Mostly None: nothing in RTP says it, and slices may come in any order."""
        summary = H264PayloadSummary.parse(payload)
        if summary.is_continuation:
            return False
        return True if summary.nal_types[0] == NalType.ACCESS_UNIT_DELIMITER else None

    def starts_keyframe(self, payload: bytes) -> bool:
        """Whether the parameter sets before an IDR picture begin here, or the picture itself."""
        types = H264PayloadSummary.parse(payload).nal_types
        return NalType.SPS in types or NalType.IDR_SLICE in types

    def depacketize(self, payloads: Sequence[bytes]) -> Frame:
        """One access unit from its payloads, as a byte stream."""
        assembly = _Assembly()
        for payload in payloads:
            assembly.add(payload)
        units = assembly.finish()
        is_keyframe = any(nal_type(unit) == NalType.IDR_SLICE for unit in units)
        return Frame(join_bounded([annex_b(units)], self._max_frame_size), is_keyframe)


@dataclass(frozen=True, slots=True)
class _Fragment:
    """A FU-A (section 5.8)."""

    nal_header: int  # the first octet of the NAL unit that it is of
    is_start: bool
    is_end: bool
    data: bytes

    @classmethod
    def parse(cls, payload: bytes) -> "_Fragment":
        if len(payload) < _FU_HEADERS:
            raise MalformedPacketError("a FU-A without its header")
        indicator, header = payload[0], payload[1]
        nal_header = indicator & (_FORBIDDEN | _NRI) | header & _TYPE
        if not 0 < header & _TYPE <= NalType.LAST_SINGLE:
            raise MalformedPacketError(f"a FU-A of a NAL unit of type {header & _TYPE}")
        is_start, is_end = bool(header & _FU_START), bool(header & _FU_END)
        if is_start and is_end:
            raise MalformedPacketError("a FU-A that is the start and the end of a NAL unit")
        return cls(nal_header, is_start, is_end, payload[_FU_HEADERS:])


class _Assembly:
    """NAL units on their way out of payloads."""

    def __init__(self) -> None:
        self._units: list[bytes] = []
        self._fragments: list[_Fragment] = []  # of the NAL unit that goes on

    def add(self, payload: bytes) -> None:
        kind = _kind(payload)
        if kind == NalType.FU_A:
            self._add_fragment(_Fragment.parse(payload))
        elif self._fragments:
            raise MalformedPacketError("a NAL unit goes on, and another one comes")
        elif kind == NalType.STAP_A:
            self._units += _aggregated(payload)
        else:
            self._units.append(payload)

    def _add_fragment(self, fragment: _Fragment) -> None:
        if fragment.is_start == bool(self._fragments):
            raise MalformedPacketError("a NAL unit starts while another one goes on, or goes on without a start")
        if self._fragments and fragment.nal_header != self._fragments[0].nal_header:
            raise MalformedPacketError("a NAL unit goes on with another header")
        self._fragments.append(fragment)
        if fragment.is_end:
            header = bytes([fragment.nal_header])
            self._units.append(header + b"".join(part.data for part in self._fragments))
            self._fragments.clear()

    def finish(self) -> list[bytes]:
        if self._fragments:
            raise MalformedPacketError("the access unit ends in the middle of a NAL unit")
        return self._units


def _kind(payload: bytes) -> int:
    """The type of the NAL unit that the payload is."""
    if not payload:
        raise MalformedPacketError("an empty payload")
    kind = nal_type(payload)
    if not 0 < kind <= NalType.STAP_A and kind != NalType.FU_A:
        raise MalformedPacketError(f"packetization modes 0 and 1 have no NAL unit of type {kind}")
    return kind


def _aggregated(payload: bytes) -> list[bytes]:
    """The NAL units of a STAP-A (RFC 6184 section 5.7.1)."""
    reader = Reader(payload)
    reader.uint8()
    units: list[bytes] = []
    while reader.remaining or not units:
        unit = reader.take(reader.uint16())
        if not unit or not 0 < nal_type(unit) <= NalType.LAST_SINGLE:
            raise MalformedPacketError("a STAP-A joins NAL units of the types 1 to 23")
        units.append(unit)
    return units


def _aggregate(units: list[bytes], max_size: int) -> list[bytes]:
    """The payloads of packetization mode 1."""
    payloads: list[bytes] = []
    group: list[bytes] = []
    size = 1
    for unit in units:
        joined_size = _NAL_SIZE.size + len(unit)
        if group and size + joined_size > max_size:
            payloads += _joined(group, max_size)
            group, size = [], 1
        group.append(unit)
        size += joined_size
    return payloads + _joined(group, max_size)


def _joined(group: list[bytes], max_size: int) -> list[bytes]:
    """Neighbours that fit into one payload, or one NAL unit of any size."""
    if len(group) == 1:
        return group if len(group[0]) <= max_size else _fragmented(group[0], max_size)
    # Section 5.7.1: the F bits of all, and the highest NRI
    header = NalType.STAP_A | max(unit[0] & _NRI for unit in group)
    for unit in group:
        header |= unit[0] & _FORBIDDEN
    return [bytes([header]) + b"".join(_NAL_SIZE.pack(len(unit)) + unit for unit in group)]


def _fragmented(unit: bytes, max_size: int) -> list[bytes]:
    indicator = unit[0] & (_FORBIDDEN | _NRI) | NalType.FU_A
    parts = split_evenly(unit[1:], max_size - _FU_HEADERS)
    headers = [nal_type(unit)] * len(parts)
    headers[0] |= _FU_START
    headers[-1] |= _FU_END
    return [bytes([indicator, header]) + part for header, part in zip(headers, parts, strict=True)]
