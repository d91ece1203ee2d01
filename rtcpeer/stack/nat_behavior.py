"""What a NAT does to UDP, in the terms of RFC 4787, and what observations of STUN answers say about it.

Observations exclude: each one leaves some of the three behaviours possible. What is left is all that is known: it may
be more than one behaviour (a single server can not tell much), or none at all (somebody tells untruths).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from rtcpeer.core import TransportAddress

__all__ = ["Dependence", "NatBehavior", "Observed", "ServerAnswer", "possible_filterings", "possible_mappings"]


class Dependence(Enum):
    """On what of the remote endpoint a mapping or a filter depends (RFC 4787 sections 4.1 and 5)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"


_ALL = frozenset(Dependence)
_INDEPENDENT = frozenset({Dependence.ENDPOINT_INDEPENDENT})
_STRICTEST = frozenset({Dependence.ADDRESS_AND_PORT_DEPENDENT})


class Observed(Enum):
    """What became of a packet that the server was to send from elsewhere."""

    ARRIVED = "arrived"
    LOST = "lost"  # although it was surely sent
    UNKNOWN = "unknown"  # the server can not or will not send it


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What one server said, or why it said nothing."""

    server: TransportAddress
    mapped: TransportAddress | None = None  # where it saw us
    round_trip: float | None = None  # seconds, from the first transmission
    error: str | None = None
    is_refusal: bool = False  # whether the error is the server's own answer: the way there and back works
    offers_discovery: bool = False  # whether its answer names another address to be asked at (RFC 5780 section 7.4)


@dataclass(frozen=True, slots=True)
class NatBehavior:
    """What was found out over one address family.

    ``mappings`` and ``filterings`` hold what is possible after all that was seen: one member is an answer, all three
    are none, and an empty set means that what was seen contradicts itself.
    """

    local: TransportAddress
    answers: tuple[ServerAnswer, ...]
    mappings: frozenset[Dependence] = _ALL
    filterings: frozenset[Dependence] = _ALL

    @property
    def mapped(self) -> tuple[TransportAddress, ...]:
        """The addresses that we were seen at, each once."""
        return tuple(dict.fromkeys(answer.mapped for answer in self.answers if answer.mapped is not None))

    @property
    def is_reached(self) -> bool:
        """Whether any server answered over UDP, be it with a refusal."""
        return any(answer.mapped is not None or answer.is_refusal for answer in self.answers)

    @property
    def is_translated(self) -> bool:
        """Whether any server saw us at an address that is not our own."""
        return any(mapped != self.local for mapped in self.mapped)

    @property
    def mapping(self) -> Dependence | None:
        """The mapping behaviour, where it is known."""
        return _only(self.mappings)

    @property
    def filtering(self) -> Dependence | None:
        """The filtering behaviour, where it is known."""
        return _only(self.filterings)

    @property
    def is_symmetric(self) -> bool:
        """Whether each peer sees another address of ours, so that what a server saw is of no use to a peer."""
        return bool(self.mappings) and Dependence.ENDPOINT_INDEPENDENT not in self.mappings


def possible_mappings(seen: Mapping[TransportAddress, TransportAddress]) -> frozenset[Dependence]:
    """The mapping behaviours that can have made what each server endpoint (key) saw of one and the same socket.

    RFC 5780 section 4.3, with any number of endpoints in any order.
    """
    possible = _ALL
    for (one, one_saw), (other, other_saw) in combinations(seen.items(), 2):
        is_equal = one_saw == other_saw
        if one.host != other.host:
            possible &= _INDEPENDENT if is_equal else _ALL - _INDEPENDENT
        elif one.port != other.port:
            possible &= _ALL - _STRICTEST if is_equal else _STRICTEST
    return possible


def possible_filterings(from_other_address: Observed, from_other_port: Observed) -> frozenset[Dependence]:
    """The filtering behaviours that agree with what came from where we had not sent to (RFC 5780 section 4.4)."""
    possible = _ALL
    match from_other_address:
        case Observed.ARRIVED:
            return _INDEPENDENT
        case Observed.LOST:
            possible -= _INDEPENDENT
        case Observed.UNKNOWN:
            pass
    match from_other_port:
        case Observed.ARRIVED:
            possible -= _STRICTEST
        case Observed.LOST:
            possible &= _STRICTEST
        case Observed.UNKNOWN:
            pass
    return possible


def _only(possible: frozenset[Dependence]) -> Dependence | None:
    return next(iter(possible)) if len(possible) == 1 else None
