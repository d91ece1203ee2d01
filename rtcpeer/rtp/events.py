"""What senders and receivers say; each event names the object that it is about."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtcpeer.rtp.frames import EncodedFrame

if TYPE_CHECKING:  # they make these events
    from rtcpeer.rtp.receiver import RtpReceiver
    from rtcpeer.rtp.sender import RtpSender

__all__ = [
    "BitrateChanged",
    "FrameReceived",
    "KeyframeRequested",
    "RtpEvent",
    "StreamEnded",
    "StreamStarted",
    "ToneSent",
]


@dataclass(frozen=True, slots=True)
class KeyframeRequested:
    """The peer can not go on without a keyframe, or has not seen one yet: the encoder shall make one."""

    sender: "RtpSender"
    rid: str | None  # of which encoding


@dataclass(frozen=True, slots=True)
class BitrateChanged:
    """A sender should take this many bits a second, headers included; for audio it is what there is a use for."""

    sender: "RtpSender"
    bitrate: int  # of all its encodings
    encodings: tuple[tuple[str | None, int], ...]  # rid and its part; 0: what there is does not suffice for this one


@dataclass(frozen=True, slots=True)
class ToneSent:
    """A tone begins; an empty one says that all have been sent (W3C: RTCDTMFToneChangeEvent)."""

    sender: "RtpSender"
    tone: str


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """A whole frame whose time has come."""

    receiver: "RtpReceiver"
    frame: EncodedFrame


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The first packet of a source came."""

    receiver: "RtpReceiver"
    ssrc: int
    rid: str | None


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """A source said BYE, or fell silent for long; should it speak again, it is started once more."""

    receiver: "RtpReceiver"
    ssrc: int
    rid: str | None


RtpEvent = KeyframeRequested | BitrateChanged | ToneSent | FrameReceived | StreamStarted | StreamEnded
