"""Pictures to encoded frames of one video codec."""

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from struct import Struct

import av
from av.video.frame import PictureType

from rtcpeer.media.adaptation import Adaptation, Quality, RateLimiter
from rtcpeer.media.codec_contract import CodecError, EncoderStatistics, EncodingTarget, MediaPacket, RawFrame
from rtcpeer.media.conversion import PictureConverter
from rtcpeer.media.frame_rate import FrameRate
from rtcpeer.media.settings import CodecSettings, DegradationPreference
from rtcpeer.media.video_implementations import (
    VIDEO_CLOCK_RATE,
    EncoderShape,
    RateControl,
    VideoImplementation,
    open_encoder,
)
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["VideoEncoder"]

_TIME_BASE = Fraction(1, VIDEO_CLOCK_RATE)
_DEFAULT_FRAMERATE = 30.0
_SHORTEST_INTERVAL = 1 / 240
_LONGEST_STEP = 1.0  # seconds that the rate control sees pass at most: it must not save up for a burst
# Between opened and wanted bitrate: beyond the first the encoder is opened again at once, beyond the second only where
# a keyframe is due anyway. Its buffer is counted in bits, and would get too large or too small in seconds.
_FAR, _NEAR = 2.5, 1.4
_HEADROOM = 4  # what an encoder that is told its bitrate can rise to
_REOPEN_SHARE = 0.15  # change of bitrate for which an encoder that can not be told is opened again
_REOPEN_INTERVAL = 3.0  # seconds between two of these, unless a keyframe is due
_QUALITY = Struct("=I")  # what FFmpeg's side data "quality_stats" begins with: the quantizer, as a Lagrange factor
_QP_TO_LAMBDA = 118
_MAX_INSIDE = 64  # pictures that an encoder holds back
_MACROBLOCK = 256  # pixels; the unit of max-fs


@dataclass(slots=True)
class _Open:
    """The encoder that is open, and what it was opened for."""

    context: av.VideoCodecContext
    shape: EncoderShape
    opened_at: float  # by the pictures' time
    encoder_time: float = 0.0  # in clock ticks, for the rate control
    told_bitrate: int = 0


