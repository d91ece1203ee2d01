"""Transport-wide feedback: when each packet arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).

The status of a run of packets is told in chunks of 16 bits, then how much later than the one before each of the
received ones came, in units of 250 µs. What was lost takes no room in a `TransportWideFeedback`: a packet makes us keep
no more than its length warrants.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple, Self

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp.feedback import TransportFormat
from rtcpeer.rtp.rtcp.framing import PacketType, frame, require

__all__ = ["Arrival", "TransportWideFeedback"]

TICKS_PER_REFERENCE: Final = 256  # a tick is 250 µs, the unit of the reference time 64 ms

# SSRC of packet sender, SSRC of media source, base sequence number, packet status count,
# reference time(24, signed, in units of 64 ms) feedback packet count(8)
HEAD: Final = Struct(">IIHHI")
CHUNK: Final = Struct(">H")
LARGE_DELTA: Final = Struct(">h")

# Symbols (section 3.1.1); 3 is reserved
NOT_RECEIVED: Final = 0
SMALL_DELTA: Final = 1  # one byte, unsigned
LARGE_OR_NEGATIVE_DELTA: Final = 2  # two bytes, signed

VECTOR_BIT: Final = 0x8000  # section 3.1.4: a vector of symbols, else a run of one
TWO_BIT_SYMBOLS: Final = 0x4000
MAX_RUN: Final = 0x1FFF
# A named tuple without the Python function that its constructor is.
make_tuple: Final = tuple.__new__
ONE_BIT_CAPACITY: Final = 14
TWO_BIT_CAPACITY: Final = 7


class Arrival(NamedTuple):
    """A packet that was received."""

    sequence_number: int  # transport-wide, 16 bits
    time: int  # in units of 250 µs, from when the receiver's reference time was 0


@dataclass(frozen=True, slots=True)
class TransportWideFeedback:
    """Which of ``status_count`` packets from ``base_sequence_number`` on were received, and when; the rest was not."""

    sender_ssrc: int
    media_ssrc: int
    feedback_count: int  # counts feedback packets, 8 bits, so that a lost one is noticed
    base_sequence_number: int
    status_count: int
    reference_time: int  # in units of 64 ms, 24 bits, signed
    arrivals: tuple[Arrival, ...]  # in the order of sequence numbers

    @classmethod
    def of(cls, sender_ssrc: int, media_ssrc: int, feedback_count: int, arrivals: Sequence[Arrival]) -> Self:
        """Feedback from the first of these to the last; there is one at least, and they ascend by sequence number."""
        first = arrivals[0]
        count = ((arrivals[-1].sequence_number - first.sequence_number) & 0xFFFF) + 1
        # The reference wraps at 24 bits with its sign, and times are told relative to what it wraps to.
        reference = first.time // TICKS_PER_REFERENCE
        wrapped = ((reference + 0x800000) & 0xFFFFFF) - 0x800000
        shift = (wrapped - reference) * TICKS_PER_REFERENCE
        told = tuple(Arrival(number, time + shift) for number, time in arrivals)
        return cls(sender_ssrc, media_ssrc, feedback_count & 0xFF, first.sequence_number, count, wrapped, told)

    def serialize(self) -> bytes:
        """The packet; `ValueError` when two arrivals are more than 8 s apart, which takes two packets to tell."""
        symbols = bytearray(self.status_count)
        deltas = bytearray()
        before = self.reference_time * TICKS_PER_REFERENCE
        last = -1
        for number, time in self.arrivals:
            delta = time - before
            before = time
            index = (number - self.base_sequence_number) & 0xFFFF
            if not last < index < self.status_count:
                raise ValueError(f"packet {number} is not among those reported, or not in order")
            last = index
            if 0 <= delta <= 0xFF:
                symbols[index] = SMALL_DELTA
                deltas.append(delta)
            elif -0x8000 <= delta <= 0x7FFF:
                symbols[index] = LARGE_OR_NEGATIVE_DELTA
                deltas += LARGE_DELTA.pack(delta)
            else:
                raise ValueError(f"{delta} ticks between two packets can not be written")
        head = HEAD.pack(
            self.sender_ssrc,
            self.media_ssrc,
            self.base_sequence_number,
            self.status_count,
            (self.reference_time & 0xFFFFFF) << 8 | self.feedback_count,
        )
        body = head + _serialize_symbols(symbols) + deltas
        return frame(PacketType.RTPFB, TransportFormat.TRANSPORT_WIDE_CC, body + bytes(-len(body) % 4))


def parse_transport_wide_feedback(body: bytes) -> TransportWideFeedback:
    """Transport-wide feedback by its body; what follows the last delta is padding."""
    require(body, HEAD.size, "transport-wide feedback")
    sender_ssrc, media_ssrc, base, count, last = HEAD.unpack_from(body)
    reference = (last >> 8) - (0x1000000 if last & 0x80000000 else 0)
    received, offset = _parse_chunks(body, count)
    arrivals: list[Arrival] = []
    time = reference * TICKS_PER_REFERENCE
    for index, symbol in received:
        end = offset + symbol
        if end > len(body):
            raise MalformedPacketError(f"{len(received)} packets were received, {len(arrivals)} deltas are there")
        if symbol == SMALL_DELTA:
            time += body[offset]
        else:
            time += LARGE_DELTA.unpack_from(body, offset)[0]
        offset = end
        arrivals.append(make_tuple(Arrival, ((base + index) & 0xFFFF, time)))
    return TransportWideFeedback(sender_ssrc, media_ssrc, last & 0xFF, base, count, reference, tuple(arrivals))


def _parse_chunks(body: bytes, count: int) -> tuple[list[tuple[int, int]], int]:
    """Index and symbol of every packet that was received, and where the deltas begin."""
    received: list[tuple[int, int]] = []
    index, offset = 0, HEAD.size
    while index < count:
        require(body, offset + CHUNK.size, f"a status of {count} packets")
        chunk: int = CHUNK.unpack_from(body, offset)[0]
        offset += CHUNK.size
        if chunk & VECTOR_BIT:
            bits, capacity = (2, TWO_BIT_CAPACITY) if chunk & TWO_BIT_SYMBOLS else (1, ONE_BIT_CAPACITY)
            for place in range(min(capacity, count - index)):
                symbol = chunk >> (capacity - 1 - place) * bits & (1 << bits) - 1
                _note(received, index + place, symbol)
            index += capacity
            continue
        run, symbol = min(chunk & MAX_RUN, count - index), chunk >> 13
        if not run:
            raise MalformedPacketError("a run of no packets")
        # A run costs two bytes, but each packet of it has a delta, so that there can not be more than bytes are left.
        if symbol and run > len(body) - offset:
            raise MalformedPacketError(f"a run of {run} packets, for whose deltas {len(body) - offset} bytes are left")
        if symbol:
            for place in range(run):
                _note(received, index + place, symbol)
        index += run
    return received, offset


def _note(received: list[tuple[int, int]], index: int, symbol: int) -> None:
    if symbol > LARGE_OR_NEGATIVE_DELTA:
        raise MalformedPacketError("a reserved packet status symbol")
    if symbol != NOT_RECEIVED:
        received.append((index, symbol))


def _serialize_symbols(symbols: bytearray) -> bytes:
    """The chunks: a run where it holds more than a vector would, and the vector with the smaller symbols that do."""
    chunks = bytearray()
    index, count = 0, len(symbols)
    while index < count:
        symbol = symbols[index]
        window = symbols[index : index + ONE_BIT_CAPACITY]
        fits_one_bit = LARGE_OR_NEGATIVE_DELTA not in window
        capacity = ONE_BIT_CAPACITY if fits_one_bit else TWO_BIT_CAPACITY
        run = _run_length(symbols, index)
        if run >= min(capacity, count - index):
            chunks += CHUNK.pack(symbol << 13 | run)
            index += run
            continue
        bits = 1 if fits_one_bit else 2
        vector = 0
        for one in window[:capacity].ljust(capacity, b"\0"):
            vector = vector << bits | one
        chunks += CHUNK.pack(VECTOR_BIT | (0 if fits_one_bit else TWO_BIT_SYMBOLS) | vector)
        index += capacity
    return bytes(chunks)


def _run_length(symbols: bytearray, index: int) -> int:
    symbol = symbols[index]
    end = min(len(symbols), index + MAX_RUN)
    stop = index + 1
    while stop < end and symbols[stop] == symbol:
        stop += 1
    return stop - index
