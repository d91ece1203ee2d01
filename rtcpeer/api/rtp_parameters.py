"""What senders and receivers can do, and what they are set to, as the W3C's dictionaries (webrtc-pc section 5.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, TypeVar

from rtcpeer.rtp.parameters import CodecParameters

__all__ = [
    "RTCDegradationPreference",
    "RTCRtpCapabilities",
    "RTCRtpCodec",
    "RTCRtpCodecCapability",
    "RTCRtpCodecParameters",
    "RTCRtpEncodingParameters",
    "RTCRtpHeaderExtensionCapability",
    "RTCRtpHeaderExtensionParameters",
    "RTCRtpParameters",
    "RTCRtpReceiveParameters",
    "RTCRtpSendParameters",
    "RTCRtpTransceiverDirection",
    "RTCRtpTransceiverInit",
    "RTCRtcpParameters",
    "format_line",
    "from_dictionary",
    "is_same_codec",
]

RTCRtpTransceiverDirection = Literal["sendrecv", "sendonly", "recvonly", "inactive", "stopped"]
RTCDegradationPreference = Literal[
    "balanced", "maintain-framerate", "maintain-resolution", "maintain-framerate-and-resolution"
]

T = TypeVar("T")


@dataclass(frozen=True)
class RTCRtpCodec:
    """A codec as both sides name it.

    Args:
        mimeType: such as ``"video/VP8"``; compared without regard to case.
        clockRate: in Hz.
        channels: of audio.
        sdpFmtpLine: the format's parameters as ``a=fmtp`` has them, without the payload type.
    """

    mimeType: str
    clockRate: int
    channels: int | None = None
    sdpFmtpLine: str | None = None

    @property
    def name(self) -> str:
        """What follows the slash."""
        return self.mimeType.partition("/")[2]

    @property
    def parameters(self) -> dict[str, str]:
        """The format's parameters by name; one without a name has the name ``""``."""
        made = {}
        for part in (self.sdpFmtpLine or "").split(";"):
            name, is_named, value = part.strip().partition("=")
            if part.strip():
                made[name if is_named else ""] = value if is_named else name
        return made


@dataclass(frozen=True)
class RTCRtpCodecCapability(RTCRtpCodec):
    """A codec that can be negotiated."""


@dataclass(frozen=True, kw_only=True)
class RTCRtpCodecParameters(RTCRtpCodec):
    """A codec that was negotiated."""

    payloadType: int

    @classmethod
    def of(cls, codec: CodecParameters) -> Self:
        """From what offer and answer came to."""
        return cls(
            codec.mime_type,
            codec.clock_rate,
            _channels(codec),
            format_line(codec.parameters),
            payloadType=codec.payload_type,
        )


@dataclass(frozen=True)
class RTCRtpHeaderExtensionCapability:
    """A header extension that can be negotiated."""

    uri: str


@dataclass(frozen=True)
class RTCRtpCapabilities:
    """What can be negotiated: codecs, the preferred first, and header extensions."""

    codecs: list[RTCRtpCodecCapability] = field(default_factory=list)
    headerExtensions: list[RTCRtpHeaderExtensionCapability] = field(default_factory=list)


@dataclass
class RTCRtpHeaderExtensionParameters:
    """A header extension that was negotiated, under its id."""

    uri: str
    id: int
    encrypted: bool = False


@dataclass
class RTCRtcpParameters:
    """What RTCP says of our side: its canonical name, and whether packets may be reduced (RFC 5506)."""

    cname: str = ""
    reducedSize: bool = False


@dataclass
class RTCRtpEncodingParameters:
    """One of the streams that a sender makes of its track.

    Args:
        rid: its name where there are several (simulcast).
        active: whether it is sent.
        maxBitrate: bits per second that it may have at most.
        maxFramerate: pictures per second at most.
        scaleResolutionDownBy: the picture's width and height are divided by this, 1 or more.
        codec: which of the negotiated codecs it uses; the first where it is None.
        priority: its share of the bandwidth against other encodings.
        networkPriority: taken and kept; packets are not marked.
    """

    rid: str | None = None
    active: bool = True
    maxBitrate: int | None = None
    maxFramerate: float | None = None
    scaleResolutionDownBy: float | None = None
    codec: RTCRtpCodec | None = None
    priority: Literal["very-low", "low", "medium", "high"] = "low"
    networkPriority: Literal["very-low", "low", "medium", "high"] = "low"


@dataclass
class RTCRtpParameters:
    """What was negotiated, for either direction."""

    headerExtensions: list[RTCRtpHeaderExtensionParameters] = field(default_factory=list)
    rtcp: RTCRtcpParameters = field(default_factory=RTCRtcpParameters)
    codecs: list[RTCRtpCodecParameters] = field(default_factory=list)


@dataclass
class RTCRtpSendParameters(RTCRtpParameters):
    """What `RTCRtpSender.getParameters` gives and, with other encodings, `setParameters` takes."""

    transactionId: str = ""
    encodings: list[RTCRtpEncodingParameters] = field(default_factory=list)
    degradationPreference: RTCDegradationPreference | None = None


@dataclass
class RTCRtpReceiveParameters(RTCRtpParameters):
    """What `RTCRtpReceiver.getParameters` gives."""


@dataclass
class RTCRtpTransceiverInit:
    """How `RTCPeerConnection.addTransceiver` is to make one."""

    direction: RTCRtpTransceiverDirection = "sendrecv"
    streams: list[Any] = field(default_factory=list)
    sendEncodings: list[Any] = field(default_factory=list)


def from_dictionary(kind: type[T], value: T | Mapping[str, Any]) -> T:
    """An object, or one made from a dictionary as in JavaScript.

    Raises:
        TypeError: an unknown member, or a required one is missing.
    """
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"a {kind.__name__} or a dictionary is needed, not {value!r}")
    unknown = set(value) - {member.name for member in fields(kind)}  # type: ignore[arg-type]  # all of ours are dataclasses
    if unknown:
        raise TypeError(f"{kind.__name__} has no member {', '.join(sorted(unknown))}")
    return kind(**value)


def format_line(parameters: Iterable[tuple[str, str]]) -> str | None:
    """The parameters of a format as ``a=fmtp`` has them."""
    return ";".join(f"{name}={value}" if name else value for name, value in parameters) or None


def is_same_codec(one: RTCRtpCodec, other: RTCRtpCodec) -> bool:
    """Whether both mean the same (the W3C's codec match); the order of the format's parameters says nothing."""
    return (one.mimeType.lower(), one.clockRate, one.channels, one.parameters) == (
        other.mimeType.lower(),
        other.clockRate,
        other.channels,
        other.parameters,
    )


def _channels(codec: CodecParameters) -> int | None:
    return codec.channels if codec.kind == "audio" else None
