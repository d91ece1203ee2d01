"""The sending half of a transceiver: encoded frames become the packets of one or several streams (RFC 3550)."""

from collections.abc import Sequence

from rtcpeer.core import Entropy
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters, Kind, SendParameters
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.rtp.statistics import OutboundStatistics

__all__ = ["RtpSender"]


class RtpSender:
    """Exists before anything is negotiated; `stack.media.Media.configure` gives it parameters and carries its packets.

    Whoever calls `send` or `send_tones` drains the core afterwards. Its events come out of the core.
    """

    def __init__(self, kind: Kind, settings: MediaSettings, entropy: Entropy) -> None: ...

    @property
    def parameters(self) -> SendParameters | None: ...

    @property
    def codecs(self) -> tuple[CodecParameters, ...]:
        """What frames may be in, the best first; without repair and events. Empty before negotiation."""

    @property
    def can_send(self) -> bool:
        """Whether frames leave now; otherwise `send` counts and drops them."""

    def send(self, frame: EncodedFrame, now: float) -> None:
        """Queue a frame; `ValueError` for one whose codec or rid was not negotiated, or that is none of its format."""

    def limit(self, rid: str | None = None, *, max_bitrate: int | None = None, is_active: bool = True) -> None:
        """What an encoding may take (W3C's maxBitrate and active); ``rid`` None: the only one, or all."""

    weight: float  # of the bitrate that senders share

    def send_tones(self, tones: str, duration: float = 0.1, gap: float = 0.07) -> None:
        """Play DTMF instead of what is still to be played; "," is a pause of 2 s, "" stops."""

    @property
    def can_send_tones(self) -> bool: ...

    @property
    def tones(self) -> str:
        """What is still to be played."""

    def statistics(self) -> Sequence[OutboundStatistics]:
        """A snapshot for each encoding."""
