"""profile-level-id of H.264: what it means, and whether two sides understand each other (RFC 6184 section 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from rtcpeer.errors import MalformedPacketError

__all__ = ["DEFAULT_PROFILE_LEVEL_ID", "H264Profile", "ProfileLevelId", "answered_profile_level_id"]

DEFAULT_PROFILE_LEVEL_ID = "42000a"  # RFC 6184 section 8.1: Baseline at level 1 where nothing is said


class H264Profile(Enum):
    """The profiles of RFC 6184 table 5, and Constrained High (H.264 section A.2.4.2)."""

    CONSTRAINED_BASELINE = "Constrained Baseline"
    BASELINE = "Baseline"
    MAIN = "Main"
    EXTENDED = "Extended"
    HIGH = "High"
    CONSTRAINED_HIGH = "Constrained High"
    HIGH_10 = "High 10"
    HIGH_422 = "High 4:2:2"
    HIGH_444 = "High 4:4:4 Predictive"
    HIGH_10_INTRA = "High 10 Intra"
    HIGH_422_INTRA = "High 4:2:2 Intra"
    HIGH_444_INTRA = "High 4:4:4 Intra"
    CAVLC_444_INTRA = "CAVLC 4:4:4 Intra"


# profile_idc, the bits of profile-iop that count, their values, the profile; the first row that fits holds.
_PROFILES = (
    (0x42, 0x4F, 0x40, H264Profile.CONSTRAINED_BASELINE),
    (0x4D, 0x8F, 0x80, H264Profile.CONSTRAINED_BASELINE),
    (0x58, 0xCF, 0xC0, H264Profile.CONSTRAINED_BASELINE),
    (0x42, 0x4F, 0x00, H264Profile.BASELINE),
    (0x58, 0xCF, 0x80, H264Profile.BASELINE),
    (0x4D, 0xAF, 0x00, H264Profile.MAIN),
    (0x58, 0xCF, 0x00, H264Profile.EXTENDED),
    (0x64, 0xFF, 0x00, H264Profile.HIGH),
    (0x64, 0xFF, 0x0C, H264Profile.CONSTRAINED_HIGH),
    (0x6E, 0xFF, 0x00, H264Profile.HIGH_10),
    (0x7A, 0xFF, 0x00, H264Profile.HIGH_422),
    (0xF4, 0xFF, 0x00, H264Profile.HIGH_444),
    (0x6E, 0xFF, 0x10, H264Profile.HIGH_10_INTRA),
    (0x7A, 0xFF, 0x10, H264Profile.HIGH_422_INTRA),
    (0xF4, 0xFF, 0x10, H264Profile.HIGH_444_INTRA),
    (0x2C, 0xFF, 0x10, H264Profile.CAVLC_444_INTRA),
)
_CONSTRAINT_SET3 = 0x10
_LEVEL_1B, _LEVEL_1_1 = 9, 11
_LEVEL_1B_BY_FLAG = {0x42, 0x4D, 0x58}  # H.264 section A.3.1: level_idc 11 with constraint_set3_flag is level 1b there


@dataclass(frozen=True, slots=True)
class ProfileLevelId:
    """The three bytes that a sequence parameter set begins with, behind its NAL unit header."""

    profile_idc: int
    profile_iop: int
    level_idc: int

    @property
    def profile(self) -> H264Profile | None:
        """The profile; None where the flags fit none."""
        for profile_idc, mask, value, profile in _PROFILES:
            if self.profile_idc == profile_idc and self.profile_iop & mask == value:
                return profile
        return None

    @property
    def level(self) -> float:
        """Comparable with others, and ten times the level's name: 31 is level 3.1, and 10.5 is level 1b."""
        if self.is_level_1b:
            return 10.5
        return float(self.level_idc)

    @property
    def is_level_1b(self) -> bool:
        """Whether it is the level between 1 and 1.1, which has no number of its own."""
        if self.profile_idc in _LEVEL_1B_BY_FLAG:
            return self.level_idc == _LEVEL_1_1 and bool(self.profile_iop & _CONSTRAINT_SET3)
        return self.level_idc == _LEVEL_1B

    def with_level_of(self, other: "ProfileLevelId") -> "ProfileLevelId":
        """This profile at the level of another one."""
        iop, level_idc = self.profile_iop, int(other.level)
        if self.profile_idc in _LEVEL_1B_BY_FLAG:
            iop &= ~_CONSTRAINT_SET3
            if other.is_level_1b:
                iop, level_idc = iop | _CONSTRAINT_SET3, _LEVEL_1_1
        elif other.is_level_1b:
            level_idc = _LEVEL_1B
        return ProfileLevelId(self.profile_idc, iop, level_idc)

    def serialize(self) -> str:
        """The six digits."""
        return bytes([self.profile_idc, self.profile_iop, self.level_idc]).hex()

    @classmethod
    def parse(cls, value: str) -> "ProfileLevelId":
        """Read the six digits; `MalformedPacketError` when they are none."""
        try:
            data = bytes.fromhex(value)
        except ValueError as error:
            raise MalformedPacketError(f"profile-level-id {value!r} is not hexadecimal") from error
        if len(data) != 3 or len(value) != 6:
            raise MalformedPacketError(f"profile-level-id {value!r} has not six digits")
        return cls(*data)

    @classmethod
    def of_sequence_parameter_set(cls, unit: bytes) -> "ProfileLevelId":
        """What a sequence parameter set says (H.264 section 7.3.2.1.1)."""
        if len(unit) < 4:
            raise MalformedPacketError(f"a sequence parameter set of {len(unit)} bytes")
        return cls(*unit[1:4])


def answered_profile_level_id(local: Mapping[str, str], offered: Mapping[str, str]) -> ProfileLevelId | None:
    """The profile-level-id that answers an offered format, None where the two do not fit (RFC 6184 section 8.2.2).

    Both are the parameters of ``a=fmtp`` by name. Profile and packetization mode must be the same. The level is
    ours where both allow asymmetry, and the lower of the two otherwise. An offer that can not be read fits nothing.
    """
    try:
        ours, theirs = (ProfileLevelId.parse(_parameter(one, "profile-level-id")) for one in (local, offered))
    except MalformedPacketError:
        return None
    if ours.profile is None or ours.profile is not theirs.profile:
        return None
    if _parameter(local, "packetization-mode") != _parameter(offered, "packetization-mode"):
        return None
    is_asymmetric = all(_parameter(one, "level-asymmetry-allowed") == "1" for one in (local, offered))
    return ours if is_asymmetric or ours.level <= theirs.level else ours.with_level_of(theirs)


_DEFAULTS = {
    "profile-level-id": DEFAULT_PROFILE_LEVEL_ID,
    "packetization-mode": "0",
    "level-asymmetry-allowed": "0",
}


def _parameter(parameters: Mapping[str, str], name: str) -> str:
    return parameters.get(name, _DEFAULTS[name])
