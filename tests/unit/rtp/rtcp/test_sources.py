import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp import Application, Bye, Chunk, SdesItem, SourceDescription, parse_compound

# V=2 count=2 | PT=202 | length 6
# | SSRC | CNAME(1) length 2 "ab" | end and padding: the list fills its word, and a word of nulls follows
# | SSRC | MID(15) length 1 "0" | end
SDES_BYTES = bytes.fromhex("82 ca 0005" + "00000001" + "01 02 6162" + "00000000" + "00000002" + "0f 01 30 00")
SDES = SourceDescription((Chunk(1, ((SdesItem.CNAME, b"ab"),)), Chunk(2, ((SdesItem.MID, b"0"),))))
# V=2 count=2 | PT=203 | length 3 | SSRC SSRC | length 3 "end"
BYE_BYTES = bytes.fromhex("82 cb 0003" + "00000001 00000002" + "03 656e64")
# V=2 subtype=5 | PT=204 | length 3 | SSRC | name | data
APP_BYTES = bytes.fromhex("85 cc 0003" + "00000001" + "74657374" + "01020304")


@pytest.mark.parametrize(
    ("packet", "data"),
    [
        (SDES, SDES_BYTES),
        (Bye((1, 2), b"end"), BYE_BYTES),
        (Bye(()), bytes.fromhex("80 cb 0000")),
        (Bye((1,), b"quit"), bytes.fromhex("81 cb 0003" + "00000001" + "04 71756974 000000")),
        (Application(1, b"test", bytes.fromhex("01020304"), 5), APP_BYTES),
        (SourceDescription((Chunk(1),)), bytes.fromhex("81 ca 0002" + "00000001" + "00000000")),
        (SourceDescription(()), bytes.fromhex("80 ca 0000")),
    ],
)
def test_there_and_back(packet, data):
    assert parse_compound(data) == [packet]
    assert packet.serialize() == data


@pytest.mark.parametrize("length", range(9))
def test_items_of_every_length(length):
    packet = SourceDescription((Chunk(1, ((1, b"a" * length), (8, b"b"))), Chunk(2, ((15, b"m"),))))
    assert parse_compound(packet.serialize()) == [packet]


def test_text_of_items():
    chunk = Chunk(1, ((SdesItem.CNAME, b"first"), (SdesItem.CNAME, b"second"), (SdesItem.TOOL, b"\xff")))
    assert chunk.text(SdesItem.CNAME) == "first"
    assert chunk.text(SdesItem.TOOL) == "\ufffd"
    assert chunk.text(SdesItem.MID) is None


@pytest.mark.parametrize(
    "data",
    [
        "81 ca 0000",  # no chunk
        "81 ca 0001 00000001",  # a chunk without its end
        "81 ca 0002 00000001 01ff6162",  # an item longer than the packet
        "81 ca 0002 00000001 01016101",  # a type without a length
        "82 ca 0002 00000001 00000000",  # one chunk of two
        "82 cb 0001 00000001",  # one source of two
        "81 cb 0002 00000001 04656e64",  # a reason longer than the packet
        "80 cc 0001 00000001",  # no name
    ],
)
def test_bodies_that_end_too_early(data):
    with pytest.raises(MalformedPacketError):
        parse_compound(bytes.fromhex(data))


@pytest.mark.parametrize(
    "packet",
    [
        SourceDescription((Chunk(1),) * 32),
        SourceDescription((Chunk(1, ((0, b"a"),)),)),
        SourceDescription((Chunk(1, ((1, bytes(256)),)),)),
        Bye(tuple(range(32))),
        Bye((), bytes(256)),
        Application(1, b"long name"),
        Application(1, b"name", b"abc"),
        Application(1, b"name", subtype=32),
    ],
)
def test_what_can_not_be_written(packet):
    with pytest.raises(ValueError):  # noqa: PT011  (each says it in its own words)
        packet.serialize()
