"""The sending half of a transceiver: encoded frames become the packets of one or several streams (RFC 3550)."""

from collections.abc import Iterable
from typing import Final, Protocol

from rtcpeer.core import Entropy
from rtcpeer.errors import InvalidStateError
from rtcpeer.rtp.dtmf import TonePlayer
from rtcpeer.rtp.events import BitrateChanged, KeyframeRequested, RtpEvent, ToneSent
from rtcpeer.rtp.extension_values import PlayoutDelay
from rtcpeer.rtp.formats import TELEPHONE_EVENT, media_codecs, negotiated_as
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.outbound_stream import OutboundStream
from rtcpeer.rtp.outgoing import OutgoingPacket
from rtcpeer.rtp.parameters import CodecParameters, Kind, SendParameters
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.rtp.statistics import OutboundStatistics

__all__ = ["Outlet", "RtpSender"]


MAX_PLAYOUT_DELAY: Final = 40.95  # what twelve bits of 10 ms say
# The codec of the frame before, and what was negotiated that it is sent as; looking that up costs more than sending.
NOTHING_SENT: Final = (None, CodecParameters("audio", "", 0, 1))


class Outlet(Protocol):
    """Where packets go: the transport's pacer."""

    @property
    def is_open(self) -> bool:
        """Whether packets can leave: there are keys."""

    @property
    def wall_clock_offset(self) -> float:
        """Seconds since 1970 minus ``now``."""

    @property
    def events(self) -> list[RtpEvent]:
        """Where events go."""

    def enqueue(self, packets: Iterable[OutgoingPacket], now: float) -> None:
        """Send them when the path takes them."""

    def limits_changed(self) -> None:
        """Share the bitrate anew."""


