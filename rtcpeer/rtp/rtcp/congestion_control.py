"""Congestion control feedback: arrival and ECN of each packet of each source (RFC 8888 section 3.1)."""

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.rtcp.feedback import TransportFormat
from rtcpeer.rtp.rtcp.framing import PacketType, frame, require

__all__ = ["ARRIVAL_OVERFLOW", "ARRIVAL_UNKNOWN", "CongestionControlFeedback", "Metric", "SourceMetrics"]

ARRIVAL_OVERFLOW: Final = 0x1FFE  # arrived too long before the report to be told
ARRIVAL_UNKNOWN: Final = 0x1FFF
MAX_REPORTS: Final = 16384

SSRC: Final = Struct(">I")
SOURCE: Final = Struct(">IHH")  # SSRC, begin_seq, num_reports
METRIC: Final = Struct(">H")  # R(1) ECN(2) arrival time offset(13)
RECEIVED_BIT: Final = 0x8000


class Metric(NamedTuple):
    """A packet that was received."""

    ecn: int  # the two bits of the IP header
    arrival_offset: int  # how long before the report, in units of 1/1024 s, or one of the two constants above


class SourceMetrics(NamedTuple):
    """Consecutive packets of one source; None was not received."""

    ssrc: int
    begin_sequence_number: int
    metrics: tuple[Metric | None, ...]


@dataclass(frozen=True, slots=True)
class CongestionControlFeedback:
    """A report on all sources."""

    sender_ssrc: int
    sources: tuple[SourceMetrics, ...]
    timestamp: int  # when the report was made: the middle 32 bits of the NTP time

    def serialize(self) -> bytes:
        """The packet."""
        parts = [SSRC.pack(self.sender_ssrc)]
        for ssrc, begin, metrics in self.sources:
            if len(metrics) > MAX_REPORTS:
                raise ValueError(f"a source has at most {MAX_REPORTS} reports, not {len(metrics)}")
            parts.append(SOURCE.pack(ssrc, begin, len(metrics)))
            parts.extend(map(_serialize_metric, metrics))
            parts.append(bytes(2 * (len(metrics) % 2)))
        parts.append(SSRC.pack(self.timestamp))
        return frame(PacketType.RTPFB, TransportFormat.CCFB, b"".join(parts))


def parse_congestion_control_feedback(body: bytes) -> CongestionControlFeedback:
    """Congestion control feedback by its body."""
    require(body, 2 * SSRC.size, "congestion control feedback")
    sources = []
    offset, end = SSRC.size, len(body) - SSRC.size
    while offset < end:
        first = offset + SOURCE.size
        if first > end:
            raise MalformedPacketError(f"{end - offset} bytes can not hold a source of congestion control feedback")
        ssrc, begin, count = SOURCE.unpack_from(body, offset)
        last = first + METRIC.size * count
        offset = (last + 3) & ~3
        if count > MAX_REPORTS or offset > end:
            raise MalformedPacketError(f"{count} reports do not fit into {end - first} bytes")
        metrics = tuple(map(_parse_metric, METRIC.iter_unpack(body[first:last])))
        sources.append(SourceMetrics(ssrc, begin, metrics))
    return CongestionControlFeedback(SSRC.unpack_from(body)[0], tuple(sources), SSRC.unpack_from(body, end)[0])


def _serialize_metric(metric: Metric | None) -> bytes:
    if metric is None:
        return METRIC.pack(0)
    if not 0 <= metric.ecn <= 3 or not 0 <= metric.arrival_offset <= ARRIVAL_UNKNOWN:
        raise ValueError(f"{metric} can not be written")
    return METRIC.pack(RECEIVED_BIT | metric.ecn << 13 | metric.arrival_offset)


def _parse_metric(fields: tuple[int]) -> Metric | None:
    bits = fields[0]
    return Metric(bits >> 13 & 3, bits & ARRIVAL_UNKNOWN) if bits & RECEIVED_BIT else None
