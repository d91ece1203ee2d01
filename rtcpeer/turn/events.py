"""What a TURN client tells its owner, oldest first."""

from dataclasses import dataclass
from typing import NamedTuple

from rtcpeer.core import TransportAddress

__all__ = [
    "NO_ANSWER",
    "Allocated",
    "AllocationFailed",
    "AllocationLost",
    "ChannelBound",
    "ChannelRefused",
    "ClientClosed",
    "PeerData",
    "PermissionCreated",
    "PermissionRefused",
    "Redirected",
    "RefreshRefused",
    "TurnEvent",
]

# W3C webrtc-pc section 4.8.2: the code where the server gave none, because it was not reached or made no sense.
NO_ANSWER = 701


@dataclass(frozen=True, slots=True)
class Allocated:
    """The server relays for us."""

    relayed: TransportAddress
    mapped: TransportAddress  # where the server sees us
    lifetime: float  # as granted; refreshed without the owner's help
    additional: TransportAddress | None = None  # the IPv6 relayed address beside an IPv4 one, where both were asked for
    additional_error: tuple[int, str] | None = None  # why there is none


@dataclass(frozen=True, slots=True)
class AllocationFailed:
    """There will be no allocation from this client. ``code`` is the server's, or `NO_ANSWER`.

    After 437 another client may succeed from another local port, after 486 and 508 later or at another server.
    """

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class AllocationLost:
    """The allocation is gone: nothing is sent or received any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class RefreshRefused:
    """The allocation lives on for now but will be lost, unless a later attempt or new credentials help."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class PermissionCreated:
    """Data to and from the peer's host passes."""

    peer: TransportAddress


@dataclass(frozen=True, slots=True)
class PermissionRefused:
    """Data to this peer does not pass; it is dropped until `create_permission` is called again."""

    peer: TransportAddress
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class ChannelBound:
    """Data to the peer now goes with 4 bytes of overhead."""

    peer: TransportAddress


@dataclass(frozen=True, slots=True)
class ChannelRefused:
    """Data to the peer keeps going in Send indications; `bind_channel` tries again."""

    peer: TransportAddress
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Redirected:
    """The server named another (RFC 8489 section 10).

    Over datagrams the client asks that one by itself: what is pulled from now on belongs there. Over a stream it
    waits until the owner has connected and calls `TurnClient.reconnected`. ``domain`` is the name to validate the
    certificate against, where the server gave one.
    """

    server: TransportAddress
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class ClientClosed:
    """After `close`: the server has confirmed, or did not in time. The way to it may be torn down."""


TurnEvent = (
    Allocated
    | AllocationFailed
    | AllocationLost
    | RefreshRefused
    | PermissionCreated
    | PermissionRefused
    | ChannelBound
    | ChannelRefused
    | Redirected
    | ClientClosed
)


class PeerData(NamedTuple):
    """A run of datagrams from one peer, in order of arrival."""

    peer: TransportAddress
    payloads: list[bytes]
