import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import NalType, ParameterSets, annex_b, nal_type, nal_units, parse_sprop, serialize_sprop

SPS, PPS = bytes.fromhex("67 42c01f da"), bytes.fromhex("68 ce3c80")  # ids 0: ue(v) is the bit 1
SPS_1, PPS_2 = bytes.fromhex("67 42c01f 40"), bytes.fromhex("68 60")  # 010 is 1, 011 is 2
IDR, SLICE, DELIMITER = b"\x65picture", b"\x41picture", b"\x09\xf0"


@pytest.mark.parametrize(
    ("stream", "units"),
    [
        ("00000001 67aa 00000001 68bb", ["67aa", "68bb"]),
        ("000001 67aa 000001 68bb", ["67aa", "68bb"]),
        ("0000000000 01 67aa 00 000001 68bb 0000", ["67aa", "68bb"]),
        ("000001 6500000300 01", ["6500000300 01"]),
        ("000001 000001 41", ["41"]),
        ("000001", []),
    ],
)
def test_units_of_a_byte_stream(stream, units):
    assert nal_units(bytes.fromhex(stream)) == [bytes.fromhex(unit) for unit in units]


@pytest.mark.parametrize("stream", ["", "00", "67aa", "67 000001 68"])
def test_what_is_no_byte_stream(stream):
    with pytest.raises(ValueError, match="begins with a start code"):
        nal_units(bytes.fromhex(stream))


def test_units_make_a_byte_stream():
    assert annex_b([b"\x67a", b"\x68b"]) == bytes.fromhex("00000001 6761 00000001 6862")
    assert annex_b([]) == b""


def test_types():
    assert [nal_type(unit) for unit in (SPS, PPS, IDR, SLICE, DELIMITER)] == [
        NalType.SPS,
        NalType.PPS,
        NalType.IDR_SLICE,
        NalType.SLICE,
        NalType.ACCESS_UNIT_DELIMITER,
    ]


class TestParameterSets:
    def test_the_latest_of_each_id_is_kept(self):
        newer = SPS + b"\x01"
        sets = ParameterSets([PPS, SPS, SPS_1, PPS_2, IDR, newer])
        assert sets.units == [newer, SPS_1, PPS, PPS_2]

    def test_what_has_no_id_is_not_kept(self):
        # an id of 32, ids that end behind the bytes that are there, and none at all
        for unit in ("67 42c01f 0420", "67 42c01f 01", "67 42c01f", "67", "68", "68 00000000 80"):
            assert ParameterSets([bytes.fromhex(unit)]).units == []

    def test_the_largest_ids(self):
        units = [bytes.fromhex("67 42c01f 0400"), bytes.fromhex("68 008000")]  # 31 and 255
        assert ParameterSets(units).units == units
        assert ParameterSets([bytes.fromhex("68 008080")]).units == []  # 256

    def test_an_idr_picture_without_sets_gets_them(self):
        sets = ParameterSets([SPS, PPS])
        assert sets.completed([IDR]) == [SPS, PPS, IDR]
        assert sets.completed([DELIMITER, IDR]) == [DELIMITER, SPS, PPS, IDR]
        assert sets.completed([PPS, IDR]) == [SPS, PPS, IDR]

    def test_others_stay(self):
        sets = ParameterSets([SPS, PPS])
        for units in ([SLICE], [SPS_1, PPS, IDR], [SPS, PPS]):
            assert sets.completed(units) == units
        assert ParameterSets().completed([IDR]) == [IDR]


def test_sprop_parameter_sets():
    value = serialize_sprop([SPS, PPS])
    assert value == "Z0LAH9o=,aM48gA=="
    assert parse_sprop(value) == [SPS, PPS]


@pytest.mark.parametrize("value", ["", "Z0LAH9o=,", "Z0LAH9o", "Z0LA H9o=", "ü"])
def test_what_are_no_sprop_parameter_sets(value):
    with pytest.raises(MalformedPacketError):
        parse_sprop(value)
