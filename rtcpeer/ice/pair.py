"""Candidate pairs: a way between the two sides, its state (RFC 8445 section 6.1.2) and its counters."""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate import Candidate

__all__ = [
    "CandidatePair",
    "FailureReason",
    "PairFailure",
    "PairState",
    "Path",
    "Traffic",
    "pair_priority",
]

Path = tuple[TransportAddress, TransportAddress]
"""(local base, remote address): what tells pairs apart, for candidates with one base share their packets' way."""


class PairState(Enum):
    """Section 6.1.2.6; the values are W3C's RTCStatsIceCandidatePairState."""

    FROZEN = "frozen"
    WAITING = "waiting"
    IN_PROGRESS = "in-progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class FailureReason(Enum):
    """Why a pair is of no use."""

    NO_ANSWER = "no answer"
    ERROR_RESPONSE = "error response"
    UNROUTABLE = "unroutable"  # our own host could not send to it
    ASYMMETRIC = "answer from another address"  # section 7.2.5.2.1
    CONSENT_LOST = "consent lost"  # RFC 7675
    NO_CONNECTION = "no connection"  # over TCP: it was refused, timed out or lost
    ABANDONED = "abandoned"  # another pair was selected before an answer came


class PairFailure(NamedTuple):
    """The reason with what belongs to it."""

    reason: FailureReason
    error_code: int | None = None
    detail: str = ""


class Traffic(NamedTuple):
    """What is not STUN; times are on the agent's clock."""

    packets_sent: int = 0
    packets_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    last_packet_sent_at: float | None = None
    last_packet_received_at: float | None = None

    def plus(self, other: "Traffic") -> "Traffic":
        """Both together; of the moments, the later ones."""
        return Traffic(
            self.packets_sent + other.packets_sent,
            self.packets_received + other.packets_received,
            self.bytes_sent + other.bytes_sent,
            self.bytes_received + other.bytes_received,
            _later(self.last_packet_sent_at, other.last_packet_sent_at),
            _later(self.last_packet_received_at, other.last_packet_received_at),
        )


def pair_priority(controlling: int, controlled: int) -> int:
    """Section 6.1.2.3, from the priorities of the controlling and of the controlled side's candidate."""
    low, high = sorted((controlling, controlled))
    return (low << 32) + 2 * high + (controlling > controlled)


@dataclass(slots=True, eq=False)
class CandidatePair:
    """One pair of a checklist; identity is the object."""

    local: Candidate
    remote: Candidate
    priority: int
    state: PairState = PairState.FROZEN
    nominated: bool = False
    failure: PairFailure | None = None
    path: Path = field(init=False)
    mapped: TransportAddress | None = None  # where the peer saw our check come from

    requests_sent: int = 0  # every transmission
    retransmissions_sent: int = 0
    requests_received: int = 0
    responses_sent: int = 0
    responses_received: int = 0
    consent_requests_sent: int = 0
    current_round_trip_time: float | None = None
    total_round_trip_time: float = 0.0
    round_trip_measurements: int = 0
    smoothed_round_trip_time: float | None = None  # what pairs are compared by
    last_received_at: float | None = None  # anything at all
    last_request_at: float | None = None  # a check of the peer's, which we have answered
    last_response_at: float | None = None  # an authenticated answer, which alone is consent
    nominated_by_peer_at: float | None = None

    # Of what is not STUN. The agent advances them once for a batch, in line: this is in every packet's way.
    packets_sent: int = 0
    packets_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    last_packet_sent_at: float | None = None
    last_packet_received_at: float | None = None

    def __post_init__(self) -> None:
        """The way of its packets never changes."""
        self.path = (self.local.base, self.remote.transport_address)

    @property
    def foundation(self) -> tuple[str, str]:
        """Pairs that share it are likely to share their fate (section 6.1.2.6)."""
        return (self.local.foundation, self.remote.foundation)

    @property
    def is_ipv6(self) -> bool:
        """Which family its packets are of; both ends are of the same."""
        return ":" in self.path[0].host

    @property
    def is_reliable(self) -> bool:
        """Whether packets take a TCP connection, so that none is repeated."""
        return self.local.protocol == "tcp"

    @property
    def is_valid(self) -> bool:
        """Whether a check has succeeded on it and nothing has spoken against it since."""
        return self.state is PairState.SUCCEEDED

    @property
    def traffic(self) -> Traffic:
        """A snapshot of its counters."""
        return Traffic(
            self.packets_sent,
            self.packets_received,
            self.bytes_sent,
            self.bytes_received,
            self.last_packet_sent_at,
            self.last_packet_received_at,
        )

    def note_round_trip(self, seconds: float) -> None:
        """Take a measurement."""
        self.current_round_trip_time = seconds
        smoothed = self.smoothed_round_trip_time
        self.smoothed_round_trip_time = seconds if smoothed is None else smoothed + (seconds - smoothed) / 4
        self.total_round_trip_time += seconds
        self.round_trip_measurements += 1

    def fail(self, reason: FailureReason, error_code: int | None = None, detail: str = "") -> None:
        """Give it up, with the reason."""
        self.state = PairState.FAILED
        self.nominated_by_peer_at = None
        self.failure = PairFailure(reason, error_code, detail)


def _later(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)
