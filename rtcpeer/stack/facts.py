"""Everything that a diagnosis is made from, as one snapshot; nothing here is computed, and nothing changes."""

from collections.abc import Mapping as ReadOnlyDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rtcpeer.core import TransportAddress
from rtcpeer.dtls.endpoint import DtlsRole, DtlsState
from rtcpeer.dtls.events import EndpointClosed, HandshakeFailed
from rtcpeer.ice.events import IceState
from rtcpeer.ice.statistics import IceStatistics
from rtcpeer.sctp.events import AssociationClosed
from rtcpeer.sctp.state import AssociationState
from rtcpeer.stack.gathering import GatheringState
from rtcpeer.stack.server_log import Mapping, ServerReport

if TYPE_CHECKING:  # who has media has imported it: a program that needs data channels alone starts without
    from rtcpeer.stack.media_facts import MediaFacts

__all__ = ["DtlsFacts", "Facts", "GatheringFacts", "SctpFacts", "SignalingFacts"]


@dataclass(frozen=True, slots=True)
class GatheringFacts:
    """Our side's search for addresses."""

    state: GatheringState
    transport_policy: str  # as in IceSettings
    servers: tuple[ServerReport, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    bases: tuple[TransportAddress, ...] = ()
    unusable_addresses: int = 0  # no socket could be bound to them


@dataclass(frozen=True, slots=True)
class SignalingFacts:
    """What the descriptions have settled."""

    state: str  # W3C's RTCSignalingState
    has_local_description: bool
    has_remote_description: bool
    has_transport: bool  # there is a section that both sides want
    can_trickle: bool | None  # whether the peer takes and sends candidates one by one; None: not known
    is_data_channel_refused: bool = False


@dataclass(frozen=True, slots=True)
class DtlsFacts:
    """The encryption."""

    state: DtlsState
    role: DtlsRole | None
    end: HandshakeFailed | EndpointClosed | None
    flight_retransmissions: int = 0


@dataclass(frozen=True, slots=True)
class SctpFacts:
    """What carries data channels."""

    is_wanted: bool
    state: AssociationState
    end: AssociationClosed | None


@dataclass(frozen=True, slots=True)
class Facts:
    """One connection. What is None is not there, as with an ICE agent that is used alone."""

    now: float  # on the clock of all other moments
    ice: IceStatistics
    gathering: GatheringFacts
    names_pending: frozenset[str] = frozenset()  # of the peer's candidates, that somebody is being asked for
    entered: ReadOnlyDict[IceState, float] = field(default_factory=dict)  # when each state was entered last
    signaling: SignalingFacts | None = None
    dtls: DtlsFacts | None = None
    sctp: SctpFacts | None = None
    is_closed_here: bool = False
    media: "MediaFacts | None" = None

    def seconds_since(self, state: IceState) -> float:
        """How long ago that state was entered last; 0 for never."""
        return self.now - self.entered.get(state, self.now)
