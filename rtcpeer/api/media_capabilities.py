"""Which codecs and header extensions are offered: those that RTP can carry here and PyAV can encode or decode."""

from collections.abc import Sequence
from functools import cache

from rtcpeer.api.rtp_parameters import (
    RTCRtpCapabilities,
    RTCRtpCodec,
    RTCRtpCodecCapability,
    RTCRtpHeaderExtensionCapability,
    format_line,
    is_same_codec,
)
from rtcpeer.errors import InvalidModificationError
from rtcpeer.jsep.capabilities import CodecCapability, MediaCapabilities
from rtcpeer.jsep.codecs import DEFAULT_CAPABILITIES
from rtcpeer.media.codecs import supported_codecs
from rtcpeer.rtp.parameters import Kind

__all__ = ["capabilities_of", "default_capabilities", "preferred_codecs"]

_AUXILIARY = frozenset({"rtx", "telephone-event"})  # they accompany a codec


@cache
def default_capabilities() -> MediaCapabilities:
    """What this installation really does; PyAV is asked once."""
    supported = {(codec.kind, codec.name.lower()): codec for codec in supported_codecs()}

    def can_send(codec: CodecCapability) -> bool:
        known = supported.get((codec.kind, codec.name.lower()))
        return known is not None and known.can_encode

    def can_receive(codec: CodecCapability) -> bool:
        known = supported.get((codec.kind, codec.name.lower()))
        return known is not None and known.can_decode

    return DEFAULT_CAPABILITIES.limited(can_send, can_receive)


def capabilities_of(kind: str, *, is_sending: bool) -> RTCRtpCapabilities | None:
    """What `RTCRtpSender.getCapabilities` and `RTCRtpReceiver.getCapabilities` return."""
    if kind not in {"audio", "video"}:
        return None
    kind_: Kind = "audio" if kind == "audio" else "video"
    known = default_capabilities()
    return RTCRtpCapabilities(
        codecs=[
            _shown(codec) for codec in known.codecs_of(kind_) if (codec.can_send if is_sending else codec.can_receive)
        ],
        headerExtensions=[
            RTCRtpHeaderExtensionCapability(extension.uri)
            for extension in known.extensions_of(kind_)
            if (extension.direction.sends if is_sending else extension.direction.receives)
        ],
    )


def preferred_codecs(
    kind: Kind, preferences: Sequence[RTCRtpCodec], capabilities: MediaCapabilities
) -> tuple[CodecCapability, ...]:
    """The capabilities that are meant, in their order (W3C webrtc-pc section 5.4.5, setCodecPreferences).

    Raises:
        InvalidModificationError: one of them is none of ours, or none of them is a codec on its own.
    """
    chosen: dict[CodecCapability, None] = {}
    for wanted in preferences:
        known = next((codec for codec in capabilities.codecs_of(kind) if is_same_codec(_shown(codec), wanted)), None)
        if known is None:
            raise InvalidModificationError(f"{wanted.mimeType} {wanted.sdpFmtpLine or ''} is none of our {kind} codecs")
        chosen[known] = None
    if chosen and all(codec.name.lower() in _AUXILIARY for codec in chosen):
        raise InvalidModificationError("the preferences need a codec besides those that accompany one")
    return tuple(chosen)


def _shown(codec: CodecCapability) -> RTCRtpCodecCapability:
    channels = codec.channels if codec.kind == "audio" else None
    return RTCRtpCodecCapability(codec.mime_type, codec.clock_rate, channels, format_line(codec.parameters))
