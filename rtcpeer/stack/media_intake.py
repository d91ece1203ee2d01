"""What the peer says in RTCP, taken to the streams that it is about (RFC 3550, RFC 4585, RFC 5104)."""

from collections.abc import Iterable, Mapping, Sequence

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.inbound_stream import InboundStream
from rtcpeer.rtp.outbound_stream import OutboundStream
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.router import Router
from rtcpeer.rtp.rtcp import (
    Bye,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SdesItem,
    SenderReport,
    SourceDescription,
    TransportWideFeedback,
    parse_compound,
)
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.stack.media_egress import Egress

__all__ = ["ControlIntake"]


class ControlIntake:
    """``outbound`` and ``receivers`` are those of the transport; who owns it keeps them current."""

    def __init__(self, egress: Egress, router: Router[RtpReceiver, RtpSender]) -> None:
        self.outbound: Mapping[int, OutboundStream] = {}
        self.receivers: Sequence[RtpReceiver] = ()
        self.malformed = 0
        self.has_round_trip_time = False  # reports on what we send have told it
        self.without_stream = 0  # feedback on what we do not send
        self._egress = egress
        self._router = router

    def receive(self, plain: bytes, now: float) -> None:
        """Take a compound; one that is malformed is dropped whole, and counted."""
        try:
            packets = parse_compound(plain)
        except MalformedPacketError:
            self.malformed += 1
            return
        for packet in packets:
            self._receive(packet, now)

    def _receive(self, packet: RtcpPacket, now: float) -> None:
        match packet:
            case TransportWideFeedback():
                self._egress.receive_feedback(packet, now)
            case SenderReport(ssrc=ssrc, reports=reports):
                stream = self._inbound_of(ssrc)
                if stream is not None:
                    stream.receive_sender_report(packet, now)
                self._receive_reports(reports, now)
            case ReceiverReport(reports=reports):
                self._receive_reports(reports, now)
            case SourceDescription():
                self._router.route_rtcp(packet)
                self._learn_names(packet)
            case Bye(ssrcs=ssrcs):
                self._end(ssrcs, now)
            case _:
                self._receive_request(packet, now)

    def _receive_request(self, packet: RtcpPacket, now: float) -> None:
        match packet:
            case Nack(media_ssrc=ssrc, sequence_numbers=numbers):
                for stream in self._outbound_of(ssrc):
                    self._egress.enqueue(stream.retransmissions(numbers, now), now)
            case PictureLossIndication(media_ssrc=ssrc):
                for stream in self._outbound_of(ssrc):
                    stream.receive_picture_loss(now)
            case FullIntraRequest(sender_ssrc=asker, entries=entries):
                for ssrc, number in entries:
                    for stream in self._outbound_of(ssrc):
                        stream.receive_full_intra_request(asker, number, now)
            case ReceiverEstimatedMaxBitrate(bitrate=bitrate):
                self._egress.receive_remote_bitrate(bitrate, now)
            case _:
                pass  # nothing else was agreed on

    def _receive_reports(self, blocks: Iterable[ReportBlock], now: float) -> None:
        for block in blocks:
            stream = self.outbound.get(block.ssrc)
            if stream is None:
                continue  # of repair, mostly
            self._egress.receive_loss(block.fraction_lost / 256, now)
            seconds = stream.receive_report(block, self._egress.wall_clock_offset, now)
            if seconds is not None:
                self.has_round_trip_time = True
                for receiver in self.receivers:
                    receiver.set_round_trip_time(seconds)

    def _end(self, ssrcs: Iterable[int], now: float) -> None:
        for ssrc in ssrcs:
            for receiver in self.receivers:
                if ssrc in receiver.streams:
                    receiver.end(ssrc, now)
                    self._router.forget(ssrc)

    def _learn_names(self, description: SourceDescription) -> None:
        for chunk in description.chunks:
            stream = self._inbound_of(chunk.ssrc)
            if stream is not None:
                stream.cname = chunk.text(SdesItem.CNAME) or stream.cname

    def _inbound_of(self, ssrc: int) -> InboundStream | None:
        for receiver in self.receivers:
            stream = receiver.streams.get(ssrc)
            if stream is not None:
                return stream
        return None

    def _outbound_of(self, ssrc: int) -> tuple[OutboundStream] | tuple[()]:
        stream = self.outbound.get(ssrc)
        if stream is None:
            self.without_stream += 1
            return ()
        return (stream,)
