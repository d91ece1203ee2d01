"""Snapshots of streams, with what W3C's webrtc-stats wants of RTP; the names are its own, the units seconds and bytes.

Times named ``_at`` are monotonic, those named ``_timestamp`` are seconds since 1970.
"""

from dataclasses import dataclass

from rtcpeer.rtp.parameters import CodecParameters, Kind

__all__ = ["InboundStatistics", "OutboundStatistics", "RemoteInboundStatistics", "RemoteOutboundStatistics"]


@dataclass(frozen=True, slots=True)
class RemoteInboundStatistics:
    """What the peer says of a stream that we send (RTCRemoteInboundRtpStreamStats)."""

    packets_lost: int
    fraction_lost: float  # since the report before
    jitter: float
    round_trip_time: float | None
    total_round_trip_time: float
    round_trip_time_measurements: int
    received_at: float  # when the last report came


@dataclass(frozen=True, slots=True)
class RemoteOutboundStatistics:
    """What the peer says of a stream that it sends (RTCRemoteOutboundRtpStreamStats)."""

    packets_sent: int
    bytes_sent: int
    reports_sent: int
    remote_timestamp: float  # on the peer's clock
    received_at: float


@dataclass(frozen=True, slots=True)
class OutboundStatistics:
    """A stream that we send (RTCOutboundRtpStreamStats)."""

    kind: Kind
    ssrc: int
    rtx_ssrc: int | None
    mid: str | None
    rid: str | None
    codec: CodecParameters | None  # of the last frame
    is_active: bool
    packets_sent: int  # those sent again too
    bytes_sent: int  # payload
    header_bytes_sent: int  # with padding
    retransmitted_packets_sent: int
    retransmitted_bytes_sent: int
    frames_sent: int
    huge_frames_sent: int  # above 2.5 times the average
    key_frames_sent: int
    frames_dropped: int  # came while nothing could be sent
    nack_count: int
    pli_count: int
    fir_count: int
    target_bitrate: int
    total_packet_send_delay: float  # in the pacer
    last_frame_at: float | None
    remote: RemoteInboundStatistics | None


@dataclass(frozen=True, slots=True)
class InboundStatistics:
    """A stream that we receive (RTCInboundRtpStreamStats), as far as it is known before decoding."""

    kind: Kind
    ssrc: int
    rtx_ssrc: int | None
    mid: str | None
    rid: str | None
    cname: str | None
    codec: CodecParameters | None  # of the last packet
    packets_received: int
    bytes_received: int  # payload
    header_bytes_received: int
    packets_lost: int
    packets_discarded: int  # too late or too early to be played
    packets_duplicated: int
    retransmitted_packets_received: int
    retransmitted_bytes_received: int
    jitter: float
    frames_received: int  # whole ones
    key_frames_received: int
    frames_dropped: int  # whole ones that could not be decoded for want of others
    frames_malformed: int  # whose payloads were none of their format
    nack_count: int  # NACK packets sent
    pli_count: int
    fir_count: int
    jitter_buffer_delay: float  # sum over all that was emitted, from the first packet of a frame to its emission
    jitter_buffer_target_delay: float  # sum, likewise
    jitter_buffer_minimum_delay: float
    jitter_buffer_emitted_count: int  # frames
    current_delay: float
    last_packet_received_at: float | None
    estimated_playout_timestamp: float | None  # of the last frame, on the peer's clock
    remote: RemoteOutboundStatistics | None
