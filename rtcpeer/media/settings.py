"""How encoders and decoders work, as far as neither negotiation nor the network says it."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CodecSettings", "DegradationPreference"]

# W3C mst-content-hint section 4: what gives way first where the bitrate is too low for the picture
DegradationPreference = Literal["balanced", "maintain-framerate", "maintain-resolution", "disabled"]


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """Choices of our own about codecs; bitrates are bits per second."""

    allow_hardware: bool = True  # H.264 encoders of graphics cards and systems on a chip, where one works
    start_bitrate: int = 1_000_000  # of video, until the network's estimate comes
    min_bitrate: int = 30_000  # of video: below it, pictures are no use
    max_keyframe_interval: float = 60.0  # seconds; receivers ask for what they need
    opus_bitrate: int = 32_000  # for each channel, where the peer sets no maxaveragebitrate
    opus_complexity: int = 3  # 0 to 10 (RFC 6716 section 2.1.6); 10 takes twice the time for a little more quality
    packet_loss_percent: int = 10  # that Opus prepares for where in-band FEC is agreed on
    max_queued_pictures: int = 4  # before an encoder; the oldest is dropped where it is too slow
    max_queued_frames: int = 120  # before a decoder; then it starts again at the next keyframe
    max_unread: float = 2.0  # seconds of decoded media that nobody has read before decoding stops
    keyframe_interval_min: float = 0.3  # seconds between two keyframes that receivers ask for

    def __post_init__(self) -> None:
        for name in ("start_bitrate", "min_bitrate", "max_keyframe_interval", "opus_bitrate", "max_unread"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is positive, not {getattr(self, name)}")
        for name in ("max_queued_pictures", "max_queued_frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if not 0 <= self.opus_complexity <= 10:
            raise ValueError(f"opus_complexity is 0 to 10, not {self.opus_complexity}")
        if not 0 <= self.packet_loss_percent <= 100:
            raise ValueError(f"packet_loss_percent is 0 to 100, not {self.packet_loss_percent}")
        if self.keyframe_interval_min < 0:
            raise ValueError(f"keyframe_interval_min is not negative, as {self.keyframe_interval_min} is")
