"""The header extensions of one outgoing stream, with the place of what is known only when a packet leaves."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from rtcpeer.rtp.extension_values import CODECS, ExtensionUri
from rtcpeer.rtp.extensions import MAX_ONE_BYTE_ID, MAX_ONE_BYTE_SIZE, ONE_BYTE, HeaderExtensions
from rtcpeer.rtp.header import EXTENSION

__all__ = ["Departure", "ExtensionWriter", "Written"]

# What is written as a packet leaves comes first, so that its place is always the same.
DEPARTURES: Final = {ExtensionUri.TRANSPORT_WIDE_CC: 2, ExtensionUri.ABSOLUTE_SEND_TIME: 3}
BY_PACKET: Final = ("audio_level", "video_orientation", "playout_delay", "absolute_capture_time")
NOTHING: Final = b""


class Departure(NamedTuple):
    """What has its place at the end of a header's beginning, and its size in bytes."""

    is_sequence_number: bool  # transport-wide; otherwise it is the absolute send time
    size: int


class Written(NamedTuple):
    """An extension in two parts, between which the departure's value goes."""

    before: bytes
    after: bytes


class ExtensionWriter:
    """Writes the one-byte form; what does not fit into it is left out, as what was not negotiated is."""

    def __init__(
        self, ids: Iterable[tuple[str, int]], mid: str | None, rid: str | None, repaired_rid: str | None
    ) -> None:
        usable = {uri: number for uri, number in ids if 0 < number <= MAX_ONE_BYTE_ID}
        self.departure: Departure | None = None
        self._first = NOTHING
        # Of the two that serve one purpose the better one: browsers send no other.
        for uri, size in DEPARTURES.items():
            if uri in usable:
                self.departure = Departure(uri == ExtensionUri.TRANSPORT_WIDE_CC, size)
                self._first = bytes((usable[uri] << 4 | size - 1,))
                break
        self._fixed = b"".join(
            _element(usable[uri], text.encode("ascii", "replace"))
            for uri, text in (
                (ExtensionUri.MID, mid),
                (ExtensionUri.RID, rid),
                (ExtensionUri.REPAIRED_RID, repaired_rid),
            )
            if uri in usable and text and len(text) <= MAX_ONE_BYTE_SIZE
        )
        self._by_packet = [
            (name, usable[CODECS[name][0]], CODECS[name][1]) for name in BY_PACKET if CODECS[name][0] in usable
        ]
        self._plain = self._compose(NOTHING)

    def elements(self, values: HeaderExtensions) -> bytes:
        """What a packet says for itself, for `write`; also when it is sent again."""
        parts = []
        for name, number, encode in self._by_packet:
            value = getattr(values, name)
            if value is not None:
                parts.append(_element(number, encode(value)))
        return b"".join(parts)

    def write(self, elements: bytes) -> Written:
        """The whole extension; empty where there is nothing to say."""
        return self._compose(elements) if elements else self._plain

    @property
    def size(self) -> int:
        """Bytes of an extension without elements."""
        departure = self.departure.size if self.departure else 0
        return len(self._plain.before) + departure + len(self._plain.after)

    def _compose(self, elements: bytes) -> Written:
        size = len(self._first) + (self.departure.size if self.departure else 0) + len(self._fixed) + len(elements)
        if not size:
            return Written(NOTHING, NOTHING)
        words = (size + 3) // 4
        before = EXTENSION.pack(ONE_BYTE, words) + self._first
        return Written(before, self._fixed + elements + bytes(4 * words - size))


def _element(number: int, value: bytes) -> bytes:
    return bytes((number << 4 | len(value) - 1,)) + value
