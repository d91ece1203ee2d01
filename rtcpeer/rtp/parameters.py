"""What is negotiated about one m= section of audio or video, in the form in which senders and receivers take it.

Offer and answer come to these values and know nothing of packets; the RTP cores take them and know nothing of SDP.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CodecParameters", "EncodingParameters", "Kind", "ReceiveParameters", "SendParameters"]

Kind = Literal["audio", "video"]


@dataclass(frozen=True, slots=True)
class CodecParameters:
    """A payload type and what it means (RFC 8866 sections 6.6 and 6.15, RFC 4585 section 4.2)."""

    kind: Kind
    name: str  # as registered: "opus", "VP8", "rtx", "telephone-event"; compared without regard to case
    payload_type: int
    clock_rate: int  # Hz
    channels: int = 1
    parameters: tuple[tuple[str, str], ...] = ()  # of a=fmtp, in their order; a value without a name has the name ""
    feedback: frozenset[str] = frozenset()  # values of a=rtcp-fb: "nack", "nack pli", "ccm fir", "transport-cc", ...

    @property
    def mime_type(self) -> str:
        """Such as ``"video/VP8"``."""
        return f"{self.kind}/{self.name}"

    @property
    def is_rtx(self) -> bool:
        """Whether it repairs another payload type (RFC 4588)."""
        return self.name.lower() == "rtx"

    def parameter(self, name: str) -> str | None:
        """The value of a format parameter, whose name is compared without regard to case; None where it is absent."""
        name = name.lower()
        return next((value for key, value in self.parameters if key.lower() == name), None)


@dataclass(frozen=True, slots=True)
class EncodingParameters:
    """One stream that a sender sends under SSRCs of its own; several of them are simulcast (RFC 8853)."""

    ssrc: int
    rtx_ssrc: int | None = None
    rid: str | None = None


@dataclass(frozen=True, slots=True)
class SendParameters:
    """How our side may send in a section."""

    mid: str | None  # None: the peer knows no mids, and none is sent
    codecs: tuple[CodecParameters, ...]  # the peer's payload types, the best first; those of repair and events too
    extensions: tuple[tuple[str, int], ...]  # URI and id (RFC 8285)
    encodings: tuple[EncodingParameters, ...]
    cname: str
    is_reduced_size: bool = False  # RTCP (RFC 5506)
    allows_mixed_extensions: bool = False  # two-byte header extensions may be used (RFC 8285 section 6)
    is_sending: bool = True  # by direction: False keeps the stream's state and sends nothing
    max_bitrate: int | None = None  # bits/s of RTP that the peer takes here (b=TIAS, b=AS)
    packet_time_ms: int | None = None  # of audio in a packet, as the peer would have it (a=ptime, a=maxptime)

    def repair_of(self, codec: CodecParameters) -> CodecParameters | None:
        """The RTX payload type of a codec, if one was agreed on."""
        return _repair_of(self.codecs, codec)


@dataclass(frozen=True, slots=True)
class ReceiveParameters:
    """What our side takes in a section."""

    mid: str | None
    codecs: tuple[CodecParameters, ...]  # our payload types
    extensions: tuple[tuple[str, int], ...]
    ssrcs: tuple[int, ...] = ()  # announced by a=ssrc (RFC 5576), without those of repair
    repairs: tuple[tuple[int, int], ...] = ()  # SSRC of repair and that of its media (a=ssrc-group:FID)
    rids: tuple[str, ...] = ()  # of the simulcast streams that the peer may send (RFC 8851)
    is_reduced_size: bool = False
    is_receiving: bool = True  # by direction

    def repair_of(self, codec: CodecParameters) -> CodecParameters | None:
        """The RTX payload type of a codec, if one was agreed on."""
        return _repair_of(self.codecs, codec)


def _repair_of(codecs: tuple[CodecParameters, ...], codec: CodecParameters) -> CodecParameters | None:
    wanted = str(codec.payload_type)
    return next((each for each in codecs if each.is_rtx and each.parameter("apt") == wanted), None)
