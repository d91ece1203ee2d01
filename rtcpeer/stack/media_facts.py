"""What a diagnosis of media is made from: a snapshot of transceivers, and of what carries them."""

from dataclasses import dataclass

from rtcpeer.rtp.parameters import Kind
from rtcpeer.rtp.statistics import InboundStatistics, OutboundStatistics
from rtcpeer.sdp.transport import Direction
from rtcpeer.stack.media import MediaStatistics

__all__ = ["DescribedDirections", "MediaFacts", "ReceivingFacts", "Rejection", "SendingFacts", "TransceiverFacts"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A section of audio or video that an answer has rejected."""

    name: str
    is_by_peer: bool
    our_codecs: tuple[str, ...]
    their_codecs: tuple[str, ...]  # () where the peer names none


@dataclass(frozen=True, slots=True)
class DescribedDirections:
    """What both current descriptions say about a section, each from its own side."""

    ours: Direction
    theirs: Direction
    is_ours_offer: bool


@dataclass(frozen=True, slots=True)
class SendingFacts:
    """The half that sends."""

    has_track: bool
    is_track_live: bool = True
    frames: int = 0  # that came from the track
    has_sent: bool = False  # was negotiated to, at some time
    limitation: str = "none"  # W3C's qualityLimitationReason of the encoding that has the most of it
    streams: tuple[OutboundStatistics, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceivingFacts:
    """The half that receives."""

    is_wanted: bool = True  # False: its track was stopped here
    is_read: bool = False
    frames_decoded: int = 0
    frames_failed: int = 0  # that the decoder has refused
    streams: tuple[InboundStatistics, ...] = ()


@dataclass(frozen=True, slots=True)
class TransceiverFacts:
    """One that is not stopped."""

    kind: Kind
    mid: str | None  # None: it has no section
    wanted: Direction
    current: Direction | None  # None: not negotiated yet
    since: float | None  # when that was negotiated
    described: DescribedDirections | None
    sending: SendingFacts
    receiving: ReceivingFacts

    @property
    def name(self) -> str:
        """For sentences."""
        return self.kind if self.mid is None else f"{self.kind} (mid {self.mid})"


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """All of it; there is none where no audio or video was asked for by either side."""

    transceivers: tuple[TransceiverFacts, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    transport: MediaStatistics | None = None  # None before a description was applied
