"""What header extensions say: a codec for each that WebRTC uses.

A value that is not laid out as its specification has it counts as absent (None): the packet around it is still good,
and a later version of an extension may be longer than what we know.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple

__all__ = [
    "AbsoluteCaptureTime",
    "AudioLevel",
    "ExtensionUri",
    "PlayoutDelay",
    "VideoOrientation",
    "absolute_send_time",
]


class ExtensionUri:
    """The names under which extensions are negotiated (RFC 8285 section 5)."""

    MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"  # RFC 9143
    RID: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"  # RFC 8852
    REPAIRED_RID: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
    ABSOLUTE_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    # draft-holmer-rmcat-transport-wide-cc-extensions-01
    TRANSPORT_WIDE_CC: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"  # RFC 6464 section 4
    VIDEO_ORIENTATION: Final = "urn:3gpp:video-orientation"  # 3GPP TS 26.114 section 6.2.3.3
    PLAYOUT_DELAY: Final = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    ABSOLUTE_CAPTURE_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"


class AudioLevel(NamedTuple):
    """How loud the first sample of the packet's audio is (RFC 6464 section 3)."""

    level: int  # 0 (overload) to 127 (silence), in -dBov
    has_voice: bool = False


class VideoOrientation(NamedTuple):
    """How a receiver has to turn the picture (3GPP TS 26.114 section 7.4.5)."""

    rotation: int = 0  # degrees clockwise: 0, 90, 180 or 270
    is_flipped: bool = False  # horizontally
    is_back_camera: bool = False


class PlayoutDelay(NamedTuple):
    """Bounds that the sender sets on the time from capture to rendering, in units of 10 ms, 0 to 4095."""

    minimum: int
    maximum: int


class AbsoluteCaptureTime(NamedTuple):
    """When the first frame of the packet was captured, by the capturer's NTP clock."""

    timestamp: int  # NTP, 32.32 bits fixed point
    clock_offset: int | None = None  # signed 32.32: the sender's clock minus the capturer's


CAPTURE_TIME: Final = Struct(">Q")
CAPTURE_TIME_AND_OFFSET: Final = Struct(">Qq")
ROTATIONS: Final = (0, 90, 180, 270)
VOICE_BIT: Final = 0x80
CAMERA_BIT: Final = 0x08
FLIP_BIT: Final = 0x04


def absolute_send_time(seconds: float) -> int:
    """Seconds on any clock as abs-send-time has them: 6.18 bits fixed point, wrapping every 64 s."""
    return round(seconds * (1 << 18)) & 0xFFFFFF


def _encode_text(value: str) -> bytes:
    if not value:
        raise ValueError("an identifier is never empty")
    return value.encode("ascii")


def _decode_text(data: bytes) -> str | None:
    return data.decode("ascii") if data and data.isascii() else None


def _encode_uint16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _decode_uint16(data: bytes) -> int | None:
    return int.from_bytes(data, "big") if len(data) == 2 else None


def _encode_uint24(value: int) -> bytes:
    return value.to_bytes(3, "big")


def _decode_uint24(data: bytes) -> int | None:
    return int.from_bytes(data, "big") if len(data) == 3 else None


def _encode_audio_level(value: AudioLevel) -> bytes:
    if not 0 <= value.level <= 127:
        raise ValueError(f"an audio level is 0 to 127, not {value.level}")
    return bytes((value.level | VOICE_BIT if value.has_voice else value.level,))


def _decode_audio_level(data: bytes) -> AudioLevel | None:
    return AudioLevel(data[0] & 0x7F, bool(data[0] & VOICE_BIT)) if len(data) == 1 else None


def _encode_video_orientation(value: VideoOrientation) -> bytes:
    camera, flip = CAMERA_BIT * value.is_back_camera, FLIP_BIT * value.is_flipped
    return bytes((camera | flip | ROTATIONS.index(value.rotation),))


def _decode_video_orientation(data: bytes) -> VideoOrientation | None:
    if len(data) != 1:
        return None
    bits = data[0]
    return VideoOrientation(ROTATIONS[bits & 3], bool(bits & FLIP_BIT), bool(bits & CAMERA_BIT))


def _encode_playout_delay(value: PlayoutDelay) -> bytes:
    if not 0 <= value.minimum <= value.maximum <= 0xFFF:
        raise ValueError(f"playout delays are 0 to 4095, the minimum first, not {value.minimum} and {value.maximum}")
    return (value.minimum << 12 | value.maximum).to_bytes(3, "big")


def _decode_playout_delay(data: bytes) -> PlayoutDelay | None:
    if len(data) != 3:
        return None
    bits = int.from_bytes(data, "big")
    delay = PlayoutDelay(bits >> 12, bits & 0xFFF)
    return delay if delay.minimum <= delay.maximum else None


def _encode_absolute_capture_time(value: AbsoluteCaptureTime) -> bytes:
    if value.clock_offset is None:
        return CAPTURE_TIME.pack(value.timestamp)
    return CAPTURE_TIME_AND_OFFSET.pack(value.timestamp, value.clock_offset)


def _decode_absolute_capture_time(data: bytes) -> AbsoluteCaptureTime | None:
    match len(data):
        case 8:
            return AbsoluteCaptureTime(*CAPTURE_TIME.unpack(data))
        case 16:
            return AbsoluteCaptureTime(*CAPTURE_TIME_AND_OFFSET.unpack(data))
        case _:
            return None


Decoder = Callable[[bytes], object | None]
Encoder = Callable[..., bytes]

# By the name of the field in `extensions.HeaderExtensions`.
CODECS: Final[dict[str, tuple[str, Encoder, Decoder]]] = {
    "mid": (ExtensionUri.MID, _encode_text, _decode_text),
    "rid": (ExtensionUri.RID, _encode_text, _decode_text),
    "repaired_rid": (ExtensionUri.REPAIRED_RID, _encode_text, _decode_text),
    "absolute_send_time": (ExtensionUri.ABSOLUTE_SEND_TIME, _encode_uint24, _decode_uint24),
    "transport_sequence_number": (ExtensionUri.TRANSPORT_WIDE_CC, _encode_uint16, _decode_uint16),
    "audio_level": (ExtensionUri.AUDIO_LEVEL, _encode_audio_level, _decode_audio_level),
    "video_orientation": (ExtensionUri.VIDEO_ORIENTATION, _encode_video_orientation, _decode_video_orientation),
    "playout_delay": (ExtensionUri.PLAYOUT_DELAY, _encode_playout_delay, _decode_playout_delay),
    "absolute_capture_time": (
        ExtensionUri.ABSOLUTE_CAPTURE_TIME,
        _encode_absolute_capture_time,
        _decode_absolute_capture_time,
    ),
}
