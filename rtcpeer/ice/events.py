"""What the agent tells its owner."""

from dataclasses import dataclass
from enum import Enum

from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.parameters import IceParameters

__all__ = [
    "BindingRequestHandlerFailed",
    "ConnectionUnneeded",
    "ConsentLost",
    "FilterFailed",
    "GenerationRetired",
    "IceEvent",
    "IceState",
    "LocalCandidateDiscovered",
    "PairSelected",
    "PairValidated",
    "RemoteCandidateDiscovered",
    "Restarted",
    "RoleChanged",
    "StateChanged",
]


class IceState(Enum):
    """W3C's RTCIceTransportState, whose names the values are."""

    NEW = "new"
    CHECKING = "checking"
    CONNECTED = "connected"  # there is a path for data; the pair that carries it may still change
    COMPLETED = "completed"  # a pair is selected, and neither side will come with more candidates
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"

    # Enum's own is Python code, and a state is looked up in a set for every packet.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The agent entered another state."""

    state: IceState


@dataclass(frozen=True, slots=True)
class PairValidated:
    """There is a path for data for the first time, though none is nominated yet: DTLS may begin."""

    local: Candidate
    remote: Candidate
    path: tuple[TransportAddress, TransportAddress]


@dataclass(frozen=True, slots=True)
class PairSelected:
    """Both sides agreed on this pair; data flows over it, and an earlier selection is superseded."""

    local: Candidate
    remote: Candidate
    path: tuple[TransportAddress, TransportAddress]


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """A role conflict was settled, or the peer is lite."""

    is_controlling: bool


@dataclass(frozen=True, slots=True)
class RemoteCandidateDiscovered:
    """A check came from an address that the peer has not signalled (peer reflexive)."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class LocalCandidateDiscovered:
    """The peer sees us at an address that we did not know (peer reflexive)."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class ConsentLost:
    """The peer has not answered for so long that nothing more may be sent to it (RFC 7675 section 5.1)."""

    path: tuple[TransportAddress, TransportAddress]


@dataclass(frozen=True, slots=True)
class BindingRequestHandlerFailed:
    """`IceSettings.binding_request_handler` raised; its answer counted as no."""

    error: Exception


@dataclass(frozen=True, slots=True)
class FilterFailed:
    """A callable of the program's settings raised; what it was to judge is left out."""

    setting: str  # the field of IceSettings
    subject: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Restarted:
    """A new generation has begun (RFC 8445 section 9), by our wish or the peer's; these credentials are to be told."""

    local: IceParameters


@dataclass(frozen=True, slots=True)
class GenerationRetired:
    """Nothing goes by these credentials of ours any more: another one has taken over, or a restart was undone."""

    local: IceParameters


@dataclass(frozen=True, slots=True)
class ConnectionUnneeded:
    """Nothing more will be sent over the TCP connection of this path, unless a later check asks for a new one."""

    path: tuple[TransportAddress, TransportAddress]


IceEvent = (
    StateChanged
    | PairValidated
    | PairSelected
    | RoleChanged
    | RemoteCandidateDiscovered
    | LocalCandidateDiscovered
    | ConsentLost
    | BindingRequestHandlerFailed
    | FilterFailed
    | Restarted
    | GenerationRetired
    | ConnectionUnneeded
)
