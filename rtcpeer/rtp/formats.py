"""Which payload format a negotiated codec has, and which of the negotiated codecs a frame can be sent as."""

from collections.abc import Sequence
from typing import Final

from rtcpeer.core import Entropy
from rtcpeer.payload.audio import AudioDepacketizer, AudioPacketizer
from rtcpeer.payload.av1 import Av1Depacketizer, Av1Packetizer
from rtcpeer.payload.contract import Depacketizer, Packetizer
from rtcpeer.payload.h264 import H264Depacketizer, H264Packetizer
from rtcpeer.payload.vp8 import Vp8Depacketizer, Vp8Packetizer
from rtcpeer.payload.vp9 import Vp9Depacketizer, Vp9Packetizer
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["depacketizer_of", "is_media", "media_codecs", "negotiated_as", "packetizer_of"]

TELEPHONE_EVENT: Final = "telephone-event"
AUDIO: Final = frozenset({"opus", "pcmu", "pcma", "g722"})
VIDEO: Final = frozenset({"vp8", "vp9", "h264", "av1"})
# Parameters that decide whether a decoder of one understands the other, with what their absence means.
PROFILES: Final = {"vp9": ("profile-id", "0"), "av1": ("profile", "0")}


def is_media(codec: CodecParameters) -> bool:
    """Whether it is audio or video of a format that we know, and no repair, events or comfort noise."""
    return codec.name.lower() in (AUDIO if codec.kind == "audio" else VIDEO)


def media_codecs(codecs: Sequence[CodecParameters]) -> tuple[CodecParameters, ...]:
    """Those among them, in their order."""
    return tuple(filter(is_media, codecs))


def packetizer_of(codec: CodecParameters, entropy: Entropy) -> Packetizer:
    """A packetizer of its own for each stream; `ValueError` for a format that we do not know."""
    match codec.name.lower():
        case "vp8":
            return Vp8Packetizer(int.from_bytes(entropy(2), "big"))
        case "vp9":
            return Vp9Packetizer(int.from_bytes(entropy(2), "big"))
        case "h264":
            # RFC 6184 section 8.1: mode 0 where nothing is said.
            mode = codec.parameter("packetization-mode") or "0"
            return H264Packetizer(packetization_mode=1 if mode == "1" else 0)
        case "av1":
            return Av1Packetizer()
        case name if name in AUDIO:
            return AudioPacketizer()
        case _:
            raise ValueError(f"{codec.mime_type} is no format that can be sent")


def depacketizer_of(codec: CodecParameters) -> Depacketizer | None:
    """What reads the payloads of a codec; None for what is no media, or of a format that we do not know."""
    match codec.name.lower():
        case "vp8":
            return Vp8Depacketizer()
        case "vp9":
            return Vp9Depacketizer()
        case "h264":
            return H264Depacketizer()
        case "av1":
            return Av1Depacketizer()
        case name if name in AUDIO:
            return AudioDepacketizer()
        case _:
            return None


def negotiated_as(codec: CodecParameters, negotiated: Sequence[CodecParameters]) -> CodecParameters | None:
    """The negotiated codec that a frame of another, perhaps of somebody else's negotiation, can be sent as.

    Among several the one with the same parameters, else the first.
    """
    same = [each for each in negotiated if _is_same_format(codec, each)]
    return next((each for each in same if each.parameters == codec.parameters), same[0] if same else None)


def _is_same_format(one: CodecParameters, other: CodecParameters) -> bool:
    name = one.name.lower()
    if name != other.name.lower() or one.clock_rate != other.clock_rate or one.kind != other.kind:
        return False
    if name not in PROFILES:
        return True
    parameter, default = PROFILES[name]
    return (one.parameter(parameter) or default) == (other.parameter(parameter) or default)
