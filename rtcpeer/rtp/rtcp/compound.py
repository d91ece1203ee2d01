"""Compound packets (RFC 3550 section 6.1), reduced-size ones (RFC 5506), and the parser of each packet in them."""

from collections.abc import Callable, Sequence
from typing import Final

from rtcpeer.rtp.rtcp.congestion_control import CongestionControlFeedback, parse_congestion_control_feedback
from rtcpeer.rtp.rtcp.feedback import (
    ApplicationLayerFeedback,
    FullIntraRequest,
    Nack,
    PayloadFormat,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
    TemporaryMaxBitrateNotification,
    TemporaryMaxBitrateRequest,
    TransportFormat,
    parse_application_layer_feedback,
    parse_bitrate_limits,
    parse_full_intra_request,
    parse_nack,
    parse_picture_loss_indication,
)
from rtcpeer.rtp.rtcp.framing import PacketType, UnknownPacket, iterate_frames
from rtcpeer.rtp.rtcp.reports import ReceiverReport, SenderReport, parse_receiver_report, parse_sender_report
from rtcpeer.rtp.rtcp.sources import (
    Application,
    Bye,
    SdesItem,
    SourceDescription,
    parse_application,
    parse_bye,
    parse_source_description,
)
from rtcpeer.rtp.rtcp.transport_wide import TransportWideFeedback, parse_transport_wide_feedback

__all__ = ["RtcpPacket", "parse_compound", "serialize_compound", "serialize_reduced"]

RtcpPacket = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Bye
    | Application
    | Nack
    | TemporaryMaxBitrateRequest
    | TemporaryMaxBitrateNotification
    | TransportWideFeedback
    | CongestionControlFeedback
    | PictureLossIndication
    | FullIntraRequest
    | ReceiverEstimatedMaxBitrate
    | ApplicationLayerFeedback
    | UnknownPacket
)


def parse_compound(data: bytes) -> list[RtcpPacket]:
    """The packets of a compound or a reduced-size one, in order; `MalformedPacketError` when one of them is broken."""
    # Deviation: no report is asked for at the head, whether or not reduced size was negotiated.
    packets: list[RtcpPacket] = []
    for packet_type, count, body in iterate_frames(data):
        parse = BY_TYPE.get(packet_type)
        if parse is not None:
            packets.append(parse(count, body))
            continue
        parse_feedback = BY_FORMAT.get((packet_type, count))
        packets.append(parse_feedback(body) if parse_feedback else UnknownPacket(packet_type, count, body))
    return packets


def serialize_compound(packets: Sequence[RtcpPacket]) -> bytes:
    """A full compound; `ValueError` without a report at its head or without a CNAME (RFC 3550 section 6.1)."""
    if not packets or not isinstance(packets[0], SenderReport | ReceiverReport):
        raise ValueError("a compound RTCP packet begins with a sender or receiver report")
    if not any(isinstance(packet, SourceDescription) and _has_cname(packet) for packet in packets):
        raise ValueError("a compound RTCP packet has a source description with a CNAME")
    return serialize_reduced(packets)


def serialize_reduced(packets: Sequence[RtcpPacket]) -> bytes:
    """Any packets together, where reduced size was negotiated (``a=rtcp-rsize``, RFC 5506 section 5)."""
    if not packets:
        raise ValueError("there is no empty RTCP packet")
    return b"".join(packet.serialize() for packet in packets)


def _has_cname(packet: SourceDescription) -> bool:
    return any(chunk.text(SdesItem.CNAME) is not None for chunk in packet.chunks)


def _parse_request(body: bytes) -> TemporaryMaxBitrateRequest:
    return TemporaryMaxBitrateRequest(*parse_bitrate_limits(body))


def _parse_notification(body: bytes) -> TemporaryMaxBitrateNotification:
    return TemporaryMaxBitrateNotification(*parse_bitrate_limits(body))


BY_TYPE: Final[dict[int, Callable[[int, bytes], RtcpPacket]]] = {
    PacketType.SR: parse_sender_report,
    PacketType.RR: parse_receiver_report,
    PacketType.SDES: parse_source_description,
    PacketType.BYE: parse_bye,
    PacketType.APP: parse_application,
}
BY_FORMAT: Final[dict[tuple[int, int], Callable[[bytes], RtcpPacket]]] = {
    (PacketType.RTPFB, TransportFormat.NACK): parse_nack,
    (PacketType.RTPFB, TransportFormat.TMMBR): _parse_request,
    (PacketType.RTPFB, TransportFormat.TMMBN): _parse_notification,
    (PacketType.RTPFB, TransportFormat.CCFB): parse_congestion_control_feedback,
    (PacketType.RTPFB, TransportFormat.TRANSPORT_WIDE_CC): parse_transport_wide_feedback,
    (PacketType.PSFB, PayloadFormat.PLI): parse_picture_loss_indication,
    (PacketType.PSFB, PayloadFormat.FIR): parse_full_intra_request,
    (PacketType.PSFB, PayloadFormat.AFB): parse_application_layer_feedback,
}
