"""RTCP of one transport: what we say of streams and what the peer says of ours (RFC 3550, RFC 4585, RFC 5104)."""

from collections.abc import Iterator, Sequence

from rtcpeer.core import Entropy, earliest
from rtcpeer.rtp.arrival_log import ArrivalLog
from rtcpeer.rtp.feedback_pace import FeedbackPace
from rtcpeer.rtp.inbound_stream import InboundStream
from rtcpeer.rtp.keyframe_requests import RequestKind
from rtcpeer.rtp.outbound_stream import OutboundStream
from rtcpeer.rtp.report_schedule import ReportSchedule
from rtcpeer.rtp.rtcp import (
    Bye,
    Chunk,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverReport,
    RtcpPacket,
    SdesItem,
    SourceDescription,
)
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.srtp.session import MAX_PLAIN_RTCP

__all__ = ["Control"]

MAX_BLOCKS = 31  # of a report, and chunks of a description (RFC 3550 sections 6.4.1 and 6.5)


class Control:
    """Collects what is to be said and makes compounds of it; one pull, one flush."""

    def __init__(self, settings: MediaSettings, entropy: Entropy, wall_clock_offset: float) -> None:
        self.arrivals = ArrivalLog()
        self.cname = ""
        self.mids: dict[int, str] = {}  # of our streams
        self.is_reduced_size = False
        self._settings = settings
        self._wall_clock_offset = wall_clock_offset
        self._random_ssrc = int.from_bytes(entropy(4), "big")
        self._schedule = ReportSchedule(settings.report_interval, settings.report_bandwidth, entropy)
        self._pace = FeedbackPace(settings.feedback_interval, settings.max_feedback_interval, settings.report_bandwidth)
        self._leaving: list[int] = []
        self._outbound: Sequence[OutboundStream] = ()
        self._media_ssrc = 0  # of the stream that came last, which feedback on the transport names

    def configure(self, outbound: Sequence[OutboundStream]) -> None:
        """The streams that we send now."""
        self._outbound = outbound

    def leave(self, ssrcs: Sequence[int]) -> None:
        """These of our sources end: the next pull has their BYE."""
        self._leaving += ssrcs

    def start_reports(self, now: float) -> None:
        """Media flows."""
        self._schedule.start(now)

    def note_arrival(self, transport_sequence_number: int, ssrc: int, size: int, now: float) -> None:
        """A packet came that the sender wants to hear of (hot path)."""
        self.arrivals.add(transport_sequence_number, now)
        self._media_ssrc = ssrc
        self._pace.arrived(size, now)

    def next_timeout(self) -> float | None:
        """When there is something to say."""
        return earliest(self._schedule.due, self._pace.due)

    def is_due(self, now: float) -> bool:
        """Whether `compounds` has something to say of its own."""
        due = self.next_timeout()
        return bool(self._leaving) or (due is not None and due <= now)

    def compounds(
        self, inbound: Sequence[InboundStream], asking: Sequence[InboundStream], bitrate: int, now: float
    ) -> list[bytes]:
        """All that is to be said now, as plain RTCP; ``asking`` are the streams that may miss something."""
        said = self._feedback(asking, now)
        is_report_due = self._schedule.due is not None and self._schedule.due <= now
        if not said and not is_report_due and not self._leaving:
            return []
        ssrc = self.ssrc
        head: list[RtcpPacket] = []
        if is_report_due or self._leaving:
            head = self._reports(inbound, now)
        elif not self.is_reduced_size:
            head = [ReceiverReport(ssrc), self._description([ssrc])]
        if self._leaving:
            said.append(Bye(tuple(self._leaving[:MAX_BLOCKS])))
            self._leaving = self._leaving[MAX_BLOCKS:]
        compounds = list(self._packed(head, said))
        if is_report_due:
            self._schedule.note_sent(sum(map(len, compounds)), bitrate, now)
        return compounds

    @property
    def ssrc(self) -> int:
        """Under which we speak: that of a stream of ours, if there is one (RFC 8108 section 3)."""
        return next((stream.ssrc for stream in self._outbound if stream.has_left), self._random_ssrc)

    def _feedback(self, asking: Sequence[InboundStream], now: float) -> list[RtcpPacket]:
        said: list[RtcpPacket] = []
        for stream in asking:
            missing = stream.missing(now)
            if missing:
                said.append(Nack(self.ssrc, stream.ssrc, missing))
            match stream.keyframes.request(stream.feedback, now):
                case RequestKind.PLI:
                    said.append(PictureLossIndication(self.ssrc, stream.ssrc))
                case RequestKind.FIR:
                    said.append(FullIntraRequest(self.ssrc, ((stream.ssrc, stream.keyframes.fir_number),)))
                case None:
                    pass
        due = self._pace.due
        if due is not None and now >= due:
            self._pace.told(now)
            said += self.arrivals.feedback(self.ssrc, self._media_ssrc)
        return said

    def _reports(self, inbound: Sequence[InboundStream], now: float) -> list[RtcpPacket]:
        """Reports on all that we send and receive, and who we are."""
        blocks = [block for stream in inbound if (block := stream.report_block(now)) is not None]
        reports: list[RtcpPacket] = []
        ssrcs = []
        for stream in self._outbound:
            report = stream.report(tuple(blocks[:MAX_BLOCKS]), self._wall_clock_offset, now)
            if report is not None:
                reports.append(report)
                ssrcs.append(stream.ssrc)
                del blocks[:MAX_BLOCKS]
        while blocks or not reports:
            reports.append(ReceiverReport(self.ssrc, tuple(blocks[:MAX_BLOCKS])))
            del blocks[:MAX_BLOCKS]
        ssrcs = ssrcs or [self.ssrc]
        descriptions = [
            self._description(ssrcs[index : index + MAX_BLOCKS]) for index in range(0, len(ssrcs), MAX_BLOCKS)
        ]
        return [*reports, *descriptions]

    def _description(self, ssrcs: Sequence[int]) -> SourceDescription:
        chunks = []
        for ssrc in ssrcs:
            items = [(int(SdesItem.CNAME), self.cname.encode())]
            mid = self.mids.get(ssrc)
            if mid is not None:
                items.append((int(SdesItem.MID), mid.encode()))  # RFC 9143 section 15.2
            chunks.append(Chunk(ssrc, tuple(items)))
        return SourceDescription(tuple(chunks))

    def _packed(self, head: list[RtcpPacket], said: list[RtcpPacket]) -> Iterator[bytes]:
        """As few compounds as hold it all; each begins as was agreed on (RFC 3550 section 6.1, RFC 5506)."""
        start = b""
        if not self.is_reduced_size:
            start = ReceiverReport(self.ssrc).serialize() + self._description([self.ssrc]).serialize()
        compound = b""
        for part in [packet.serialize() for packet in (*head, *said)]:
            if compound and len(compound) + len(part) > MAX_PLAIN_RTCP:
                yield compound
                compound = start
            compound += part
        yield compound
