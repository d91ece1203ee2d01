"""What all payload formats have in common: frames go to payloads of RTP packets and come back.

Neither side has a clock or sees RTP headers. Who sends puts one timestamp on all payloads of a frame; where a format is
video, the marker goes to the last of them. Who receives collects the payloads of a frame (consecutive sequence
numbers, one timestamp) and hands them over together, so that loss, order and waiting are the jitter buffer's alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from rtcpeer.errors import MalformedPacketError

__all__ = [
    "DEFAULT_MAX_FRAME_SIZE",
    "Depacketizer",
    "Frame",
    "Packetizer",
    "join_bounded",
    "split_evenly",
]

DEFAULT_MAX_FRAME_SIZE = 1 << 22  # a key frame in 4K has about a quarter of this


@dataclass(frozen=True, slots=True)
class Frame:
    """What a decoder takes at once: a picture with all its layers, or the audio of one packet."""

    data: bytes
    is_keyframe: bool  # decodable without an earlier frame; always so for audio


class Packetizer(Protocol):
    """Cuts the frames of one encoder into payloads."""

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """The frame as payloads of at most ``max_size`` bytes each, in the order in which they are sent.

        `ValueError` where the frame is none of this format, or can not be cut so small.
        """
        ...


class Depacketizer(Protocol):
    """Knows the payloads of one format; it keeps nothing from one call to the next.

    `MalformedPacketError` says that a payload breaks its format, or that the payloads are no whole frame. An empty
    payload is malformed: packets that are nothing but padding are dropped before they come here.
    """

    def is_first_of_frame(self, payload: bytes) -> bool | None:
        """Whether a frame begins with this payload; None where it does not tell.

        Then a frame begins where the timestamp changes from one sequence number to the next.
        """
        ...

    def starts_keyframe(self, payload: bytes) -> bool:
        """Whether a stream can be begun with this payload: a decoder needs nothing before it."""
        ...

    def depacketize(self, payloads: Sequence[bytes]) -> Frame:
        """One frame from all its payloads in the order of their sequence numbers."""
        ...


def join_bounded(parts: Sequence[bytes], max_size: int) -> bytes:
    """The parts as one; `MalformedPacketError` when they are none or more than ``max_size`` bytes."""
    size = sum(map(len, parts))
    if not 0 < size <= max_size:
        raise MalformedPacketError(f"a frame of {size} bytes, at most {max_size} are taken")
    return b"".join(parts)


def split_evenly(data: bytes, max_size: int) -> list[bytes]:
    """As few parts as ``max_size`` allows, which differ by one byte at most: no tiny packet behind full ones."""
    if max_size < 1:
        raise ValueError(f"{max_size} bytes are left for each part of a frame")
    count = -(-len(data) // max_size)
    bounds = [len(data) * index // max(count, 1) for index in range(count + 1)]
    return [data[start:end] for start, end in pairwise(bounds)]
