"""Counters of an association as one frozen snapshot."""

from dataclasses import dataclass

__all__ = ["SctpStatistics"]


@dataclass(frozen=True, slots=True)
class SctpStatistics:
    """A snapshot; counters only grow, the rest is the present state."""

    packets_sent: int
    packets_received: int
    bytes_sent: int  # whole SCTP packets
    bytes_received: int
    messages_sent: int
    messages_received: int
    chunks_retransmitted: int
    fast_recoveries: int
    timeouts: int
    messages_abandoned: int
    packets_dropped: int  # malformed, or with a wrong checksum or tag
    chunks_dropped: int  # DATA outside the window or breaking a rule
    duplicates_received: int
    congestion_window: int
    slow_start_threshold: int
    bytes_in_flight: int
    peer_receive_window: int
    receive_window: int  # what we advertise now
    smoothed_round_trip_time: float | None
    retransmission_timeout: float
