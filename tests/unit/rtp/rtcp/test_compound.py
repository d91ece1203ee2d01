import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp import (
    Bye,
    Chunk,
    PictureLossIndication,
    ReceiverReport,
    SdesItem,
    SourceDescription,
    UnknownPacket,
    parse_compound,
    serialize_compound,
    serialize_reduced,
)

REPORT = ReceiverReport(1)
NAME = SourceDescription((Chunk(1, ((SdesItem.CNAME, b"name"),)),))
NAMELESS = SourceDescription((Chunk(1, ((SdesItem.MID, b"0"),)),))
PLI = PictureLossIndication(1, 2)


def test_a_full_compound():
    packets = [REPORT, NAME, PLI, Bye((1,))]
    assert parse_compound(serialize_compound(packets)) == packets


@pytest.mark.parametrize("packets", [[], [NAME, REPORT], [REPORT], [REPORT, NAMELESS], [PLI]])
def test_what_is_no_full_compound(packets):
    with pytest.raises(ValueError, match="compound"):
        serialize_compound(packets)


def test_reduced_size():
    assert parse_compound(serialize_reduced([PLI])) == [PLI]
    assert parse_compound(serialize_reduced([NAMELESS, PLI])) == [NAMELESS, PLI]
    with pytest.raises(ValueError, match="empty"):
        serialize_reduced([])


def test_types_that_we_do_not_know_stay_as_they_are():
    # XR (RFC 3611): V=2 | PT=207 | length 1 | SSRC
    data = bytes.fromhex("80 cf 0001 00000001")
    assert parse_compound(REPORT.serialize() + data) == [REPORT, UnknownPacket(207, 0, bytes.fromhex("00000001"))]


def test_one_broken_packet_spoils_the_compound():
    with pytest.raises(MalformedPacketError):
        parse_compound(REPORT.serialize() + bytes.fromhex("81 c9 0001 00000001"))


def test_nothing_is_no_compound():
    with pytest.raises(MalformedPacketError):
        parse_compound(b"")
