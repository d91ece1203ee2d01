"""One stream that we receive: its order, its losses, its frames, its counters (RFC 3550, RFC 4585)."""

from typing import Final, NamedTuple

from rtcpeer.core import earliest
from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload.contract import Depacketizer
from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.header import RtpHeader, RtpPacket
from rtcpeer.rtp.jitter_buffer import Frame, GapSkipped, JitterBuffer, KeyframeNeeded, MediaKind
from rtcpeer.rtp.keyframe_requests import KeyframeRequests, RequestKind
from rtcpeer.rtp.loss import NackGenerator
from rtcpeer.rtp.parameters import CodecParameters, Kind
from rtcpeer.rtp.reports import NTP_EPOCH, NtpMapping, ReceptionStatistics, ntp_seconds
from rtcpeer.rtp.rtcp.reports import ReportBlock, SenderReport
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.rtp.statistics import InboundStatistics, RemoteOutboundStatistics

__all__ = ["Format", "InboundStream", "StoredPacket"]


class Format(NamedTuple):
    """A payload type that a stream may have, and what reads it."""

    codec: CodecParameters
    depacketizer: Depacketizer | None  # None: no media


class StoredPacket(NamedTuple):
    """What the jitter buffer keeps."""

    payload: bytes | memoryview
    header: RtpHeader
    extensions: HeaderExtensions
    format: Format
    received_at: float


PLAYOUT_DELAY_UNIT: Final = 0.01
CAPTURE_TIME_VALID: Final = 10.0  # seconds; senders repeat it about once a second
STORED_OVERHEAD: Final = 100  # what keeping a packet costs besides its payload, roughly
make_tuple: Final = tuple.__new__


