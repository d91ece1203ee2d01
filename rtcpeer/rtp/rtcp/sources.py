"""Who sources are, and that they leave: SDES, BYE and APP (RFC 3550 sections 6.5 to 6.7)."""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp.framing import MAX_COUNT, PacketType, Ssrcs, frame, pack_ssrcs, require, unpack_ssrcs

__all__ = ["Application", "Bye", "Chunk", "SdesItem", "SourceDescription"]

SSRC: Final = Struct(">I")
APPLICATION: Final = Struct(">I4s")  # SSRC, name
MAX_TEXT: Final = 255


class SdesItem(IntEnum):
    """The items of a source description."""

    CNAME = 1
    NAME = 2
    EMAIL = 3
    PHONE = 4
    LOC = 5
    TOOL = 6
    NOTE = 7
    PRIV = 8
    RTP_STREAM_ID = 12  # RFC 8852
    REPAIRED_RTP_STREAM_ID = 13  # RFC 8852
    MID = 15  # RFC 9143


class Chunk(NamedTuple):
    """What is said of one source: the type of an item and its value, in order."""

    ssrc: int
    items: tuple[tuple[int, bytes], ...] = ()

    def text(self, item: SdesItem) -> str | None:
        """The first item of that type; what is not UTF-8 in it is replaced (section 6.5)."""
        for kind, value in self.items:
            if kind == item:
                return value.decode("utf-8", "replace")
        return None


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES."""

    chunks: tuple[Chunk, ...]

    def serialize(self) -> bytes:
        """The packet."""
        if len(self.chunks) > MAX_COUNT:
            raise ValueError(f"a source description has at most {MAX_COUNT} chunks, not {len(self.chunks)}")
        return frame(PacketType.SDES, len(self.chunks), b"".join(map(_serialize_chunk, self.chunks)))


@dataclass(frozen=True, slots=True)
class Bye:
    """These sources send no more."""

    ssrcs: Ssrcs
    reason: bytes = b""  # UTF-8

    def serialize(self) -> bytes:
        """The packet."""
        if len(self.ssrcs) > MAX_COUNT or len(self.reason) > MAX_TEXT:
            raise ValueError(f"a BYE names at most {MAX_COUNT} sources, with a reason of {MAX_TEXT} bytes")
        body = pack_ssrcs(self.ssrcs)
        if self.reason:
            text = bytes((len(self.reason),)) + self.reason
            body += text + bytes(-len(text) % 4)
        return frame(PacketType.BYE, len(self.ssrcs), body)


@dataclass(frozen=True, slots=True)
class Application:
    """APP: what a program defines for itself."""

    ssrc: int
    name: bytes  # four ASCII characters
    data: bytes = b""  # whole words
    subtype: int = 0  # five bits

    def serialize(self) -> bytes:
        """The packet."""
        if len(self.name) != 4:
            raise ValueError(f"the name of an APP packet has four characters, not {len(self.name)}")
        return frame(PacketType.APP, self.subtype, APPLICATION.pack(self.ssrc, self.name) + self.data)


def parse_source_description(count: int, body: bytes) -> SourceDescription:
    """An SDES by its body."""
    chunks = []
    offset = 0
    for _ in range(count):
        chunk, offset = _parse_chunk(body, offset)
        chunks.append(chunk)
    return SourceDescription(tuple(chunks))


def parse_bye(count: int, body: bytes) -> Bye:
    """A BYE by its body."""
    end = 4 * count
    ssrcs = unpack_ssrcs(body, count)
    if end == len(body):
        return Bye(ssrcs)
    length = body[end]
    require(body, end + 1 + length, f"a BYE with a reason of {length} bytes")
    return Bye(ssrcs, body[end + 1 : end + 1 + length])


def parse_application(count: int, body: bytes) -> Application:
    """An APP by its body."""
    require(body, APPLICATION.size, "an APP packet")
    ssrc, name = APPLICATION.unpack_from(body)
    return Application(ssrc, name, body[APPLICATION.size :], count)


def _serialize_chunk(chunk: Chunk) -> bytes:
    parts = bytearray(SSRC.pack(chunk.ssrc))
    for kind, value in chunk.items:
        if not 0 < kind <= 255 or len(value) > MAX_TEXT:
            raise ValueError(f"SDES item {kind} with {len(value)} bytes can not be written")
        parts += bytes((kind, len(value)))
        parts += value
    # Section 6.5: a null ends the list, and more of them fill the last word; a list that fills its words gets one more.
    parts += bytes(4 - len(parts) % 4)
    return bytes(parts)


def _parse_chunk(body: bytes, offset: int) -> tuple[Chunk, int]:
    require(body, offset + SSRC.size, "an SDES chunk")
    ssrc: int = SSRC.unpack_from(body, offset)[0]
    offset += SSRC.size
    items: list[tuple[int, bytes]] = []
    while True:
        require(body, offset + 1, "the end of an SDES chunk")
        kind = body[offset]
        if not kind:
            # The next chunk begins at the next word.
            return Chunk(ssrc, tuple(items)), (offset + 4) & ~3
        require(body, offset + 2, "the length of an SDES item")
        begin = offset + 2
        offset = begin + body[offset + 1]
        if offset > len(body):
            raise MalformedPacketError(f"SDES item {kind} claims {offset - begin} bytes, {len(body) - begin} are left")
        items.append((kind, body[begin:offset]))
