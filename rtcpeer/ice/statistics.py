"""What the agent has counted, as one frozen snapshot; W3C's statistics are translated from it."""

from dataclasses import dataclass

from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.events import IceState
from rtcpeer.ice.pair import CandidatePair, PairFailure, PairState, Path

__all__ = ["IceStatistics", "PairStatistics", "pair_statistics"]


@dataclass(frozen=True, slots=True)
class PairStatistics:
    """One pair, as W3C's RTCIceCandidatePairStats wants it; times are on the agent's clock."""

    local: Candidate
    remote: Candidate
    path: Path
    state: PairState
    priority: int
    nominated: bool
    is_selected: bool
    failure: PairFailure | None
    requests_sent: int
    requests_received: int
    responses_sent: int
    responses_received: int
    consent_requests_sent: int
    current_round_trip_time: float | None
    total_round_trip_time: float
    packets_sent: int
    packets_received: int
    bytes_sent: int
    bytes_received: int
    last_packet_sent_at: float | None
    last_packet_received_at: float | None


@dataclass(frozen=True, slots=True)
class IceStatistics:
    """The agent as a whole."""

    state: IceState
    is_controlling: bool
    pairs: tuple[PairStatistics, ...]  # best first
    local_candidates: tuple[Candidate, ...]
    remote_candidates: tuple[Candidate, ...]
    selected_pair_changes: int
    malformed_packets: int
    ignored_packets: int  # methods and classes that are not ICE's
    requests_refused: int  # answered with an error
    responses_refused: int  # without valid integrity
    responses_unmatched: int  # to nothing that we asked
    candidates_refused: int  # of another generation, or beyond the bounds


def pair_statistics(pair: CandidatePair, selected: CandidatePair | None) -> PairStatistics:
    """A snapshot of one pair."""
    return PairStatistics(
        local=pair.local,
        remote=pair.remote,
        path=pair.path,
        state=pair.state,
        priority=pair.priority,
        nominated=pair.nominated,
        is_selected=pair is selected,
        failure=pair.failure,
        requests_sent=pair.requests_sent,
        requests_received=pair.requests_received,
        responses_sent=pair.responses_sent,
        responses_received=pair.responses_received,
        consent_requests_sent=pair.consent_requests_sent,
        current_round_trip_time=pair.current_round_trip_time,
        total_round_trip_time=pair.total_round_trip_time,
        packets_sent=pair.packets_sent,
        packets_received=pair.packets_received,
        bytes_sent=pair.bytes_sent,
        bytes_received=pair.bytes_received,
        last_packet_sent_at=pair.last_packet_sent_at,
        last_packet_received_at=pair.last_packet_received_at,
    )