class InboundStream:
    """The packets of one SSRC, those of its repair put back among them."""

    def __init__(self, ssrc: int, rid: str | None, kind: Kind, codec: CodecParameters, settings: MediaSettings) -> None:
        self.ssrc = ssrc
        self.rid = rid
        self.kind = kind
        self.cname: str | None = None
        self.rtx_ssrc: int | None = None
        self.deadline: float | None = None  # when `frames` or `requests` has something to do
        self.last_packet_at: float | None = None
        self.keyframes = KeyframeRequests(settings.keyframe_interval)
        self._settings = settings
        self._is_video = kind == "video"
        self._codec = codec
        self._asks_again = self._is_video and "nack" in codec.feedback
        self._reception = ReceptionStatistics(codec.clock_rate)
        self._nack = NackGenerator(settings.loss)
        self._buffer = self._new_buffer()
        self._mapping = NtpMapping(codec.clock_rate)
        self._before: tuple[int, int] = (-1, 0)  # the number after that of the packet that came last, and its timestamp
        self._remote: RemoteOutboundStatistics | None = None
        self._captured: tuple[int, float] | None = None  # a timestamp and its time of capture
        self._is_read = True
        self._jitter_target = 0.0
        self._packets = self._bytes = self._header_bytes = 0
        self._repairs = self._repair_bytes = 0
        self._frames = self._keyframes = self._malformed = self._unread_frames = 0
        self._nacks = 0
        self._delay = self._target_delay = self._minimum_delay = 0.0
        self._last_timestamp: int | None = None  # of the last frame
        self._buffered_before = (0, 0, 0)  # what earlier buffers have discarded, found twice, and dropped

    def receive(
        self, packet: RtpPacket, extensions: HeaderExtensions, form: Format, now: float, *, is_repair: bool = False
    ) -> None:
        """Take a packet (hot path)."""
        header, payload, padding = packet
        _, number, timestamp, _, marker, _, _, _ = header
        payload_size = len(payload)
        self.last_packet_at = now
        self._packets += 1
        self._bytes += payload_size
        self._header_bytes += header.size + padding
        if form.codec is not self._codec:
            self._change_codec(form)
        if is_repair:
            self._repairs += 1
            self._repair_bytes += payload_size
        else:
            self._reception.receive(number, timestamp, now)
        if not self._is_read:
            self._unread_frames += marker
            return
        if self._asks_again:
            self._nack.receive(number, now)
        depacketizer = form[1]
        is_first: bool | None = True
        is_empty = depacketizer is None or not payload_size
        is_keyframe = False
        if self._is_video and not is_empty:
            try:
                is_first, is_keyframe = self._place(form, packet)
            except MalformedPacketError:
                self._malformed += 1
                is_empty = True
        if extensions.playout_delay is not None:
            self._buffer.clock.set_wish(*(PLAYOUT_DELAY_UNIT * bound for bound in extensions.playout_delay))
        stored = make_tuple(StoredPacket, (payload, header, extensions, form, now))
        size = payload_size + STORED_OVERHEAD
        self._buffer.receive(number, timestamp, stored, size, now, is_first=is_first, is_last=marker,
                             is_keyframe=is_keyframe, is_retransmission=is_repair, is_empty=is_empty)  # fmt: skip

    def frames(self, now: float) -> list[EncodedFrame]:
        """What is to be played now; afterwards `deadline` is the next."""
        frames = []
        for frame in self._buffer.frames(now):
            encoded = self._encoded(frame, now)
            if encoded is not None:
                frames.append(encoded)
        for event in self._buffer.poll_events():
            match event:
                case GapSkipped(next_sequence_number=number):
                    self._nack.forget_before(number)
                case KeyframeNeeded():
                    self.keyframes.is_wanted = True
        self.deadline = earliest(self._buffer.next_timeout(), self._nack.next_timeout())
        return frames

    def missing(self, now: float) -> tuple[int, ...]:
        """The sequence numbers to ask for now."""
        if not self._asks_again or not len(self._nack):
            return ()
        requests = self._nack.requests(now)
        self._nacks += bool(requests)
        self.deadline = earliest(self._buffer.next_timeout(), self._nack.next_timeout())
        return tuple(requests)

    def receive_sender_report(self, report: SenderReport, now: float) -> None:
        """The source's own report."""
        self._reception.receive_sender_report(report.ntp_time, now)
        self._mapping.receive_sender_report(report.ntp_time, report.rtp_time)
        count = 1 if self._remote is None else self._remote.reports_sent + 1
        sent_at = ntp_seconds(report.ntp_time) - NTP_EPOCH
        self._remote = RemoteOutboundStatistics(report.packet_count, report.octet_count, count, sent_at, now)

    @property
    def feedback(self) -> frozenset[str]:
        """What was agreed on for its codec."""
        return self._codec.feedback

    def report_block(self, now: float) -> ReportBlock | None:
        """What the next report says of it."""
        report = self._reception.report(now)
        return None if report is None else ReportBlock(self.ssrc, *report)

    def set_round_trip_time(self, seconds: float) -> None:
        """How long an answer takes."""
        self._nack.set_round_trip_time(seconds)

    def set_read(self, *, is_read: bool) -> None:
        """Whether anybody wants frames."""
        if is_read == self._is_read:
            return
        self._is_read = is_read
        self._replace_buffer()
        self.deadline = None
        self.keyframes.is_wanted = is_read and self._is_video

    def set_jitter_target(self, seconds: float) -> None:
        """At least this delay."""
        self._jitter_target = seconds
        self._buffer.set_target_delay(seconds)

    def playout_offset(self) -> tuple[float, float] | None:
        """When its newest media comes and when it is to be played, as seconds beyond the sender's clock.

        None before it is known: what plays in time with others has the same offset as they.
        """
        if self._last_timestamp is None or not self._is_read:
            return None
        timestamp = self._last_timestamp & 0xFFFFFFFF
        captured = self._mapping.ntp_time(timestamp)
        if captured is None:
            return None
        clock = self._buffer.clock
        arrival = clock.earliest(timestamp) - captured
        return arrival, arrival + clock.own_delay

    @property
    def synchronized_delay(self) -> float:
        """What it waits for others."""
        return self._buffer.clock.synchronized

    @synchronized_delay.setter
    def synchronized_delay(self, seconds: float) -> None:
        self._buffer.clock.synchronized = seconds

    def statistics(self, mid: str | None) -> InboundStatistics:
        """A snapshot."""
        buffer = self._buffer.statistics()
        discarded, duplicates, dropped = self._buffered_before
        played_at: float | None = None
        if self._last_timestamp is not None:
            ntp = self._mapping.ntp_time(self._last_timestamp & 0xFFFFFFFF)
            played_at = None if ntp is None else ntp - NTP_EPOCH
        return InboundStatistics(
            kind=self.kind,
            ssrc=self.ssrc,
            rtx_ssrc=self.rtx_ssrc,
            mid=mid,
            rid=self.rid,
            cname=self.cname,
            codec=self._codec,
            packets_received=self._packets,
            bytes_received=self._bytes,
            header_bytes_received=self._header_bytes,
            packets_lost=self._reception.packets_lost,
            packets_discarded=discarded + buffer.discarded + buffer.late,
            packets_duplicated=duplicates + buffer.duplicates,
            retransmitted_packets_received=self._repairs,
            retransmitted_bytes_received=self._repair_bytes,
            jitter=self._reception.jitter,
            frames_received=self._frames + self._unread_frames + dropped + buffer.frames_dropped,
            key_frames_received=self._keyframes,
            frames_dropped=dropped + buffer.frames_dropped + self._unread_frames,
            frames_malformed=self._malformed,
            nack_count=self._nacks,
            pli_count=self.keyframes.counts[RequestKind.PLI],
            fir_count=self.keyframes.counts[RequestKind.FIR],
            jitter_buffer_delay=self._delay,
            jitter_buffer_target_delay=self._target_delay,
            jitter_buffer_minimum_delay=self._minimum_delay,
            jitter_buffer_emitted_count=self._frames,
            current_delay=buffer.delay,
            last_packet_received_at=self.last_packet_at,
            estimated_playout_timestamp=played_at,
            remote=self._remote,
        )

    def _place(self, form: Format, packet: RtpPacket) -> tuple[bool | None, bool]:
        """Whether a frame begins with a packet, None where nothing tells, and whether a keyframe does."""
        depacketizer, (header, payload, _) = form[1], packet
        assert depacketizer is not None
        assert isinstance(payload, bytes)
        is_first = depacketizer.is_first_of_frame(payload)
        if is_first is None:
            # Where the payload does not tell, a new timestamp right behind another one does.
            before, their_timestamp = self._before
            if header.sequence_number == before:
                is_first = header.timestamp != their_timestamp
            self._before = ((header.sequence_number + 1) & 0xFFFF, header.timestamp)
        return is_first, is_first is not False and depacketizer.starts_keyframe(payload)

    def _change_codec(self, form: Format) -> None:
        """Another payload type; one of events or comfort noise leaves the clock and the buffer as they are."""
        if form.depacketizer is None:
            return
        codec = form.codec
        if codec.clock_rate != self._codec.clock_rate:
            self._reception = ReceptionStatistics(codec.clock_rate)
            self._mapping = NtpMapping(codec.clock_rate)
            self._codec = codec
            self._replace_buffer()
        self._codec = codec
        self._asks_again = self._is_video and "nack" in codec.feedback

    def _replace_buffer(self) -> None:
        old = self._buffer.statistics()
        discarded, duplicates, dropped = self._buffered_before
        discarded += old.discarded + old.late + old.packets
        self._buffered_before = (discarded, duplicates + old.duplicates, dropped + old.frames_dropped)
        self._buffer = self._new_buffer()
        self._buffer.set_target_delay(self._jitter_target)
        self._nack = NackGenerator(self._settings.loss)
        self._last_timestamp = self._captured = None

    def _new_buffer(self) -> JitterBuffer[StoredPacket]:
        kind = MediaKind.VIDEO if self._is_video else MediaKind.AUDIO
        return JitterBuffer(self._settings.jitter_buffer, kind, self._codec.clock_rate)

    def _encoded(self, frame: Frame[StoredPacket], now: float) -> EncodedFrame | None:
        packets = frame.packets
        first, last = packets[0], packets[-1]
        form = first.format
        try:
            assert form.depacketizer is not None
            decodable = form.depacketizer.depacketize([bytes(packet.payload) for packet in packets])
        except MalformedPacketError:
            self._malformed += 1
            self.keyframes.is_wanted |= self._is_video
            return None
        self._frames += 1
        self._keyframes += decodable.is_keyframe and self._is_video
        self._last_timestamp = frame.timestamp
        clock = self._buffer.clock
        self._delay += now - min(packet.received_at for packet in packets) if len(packets) > 1 else now - first[4]
        self._target_delay += clock.delay
        self._minimum_delay += clock.own_delay
        extensions = last.extensions
        return EncodedFrame(
            decodable.data,
            frame.timestamp,
            decodable.is_keyframe,
            form.codec,
            self.rid,
            self._captured_at(extensions, frame.timestamp),
            extensions.audio_level,
            extensions.video_orientation,
            self.ssrc,
            first.header.csrcs,
            last.received_at,
            frame.lost_before,
        )

    def _captured_at(self, extensions: HeaderExtensions, timestamp: int) -> float | None:
        """By the extension, between whose values those of other frames are; else by sender reports."""
        told = extensions.absolute_capture_time
        if told is not None:
            self._captured = (timestamp, ntp_seconds(told.timestamp) - NTP_EPOCH)
        if self._captured is not None:
            since, captured_at = self._captured
            passed = (timestamp - since) / self._codec.clock_rate
            if abs(passed) < CAPTURE_TIME_VALID:
                return captured_at + passed
        ntp = self._mapping.ntp_time(timestamp & 0xFFFFFFFF)
        return None if ntp is None else ntp - NTP_EPOCH
