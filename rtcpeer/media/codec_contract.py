"""What encoders and decoders have in common, whatever the codec: they are synchronous and belong to one thread."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import av

from rtcpeer.errors import RtcpeerError
from rtcpeer.media.settings import DegradationPreference
from rtcpeer.rtp.frames import EncodedFrame

__all__ = [
    "CodecError",
    "DecoderStatistics",
    "Decoder",
    "Encoder",
    "EncoderStatistics",
    "EncodingTarget",
    "MediaPacket",
    "RawFrame",
]

RawFrame: TypeAlias = av.AudioFrame | av.VideoFrame
MediaPacket: TypeAlias = "av.Packet[Any]"  # generic for type checkers only


class CodecError(RtcpeerError):
    """A frame can not be encoded or a codec can not be opened; the message says what was wrong with it."""


@dataclass(frozen=True, slots=True)
class EncodingTarget:
    """What one encoding of a track is to be (RTCRtpEncodingParameters in W3C webrtc-pc section 5.2.6)."""

    rid: str | None = None
    is_active: bool = True
    max_bitrate: int | None = None  # bits per second
    max_framerate: float | None = None
    scale_resolution_down_by: float = 1.0
    packet_time_ms: int | None = None  # of sound in a packet; None: what the codec's parameters say, or 20

    def __post_init__(self) -> None:
        if self.scale_resolution_down_by < 1:
            raise ValueError(f"scale_resolution_down_by is 1 or more, not {self.scale_resolution_down_by}")
        if self.max_bitrate is not None and self.max_bitrate <= 0:
            raise ValueError(f"max_bitrate is positive, not {self.max_bitrate}")
        if self.max_framerate is not None and self.max_framerate < 0:
            raise ValueError(f"max_framerate is not negative, as {self.max_framerate} is")
        if self.packet_time_ms is not None and self.packet_time_ms <= 0:
            raise ValueError(f"packet_time_ms is positive, not {self.packet_time_ms}")


@dataclass(frozen=True, slots=True)
class EncoderStatistics:
    """Named as W3C webrtc-stats names them for outbound-rtp; counted since the encoder was made."""

    encoder_implementation: str
    power_efficient_encoder: bool
    frames_encoded: int = 0
    key_frames_encoded: int = 0
    frames_dropped: int = 0  # for the frame rate, or because the encoder was too slow
    qp_sum: int | None = None  # in the encoder's own scale; None of sound
    total_encode_time: float = 0.0  # seconds
    bytes_encoded: int = 0
    frame_width: int | None = None  # of the last picture
    frame_height: int | None = None
    frames_per_second: float | None = None  # of pictures, in the last second
    target_bitrate: int | None = None  # bits per second
    quality_limitation_reason: str = "none"  # or "bandwidth", "cpu"
    audio_level: float | None = None  # of what was encoded last, 0 to 1
    total_audio_energy: float = 0.0  # as the W3C sums it: the square of the level, times seconds
    total_samples_duration: float = 0.0  # seconds


@dataclass(frozen=True, slots=True)
class DecoderStatistics:
    """Named as W3C webrtc-stats names them for inbound-rtp; counted since the decoder was made."""

    decoder_implementation: str
    power_efficient_decoder: bool
    frames_decoded: int = 0
    key_frames_decoded: int = 0
    frames_dropped: int = 0  # received and not decoded, or decoded and not read
    frames_failed: int = 0  # that the decoder refused
    qp_sum: int | None = None  # FFmpeg's decoders do not tell it
    total_decode_time: float = 0.0  # seconds
    frame_width: int | None = None
    frame_height: int | None = None
    frames_per_second: float | None = None  # of pictures, in the last second
    total_samples_received: int = 0  # of audio, for each channel; those made up count
    concealed_samples: int = 0  # made up for packets that were lost
    silent_concealed_samples: int = 0
    concealment_events: int = 0


class Encoder(Protocol):
    """Raw frames to encoded ones."""

    def encode(self, frame: RawFrame, timestamp: int, *, force_keyframe: bool = False) -> list[EncodedFrame]:
        """What this frame completes: mostly one frame, none where it is dropped or waits for more samples.

        ``timestamp`` is that of RTP, higher from each call to the next; pts does not count. The frame
        stays as it is. Any pixel format, size, sample rate and channel layout is converted; `CodecError` where that is
        impossible.
        """
        ...

    def set_bitrate(self, bitrate: int) -> None:
        """Aim at this many bits per second from the next frame on."""
        ...

    def set_target(self, target: EncodingTarget) -> None:
        """Other limits, from the next frame on."""
        ...

    def set_degradation_preference(self, preference: DegradationPreference) -> None:
        """What gives way where the bitrate is too low; sound has nothing that could."""
        ...

    def statistics(self) -> EncoderStatistics:
        """A snapshot."""
        ...

    def close(self) -> None:
        """Free the codec; harmless when repeated."""
        ...


class Decoder(Protocol):
    """Encoded frames to raw ones. Nothing that comes from a peer makes it raise."""

    needs_keyframe: bool  # it can not go on without one; whatever else comes is dropped

    def decode(self, frame: EncodedFrame) -> list[RawFrame]:
        """What this frame completes, with what was made up before it for packets that are lost."""
        ...

    def statistics(self) -> DecoderStatistics:
        """A snapshot."""
        ...

    def close(self) -> None:
        """Free the codec; harmless when repeated."""
        ...
