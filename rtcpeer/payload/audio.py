"""Formats whose packets carry one frame each as it is: Opus, G.711 and G.722."""

from collections.abc import Sequence

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload.contract import Frame

__all__ = ["AudioDepacketizer", "AudioPacketizer"]


class AudioPacketizer:
    """The payload is the frame."""

    def packetize(self, frame: bytes, max_size: int) -> list[bytes]:
        """The one payload; `ValueError` when it is larger, since parts of it would need timestamps of their own."""
        if not 0 < len(frame) <= max_size:
            raise ValueError(f"a frame of {len(frame)} bytes does not make one payload of 1 to {max_size} bytes")
        return [frame]


class AudioDepacketizer:
    """Each payload is a frame, and each frame can be decoded alone."""

    def is_first_of_frame(self, payload: bytes) -> bool:
        """Always."""
        return bool(_checked(payload))

    def starts_keyframe(self, payload: bytes) -> bool:
        """Always."""
        return bool(_checked(payload))

    def depacketize(self, payloads: Sequence[bytes]) -> Frame:
        """The payload as a frame."""
        if len(payloads) != 1:
            raise MalformedPacketError(f"{len(payloads)} payloads with one timestamp, audio has one")
        return Frame(_checked(payloads[0]), is_keyframe=True)


def _checked(payload: bytes) -> bytes:
    if not payload:
        raise MalformedPacketError("an empty payload")
    return payload
