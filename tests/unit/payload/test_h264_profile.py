import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import H264Profile, ProfileLevelId, answered_profile_level_id


# RFC 6184 table 5, with both values of the bits that do not count
@pytest.mark.parametrize(
    ("values", "profile"),
    [
        (["42e0", "42c0", "4240", "4270", "4d80", "4df0", "58c0", "58f0"], H264Profile.CONSTRAINED_BASELINE),
        (["4200", "42b0", "5880", "58b0"], H264Profile.BASELINE),
        (["4d00", "4d40", "4d50"], H264Profile.MAIN),
        (["5800", "5830"], H264Profile.EXTENDED),
        (["6400"], H264Profile.HIGH),
        (["640c"], H264Profile.CONSTRAINED_HIGH),
        (["6e00"], H264Profile.HIGH_10),
        (["7a00"], H264Profile.HIGH_422),
        (["f400"], H264Profile.HIGH_444),
        (["6e10"], H264Profile.HIGH_10_INTRA),
        (["7a10"], H264Profile.HIGH_422_INTRA),
        (["f410"], H264Profile.HIGH_444_INTRA),
        (["2c10"], H264Profile.CAVLC_444_INTRA),
        (["4201", "6410", "2c00", "5840", "0000", "4d20"], None),
    ],
)
def test_profiles(values, profile):
    assert {ProfileLevelId.parse(f"{value}1f").profile for value in values} == {profile}


def test_levels_are_ordered_with_1b_behind_1():
    ordered = ["42000a", "42100b", "42000b", "42000c", "42000d", "42001f", "420034"]
    levels = [ProfileLevelId.parse(value).level for value in ordered]
    assert levels == sorted(set(levels))
    assert ProfileLevelId.parse("640009").level == ProfileLevelId.parse("4d100b").level


def test_digits():
    assert ProfileLevelId.parse("42E01F") == ProfileLevelId(0x42, 0xE0, 0x1F)
    assert ProfileLevelId.parse("42E01F").serialize() == "42e01f"
    for value in ("", "42e0", "42e01f00", "42e01g", "42 e01f", "42e01f "):
        with pytest.raises(MalformedPacketError, match="profile-level-id"):
            ProfileLevelId.parse(value)


def test_a_sequence_parameter_set_begins_with_it():
    assert ProfileLevelId.of_sequence_parameter_set(bytes.fromhex("67 42c01f da")).serialize() == "42c01f"
    with pytest.raises(MalformedPacketError):
        ProfileLevelId.of_sequence_parameter_set(bytes.fromhex("67 42c0"))


@pytest.mark.parametrize(
    ("profile", "level", "expected"),
    [
        ("42e01f", "420014", "42e014"),
        ("42e01f", "42100b", "42f00b"),
        ("42f00b", "42000a", "42e00a"),
        ("64001f", "42100b", "640009"),
        ("42e01f", "640009", "42f00b"),
        ("64001f", "640014", "640014"),
    ],
)
def test_a_profile_takes_the_level_of_another(profile, level, expected):
    changed = ProfileLevelId.parse(profile).with_level_of(ProfileLevelId.parse(level))
    assert changed.serialize() == expected
    assert changed.level == ProfileLevelId.parse(level).level
    assert changed.profile is ProfileLevelId.parse(profile).profile


def fmtp(profile_level_id=None, mode=None, asymmetry=None):
    named = {
        "profile-level-id": profile_level_id,
        "packetization-mode": mode,
        "level-asymmetry-allowed": asymmetry,
    }
    return {name: value for name, value in named.items() if value is not None}


# RFC 6184 section 8.2.2
@pytest.mark.parametrize(
    ("local", "offered", "answer"),
    [
        (fmtp("42e01f", "1", "1"), fmtp("42e034", "1", "1"), "42e01f"),
        (fmtp("42e01f", "1", "1"), fmtp("42e00d", "1", "1"), "42e01f"),
        (fmtp("42e01f", "1", "1"), fmtp("42e00d", "1"), "42e00d"),
        (fmtp("42e01f", "1"), fmtp("42e034", "1", "1"), "42e01f"),
        (fmtp("42e01f", "1"), fmtp("4d801f", "1"), "42e01f"),  # the same profile by another name
        (fmtp("42e01f", "1"), fmtp("42001f", "1"), None),
        (fmtp("42e01f", "1"), fmtp("64001f", "1"), None),
        (fmtp("42e01f", "1"), fmtp("42e01f"), None),
        (fmtp("42e01f", "0"), fmtp("42e01f"), "42e01f"),
        (fmtp("42001f", "0"), fmtp(), "42000a"),
        (fmtp("42e01f", "0"), fmtp(), None),
        (fmtp("42e01f", "1"), fmtp("nonsense", "1"), None),
        (fmtp("ff001f", "1"), fmtp("ff001f", "1"), None),
    ],
)
def test_answers(local, offered, answer):
    answered = answered_profile_level_id(local, offered)
    assert (answered and answered.serialize()) == answer
