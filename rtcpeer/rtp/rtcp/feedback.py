"""Feedback on packets, pictures and bitrates (RFC 4585 section 6, RFC 5104 section 4, REMB).

Every feedback packet begins with the SSRC of its sender and that of the media it is about, which is 0 where the
feedback control information names its sources itself.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp.framing import PacketType, Ssrcs, frame, pack_ssrcs, require, unpack_ssrcs

__all__ = [
    "ApplicationLayerFeedback",
    "BitrateLimit",
    "FullIntraRequest",
    "Nack",
    "PictureLossIndication",
    "PayloadFormat",
    "ReceiverEstimatedMaxBitrate",
    "TemporaryMaxBitrateNotification",
    "TemporaryMaxBitrateRequest",
    "TransportFormat",
]

SOURCES: Final = Struct(">II")  # SSRC of packet sender, SSRC of media source
PID_BLP: Final = Struct(">HH")  # packet ID, bitmask of following lost packets
FIR_ENTRY: Final = Struct(">IBxxx")  # SSRC, sequence number, reserved
LIMIT: Final = Struct(">II")  # SSRC, MxTBR exponent(6) mantissa(17) measured overhead(9)
REMB_HEAD: Final = Struct(">4sI")  # "REMB", number of SSRCs(8) BR exponent(6) mantissa(18)
REMB_NAME: Final = b"REMB"
REMB_MANTISSA_BITS: Final = 18
LIMIT_MANTISSA_BITS: Final = 17
MAX_EXPONENT: Final = 63
MAX_OVERHEAD: Final = 0x1FF


class TransportFormat(IntEnum):
    """FMT of transport-layer feedback (RTPFB)."""

    NACK = 1  # RFC 4585 section 6.2.1
    TMMBR = 3  # RFC 5104 section 4.2.1
    TMMBN = 4  # RFC 5104 section 4.2.2
    CCFB = 11  # RFC 8888 section 3.1
    TRANSPORT_WIDE_CC = 15  # draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1


class PayloadFormat(IntEnum):
    """FMT of payload-specific feedback (PSFB)."""

    PLI = 1  # RFC 4585 section 6.3.1
    FIR = 4  # RFC 5104 section 4.3.1
    AFB = 15  # RFC 4585 section 6.4


@dataclass(frozen=True, slots=True)
class Nack:
    """These packets are missing (RFC 4585 section 6.2.1)."""

    sender_ssrc: int
    media_ssrc: int
    sequence_numbers: tuple[int, ...]  # written in this order: where they ascend, neighbours share an entry

    def serialize(self) -> bytes:
        """The packet."""
        entries = bytearray()
        first, mask = -1, 0
        for number in self.sequence_numbers:
            distance = (number - first) & 0xFFFF
            if first >= 0 and 0 < distance <= 16 and not mask >> distance - 1:
                mask |= 1 << distance - 1
                continue
            if first >= 0:
                entries += PID_BLP.pack(first, mask)
            first, mask = number, 0
        if first >= 0:
            entries += PID_BLP.pack(first, mask)
        return _transport(TransportFormat.NACK, self.sender_ssrc, self.media_ssrc, bytes(entries))


@dataclass(frozen=True, slots=True)
class PictureLossIndication:
    """The decoder needs a key frame to go on (RFC 4585 section 6.3.1)."""

    sender_ssrc: int
    media_ssrc: int

    def serialize(self) -> bytes:
        """The packet."""
        return _payload(PayloadFormat.PLI, self.sender_ssrc, self.media_ssrc, b"")


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """These sources shall send a key frame; a repeated number is a repeated request (RFC 5104 section 4.3.1)."""

    sender_ssrc: int
    entries: tuple[tuple[int, int], ...]  # SSRC and the request's sequence number, 0 to 255

    def serialize(self) -> bytes:
        """The packet."""
        fci = b"".join(FIR_ENTRY.pack(*entry) for entry in self.entries)
        return _payload(PayloadFormat.FIR, self.sender_ssrc, 0, fci)


class BitrateLimit(NamedTuple):
    """An entry of TMMBR and TMMBN (RFC 5104 section 4.2.1.1)."""

    ssrc: int
    bitrate: int  # bit/s; written as 17 bits and a power of two, rounded down
    overhead: int = 0  # bytes per packet, 0 to 511


@dataclass(frozen=True, slots=True)
class TemporaryMaxBitrateRequest:
    """TMMBR: these sources shall stay below (RFC 5104 section 4.2.1)."""

    sender_ssrc: int
    limits: tuple[BitrateLimit, ...]

    def serialize(self) -> bytes:
        """The packet."""
        return _transport(TransportFormat.TMMBR, self.sender_ssrc, 0, b"".join(map(_serialize_limit, self.limits)))


@dataclass(frozen=True, slots=True)
class TemporaryMaxBitrateNotification:
    """TMMBN: these limits hold, and who set them (RFC 5104 section 4.2.2)."""

    sender_ssrc: int
    limits: tuple[BitrateLimit, ...]

    def serialize(self) -> bytes:
        """The packet."""
        return _transport(TransportFormat.TMMBN, self.sender_ssrc, 0, b"".join(map(_serialize_limit, self.limits)))


@dataclass(frozen=True, slots=True)
class ReceiverEstimatedMaxBitrate:
    """REMB: all of these sources together shall stay below (draft-alvestrand-rmcat-remb-03 section 2.2)."""

    sender_ssrc: int
    bitrate: int  # bit/s; written as 18 bits and a power of two, rounded down
    ssrcs: Ssrcs

    def serialize(self) -> bytes:
        """The packet."""
        if len(self.ssrcs) > 255:
            raise ValueError(f"REMB names at most 255 sources, not {len(self.ssrcs)}")
        exponent, mantissa = _as_float(self.bitrate, REMB_MANTISSA_BITS)
        head = REMB_HEAD.pack(REMB_NAME, len(self.ssrcs) << 24 | exponent << REMB_MANTISSA_BITS | mantissa)
        return _payload(PayloadFormat.AFB, self.sender_ssrc, 0, head + pack_ssrcs(self.ssrcs))


@dataclass(frozen=True, slots=True)
class ApplicationLayerFeedback:
    """AFB: what an application defines for itself (RFC 4585 section 6.4), other than REMB."""

    sender_ssrc: int
    media_ssrc: int
    data: bytes  # whole words

    def serialize(self) -> bytes:
        """The packet."""
        return _payload(PayloadFormat.AFB, self.sender_ssrc, self.media_ssrc, self.data)


def split_sources(body: bytes) -> tuple[int, int, bytes]:
    """Sender, media source and feedback control information."""
    require(body, SOURCES.size, "feedback")
    sender_ssrc, media_ssrc = SOURCES.unpack_from(body)
    return sender_ssrc, media_ssrc, body[SOURCES.size :]


def parse_nack(body: bytes) -> Nack:
    """A NACK by its body; each number once, whatever the entries repeat."""
    sender_ssrc, media_ssrc, fci = split_sources(body)
    _require_entries(fci, PID_BLP, "a NACK")
    numbers: dict[int, None] = {}
    for first, mask in PID_BLP.iter_unpack(fci):
        numbers[first] = None
        distance = 1
        while mask:
            if mask & 1:
                numbers[(first + distance) & 0xFFFF] = None
            mask >>= 1
            distance += 1
    return Nack(sender_ssrc, media_ssrc, tuple(numbers))


def parse_picture_loss_indication(body: bytes) -> PictureLossIndication:
    """A PLI by its body."""
    return PictureLossIndication(*split_sources(body)[:2])


def parse_full_intra_request(body: bytes) -> FullIntraRequest:
    """A FIR by its body."""
    sender_ssrc, _, fci = split_sources(body)
    _require_entries(fci, FIR_ENTRY, "a FIR")
    return FullIntraRequest(sender_ssrc, tuple((ssrc, number) for ssrc, number in FIR_ENTRY.iter_unpack(fci)))


def parse_bitrate_limits(body: bytes) -> tuple[int, tuple[BitrateLimit, ...]]:
    """Sender and entries of a TMMBR or a TMMBN, of which only the latter may be empty."""
    sender_ssrc, _, fci = split_sources(body)
    if len(fci) % LIMIT.size:
        raise MalformedPacketError(f"{len(fci)} bytes are no whole number of bitrate limits")
    limits = []
    for ssrc, bits in LIMIT.iter_unpack(fci):
        mantissa = (bits >> 9) & ((1 << LIMIT_MANTISSA_BITS) - 1)
        limits.append(BitrateLimit(ssrc, mantissa << (bits >> 26), bits & MAX_OVERHEAD))
    return sender_ssrc, tuple(limits)


def parse_application_layer_feedback(body: bytes) -> ReceiverEstimatedMaxBitrate | ApplicationLayerFeedback:
    """REMB where it is one, else AFB."""
    sender_ssrc, media_ssrc, fci = split_sources(body)
    if not fci.startswith(REMB_NAME):
        return ApplicationLayerFeedback(sender_ssrc, media_ssrc, fci)
    require(fci, REMB_HEAD.size, "REMB")
    bits: int = REMB_HEAD.unpack_from(fci)[1]
    count = bits >> 24
    bitrate = (bits & ((1 << REMB_MANTISSA_BITS) - 1)) << ((bits >> REMB_MANTISSA_BITS) & MAX_EXPONENT)
    return ReceiverEstimatedMaxBitrate(sender_ssrc, bitrate, unpack_ssrcs(fci, count, REMB_HEAD.size))


def _transport(form: TransportFormat, sender_ssrc: int, media_ssrc: int, fci: bytes) -> bytes:
    return frame(PacketType.RTPFB, form, SOURCES.pack(sender_ssrc, media_ssrc) + fci)


def _payload(form: PayloadFormat, sender_ssrc: int, media_ssrc: int, fci: bytes) -> bytes:
    return frame(PacketType.PSFB, form, SOURCES.pack(sender_ssrc, media_ssrc) + fci)


def _serialize_limit(limit: BitrateLimit) -> bytes:
    if not 0 <= limit.overhead <= MAX_OVERHEAD:
        raise ValueError(f"the overhead of a packet is 0 to {MAX_OVERHEAD} bytes, not {limit.overhead}")
    exponent, mantissa = _as_float(limit.bitrate, LIMIT_MANTISSA_BITS)
    return LIMIT.pack(limit.ssrc, exponent << 26 | mantissa << 9 | limit.overhead)


def _as_float(bitrate: int, mantissa_bits: int) -> tuple[int, int]:
    """Exponent and mantissa of the highest bitrate that can be written and is not above."""
    exponent = max(0, bitrate.bit_length() - mantissa_bits)
    if bitrate < 0 or exponent > MAX_EXPONENT:
        raise ValueError(f"a bitrate of {bitrate} bit/s can not be written")
    return exponent, bitrate >> exponent


def _require_entries(fci: bytes, entry: Struct, what: str) -> None:
    if not fci or len(fci) % entry.size:
        raise MalformedPacketError(f"{len(fci)} bytes are no entries of {what}")
