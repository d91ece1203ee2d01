"""What a program may decide about RTP: sizes, times and the settings of the parts. Times in seconds."""

from dataclasses import dataclass, field

from rtcpeer.rtp.bandwidth.settings import BandwidthSettings, PacerSettings
from rtcpeer.rtp.jitter_buffer import JitterBufferSettings
from rtcpeer.rtp.loss import LossSettings
from rtcpeer.rtp.router import RouterSettings

__all__ = ["MediaSettings"]


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Of all media over one transport."""

    max_packet_size: int = 1200  # bytes of an RTP packet before SRTP; browsers: fits into any path with its tunnels
    report_interval: float = 1.0  # browsers, for video; RFC 4585 section 3.5.3 sets no minimum where bandwidth is there
    report_bandwidth: float = 0.05  # RFC 3550 section 6.2: the share of the session's that RTCP may take
    # Between transport-wide feedback; browsers: 50 ms where that takes no more than report_bandwidth, else to 250 ms.
    feedback_interval: float = 0.05
    max_feedback_interval: float = 0.25
    keyframe_interval: float = 0.3  # browsers: requests that come faster are answered by one keyframe
    audio_bitrate: int = 64_000  # set aside of the estimate for each sender of audio that has no limit
    max_bitrate: int = 2_500_000  # of a sender of video that has no limit; browsers: what 720p has a use for
    stream_timeout: float = 10.0  # ours: an incoming stream that is silent for so long has ended
    max_streams: int = 64  # incoming streams of one receiver; the state of each is some kilobytes
    accepts_simulcast: bool = True  # False: of the layers that a peer offers, it is to send the first
    jitter_buffer: JitterBufferSettings = field(default_factory=JitterBufferSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    bandwidth: BandwidthSettings = field(default_factory=BandwidthSettings)
    pacer: PacerSettings = field(default_factory=PacerSettings)
    router: RouterSettings = field(default_factory=RouterSettings)

    def __post_init__(self) -> None:
        """Refuse what can not work."""
        if not 256 <= self.max_packet_size <= 1350:
            raise ValueError("max_packet_size must be within 256 and 1350")
        if not 0 < self.report_bandwidth <= 1:
            raise ValueError("report_bandwidth must be above 0 and at most 1")
        for name in ("report_interval", "feedback_interval", "audio_bitrate", "max_bitrate", "stream_timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
        if self.max_feedback_interval < self.feedback_interval:
            raise ValueError("max_feedback_interval must be at least feedback_interval")
        if self.keyframe_interval < 0:
            raise ValueError("keyframe_interval must not be negative")
        if self.max_streams < 1:
            raise ValueError("max_streams must be at least 1")
