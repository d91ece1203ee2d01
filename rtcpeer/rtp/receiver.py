"""The receiving half of a transceiver: packets of one or several streams become encoded frames (RFC 3550)."""

from collections.abc import Sequence
from dataclasses import dataclass

from rtcpeer.rtp.parameters import Kind, ReceiveParameters
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.rtp.statistics import InboundStatistics

__all__ = ["RtpReceiver", "SourceHeard"]


@dataclass(frozen=True, slots=True)
class SourceHeard:
    """A source whose media was played lately (W3C: RTCRtpContributingSource, RTCRtpSynchronizationSource)."""

    source: int
    is_contributing: bool
    received_at: float  # monotonic
    rtp_timestamp: int
    audio_level: int | None  # -dBov, 0 to 127
    has_voice: bool | None
    capture_timestamp: float | None  # seconds since 1970 on the sender's clock


class RtpReceiver:
    """Exists before anything is negotiated; `stack.media.Media.configure` gives it parameters and feeds it."""

    is_read: bool  # False: no frames are made, nothing is asked for again and nothing piles up; statistics go on

    def __init__(self, kind: Kind, settings: MediaSettings) -> None: ...

    @property
    def parameters(self) -> ReceiveParameters | None: ...

    def request_keyframe(self, rid: str | None = None, ssrc: int | None = None) -> None:
        """Ask the peer, at the next flush and within the rate limit; all streams where none is named."""

    def set_jitter_target(self, seconds: float) -> None:
        """At least this delay (W3C's jitterBufferTarget); 0: what the path asks for."""

    def sources(self, now: float) -> Sequence[SourceHeard]:
        """Those of the last 10 s, the latest first."""

    def statistics(self) -> Sequence[InboundStatistics]:
        """A snapshot for each stream."""
