"""All media over one transport: SRTP, RTCP, congestion control and pacing around senders and receivers."""

from collections.abc import Sequence
from dataclasses import dataclass

from rtcpeer.core import Entropy
from rtcpeer.rtp.events import RtpEvent
from rtcpeer.rtp.parameters import ReceiveParameters, SendParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.srtp.settings import SrtpSettings

__all__ = ["Media", "MediaLine"]


@dataclass(frozen=True, slots=True)
class MediaLine:
    """A negotiated m= section: its two halves, and what each may do; None: it has no such half, or not yet."""

    sender: RtpSender | None
    send: SendParameters | None
    receiver: RtpReceiver | None
    receive: ReceiveParameters | None


class Media:
    """``Core`` for lists of SRTP and SRTCP packets; `stack.bundle.Bundle(..., media=...)` owns and drains it.

    Its events come out of `Bundle.poll_events`: `RtpEvent`.
    """

    def __init__(
        self,
        settings: MediaSettings,
        entropy: Entropy,
        wall_clock_offset: float,  # seconds since 1970 minus ``now``
        srtp: SrtpSettings,
    ) -> None: ...

    def configure(self, lines: Sequence[MediaLine], now: float) -> None:
        """All lines there are now, after each step of negotiation; who is no longer among them says BYE."""

    def poll_events(self) -> list[RtpEvent]: ...
