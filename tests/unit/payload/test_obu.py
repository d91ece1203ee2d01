import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload.obu import Obu, ObuType, leb128, obus, read_leb128, starts_sequence
from rtcpeer.wire import Reader


@pytest.mark.parametrize(
    ("value", "data"),
    [(0, "00"), (127, "7f"), (128, "80 01"), (300, "ac 02"), (16384, "80 80 01"), (0xFFFFFFFF, "ff ff ff ff 0f")],
)
def test_leb128(value, data):
    assert leb128(value) == bytes.fromhex(data)
    assert read_leb128(Reader(bytes.fromhex(data))) == value
    for size in range(len(bytes.fromhex(data))):
        with pytest.raises(MalformedPacketError):
            read_leb128(Reader(bytes.fromhex(data)[:size]))


# AV1 section 4.10.5: leading zeros are allowed, eight bytes and 32 bits are the most
def test_leb128_is_bounded():
    assert read_leb128(Reader(bytes.fromhex("81 80 80 80 80 80 80 00"))) == 1
    for data in ("81 80 80 80 80 80 80 80 00", "80 80 80 80 10", "ff ff ff ff ff ff ff 7f"):
        with pytest.raises(MalformedPacketError, match="leb128"):
            read_leb128(Reader(bytes.fromhex(data)))


@pytest.mark.parametrize(
    ("data", "kind", "layer"),
    [("12 00", ObuType.TEMPORAL_DELIMITER, None), ("0a 02 aabb", 1, None), ("36 48 01 aa", ObuType.FRAME, (2, 1))],
)
def test_units(data, kind, layer):
    (unit,) = obus(bytes.fromhex(data))
    assert (unit.type, unit.layer) == (kind, layer)
    assert unit.with_size() == bytes.fromhex(data)
    assert obus(unit.without_size()) == [unit]  # without a size it reaches to the end


def test_several_units_of_which_the_last_has_no_size():
    units = obus(bytes.fromhex("1200 0a01aa 30bbcc"))
    assert units == [Obu(b"\x10", b""), Obu(b"\x08", b"\xaa"), Obu(b"\x30", b"\xbb\xcc")]


@pytest.mark.parametrize("data", ["92 00", "36", "34", "12", "0a 02 aa", "0a 80"])
def test_malformed(data):
    with pytest.raises(MalformedPacketError):
        obus(bytes.fromhex(data))


SEQUENCE, REDUCED = Obu(b"\x08", b"\x00"), Obu(b"\x08", b"\x18")
KEY, INTER, SHOWN_AGAIN = Obu(b"\x30", b"\x10"), Obu(b"\x30", b"\x30"), Obu(b"\x18", b"\x80")


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([SEQUENCE, KEY], True),
        ([SEQUENCE, Obu(b"\x18", b"\x10")], True),
        ([SEQUENCE, INTER], False),
        ([SEQUENCE, SHOWN_AGAIN], False),
        ([KEY], False),
        ([INTER, SEQUENCE, KEY], False),
        ([REDUCED, INTER], True),  # the frame header says nothing there: it is a key frame always
        ([SEQUENCE], False),
        ([Obu(b"\x08", b""), Obu(b"\x30", b"")], False),
    ],
)
def test_the_start_of_a_sequence(units, expected):
    assert starts_sequence(units) is expected
