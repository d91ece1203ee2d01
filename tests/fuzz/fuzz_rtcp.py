"""Fuzz target of RTCP: what is read is written and read again as the same.

`python -m tests.fuzz.fuzz_rtcp [SECONDS]`; with atheris installed, coverage guides.
"""

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp import rtcp
from tests.fuzz.fuzz_rtp import ROUTER
from tests.fuzz.mutation import main

BLOCK = rtcp.ReportBlock(1, 2, -3, 4, 5, 6, 7)
PACKETS: list[rtcp.RtcpPacket] = [
    rtcp.SenderReport(1, 2, 3, 4, 5, (BLOCK, BLOCK)),
    rtcp.ReceiverReport(1, (BLOCK,), b"more"),
    rtcp.SourceDescription((rtcp.Chunk(1, ((1, b"name"), (15, b"0"))), rtcp.Chunk(2, ((1, b""),)))),
    rtcp.Bye((1, 2), b"reason"),
    rtcp.Application(1, b"name", b"data"),
    rtcp.Nack(1, 2, (1, 2, 17, 100)),
    rtcp.PictureLossIndication(1, 2),
    rtcp.FullIntraRequest(1, ((2, 3),)),
    rtcp.TemporaryMaxBitrateRequest(1, (rtcp.BitrateLimit(2, 1_000_000, 40),)),
    rtcp.TemporaryMaxBitrateNotification(1, (rtcp.BitrateLimit(2, 1_000_000, 40),)),
    rtcp.ReceiverEstimatedMaxBitrate(1, 1_000_000, (2, 3)),
    rtcp.ApplicationLayerFeedback(1, 2, b"data"),
    rtcp.TransportWideFeedback.of(1, 2, 3, [rtcp.Arrival(n * n & 0xFFFF, 300 * n % 900) for n in range(12)]),
    rtcp.CongestionControlFeedback(1, (rtcp.SourceMetrics(2, 3, (None, rtcp.Metric(1, 5), None)),), 4),
    rtcp.UnknownPacket(207, 3, b"data"),
]


def seeds() -> list[bytes]:
    """Every packet, alone and all together."""
    return [*(packet.serialize() for packet in PACKETS), rtcp.serialize_reduced(PACKETS)]


def target(data: bytes) -> None:
    """One input of the fuzzer."""
    try:
        packets = rtcp.parse_compound(data)
    except MalformedPacketError:
        return
    # Padding inside may have left bodies that are no whole words, which are carried but never written.
    if not any(first & 0x20 for first in heads(data)):
        assert rtcp.parse_compound(rtcp.serialize_reduced(packets)) == packets
    for packet in packets:
        ROUTER.route_rtcp(packet)
    assert ROUTER.statistics().streams <= 5


def heads(data: bytes) -> list[int]:
    """The first byte of every packet in a sound compound."""
    found, offset = [], 0
    while offset < len(data):
        found.append(data[offset])
        offset += 4 + 4 * int.from_bytes(data[offset + 2 : offset + 4], "big")
    return found


if __name__ == "__main__":
    main(target, seeds())
