import pytest

from rtcpeer.rtp import rtcp
from rtcpeer.rtp.rtcp.subjects import subjects

BLOCK = rtcp.ReportBlock(7, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("packet", "incoming", "outgoing"),
    [
        (rtcp.SenderReport(1, 0, 0, 0, 0, (BLOCK,)), (1,), (7,)),
        (rtcp.ReceiverReport(1, (BLOCK, BLOCK._replace(ssrc=8))), (), (7, 8)),
        (rtcp.SourceDescription((rtcp.Chunk(1), rtcp.Chunk(2))), (1, 2), ()),
        (rtcp.Bye((1, 2)), (1, 2), ()),
        (rtcp.Nack(1, 7, (1,)), (), (7,)),
        (rtcp.PictureLossIndication(1, 7), (), (7,)),
        (rtcp.FullIntraRequest(1, ((7, 0), (8, 0))), (), (7, 8)),
        (rtcp.TemporaryMaxBitrateRequest(1, (rtcp.BitrateLimit(7, 1),)), (), (7,)),
        (rtcp.TemporaryMaxBitrateNotification(1, (rtcp.BitrateLimit(9, 1),)), (1, 9), ()),
        (rtcp.ReceiverEstimatedMaxBitrate(1, 1, (7, 8)), (), (7, 8)),
        (rtcp.CongestionControlFeedback(1, (rtcp.SourceMetrics(7, 0, ()),), 0), (), (7,)),
        (rtcp.TransportWideFeedback(1, 7, 0, 0, 0, 0, ()), (), ()),
        (rtcp.ApplicationLayerFeedback(1, 7, b""), (), ()),
        (rtcp.Application(1, b"name"), (), ()),
        (rtcp.UnknownPacket(207, 0, b""), (), ()),
    ],
)
def test_whom_each_packet_is_about(packet, incoming, outgoing):
    assert subjects(packet) == (incoming, outgoing)
