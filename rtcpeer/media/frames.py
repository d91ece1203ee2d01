"""What tracks carry: pictures, sound, or either still encoded."""

from typing import TYPE_CHECKING, TypeAlias

import av

from rtcpeer.rtp.frames import EncodedFrame

__all__ = ["MediaFrame", "Packet", "RawFrame", "needs_earlier_frames"]

if TYPE_CHECKING:
    Packet: TypeAlias = av.Packet[av.stream.Stream]
else:
    Packet = av.Packet  # generic for type checkers only

RawFrame: TypeAlias = av.AudioFrame | av.VideoFrame
MediaFrame: TypeAlias = RawFrame | Packet | EncodedFrame


def needs_earlier_frames(frame: MediaFrame) -> bool:
    """Whether a decoder can do nothing with the frame after one before it was left out."""
    return isinstance(frame, Packet | EncodedFrame) and not frame.is_keyframe