class RtpSender:
    """Exists before anything is negotiated; `stack.media.Media.configure` gives it parameters and carries its packets.

    Whoever calls `send` or `send_tones` drains the core afterwards. Its events come out of the core.
    """

    def __init__(self, kind: Kind, settings: MediaSettings, entropy: Entropy) -> None:
        self.kind = kind
        self.weight = 1.0  # of the bitrate that senders of video share
        self.streams: tuple[OutboundStream, ...] = ()  # an encoding each, in their negotiated order
        self._settings = settings
        self._entropy = entropy
        self._parameters: SendParameters | None = None
        self._codecs: tuple[CodecParameters, ...] = ()
        self._last_codec: tuple[CodecParameters | None, CodecParameters] = NOTHING_SENT
        self._outlet: Outlet | None = None
        self._limits: dict[str | None, tuple[int | None, bool]] = {}
        self._playout_delay: PlayoutDelay | None = None
        self._tones = TonePlayer()
        self.events: list[RtpEvent] = []  # the transport's own list, once there is one
        self._has_dropped = False  # frames, before there was a stream for them
        self._told: tuple[tuple[str | None, int], ...] = ()

    @property
    def parameters(self) -> SendParameters | None:
        """What was negotiated last; None before."""
        return self._parameters

    @property
    def codecs(self) -> tuple[CodecParameters, ...]:
        """What frames may be in, the best first; without repair and events. Empty before negotiation."""
        return self._codecs

    @property
    def can_send(self) -> bool:
        """Whether frames leave now; otherwise `send` counts and drops them."""
        parameters, outlet = self._parameters, self._outlet
        return parameters is not None and parameters.is_sending and outlet is not None and outlet.is_open

    def send(self, frame: EncodedFrame, now: float) -> None:
        """Queue a frame. What comes while nothing can be sent is dropped; then a keyframe is asked for once it can.

        `ValueError` for a frame whose codec or rid was not negotiated, or that is not what its codec makes.
        """
        outlet = self._outlet
        if outlet is None or not self.streams:
            self._has_dropped = True
            return
        codec = self._codec_of(frame)
        stream = self._stream_of(frame)
        if not self.can_send or not stream.is_active or self._tones.is_sounding:
            stream.drop_frame()
            return
        outlet.enqueue(stream.packetize(frame, codec, now, outlet.wall_clock_offset), now)

    def limit(self, rid: str | None = None, *, max_bitrate: int | None = None, is_active: bool = True) -> None:
        """What an encoding may take (W3C's maxBitrate and active); ``rid`` None: all that have no limit of their own.

        It holds for encodings that are negotiated later, too.
        """
        self._limits[rid] = (max_bitrate, is_active)
        self._apply_limits()
        if self._outlet is not None:
            self._outlet.limits_changed()
        self.became_able()

    def set_playout_delay(self, minimum: float, maximum: float) -> None:
        """What we wish of the peer's delay between capture and rendering; `ValueError` beyond 40.95 s.

        It is told where the playout-delay extension was negotiated.
        """
        if not 0 <= minimum <= maximum <= MAX_PLAYOUT_DELAY:
            raise ValueError(f"playout delays are 0 to {MAX_PLAYOUT_DELAY} s, the minimum first")
        self._playout_delay = PlayoutDelay(round(minimum * 100), round(maximum * 100))
        for stream in self.streams:
            stream.playout_delay = self._playout_delay

    def send_tones(self, tones: str, duration: float = 0.1, gap: float = 0.07) -> None:
        """Play DTMF instead of what is still to be played; "," is a pause of 2 s, "" stops.

        `InvalidStateError` where telephone events were not negotiated, `ValueError` for what is no tone.
        """
        codec = self._tone_codec()
        if codec is None:
            raise InvalidStateError("tones can not be sent: the peer takes no telephone events, or we may not send")
        self._tones.play(tones, duration, gap, codec.clock_rate)

    @property
    def can_send_tones(self) -> bool:
        """Whether telephone events were negotiated and we may send (W3C's canInsertDTMF)."""
        return self._tone_codec() is not None

    @property
    def tones(self) -> str:
        """What is still to be played (W3C's toneBuffer)."""
        return self._tones.tones

    def statistics(self) -> list[OutboundStatistics]:
        """A snapshot for each encoding."""
        return [stream.statistics() for stream in self.streams]

    # What follows is for the transport that carries the packets.

    def configure(self, parameters: SendParameters | None, outlet: Outlet | None) -> list[int]:
        """Take what was negotiated; streams stay whose SSRC does. Returns the SSRCs that have ended and owe a BYE."""
        was_sending = self._parameters is not None and self._parameters.is_sending
        before = {stream.ssrc: stream for stream in self.streams}
        streams = []
        for encoding in parameters.encodings if parameters is not None else ():
            stream = before.pop(encoding.ssrc, None)
            if stream is None or (stream.rtx_ssrc, stream.rid) != (encoding.rtx_ssrc, encoding.rid):
                stream = OutboundStream(self.kind, encoding, self._settings, self._entropy, self._request_keyframe)
            stream.configure_extensions(parameters)
            stream.playout_delay = self._playout_delay
            streams.append(stream)
        self._parameters, self._outlet = parameters, outlet
        if outlet is not None and self.events is not outlet.events:
            outlet.events.extend(self.events)
            self.events = outlet.events
        self.streams = tuple(streams)
        self._codecs = media_codecs(parameters.codecs) if parameters is not None else ()
        self._last_codec = NOTHING_SENT
        self._apply_limits()
        self.became_able()
        ended = [stream.ssrc for stream in before.values() if stream.has_left]
        if was_sending and not (parameters is not None and parameters.is_sending):
            # RFC 3550 section 6.3.7: who stops says so; a receiver then need not wait for its silence.
            ended += [stream.ssrc for stream in streams if stream.has_left]
        return ended

    def became_able(self) -> None:
        """Perhaps packets leave from now on: what was dropped before can not be decoded without a keyframe."""
        if self.kind == "audio" or not self.can_send:
            return
        for stream in self.streams:
            if stream.is_active and (stream.has_dropped or self._has_dropped):
                stream.has_dropped = False
                self._request_keyframe(stream.rid)
        self._has_dropped = False

    def allocate(self, bitrates: list[int]) -> None:
        """How much each encoding may take."""
        for stream, bitrate in zip(self.streams, bitrates, strict=True):
            stream.set_bitrate(bitrate)
        told = tuple((stream.rid, stream.bitrate) for stream in self.streams)
        if told != self._told:
            self._told = told
            self.events.append(BitrateChanged(self, sum(bitrates), told))

    def next_timeout(self) -> float | None:
        """When the next part of a tone is due; minus infinity: at once."""
        return self._tones.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Send what is due of a tone."""
        codec, outlet = self._tone_codec(), self._outlet
        for due in self._tones.due(now):
            if due.tone is not None:
                self.events.append(ToneSent(self, due.tone))
            if due.update is None or codec is None or outlet is None or not self.can_send:
                continue
            update, stream = due.update, self.streams[0]
            began = stream.rtp_time(self._tones.began_at, codec.clock_rate)
            timestamp = (began + update.timestamp_offset) & 0xFFFFFFFF
            payload = update.event.serialize()
            packet = stream.event_packet(payload, codec.payload_type, timestamp, now, marker=update.marker)
            outlet.enqueue([packet], now)

    def _request_keyframe(self, rid: str | None) -> None:
        self.events.append(KeyframeRequested(self, rid))

    def _apply_limits(self) -> None:
        for stream in self.streams:
            limit = self._limits.get(stream.rid) or self._limits.get(None) or (None, True)
            stream.max_bitrate, stream.is_active = limit

    def _codec_of(self, frame: EncodedFrame) -> CodecParameters:
        if frame.codec is self._last_codec[0]:
            return self._last_codec[1]
        codec = negotiated_as(frame.codec, self._codecs)
        if codec is None:
            possible = ", ".join(each.mime_type for each in self._codecs) or "nothing"
            raise ValueError(f"a frame in {frame.codec.mime_type} can not be sent: what was agreed on is {possible}")
        self._last_codec = (frame.codec, codec)
        return codec

    def _stream_of(self, frame: EncodedFrame) -> OutboundStream:
        if len(self.streams) == 1:
            return self.streams[0]
        for stream in self.streams:
            if stream.rid == frame.rid:
                return stream
        rids = ", ".join(str(stream.rid) for stream in self.streams)
        raise ValueError(f"a frame of the encoding {frame.rid!r}: there are {rids}, and each frame names its own")

    def _tone_codec(self) -> CodecParameters | None:
        """The payload type of events; at the audio's clock rate, if there is one (RFC 4733 section 2.1)."""
        parameters = self._parameters
        if parameters is None or not parameters.is_sending or not self._codecs or not self.streams:
            return None
        events = [codec for codec in parameters.codecs if codec.name.lower() == TELEPHONE_EVENT]
        rate = self._codecs[0].clock_rate
        return next((codec for codec in events if codec.clock_rate == rate), events[0] if events else None)
