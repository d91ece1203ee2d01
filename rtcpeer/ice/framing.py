"""Datagrams over a byte stream, each behind its length in two bytes (RFC 4571 section 2)."""

from collections.abc import Iterable
from struct import Struct

__all__ = ["FrameReader", "frame_datagrams"]

LENGTH = Struct("!H")


def frame_datagrams(payloads: Iterable[bytes]) -> bytes:
    """The piece of a stream that carries these datagrams.

    Raises:
        ValueError: a payload has more than 65,535 bytes.
    """
    pieces: list[bytes] = []
    for payload in payloads:
        if len(payload) > 0xFFFF:
            raise ValueError(f"{len(payload)} bytes do not fit into one frame")
        pieces += (LENGTH.pack(len(payload)), payload)
    return b"".join(pieces)


class FrameReader:
    """Cuts a stream into datagrams; keeps at most one incomplete frame. Any stream is well-formed."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def buffered(self) -> int:
        """Bytes of the frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The datagrams that are complete now. Null packets, which RFC 4571 allows, are left out."""
        data = self._buffer + chunk if self._buffer else bytes(chunk)
        payloads: list[bytes] = []
        offset, available = 0, len(data)
        while available - offset >= 2:
            end = offset + 2 + (data[offset] << 8 | data[offset + 1])
            if end > available:
                break
            if end > offset + 2:
                payloads.append(data[offset + 2 : end])
            offset = end
        self._buffer = data[offset:]
        return payloads
