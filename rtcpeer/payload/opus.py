"""Opus in RTP (RFC 7587): the payload is one Opus packet, whose framing RFC 6716 section 3 defines.

`AudioPacketizer` and `AudioDepacketizer` carry it; here is what can be seen without decoding it.
"""

from dataclasses import dataclass
from enum import Enum

from rtcpeer.errors import MalformedPacketError
from rtcpeer.wire import Reader

__all__ = ["CLOCK_RATE_HZ", "TOC_OF_ONE_FRAME", "OpusMode", "OpusPacket", "duration_ticks"]

CLOCK_RATE_HZ = 48000  # RFC 7587 section 4.1: whatever the encoder's sampling rate
# Mask: the TOC without the bits that count the frames (RFC 6716 section 3.1). Alone it is a frame without data, which
# stands for one that is lost or was not sent (section 3.2.1).
TOC_OF_ONE_FRAME = 0xFC
_TICKS_PER_MS = 48
_MAX_FRAME_SIZE = 1275  # RFC 6716 section 3.4, R2
_MAX_DURATION_TICKS = 120 * _TICKS_PER_MS  # R5

# RFC 6716 table 2: the frame's duration in ticks, by the two lowest bits of the configuration number.
_SILK_TICKS = tuple(ms * _TICKS_PER_MS for ms in (10, 20, 40, 60))
_HYBRID_TICKS = tuple(ms * _TICKS_PER_MS for ms in (10, 20, 10, 20))
_CELT_TICKS = (120, 240, 480, 960)


class OpusMode(Enum):
    """What codes the frames (RFC 6716 section 3.1)."""

    SILK = "SILK"
    HYBRID = "hybrid"
    CELT = "CELT"


@dataclass(frozen=True, slots=True)
class OpusPacket:
    """The frames of a packet and what its first byte, the TOC, says of them."""

    mode: OpusMode
    is_stereo: bool
    frame_ticks: int  # the duration of each frame, at 48 kHz
    frames: tuple[bytes, ...]

    @property
    def duration_ticks(self) -> int:
        """The duration of all frames, at 48 kHz."""
        return self.frame_ticks * len(self.frames)

    @property
    def is_dtx(self) -> bool:
        """Whether it carries no sound (RFC 6716 section 3.2.1): the encoder skips what follows until it hears more."""
        return all(len(frame) <= 1 for frame in self.frames)

    @property
    def has_fec(self) -> bool:
        """Whether the packet before this one can be restored from it, in lower quality (RFC 6716 section 2.1.7)."""
        if self.mode is OpusMode.CELT or not self.frames[0]:
            return False
        # RFC 6716 sections 4.2.3 and 4.2.4: a voice activity flag for each 20 ms, then the LBRR flag; for stereo the
        # same once more for the side channel. Each is a bit of even odds, so that the range coder writes it plainly.
        silk_frames = max(self.frame_ticks // _SILK_TICKS[1], 1)
        flags = self.frames[0][0]
        mid = (flags >> (7 - silk_frames)) & 1
        side = (flags >> (6 - 2 * silk_frames)) & 1 if self.is_stereo else 0
        return bool(mid | side)

    @classmethod
    def parse(cls, payload: bytes) -> "OpusPacket":
        """Read a payload; `MalformedPacketError` where it breaks one of the rules of RFC 6716 section 3.4."""
        reader = Reader(payload)
        toc = reader.uint8()
        mode, ticks = _configuration(toc >> 3)
        match toc & 3:
            case 0:
                frames = [reader.rest()]
            case 1:
                frames = _equal(reader, 2, reader.remaining)
            case 2:
                first = reader.take(_length(reader))
                frames = [first, reader.rest()]
            case _:
                frames = _counted(reader, ticks)
        if max(map(len, frames)) > _MAX_FRAME_SIZE:
            raise MalformedPacketError(f"an Opus frame has at most {_MAX_FRAME_SIZE} bytes")
        return cls(mode, bool(toc & 4), ticks, tuple(frames))


def duration_ticks(payload: bytes) -> int:
    """How far the RTP timestamp advances over a payload."""
    return OpusPacket.parse(payload).duration_ticks


def _configuration(number: int) -> tuple[OpusMode, int]:
    if number < 12:
        return OpusMode.SILK, _SILK_TICKS[number & 3]
    if number < 16:
        return OpusMode.HYBRID, _HYBRID_TICKS[number & 3]
    return OpusMode.CELT, _CELT_TICKS[number & 3]


def _counted(reader: Reader, ticks: int) -> list[bytes]:
    """The frames of code 3: a count, and padding behind them (RFC 6716 section 3.2.5)."""
    head = reader.uint8()
    count = head & 0x3F
    if count == 0 or count * ticks > _MAX_DURATION_TICKS:
        raise MalformedPacketError(f"an Opus packet of {count} frames of {ticks / _TICKS_PER_MS} ms")
    padding = _padding(reader) if head & 0x40 else 0
    if head & 0x80:
        sizes = [_length(reader) for _ in range(count - 1)]
        frames = [reader.take(size) for size in sizes]
        return [*frames, reader.take(reader.remaining - padding)]
    return _equal(reader, count, reader.remaining - padding)


def _padding(reader: Reader) -> int:
    total = 0
    while (part := reader.uint8()) == 255:  # stands for 254, and one more follows
        total += 254
    return total + part


def _equal(reader: Reader, count: int, size: int) -> list[bytes]:
    each, rest = divmod(size, count)
    if size < 0 or rest:
        raise MalformedPacketError(f"{size} bytes are not {count} Opus frames of equal size")
    return [reader.take(each) for _ in range(count)]


def _length(reader: Reader) -> int:
    """A frame's length in one or two bytes (RFC 6716 section 3.2.1)."""
    first = reader.uint8()
    return first if first < 252 else first + 4 * reader.uint8()
