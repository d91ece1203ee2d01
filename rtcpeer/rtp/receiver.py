"""The receiving half of a transceiver: packets of one or several streams become encoded frames (RFC 3550)."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.events import FrameReceived, RtpEvent, StreamEnded, StreamStarted
from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.formats import depacketizer_of, media_codecs
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.header import RtpPacket
from rtcpeer.rtp.inbound_stream import Format, InboundStream
from rtcpeer.rtp.parameters import CodecParameters, Kind, ReceiveParameters
from rtcpeer.rtp.router import IncomingStream
from rtcpeer.rtp.rtx import unwrap
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.rtp.statistics import InboundStatistics

__all__ = ["RtpReceiver", "SourceHeard"]

SOURCE_MEMORY: Final = 10.0  # W3C webrtc-pc section 5.3: sources of the last 10 s
MAX_SOURCES: Final = 64
END_GRACE: Final = 0.2  # how much later than a BYE packets come that were sent before it


@dataclass(frozen=True, slots=True)
class SourceHeard:
    """A source whose media was played lately (W3C: RTCRtpContributingSource, RTCRtpSynchronizationSource)."""

    source: int
    is_contributing: bool
    received_at: float  # monotonic
    rtp_timestamp: int
    audio_level: int | None  # -dBov, 0 to 127
    has_voice: bool | None
    capture_timestamp: float | None  # seconds since 1970 on the sender's clock


class RtpReceiver:
    """Exists before anything is negotiated; `stack.media.Media.configure` gives it parameters and feeds it.

    Whoever calls `request_keyframe` drains the core afterwards.
    """

    def __init__(self, kind: Kind, settings: MediaSettings) -> None:
        self.kind = kind
        self.streams: dict[int, InboundStream] = {}  # by SSRC
        self.malformed = 0  # packets of repair that hold none
        self._ended: dict[int, float] = {}  # SSRCs, and when
        self.has_requests = False  # of the program, which the next pull looks at
        self.strange = 0  # packets beyond the bound of streams, or of repair for what is not known
        self._settings = settings
        self._parameters: ReceiveParameters | None = None
        self._codecs: tuple[CodecParameters, ...] = ()
        self._formats: dict[int, Format] = {}
        self._repaired_types: dict[int, int] = {}
        self._is_read = True
        self._jitter_target = 0.0
        self._round_trip_time: float | None = None
        self._heard: dict[tuple[int, bool], SourceHeard] = {}
        self.events: list[RtpEvent] = []  # the transport's own list, once there is one

    @property
    def parameters(self) -> ReceiveParameters | None:
        """What was negotiated last; None before."""
        return self._parameters

    @property
    def codecs(self) -> tuple[CodecParameters, ...]:
        """What frames may come in, the best first."""
        return self._codecs

    @property
    def is_read(self) -> bool:
        """Whether anybody wants frames.

        False: no frames are made, nothing is asked for again and nothing piles up; statistics go on.
        """
        return self._is_read

    @is_read.setter
    def is_read(self, is_read: bool) -> None:
        self._is_read = is_read
        self.has_requests = True
        for stream in self.streams.values():
            stream.set_read(is_read=is_read)

    def request_keyframe(self, rid: str | None = None, ssrc: int | None = None) -> None:
        """Ask the peer, at the next flush and within the rate limit; all streams where none is named."""
        for stream in self.streams.values():
            if self.kind == "video" and ssrc in {None, stream.ssrc} and rid in {None, stream.rid}:
                stream.keyframes.is_wanted = True
                self.has_requests = True

    def set_jitter_target(self, seconds: float) -> None:
        """At least this delay (W3C's jitterBufferTarget); 0: what the path asks for. `ValueError` beyond 4 s."""
        if not 0 <= seconds <= 4:
            raise ValueError(f"a jitter buffer holds media back for 0 to 4 s, not {seconds}")
        self._jitter_target = seconds
        for stream in self.streams.values():
            stream.set_jitter_target(seconds)

    def sources(self, now: float) -> list[SourceHeard]:
        """Those of the last 10 s, the latest first."""
        heard = [source for source in self._heard.values() if source.received_at >= now - SOURCE_MEMORY]
        return sorted(heard, key=lambda source: source.received_at, reverse=True)

    def statistics(self) -> list[InboundStatistics]:
        """A snapshot for each stream."""
        mid = self._parameters.mid if self._parameters is not None else None
        return [stream.statistics(mid) for stream in self.streams.values()]

    # What follows is for the transport that carries the packets.

    def configure(self, parameters: ReceiveParameters | None, now: float) -> None:
        """Take what was negotiated; streams go on, unless there is nothing to receive any more."""
        if parameters is not None and (self._parameters is None or parameters.codecs != self._parameters.codecs):
            self._formats = {codec.payload_type: Format(codec, depacketizer_of(codec)) for codec in parameters.codecs}
            self._codecs = media_codecs(parameters.codecs)
            self._repaired_types = {
                repair.payload_type: codec.payload_type
                for codec in self._codecs
                if (repair := parameters.repair_of(codec)) is not None
            }
        self._parameters = parameters
        if parameters is None or not parameters.is_receiving:
            for ssrc in list(self.streams):
                self.end(ssrc, now)

    def receive(
        self, source: IncomingStream["RtpReceiver"], packet: RtpPacket, extensions: HeaderExtensions, now: float
    ) -> InboundStream | None:
        """Take a packet of a source; returns the stream that has something new (hot path)."""
        header = packet[0]
        form = self._formats.get(header[0])
        if form is None:
            return None
        stream = self.streams.get(header[3])
        if stream is None:
            stream = self._start(source, form, now)
            if stream is None:
                return None
        stream.receive(packet, extensions, form, now)
        return stream

    def receive_repair(
        self,
        repair: IncomingStream["RtpReceiver"],
        repaired: IncomingStream["RtpReceiver"] | None,
        packet: RtpPacket,
        extensions: HeaderExtensions,
        now: float,
    ) -> InboundStream | None:
        """Take a packet of a stream of repair (RFC 4588); padding, with which senders probe, comes to nothing."""
        payload_type = self._repaired_types.get(packet.header.payload_type)
        stream = self.streams.get(repaired.ssrc) if repaired is not None else None
        if stream is None or payload_type is None:
            self.strange += bool(packet.payload)
            return None
        stream.rtx_ssrc = repair.ssrc
        try:
            original = unwrap(packet, payload_type=payload_type, ssrc=stream.ssrc)
        except MalformedPacketError:
            self.malformed += 1
            return None
        if original is None:
            return None
        stream.receive(original, extensions, self._formats[payload_type], now, is_repair=True)
        return stream

    def collect(self, stream: InboundStream, now: float) -> None:
        """Make events of the frames whose time has come."""
        for frame in stream.frames(now):
            self.events.append(FrameReceived(self, frame))
            if self.kind == "audio" or frame.contributing_sources:
                self._hear(frame, now)

    def end(self, ssrc: int, now: float) -> None:
        """A source has left; what of it is still under way does not start it again."""
        stream = self.streams.pop(ssrc, None)
        if stream is not None:
            self._ended = {one: at for one, at in self._ended.items() if now < at + END_GRACE}
            self._ended[ssrc] = now
            self.events.append(StreamEnded(self, ssrc, stream.rid))

    def end_silent(self, now: float) -> list[int]:
        """Forget the streams that have been silent for long; returns their SSRCs."""
        limit = now - self._settings.stream_timeout
        silent = [ssrc for ssrc, stream in self.streams.items() if (stream.last_packet_at or now) < limit]
        for ssrc in silent:
            self.end(ssrc, now)
        return silent

    def set_round_trip_time(self, seconds: float) -> None:
        """How long an answer takes."""
        self._round_trip_time = seconds
        for stream in self.streams.values():
            stream.set_round_trip_time(seconds)

    def _start(self, source: IncomingStream["RtpReceiver"], form: Format, now: float) -> InboundStream | None:
        parameters = self._parameters
        if parameters is None or not parameters.is_receiving or not self._codecs:
            return None
        if now < self._ended.get(source.ssrc, -math.inf) + END_GRACE:
            return None
        if len(self.streams) >= self._settings.max_streams:
            self.strange += 1
            return None
        codec = form.codec if form.depacketizer is not None else self._codecs[0]
        stream = InboundStream(source.ssrc, source.rid, self.kind, codec, self._settings)
        stream.set_jitter_target(self._jitter_target)
        if self._round_trip_time is not None:
            stream.set_round_trip_time(self._round_trip_time)
        if not self._is_read:
            stream.set_read(is_read=False)
        self.streams[source.ssrc] = stream
        self.events.append(StreamStarted(self, source.ssrc, source.rid))
        return stream

    def _hear(self, frame: EncodedFrame, now: float) -> None:
        level = frame.audio_level
        assert frame.ssrc is not None
        heard: Collection[tuple[int, bool]] = (
            (frame.ssrc, False),
            *((source, True) for source in frame.contributing_sources),
        )
        for source, is_contributing in heard:
            # The level is that of the packet; levels of single contributors (RFC 6465) are not negotiated.
            own = None if is_contributing else level
            self._heard.pop((source, is_contributing), None)
            self._heard[source, is_contributing] = SourceHeard(
                source,
                is_contributing,
                now,
                frame.timestamp & 0xFFFFFFFF,
                None if own is None else own.level,
                None if own is None else own.has_voice,
                frame.captured_at,
            )
        while len(self._heard) > MAX_SOURCES:
            del self._heard[next(iter(self._heard))]
