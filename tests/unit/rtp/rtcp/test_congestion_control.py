import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp import CongestionControlFeedback, Metric, SourceMetrics, parse_compound
from rtcpeer.rtp.rtcp.congestion_control import ARRIVAL_OVERFLOW, ARRIVAL_UNKNOWN

# V=2 FMT=11 | PT=205 | length 9 | sender
# | SSRC | begin_seq | num_reports 3 | received, ECN 1, offset 5 | lost | received, no offset | padding
# | SSRC | begin_seq | num_reports 0 | timestamp
DATA = bytes.fromhex(
    "8b cd 0008" + "00000001" + "00000002 fffe 0003 a005 0000 9fff 0000" + "00000003 0000 0000" + "aabbccdd"
)
PACKET = CongestionControlFeedback(
    1,
    (SourceMetrics(2, 0xFFFE, (Metric(1, 5), None, Metric(0, ARRIVAL_UNKNOWN))), SourceMetrics(3, 0, ())),
    0xAABBCCDD,
)


def test_there_and_back():
    assert parse_compound(DATA) == [PACKET]
    assert PACKET.serialize() == DATA


def test_a_report_on_nobody():
    packet = CongestionControlFeedback(1, (), 2)
    assert parse_compound(packet.serialize()) == [packet]


@pytest.mark.parametrize(
    "rest",
    [
        "0001 00000001",  # no timestamp
        "0003 00000001 00000002 aabbccdd",  # half a source
        "0004 00000001 00000002 00000002 aabbccdd",  # two metrics that are not there
        "0004 00000001 00000002 0000ffff aabbccdd",
    ],
)
def test_bodies_that_end_too_early(rest):
    with pytest.raises(MalformedPacketError):
        parse_compound(bytes.fromhex("8b cd" + rest))


@pytest.mark.parametrize("metrics", [(Metric(4, 0),), (Metric(0, 0x2000),), (None,) * 16385])
def test_what_can_not_be_written(metrics):
    with pytest.raises(ValueError):  # noqa: PT011  (each says it in its own words)
        CongestionControlFeedback(1, (SourceMetrics(2, 0, metrics),), 0).serialize()


def test_the_special_offsets():
    assert (ARRIVAL_OVERFLOW, ARRIVAL_UNKNOWN) == (0x1FFE, 0x1FFF)