class VideoEncoder:
    """Encodes in whatever size and rate the target, the peer and the bitrate allow.

    ``implementations`` are tried in their order until one opens and encodes.
    """

    def __init__(
        self,
        codec: CodecParameters,
        implementations: tuple[VideoImplementation, ...],
        settings: CodecSettings,
        *,
        bitrate: int | None = None,
        target: EncodingTarget | None = None,
        degradation_preference: DegradationPreference = "balanced",
    ) -> None:
        if not implementations:
            raise CodecError(f"no encoder for {codec.mime_type}")
        self.codec = codec
        self._implementations = implementations
        self._settings = settings
        self._bitrate = bitrate or settings.start_bitrate
        self._target = target or EncodingTarget()
        self._adaptation = Adaptation(codec.name, degradation_preference)
        self._limiter = RateLimiter()
        self._converter = PictureConverter()
        self._open: _Open | None = None
        self._waiting: dict[int, int] = {}  # the encoder's timestamp to RTP's, of pictures inside the encoder
        self._last_timestamp: int | None = None  # of a picture that was taken
        self._last_seen: int | None = None
        self._interval = 1 / _DEFAULT_FRAMERATE  # mean, between pictures of the source
        self._needs_keyframe = False
        self._frames = self._key_frames = self._dropped = self._bytes = self._qp_sum = 0
        self._encode_time = 0.0
        self._rate = FrameRate()

    @property
    def target_bitrate(self) -> int:
        """What the encoder aims at now, in bits per second."""
        bitrate = max(self._bitrate, self._settings.min_bitrate)
        limit = self._target.max_bitrate
        return bitrate if limit is None else min(bitrate, limit)

    def set_bitrate(self, bitrate: int) -> None:
        """Aim at this many bits per second from the next frame on."""
        self._bitrate = bitrate

    def set_target(self, target: EncodingTarget) -> None:
        """Other limits, from the next frame on."""
        self._target = target

    def set_degradation_preference(self, preference: DegradationPreference) -> None:
        """What gives way where the bitrate is too low."""
        self._adaptation.set_preference(preference)

    def encode(self, frame: RawFrame, timestamp: int, *, force_keyframe: bool = False) -> list[EncodedFrame]:
        """See `Encoder.encode`."""
        if not isinstance(frame, av.VideoFrame):
            raise CodecError(f"{self.codec.mime_type} encodes av.VideoFrame, not {type(frame).__name__}")
        self._needs_keyframe |= force_keyframe
        self._observe(timestamp)
        quality = self._quality(frame, timestamp)
        if not self._limiter.takes(timestamp / VIDEO_CLOCK_RATE, self._max_framerate(quality)):
            self._dropped += 1
            return []
        started = time.perf_counter()
        encoded = self._encode(frame, timestamp, self._size(frame, quality))
        self._encode_time += time.perf_counter() - started
        return encoded

    def statistics(self) -> EncoderStatistics:
        """A snapshot."""
        shape = self._open.shape if self._open else None
        implementation = self._implementations[0]
        return EncoderStatistics(
            encoder_implementation=implementation.name,
            power_efficient_encoder=implementation.is_hardware,
            frames_encoded=self._frames,
            key_frames_encoded=self._key_frames,
            frames_dropped=self._dropped,
            qp_sum=self._qp_sum,
            total_encode_time=self._encode_time,
            bytes_encoded=self._bytes,
            frame_width=shape.width if shape else None,
            frame_height=shape.height if shape else None,
            frames_per_second=self._rate.frames_per_second(),
            target_bitrate=self.target_bitrate,
            quality_limitation_reason="bandwidth" if self._adaptation.quality.cost < 1 else "none",
        )

    def close(self) -> None:
        """Free the encoder."""
        opened, self._open = self._open, None
        self._waiting.clear()
        if opened is not None and self._implementations[0].wants_flush:
            with suppress(av.FFmpegError):
                opened.context.encode(None)

    def _observe(self, timestamp: int) -> None:
        """How often pictures come."""
        if self._last_seen is not None:
            interval = min((timestamp - self._last_seen) / VIDEO_CLOCK_RATE, _LONGEST_STEP)
            self._interval = max(self._interval + (interval - self._interval) / 8, _SHORTEST_INTERVAL)
        self._last_seen = timestamp

    def _quality(self, frame: av.VideoFrame, timestamp: int) -> Quality:
        pixels = round(frame.width * frame.height / self._target.scale_resolution_down_by**2)
        framerate = self._full_framerate
        return self._adaptation.update(pixels, framerate, self.target_bitrate, timestamp / VIDEO_CLOCK_RATE)

    @property
    def _framerate_limit(self) -> float | None:
        limits = (self._target.max_framerate, self._peers_limit("max-fr"))
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def _full_framerate(self) -> float:
        """Before quality gives way."""
        return min(1 / self._interval, self._framerate_limit or math.inf)

    def _max_framerate(self, quality: Quality) -> float | None:
        """The limit for pictures; None where all may pass."""
        limit = self._framerate_limit
        return limit if quality.framerate_share == 1 or limit == 0 else self._full_framerate * quality.framerate_share

    def _peers_limit(self, name: str) -> float | None:
        """What a receiver of VP8 or VP9 can decode at most (RFC 7741 section 6.1, RFC 9628 section 6)."""
        if self.codec.name.lower() not in {"vp8", "vp9"}:
            return None
        value = self.codec.parameter(name)
        return float(value) if value is not None and value.isdecimal() and int(value) else None

    def _size(self, frame: av.VideoFrame, quality: Quality) -> tuple[int, int]:
        """Even, because half of it is the size of the colours."""
        scale = self._target.scale_resolution_down_by * quality.scale
        max_macroblocks = self._peers_limit("max-fs")
        if max_macroblocks is not None:
            pixels = frame.width * frame.height / scale**2
            scale *= max(pixels / (max_macroblocks * _MACROBLOCK), 1.0) ** 0.5
        width, height = int(frame.width / scale) // 2 * 2, int(frame.height / scale) // 2 * 2
        return max(width, 2), max(height, 2)

    def _encode(self, frame: av.VideoFrame, timestamp: int, size: tuple[int, int]) -> list[EncodedFrame]:
        """With the first implementation that can; those that can not are left out from now on."""
        while True:
            try:
                return self._encode_with(self._implementations[0], frame, timestamp, size)
            except CodecError:
                self.close()
                if len(self._implementations) == 1:
                    raise
                self._implementations = self._implementations[1:]

    def _encode_with(
        self, implementation: VideoImplementation, frame: av.VideoFrame, timestamp: int, size: tuple[int, int]
    ) -> list[EncodedFrame]:
        picture = self._converter.convert(frame, *size, implementation.pixel_format)
        opened = self._encoder_for(*size, timestamp)
        step = self._advance(opened, timestamp)
        picture.pts = round(opened.encoder_time)
        picture.duration = step
        picture.time_base = _TIME_BASE
        picture.pict_type = PictureType.I if self._needs_keyframe else PictureType.NONE
        self._waiting[picture.pts] = timestamp
        if len(self._waiting) > _MAX_INSIDE:  # one that the encoder has dropped
            del self._waiting[next(iter(self._waiting))]
        try:
            packets = opened.context.encode(picture)
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(
                f"{implementation.name} can not encode a picture of {size[0]}x{size[1]}: {error}"
            ) from error
        self._needs_keyframe = False
        return [self._encoded(packet) for packet in packets]

    def _encoded(self, packet: MediaPacket) -> EncodedFrame:
        data = bytes(packet)
        timestamp = self._waiting.pop(packet.pts or 0, self._last_timestamp or 0)
        self._frames += 1
        self._rate.note()
        self._key_frames += packet.is_keyframe
        self._bytes += len(data)
        if packet.has_sidedata("quality_stats"):
            (quality,) = _QUALITY.unpack_from(packet.get_sidedata("quality_stats"))
            self._qp_sum += quality // _QP_TO_LAMBDA
        if self._open is not None and not packet.is_keyframe:
            shape = self._open.shape
            budget = self.target_bitrate * self._taken_interval
            self._adaptation.encoded(len(data), budget, shape.width * shape.height)
        return EncodedFrame(data, timestamp, packet.is_keyframe, self.codec, rid=self._target.rid)

    def _advance(self, opened: _Open, timestamp: int) -> int:
        """Let the encoder's time pass up to this picture; by how much."""
        ticks = self._interval * VIDEO_CLOCK_RATE
        if self._last_timestamp is not None:
            ticks = min(timestamp - self._last_timestamp, _LONGEST_STEP * VIDEO_CLOCK_RATE)
        self._last_timestamp = timestamp
        bitrate, shape = self.target_bitrate, opened.shape
        if self._implementations[0].rate_control is RateControl.TIME:
            ticks *= bitrate / shape.bitrate
        elif self._implementations[0].rate_control is RateControl.RECONFIGURE:
            # It counts pictures: where fewer come than it was told, each may have more.
            told = min(round(bitrate * shape.framerate * self._taken_interval), shape.bitrate)
            if abs(told - opened.told_bitrate) > opened.told_bitrate / 50:
                opened.context.bit_rate = opened.told_bitrate = told
        step = max(round(ticks), 1)
        opened.encoder_time += step
        return step

    @property
    def _taken_interval(self) -> float:
        """Seconds between pictures that are encoded, on average."""
        limit = self._max_framerate(self._adaptation.quality)
        return max(self._interval, 1 / limit if limit else 0.0)

    def _encoder_for(self, width: int, height: int, timestamp: int) -> _Open:
        """The open encoder, or another one where size or bitrate ask for it."""
        opened = self._open
        has_size = opened is not None and (opened.shape.width, opened.shape.height) == (width, height)
        if opened is not None and has_size and not self._has_to_reopen(opened, timestamp):
            return opened
        self.close()
        self._open = self._opened(width, height, timestamp)
        return self._open

    def _has_to_reopen(self, opened: _Open, timestamp: int) -> bool:
        wanted, bitrate = self.target_bitrate, opened.shape.bitrate
        match self._implementations[0].rate_control:
            case RateControl.TIME:
                change = max(wanted / bitrate, bitrate / wanted)
                return change > (_NEAR if self._needs_keyframe else _FAR)
            case RateControl.RECONFIGURE:
                # Upwards it ends at what it was opened for. Downwards its buffer becomes too long.
                return wanted > bitrate or opened.shape.expected_bitrate > _HEADROOM * wanted
            case RateControl.REOPEN:
                is_due = self._needs_keyframe or timestamp - opened.opened_at > _REOPEN_INTERVAL * VIDEO_CLOCK_RATE
                return is_due and abs(wanted - bitrate) > _REOPEN_SHARE * bitrate

    def _opened(self, width: int, height: int, timestamp: int) -> _Open:
        implementation, bitrate = self._implementations[0], self.target_bitrate
        headroom = _HEADROOM if implementation.rate_control is RateControl.RECONFIGURE else 1
        interval = self._settings.max_keyframe_interval
        shape = EncoderShape(self.codec, width, height, 1 / self._taken_interval, bitrate * headroom, bitrate, interval)
        return _Open(open_encoder(implementation, shape), shape, timestamp)
