"""Whom an RTCP packet is about (RFC 9143 section 9.2)."""

from typing import Final, NamedTuple

from rtcpeer.rtp.rtcp.compound import RtcpPacket
from rtcpeer.rtp.rtcp.congestion_control import CongestionControlFeedback
from rtcpeer.rtp.rtcp.feedback import (
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
    TemporaryMaxBitrateNotification,
    TemporaryMaxBitrateRequest,
)
from rtcpeer.rtp.rtcp.framing import Ssrcs
from rtcpeer.rtp.rtcp.reports import ReceiverReport, SenderReport
from rtcpeer.rtp.rtcp.sources import Bye, SourceDescription

__all__ = ["Subjects", "subjects"]


class Subjects(NamedTuple):
    """The SSRCs that a packet from the peer speaks of."""

    incoming: Ssrcs = ()  # the peer's own streams
    outgoing: Ssrcs = ()  # ours


NOBODY: Final = Subjects()


def subjects(packet: RtcpPacket) -> Subjects:
    """Whom a packet is about; nobody where it is about the transport, or something that we do not know."""
    match packet:
        case SenderReport(ssrc=ssrc, reports=reports):
            return Subjects((ssrc,), tuple(block.ssrc for block in reports))
        case ReceiverReport(reports=reports):
            return Subjects((), tuple(block.ssrc for block in reports))
        case SourceDescription(chunks=chunks):
            return Subjects(tuple(chunk.ssrc for chunk in chunks))
        case Bye(ssrcs=ssrcs):
            return Subjects(ssrcs)
        case _:
            return _of_feedback(packet)


def _of_feedback(packet: RtcpPacket) -> Subjects:
    match packet:
        case Nack(media_ssrc=ssrc) | PictureLossIndication(media_ssrc=ssrc):
            return Subjects((), (ssrc,))
        case FullIntraRequest(entries=entries):
            return Subjects((), tuple(ssrc for ssrc, _ in entries))
        case TemporaryMaxBitrateRequest(limits=limits):
            return Subjects((), tuple(limit.ssrc for limit in limits))
        case TemporaryMaxBitrateNotification(limits=limits):
            # A notification answers a request, and so is about what we receive.
            return Subjects((packet.sender_ssrc, *(limit.ssrc for limit in limits)))
        case ReceiverEstimatedMaxBitrate(ssrcs=ssrcs):
            return Subjects((), ssrcs)
        case CongestionControlFeedback(sources=sources):
            return Subjects((), tuple(source.ssrc for source in sources))
        case _:
            return NOBODY
