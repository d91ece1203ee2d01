"""Which codecs there are, and encoders and decoders for them."""

from dataclasses import dataclass
from functools import cache

from av.codec.codec import Codec

from rtcpeer.errors import MalformedPacketError
from rtcpeer.media.audio_decoder import AudioDecoder
from rtcpeer.media.audio_encoder import AudioEncoder
from rtcpeer.media.codec_contract import Decoder, Encoder, EncodingTarget
from rtcpeer.media.decoder import VideoDecoder
from rtcpeer.media.hardware import working_hardware
from rtcpeer.media.settings import CodecSettings, DegradationPreference
from rtcpeer.media.video_encoder import VideoEncoder
from rtcpeer.media.video_implementations import implementations_of, packetization_mode
from rtcpeer.payload import ProfileLevelId
from rtcpeer.rtp.parameters import CodecParameters, Kind

__all__ = ["SupportedCodec", "create_decoder", "create_encoder", "is_same_format", "supported_codecs"]


@dataclass(frozen=True, slots=True)
class SupportedCodec:
    """What this PyAV does with a codec."""

    kind: Kind
    name: str  # as registered: "opus", "VP8", ...
    can_encode: bool
    can_decode: bool


# FFmpeg's encoders and decoders, of which one has to be there.
_TABLE: tuple[tuple[Kind, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("audio", "opus", ("libopus",), ("libopus",)),
    ("audio", "G722", ("g722",), ("g722",)),
    ("audio", "PCMU", ("pcm_mulaw",), ("pcm_mulaw",)),
    ("audio", "PCMA", ("pcm_alaw",), ("pcm_alaw",)),
    ("video", "VP8", ("libvpx",), ("vp8", "libvpx")),
    ("video", "VP9", ("libvpx-vp9",), ("vp9", "libvpx-vp9")),
    ("video", "H264", ("libx264",), ("h264",)),
    ("video", "AV1", ("libsvtav1",), ("libdav1d",)),
)


@cache
def supported_codecs() -> tuple[SupportedCodec, ...]:
    """The codecs that encode or decode here, in the order of our preference."""
    codecs = (
        SupportedCodec(kind, name, _has_any(encoders, "w"), _has_any(decoders, "r"))
        for kind, name, encoders, decoders in _TABLE
    )
    return tuple(codec for codec in codecs if codec.can_encode or codec.can_decode)


def create_encoder(
    codec: CodecParameters,
    settings: CodecSettings,
    *,
    bitrate: int | None = None,
    target: EncodingTarget | None = None,
    degradation_preference: DegradationPreference = "balanced",
) -> Encoder:
    """An encoder for a format with the parameters that the peer gave it; `CodecError` where there is none."""
    if codec.kind == "audio":
        return AudioEncoder(codec, settings, bitrate=bitrate, target=target)
    implementations = implementations_of(codec.name)
    if codec.name.lower() == "h264" and settings.allow_hardware and packetization_mode(codec) == 1:
        implementations = (*working_hardware(), *implementations)
    return VideoEncoder(
        codec,
        implementations,
        settings,
        bitrate=bitrate,
        target=target,
        degradation_preference=degradation_preference,
    )


def create_decoder(codec: CodecParameters) -> Decoder:
    """A decoder for the format that was negotiated; `CodecError` where there is none."""
    return AudioDecoder(codec) if codec.kind == "audio" else VideoDecoder(codec)


def is_same_format(one: CodecParameters, other: CodecParameters) -> bool:
    """Whether frames of the one can be sent as the other, whatever their payload types."""
    if (one.mime_type.lower(), one.clock_rate) != (other.mime_type.lower(), other.clock_rate):
        return False
    match one.name.lower():
        case "h264":
            return _h264_format(one) == _h264_format(other)
        case "vp9":
            return (one.parameter("profile-id") or "0") == (other.parameter("profile-id") or "0")
        case "av1":
            return (one.parameter("profile") or "0") == (other.parameter("profile") or "0")
        case _:
            return True


def _h264_format(codec: CodecParameters) -> tuple[object, int]:
    try:
        profile = ProfileLevelId.parse(codec.parameter("profile-level-id") or "42000a").profile
    except MalformedPacketError:
        profile = None
    return profile, packetization_mode(codec)


def _has_any(names: tuple[str, ...], mode: str) -> bool:
    for name in names:
        try:
            Codec(name, "w" if mode == "w" else "r")
        except ValueError:
            continue
        return True
    return False
