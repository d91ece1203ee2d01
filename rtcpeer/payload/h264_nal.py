"""NAL units of H.264: their types, the byte stream between encoder and decoder, and parameter sets.

Sections of H.264 are those of ITU-T H.264.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from enum import IntEnum

from rtcpeer.errors import MalformedPacketError

__all__ = ["NalType", "ParameterSets", "annex_b", "nal_type", "nal_units", "parse_sprop", "serialize_sprop"]

_START_CODE = b"\x00\x00\x01"
_TYPE = 0x1F
_MAX_EXP_GOLOMB_BITS = 32
_MAX_SPS_ID, _MAX_PPS_ID = 31, 255  # sections 7.4.2.1.1 and 7.4.2.2


class NalType(IntEnum):
    """nal_unit_type: table 7-1 of H.264, and what RFC 6184 table 1 adds for RTP."""

    SLICE = 1
    IDR_SLICE = 5
    SEI = 6
    SPS = 7
    PPS = 8
    ACCESS_UNIT_DELIMITER = 9
    LAST_SINGLE = 23
    STAP_A = 24
    FU_A = 28


def nal_type(nal: bytes) -> int:
    """The type of a NAL unit; a `NalType`, or one that nothing here depends on."""
    return nal[0] & _TYPE


def nal_units(byte_stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream (annex B); `ValueError` when it does not begin with a start code."""
    start = byte_stream.find(_START_CODE)
    if start < 0 or byte_stream[:start].strip(b"\x00"):
        raise ValueError("a byte stream of H.264 begins with a start code (Annex B)")
    units = []
    while start >= 0:
        start += len(_START_CODE)
        end = byte_stream.find(_START_CODE, start)
        # Zeros before the next start code belong to it: a NAL unit never ends in one (section 7.4.1).
        unit = byte_stream[start : end if end >= 0 else None].rstrip(b"\x00")
        if unit:
            units.append(unit)
        start = end
    return units


def annex_b(units: Iterable[bytes]) -> bytes:
    """NAL units as a byte stream, each behind a start code of four bytes."""
    return b"".join(b"\x00" + _START_CODE + unit for unit in units)


class ParameterSets:
    """The sequence and picture parameter sets of a stream, the latest of each id: what an IDR picture needs first."""

    def __init__(self, units: Iterable[bytes] = ()) -> None:
        self._sps: dict[int, bytes] = {}
        self._pps: dict[int, bytes] = {}
        for unit in units:
            self.observe(unit)

    def observe(self, unit: bytes) -> None:
        """Keep it if it is a parameter set."""
        if nal_type(unit) == NalType.SPS:
            # profile_idc, constraint flags and level_idc come before the id
            _keep(self._sps, _first_exp_golomb(unit[4:8]), unit, _MAX_SPS_ID)
        elif nal_type(unit) == NalType.PPS:
            _keep(self._pps, _first_exp_golomb(unit[1:5]), unit, _MAX_PPS_ID)

    @property
    def units(self) -> list[bytes]:
        """All sets, those of sequences first."""
        return [*self._sps.values(), *self._pps.values()]

    def completed(self, units: list[bytes]) -> list[bytes]:
        """The NAL units of a picture, behind the parameter sets if it is an IDR picture that comes without."""
        types = {nal_type(unit) for unit in units}
        if NalType.IDR_SLICE not in types or NalType.SPS in types:
            return units
        at = 1 if nal_type(units[0]) == NalType.ACCESS_UNIT_DELIMITER else 0
        known = [unit for unit in self.units if unit not in units]
        return [*units[:at], *known, *units[at:]]


def parse_sprop(value: str) -> list[bytes]:
    """The NAL units of the SDP parameter sprop-parameter-sets (RFC 6184 section 8.1)."""
    try:
        units = [b64decode(part, validate=True) for part in value.split(",")]
    except ValueError as error:  # binascii.Error is one
        raise MalformedPacketError("sprop-parameter-sets is base64") from error
    if not all(units):
        raise MalformedPacketError("an empty parameter set")
    return units


def serialize_sprop(units: Iterable[bytes]) -> str:
    """The NAL units as the SDP parameter sprop-parameter-sets has them."""
    return ",".join(b64encode(unit).decode() for unit in units)


def _keep(sets: dict[int, bytes], number: int | None, unit: bytes, largest: int) -> None:
    if number is not None and number <= largest:
        sets[number] = unit


def _first_exp_golomb(data: bytes) -> int | None:
    """The number at the beginning of the data, ue(v) in section 9.1; None when it does not end in them."""
    size = 8 * len(data)
    value = int.from_bytes(data, "big")
    zeros = size - value.bit_length()
    if 2 * zeros + 1 > min(size, _MAX_EXP_GOLOMB_BITS):
        return None
    return (value >> (size - 2 * zeros - 1)) - 1
