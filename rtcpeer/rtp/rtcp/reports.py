"""Sender and receiver reports (RFC 3550 section 6.4)."""

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp.framing import MAX_COUNT, PacketType, frame, require

__all__ = ["ReceiverReport", "ReportBlock", "SenderReport"]

# SSRC, NTP timestamp, RTP timestamp, sender's packet count, sender's octet count
SENDER: Final = Struct(">IQIII")
SSRC: Final = Struct(">I")
# SSRC of source, fraction lost(8) and cumulative number of packets lost(24), extended highest sequence number received,
# interarrival jitter, last SR, delay since last SR
BLOCK: Final = Struct(">IIIIII")
MAX_LOST: Final = 0x7FFFFF
MIN_LOST: Final = -0x800000


class ReportBlock(NamedTuple):
    """What a receiver says of one source (section 6.4.1)."""

    ssrc: int
    fraction_lost: int  # of 256, since the report before
    packets_lost: int  # signed: duplicates make it negative; held within 24 bits when written
    highest_sequence_number: int  # with the cycles in its high 16 bits
    jitter: int  # in units of the RTP timestamp
    last_sr: int  # the middle 32 bits of the NTP timestamp of the last sender report; 0: none came
    delay_since_last_sr: int  # in units of 1/65536 s

    def serialize(self) -> bytes:
        """The block; `ValueError` when the fraction is none."""
        if not 0 <= self.fraction_lost <= 255:
            raise ValueError(f"a fraction is 0 to 255, not {self.fraction_lost}")
        # Appendix A.3: the count is clamped, it does not wrap.
        lost = max(MIN_LOST, min(self.packets_lost, MAX_LOST)) & 0xFFFFFF
        return BLOCK.pack(
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_sequence_number,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        )


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a source has sent, and what it has received of others."""

    ssrc: int
    ntp_time: int  # 32.32 bits fixed point, seconds since 1900
    rtp_time: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()
    extension: bytes = b""  # profile-specific (section 6.4.3)

    def serialize(self) -> bytes:
        """The packet."""
        head = SENDER.pack(self.ssrc, self.ntp_time, self.rtp_time, self.packet_count, self.octet_count)
        return _serialize(PacketType.SR, head, self.reports, self.extension)


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What somebody who sends nothing has received of others."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()
    extension: bytes = b""  # profile-specific (section 6.4.3)

    def serialize(self) -> bytes:
        """The packet."""
        return _serialize(PacketType.RR, SSRC.pack(self.ssrc), self.reports, self.extension)


def parse_sender_report(count: int, body: bytes) -> SenderReport:
    """An SR by its body."""
    require(body, SENDER.size, "a sender report")
    reports, extension = _parse_blocks(count, body, SENDER.size)
    ssrc, ntp_time, rtp_time, packet_count, octet_count = SENDER.unpack_from(body)
    return SenderReport(ssrc, ntp_time, rtp_time, packet_count, octet_count, reports, extension)


def parse_receiver_report(count: int, body: bytes) -> ReceiverReport:
    """An RR by its body."""
    require(body, SSRC.size, "a receiver report")
    reports, extension = _parse_blocks(count, body, SSRC.size)
    return ReceiverReport(SSRC.unpack_from(body)[0], reports, extension)


def _serialize(packet_type: PacketType, head: bytes, reports: tuple[ReportBlock, ...], extension: bytes) -> bytes:
    if len(reports) > MAX_COUNT:
        raise ValueError(f"a report has at most {MAX_COUNT} blocks, not {len(reports)}; more go into another RR")
    return frame(packet_type, len(reports), head + b"".join(block.serialize() for block in reports) + extension)


def _parse_blocks(count: int, body: bytes, offset: int) -> tuple[tuple[ReportBlock, ...], bytes]:
    end = offset + count * BLOCK.size
    if end > len(body):
        raise MalformedPacketError(f"{count} report blocks do not fit into {len(body) - offset} bytes")
    blocks = []
    for ssrc, loss, *rest in BLOCK.iter_unpack(body[offset:end]):
        lost = loss & 0xFFFFFF
        blocks.append(ReportBlock(ssrc, loss >> 24, lost - 0x1000000 if lost > MAX_LOST else lost, *rest))
    return tuple(blocks), body[end:]
