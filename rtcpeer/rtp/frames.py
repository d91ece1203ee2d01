"""Encoded media between a codec and RTP."""

from dataclasses import dataclass

from rtcpeer.rtp.extension_values import AudioLevel, VideoOrientation
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["EncodedFrame"]


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """What an encoder gives and a decoder takes at once: a picture, or the audio of one packet.

    A sender takes what a receiver gives, so that a forwarder needs no codec.
    """

    data: bytes
    timestamp: int  # in units of the codec's clock rate, from any origin; does not wrap around
    is_keyframe: bool  # decodable without an earlier frame; always so for audio
    codec: CodecParameters
    rid: str | None = None  # which of several encodings; None where there is one
    captured_at: float | None = None  # seconds since 1970 on the sender's wall clock, where it told
    audio_level: AudioLevel | None = None
    orientation: VideoOrientation | None = None
    # What a receiver knows besides:
    ssrc: int | None = None
    contributing_sources: tuple[int, ...] = ()
    received_at: float | None = None  # monotonic: when its last packet came
    lost_before: int = 0  # packets that never came, between the frame before and this one
