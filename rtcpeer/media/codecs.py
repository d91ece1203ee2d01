"""Which codecs there are, and encoders and decoders for them."""

from dataclasses import dataclass

from rtcpeer.media.codec_contract import Decoder, Encoder
from rtcpeer.media.settings import CodecSettings, DegradationPreference
from rtcpeer.rtp.parameters import CodecParameters, Kind

__all__ = ["SupportedCodec", "create_decoder", "create_encoder", "is_same_format", "supported_codecs"]


@dataclass(frozen=True, slots=True)
class SupportedCodec:
    """What this PyAV really does with a codec."""

    kind: Kind
    name: str  # as registered: "opus", "VP8", ...
    can_encode: bool
    can_decode: bool


def supported_codecs() -> tuple[SupportedCodec, ...]:
    """The codecs that encode or decode here, probed at the first call; the best known first."""
    raise NotImplementedError


def create_encoder(
    codec: CodecParameters,
    settings: CodecSettings,
    *,
    bitrate: int | None = None,
    rid: str | None = None,
    degradation_preference: DegradationPreference = "balanced",
) -> Encoder:
    """An encoder for the format that was negotiated; `CodecError` where there is none."""
    raise NotImplementedError


def create_decoder(codec: CodecParameters) -> Decoder:
    """A decoder for the format that was negotiated; `CodecError` where there is none."""
    raise NotImplementedError


def is_same_format(one: CodecParameters, other: CodecParameters) -> bool:
    """Whether frames of the one can be sent as the other, whatever their payload types."""
    raise NotImplementedError
