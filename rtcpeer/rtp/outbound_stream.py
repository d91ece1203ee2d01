"""One stream that we send: numbers packets, keeps them to send them again, counts (RFC 3550, RFC 4588)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rtcpeer.core import Entropy
from rtcpeer.payload.contract import Packetizer
from rtcpeer.rtp.bandwidth.pacer import Priority
from rtcpeer.rtp.extension_values import AbsoluteCaptureTime, PlayoutDelay
from rtcpeer.rtp.extension_writer import ExtensionWriter
from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.formats import packetizer_of
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.header import CSRCS, EXTENSION_BIT, FIXED, FIXED_HEADER_SIZE, MARKER_BIT, VERSION_2
from rtcpeer.rtp.loss import RetransmissionHistory
from rtcpeer.rtp.outgoing import OutgoingPacket
from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters, Kind, SendParameters
from rtcpeer.rtp.repair_stream import RepairStream
from rtcpeer.rtp.reports import SenderStatistics, ntp_timestamp, round_trip_time
from rtcpeer.rtp.rtcp.reports import ReportBlock, SenderReport
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.rtp.statistics import OutboundStatistics, RemoteInboundStatistics

__all__ = ["OutboundStream"]

MAX_TIMESTAMP_JUMP: Final = 1.0  # seconds that a frame's timestamp may differ from the time that has passed
CAPTURE_TIME_INTERVAL: Final = 1.0  # receivers interpolate, says the extension's description
HUGE: Final = 2.5  # W3C's hugeFramesSent: times the average
# Another clock than ours is no use to who wants to know when something was captured on ours.
MAX_CLOCK_DIFFERENCE: Final = 10.0


@dataclass(slots=True)
class _Counters:
    header_bytes: int = 0
    retransmitted_packets: int = 0
    retransmitted_bytes: int = 0
    frames: int = 0
    frame_bytes: int = 0
    huge_frames: int = 0
    key_frames: int = 0
    frames_dropped: int = 0
    nacks: int = 0
    plis: int = 0
    firs: int = 0
    send_delay: float = 0.0


class OutboundStream:
    """An encoding under its SSRC, with that of its repair."""

    def __init__(
        self,
        kind: Kind,
        encoding: EncodingParameters,
        settings: MediaSettings,
        entropy: Entropy,
        request_keyframe: Callable[[str | None], None],
    ) -> None:
        self.kind = kind
        self.ssrc = encoding.ssrc
        self.rtx_ssrc = encoding.rtx_ssrc
        self.rid = encoding.rid
        self.bitrate = 0  # its part of what may be sent
        self.max_bitrate: int | None = None
        self.is_active = True
        self.has_dropped = False  # the frame before: what follows can not be decoded without it
        self.has_left = False  # packets have left, so that the peer knows of it
        self.remote: RemoteInboundStatistics | None = None
        self.playout_delay: PlayoutDelay | None = None  # told with keyframes, which a decoder does not miss
        self._settings = settings
        self._entropy = entropy
        self._request_keyframe = request_keyframe
        self._priority = Priority.AUDIO if kind == "audio" else Priority.VIDEO
        self._packetizer: Packetizer | None = None
        self._codec: CodecParameters | None = None
        self._codecs: tuple[CodecParameters, ...] = ()
        self._history: RetransmissionHistory[OutgoingPacket] | None = None
        # RFC 3550 section 5.1: both begin at random.
        self._sequence_number = int.from_bytes(entropy(2), "big") & 0x7FFF
        self._repair: RepairStream | None = None
        if encoding.rtx_ssrc is not None:
            self._repair = RepairStream(encoding.rtx_ssrc, int.from_bytes(entropy(2), "big") & 0x7FFF)
        self._offset = int.from_bytes(entropy(4), "big")
        self._last_frame: tuple[int, float] | None = None  # its timestamp and when it came
        self._statistics = SenderStatistics(90000)
        self._counters = _Counters()
        self._capture_time_due = -math.inf
        self._keyframe_asked_at = -math.inf
        self._fir_numbers: dict[int, int] = {}
        self._round_trips: tuple[float | None, float, int] = (None, 0.0, 0)
        self.configure_extensions(None)

    def configure_extensions(self, parameters: SendParameters | None) -> None:
        """Take ids and codecs of what was negotiated; the numbering goes on."""
        ids = parameters.extensions if parameters else ()
        mid = parameters.mid if parameters else None
        self._mid = mid
        self._writer = ExtensionWriter(ids, mid, self.rid, None)
        codecs = parameters.codecs if parameters else ()
        if self._repair is not None:
            repairs = [(codec, parameters.repair_of(codec)) for codec in codecs] if parameters else []
            types = {codec.payload_type: repair.payload_type for codec, repair in repairs if repair is not None}
            # RFC 8852 section 3.2: the repair of a stream names it.
            self._repair.configure(types, ExtensionWriter(ids, mid, None, self.rid))
        if codecs != self._codecs:
            self._codecs = codecs
            self._packetizer = None
            if self._history is None and any("nack" in codec.feedback for codec in codecs):
                self._history = RetransmissionHistory(self._settings.loss, self._settings.bandwidth.start_bitrate)

    @property
    def can_pad(self) -> bool:
        """Whether `padding` has a stream to go to: repair has, where packets were sent that it may follow."""
        return self.has_left and self._repair is not None and self._repair.is_usable

    def packetize(self, frame: EncodedFrame, codec: CodecParameters, now: float, clock: float) -> list[OutgoingPacket]:
        """The packets of a frame; ``clock`` is what makes seconds since 1970 of ``now``."""
        if codec is not self._codec or self._packetizer is None:
            self._packetizer = packetizer_of(codec, self._entropy)
            self._codec = codec
            self._statistics.set_clock_rate(codec.clock_rate)
        self.has_dropped = False
        values = self._values(frame, now)
        elements = self._writer.elements(values) if values else b""
        csrcs = frame.contributing_sources[:15]
        room = self._settings.max_packet_size - FIXED_HEADER_SIZE - self._writer.size - 2 - 4 * len(csrcs)
        payloads = self._packetizer.packetize(frame.data, room - len(elements) - 3 if elements else room)
        timestamp = self._timestamp(frame.timestamp, codec.clock_rate, now)
        captured_at = now
        if frame.captured_at is not None and abs(frame.captured_at - clock - now) < MAX_CLOCK_DIFFERENCE:
            captured_at = frame.captured_at - clock
        self._statistics.note_frame(timestamp, captured_at)
        self._count_frame(frame)
        return self._packets(payloads, elements, timestamp, csrcs, codec.payload_type, now)

    def event_packet(
        self, payload: bytes, payload_type: int, timestamp: int, now: float, *, marker: bool
    ) -> OutgoingPacket:
        """A packet of another payload type within the stream, at an RTP timestamp (RFC 4733 section 2.1)."""
        (packet,) = self._packets([payload], b"", timestamp, (), payload_type, now)
        fixed = FIXED.unpack_from(packet.head)
        second = payload_type | (MARKER_BIT if marker else 0)
        packet.head = FIXED.pack(fixed[0], second, *fixed[2:]) + packet.head[FIXED_HEADER_SIZE:]
        return packet

    def rtp_time(self, now: float, clock_rate: int) -> int:
        """The RTP timestamp of something that begins now."""
        if self._last_frame is None:
            return self._offset & 0xFFFFFFFF
        timestamp, at = self._last_frame
        return (self._offset + timestamp + round((now - at) * clock_rate)) & 0xFFFFFFFF

    def retransmissions(self, sequence_numbers: tuple[int, ...], now: float) -> list[OutgoingPacket]:
        """What to send for a NACK; what is not there any more, or was sent again just now, is left out."""
        self._counters.nacks += 1
        history = self._history
        if history is None:
            return []
        packets = []
        for number in sequence_numbers:
            packet = history.packet(number, now)
            if packet is not None:
                packets.append((self._repair and self._repair.again(packet, now)) or _same_again(packet, now))
        return packets

    def padding(self, size: int, now: float) -> OutgoingPacket | None:
        """A packet of nothing but ``size`` bytes of padding, in the stream of repair."""
        codec, repair = self._codec, self._repair
        if codec is None or repair is None:
            return None
        return repair.padding(self, codec.payload_type, self.rtp_time(now, codec.clock_rate), size, now)

    def note_left(self, packet: OutgoingPacket, protected: bytes, now: float) -> None:
        """A packet leaves (hot path)."""
        statistics, counters = self._statistics, self._counters
        self.has_left = True
        counters.send_delay += now - packet.queued_at
        payload_size = len(packet.payload)
        counters.header_bytes += packet.size - payload_size
        number = packet.sequence_number
        if number is None:
            if payload_size:  # else padding, which repeats nothing
                counters.retransmitted_packets += 1
                counters.retransmitted_bytes += payload_size
            return
        statistics.packets += 1
        statistics.octets += payload_size
        history = self._history
        if history is not None:
            if self._repair is None or not self._repair.is_usable:
                packet.protected = protected
            history.add(number, packet, packet.size, now)

    def keyframe_wanted(self, now: float) -> None:
        """Ask the encoder, unless that was done just now."""
        if now >= self._keyframe_asked_at + self._settings.keyframe_interval:
            self._keyframe_asked_at = now
            self._request_keyframe(self.rid)

    def receive_picture_loss(self, now: float) -> None:
        """A PLI came."""
        self._counters.plis += 1
        self.keyframe_wanted(now)

    def receive_full_intra_request(self, sender_ssrc: int, number: int, now: float) -> None:
        """A FIR came; one that was heard before is no new request (RFC 5104 section 4.3.1.2)."""
        if self._fir_numbers.get(sender_ssrc) != number:
            self._fir_numbers = {sender_ssrc: number}  # a peer has one SSRC to ask with
            self._counters.firs += 1
            self.keyframe_wanted(now)

    def receive_report(self, block: ReportBlock, clock: float, now: float) -> float | None:
        """The peer says what it receives; returns the round-trip time, if that tells it."""
        seconds = round_trip_time(ntp_timestamp(now + clock), block.last_sr, block.delay_since_last_sr)
        last, total, count = self._round_trips
        if seconds is not None:
            self._round_trips = last, total, count = seconds, total + seconds, count + 1
            if self._history is not None:
                self._history.set_round_trip_time(seconds)
        rate = self._codec.clock_rate if self._codec is not None else 90000
        lost = block.fraction_lost / 256
        self.remote = RemoteInboundStatistics(block.packets_lost, lost, block.jitter / rate, last, total, count, now)
        return seconds

    def report(self, blocks: tuple[ReportBlock, ...], clock: float, now: float) -> SenderReport | None:
        """A sender report that leaves now; None before any packet."""
        info = self._statistics.info(now, now + clock) if self.has_left else None
        return None if info is None else SenderReport(self.ssrc, *info, blocks)

    def set_bitrate(self, bitrate: int) -> None:
        """What it may take from now on; repair gets a share of that."""
        self.bitrate = bitrate
        if self._history is not None:
            self._history.set_bitrate(bitrate)

    def drop_frame(self) -> None:
        """A frame came while nothing can be sent."""
        self._counters.frames_dropped += 1
        self.has_dropped = True

    def statistics(self) -> OutboundStatistics:
        """A snapshot."""
        counters, sent = self._counters, self._statistics
        return OutboundStatistics(
            kind=self.kind,
            ssrc=self.ssrc,
            rtx_ssrc=self.rtx_ssrc,
            mid=self._mid,
            rid=self.rid,
            codec=self._codec,
            is_active=self.is_active,
            packets_sent=sent.packets + counters.retransmitted_packets,
            bytes_sent=sent.octets + counters.retransmitted_bytes,
            header_bytes_sent=counters.header_bytes,
            retransmitted_packets_sent=counters.retransmitted_packets,
            retransmitted_bytes_sent=counters.retransmitted_bytes,
            frames_sent=counters.frames,
            huge_frames_sent=counters.huge_frames,
            key_frames_sent=counters.key_frames,
            frames_dropped=counters.frames_dropped,
            nack_count=counters.nacks,
            pli_count=counters.plis,
            fir_count=counters.firs,
            target_bitrate=self.bitrate,
            total_packet_send_delay=counters.send_delay,
            last_frame_at=None if self._last_frame is None else self._last_frame[1],
            remote=self.remote,
        )

    def _values(self, frame: EncodedFrame, now: float) -> HeaderExtensions | None:
        values: HeaderExtensions | None = None
        if frame.audio_level is not None or frame.orientation is not None:
            values = HeaderExtensions(audio_level=frame.audio_level, video_orientation=frame.orientation)
        if frame.captured_at is not None and now >= self._capture_time_due:
            self._capture_time_due = now + CAPTURE_TIME_INTERVAL
            values = values or HeaderExtensions()
            values.absolute_capture_time = AbsoluteCaptureTime(ntp_timestamp(frame.captured_at))
        if self.playout_delay is not None and frame.is_keyframe:
            values = values or HeaderExtensions()
            values.playout_delay = self.playout_delay
        return values

    def _packets(
        self,
        payloads: list[bytes],
        elements: bytes,
        timestamp: int,
        csrcs: tuple[int, ...],
        payload_type: int,
        now: float,
    ) -> list[OutgoingPacket]:
        """Headers for the payloads (hot path); what is said once a frame goes with its last packet."""
        before, after = self._writer.write(b"")
        departure, priority, ssrc = self._writer.departure, self._priority, self.ssrc
        first = VERSION_2 | (EXTENSION_BIT if before else 0) | len(csrcs)
        sources = CSRCS[len(csrcs)].pack(*csrcs) if csrcs else b""
        packets = []
        last = len(payloads) - 1
        number = self._sequence_number
        for index, payload in enumerate(payloads):
            second = payload_type
            if index == last:
                if self.kind == "video":
                    second |= MARKER_BIT
                if elements:
                    before, after = self._writer.write(elements)
                    first |= EXTENSION_BIT
            head = FIXED.pack(first, second, number, timestamp, ssrc) + sources + before
            packet = OutgoingPacket(self, head, after + payload, payload, priority, now)
            packet.sequence_number = number
            packet.departure = departure
            packets.append(packet)
            number = (number + 1) & 0xFFFF
        self._sequence_number = number
        packets[-1].elements = elements
        return packets

    def _timestamp(self, timestamp: int, clock_rate: int, now: float) -> int:
        """On the wire; a source that begins from another origin goes on where the one before it was."""
        if self._last_frame is not None:
            last, at = self._last_frame
            passed = (now - at) * clock_rate
            ahead = timestamp - last
            if ahead < 0 or abs(ahead - passed) > MAX_TIMESTAMP_JUMP * clock_rate:
                self._offset += last + max(round(passed), 1) - timestamp
        self._last_frame = (timestamp, now)
        return (self._offset + timestamp) & 0xFFFFFFFF

    def _count_frame(self, frame: EncodedFrame) -> None:
        counters, size = self._counters, len(frame.data)
        counters.huge_frames += size * counters.frames > HUGE * counters.frame_bytes > 0
        counters.frames += 1
        counters.frame_bytes += size
        counters.key_frames += frame.is_keyframe


def _same_again(packet: OutgoingPacket, now: float) -> OutgoingPacket:
    """As it was protected before: under one key no other packet may have its number (RFC 3711 section 9.1)."""
    again = OutgoingPacket(packet.stream, packet.head, packet.tail, packet.payload, Priority.RETRANSMISSION, now)
    again.protected = packet.protected
    return again
