"""RTCP packets: each a frozen value with `serialize`, read by `parse_compound`."""

from rtcpeer.rtp.rtcp.compound import RtcpPacket, parse_compound, serialize_compound, serialize_reduced
from rtcpeer.rtp.rtcp.congestion_control import CongestionControlFeedback, Metric, SourceMetrics
from rtcpeer.rtp.rtcp.feedback import (
    ApplicationLayerFeedback,
    BitrateLimit,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
    TemporaryMaxBitrateNotification,
    TemporaryMaxBitrateRequest,
)
from rtcpeer.rtp.rtcp.framing import PacketType, UnknownPacket
from rtcpeer.rtp.rtcp.reports import ReceiverReport, ReportBlock, SenderReport
from rtcpeer.rtp.rtcp.sources import Application, Bye, Chunk, SdesItem, SourceDescription
from rtcpeer.rtp.rtcp.transport_wide import Arrival, TransportWideFeedback

__all__ = [
    # Compounds
    "RtcpPacket",
    "parse_compound",
    "serialize_compound",
    "serialize_reduced",
    "PacketType",
    "UnknownPacket",
    # Reports and sources
    "SenderReport",
    "ReceiverReport",
    "ReportBlock",
    "SourceDescription",
    "Chunk",
    "SdesItem",
    "Bye",
    "Application",
    # Feedback
    "Nack",
    "PictureLossIndication",
    "FullIntraRequest",
    "TemporaryMaxBitrateRequest",
    "TemporaryMaxBitrateNotification",
    "BitrateLimit",
    "ReceiverEstimatedMaxBitrate",
    "ApplicationLayerFeedback",
    "TransportWideFeedback",
    "Arrival",
    "CongestionControlFeedback",
    "SourceMetrics",
    "Metric",
]
