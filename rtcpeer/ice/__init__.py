"""Interactive Connectivity Establishment as a sans-I/O core (RFC 8445, 8838, 8863, 7675, 8421)."""

from rtcpeer.ice.agent import Agent
from rtcpeer.ice.binding_request import BindingRequest
from rtcpeer.ice.candidate import (
    Candidate,
    CandidateType,
    TcpType,
    candidate_priority,
    compute_foundation,
)
from rtcpeer.ice.events import (
    BindingRequestHandlerFailed,
    ConsentLost,
    GenerationRetired,
    IceEvent,
    IceState,
    LocalCandidateDiscovered,
    PairSelected,
    PairValidated,
    RemoteCandidateDiscovered,
    Restarted,
    RoleChanged,
    StateChanged,
)
from rtcpeer.ice.pair import CandidatePair, FailureReason, PairFailure, PairState
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.ice.statistics import IceStatistics, PairStatistics

__all__ = [
    "Agent",
    "IceSettings",
    "IceParameters",
    "IceState",
    "Candidate",
    "CandidateType",
    "TcpType",
    "candidate_priority",
    "compute_foundation",
    "CandidatePair",
    "PairState",
    "PairFailure",
    "FailureReason",
    "IceEvent",
    "StateChanged",
    "PairValidated",
    "PairSelected",
    "RoleChanged",
    "LocalCandidateDiscovered",
    "RemoteCandidateDiscovered",
    "ConsentLost",
    "BindingRequestHandlerFailed",
    "BindingRequest",
    "Restarted",
    "GenerationRetired",
    "IceStatistics",
    "PairStatistics",
]
