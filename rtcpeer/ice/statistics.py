"""What the agent has counted, as one frozen snapshot; W3C's statistics are translated from it."""

from dataclasses import dataclass

from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.events import IceState
from rtcpeer.ice.pair import CandidatePair, PairFailure, PairState, Path, Traffic
from rtcpeer.ice.parameters import IceParameters

__all__ = ["IceStatistics", "LostPath", "PairStatistics", "pair_statistics"]


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
    mapped: TransportAddress | None  # where the peer sees us
    requests_sent: int  # every transmission
    retransmissions_sent: int
    requests_received: int
    responses_sent: int
    responses_received: int
    consent_requests_sent: int
    current_round_trip_time: float | None
    total_round_trip_time: float
    last_received_at: float | None
    last_response_at: float | None
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class LostPath:
    """A path that data used and whose peer answered no more (RFC 7675 section 5.1)."""

    path: Path
    lost_at: float


@dataclass(frozen=True, slots=True)
class IceStatistics:
    """The agent as a whole."""

    state: IceState
    is_controlling: bool
    local_parameters: IceParameters
    remote_parameters: IceParameters | None
    checking_since: float | None
    is_local_ended: bool  # no candidate of ours will follow
    is_remote_ended: bool
    send_path: Path | None  # before a pair is selected, the best one that works
    pairs: tuple[PairStatistics, ...]  # best first
    local_candidates: tuple[Candidate, ...]
    remote_candidates: tuple[Candidate, ...]
    traffic: Traffic  # of all pairs that there ever were
    lost_paths: tuple[LostPath, ...]  # the latest ones
    selected_pair_changes: int
    role_changes: int
    malformed_packets: int
    ignored_packets: int  # methods and classes that are not ICE's
    requests_refused: int  # answered with an error
    responses_refused: int  # without valid integrity
    responses_unmatched: int  # to nothing that we asked
    candidates_refused: int  # of another generation, or beyond the bounds
    candidates_of_other_generations: int  # those of them, and those that wait for their description
    candidates_excluded: int  # local ones that the transport policy leaves out


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
        mapped=pair.mapped,
        requests_sent=pair.requests_sent,
        retransmissions_sent=pair.retransmissions_sent,
        requests_received=pair.requests_received,
        responses_sent=pair.responses_sent,
        responses_received=pair.responses_received,
        consent_requests_sent=pair.consent_requests_sent,
        current_round_trip_time=pair.current_round_trip_time,
        total_round_trip_time=pair.total_round_trip_time,
        last_received_at=pair.last_received_at,
        last_response_at=pair.last_response_at,
        traffic=pair.traffic,
    )
