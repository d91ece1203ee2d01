import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp import ReceiverReport, ReportBlock, SenderReport, parse_compound

# SSRC | fraction lost 0x40, packets lost -2 | highest sequence number | jitter | last SR | delay since last SR
BLOCK_BYTES = bytes.fromhex("0000000b" + "40 fffffe" + "00010005" + "00000064" + "aabbccdd" + "00008000")
BLOCK = ReportBlock(11, 0x40, -2, 0x10005, 100, 0xAABBCCDD, 0x8000)
# V=2 count=1 | PT=200 | length 12 | SSRC | NTP time | RTP time | packets | octets | block
SR_BYTES = (
    bytes.fromhex("81 c8 000c" + "00000001" + "e000000080000000" + "00015f90" + "0000000a" + "00000400") + BLOCK_BYTES
)
SR = SenderReport(1, 0xE000000080000000, 90000, 10, 1024, (BLOCK,))
# V=2 count=1 | PT=201 | length 8 | SSRC | block | profile-specific extension
RR_BYTES = bytes.fromhex("81 c9 0008" + "00000002") + BLOCK_BYTES + bytes.fromhex("01020304")
RR = ReceiverReport(2, (BLOCK,), bytes.fromhex("01020304"))


@pytest.mark.parametrize(("report", "data"), [(SR, SR_BYTES), (RR, RR_BYTES)])
def test_there_and_back(report, data):
    assert parse_compound(data) == [report]
    assert report.serialize() == data


def test_a_report_on_nobody():
    assert parse_compound(bytes.fromhex("80 c9 0001 00000002")) == [ReceiverReport(2)]


@pytest.mark.parametrize("data", ["80 c9 0000", "81 c9 0001 00000002", "80 c8 0005" + "00" * 20])
def test_bodies_that_are_too_short(data):
    with pytest.raises(MalformedPacketError):
        parse_compound(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("lost", "written"), [(1 << 30, 0x7FFFFF), (-(1 << 30), -0x800000), (-1, -1), (0x7FFFFF, 0x7FFFFF)]
)
def test_the_loss_is_held_within_24_bits(lost, written):
    report = ReceiverReport(2, (BLOCK._replace(packets_lost=lost),))
    assert parse_compound(report.serialize()) == [ReceiverReport(2, (BLOCK._replace(packets_lost=written),))]


def test_what_can_not_be_written():
    with pytest.raises(ValueError, match="blocks"):
        ReceiverReport(2, (BLOCK,) * 32).serialize()
    with pytest.raises(ValueError, match="fraction"):
        BLOCK._replace(fraction_lost=256).serialize()
    assert len(parse_compound(ReceiverReport(2, (BLOCK,) * 31).serialize())[0].reports) == 31
