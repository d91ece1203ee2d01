"""What a client asks a server for, and the attributes that say so (RFC 8656 sections 7, 8, 10 and 12)."""

from dataclasses import dataclass
from enum import Enum

from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.stun import AttributeType, Method, StunMessage

__all__ = [
    "EARLY_ADDRESS_ERROR_CODE",
    "AddressFamily",
    "Allocate",
    "Bind",
    "Permit",
    "Refresh",
    "Task",
    "build_request",
    "is_ipv6",
]

# Deviation: the numbers of sections 18.11 and 18.12 from before they were assigned, which coturn knows alone. They are
# comprehension-optional, so that nobody else minds.
EARLY_ADDITIONAL_ADDRESS_FAMILY = 0x8032
EARLY_ADDRESS_ERROR_CODE = 0x8033

_UDP = bytes((17, 0, 0, 0))  # section 18.8: the protocol number, three reserved bytes
_IPV6 = bytes((0x02, 0, 0, 0))  # sections 18.6 and 18.11


class AddressFamily(Enum):
    """Which relayed address is asked for."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    BOTH = "both"  # section 7.1: one allocation with two addresses, or with IPv4 alone where the server has no more


@dataclass(frozen=True, slots=True)
class Allocate:
    """A relayed address."""

    family: AddressFamily
    lifetime: int


@dataclass(frozen=True, slots=True)
class Refresh:
    """More time for the allocation; 0 ends it."""

    lifetime: int


@dataclass(frozen=True, slots=True)
class Permit:
    """Permissions for hosts."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """A channel to a peer."""

    peer: TransportAddress
    number: int


Task = Allocate | Refresh | Permit | Bind

_METHODS: dict[type[Task], Method] = {
    Allocate: Method.ALLOCATE,
    Refresh: Method.REFRESH,
    Permit: Method.CREATE_PERMISSION,
    Bind: Method.CHANNEL_BIND,
}


def build_request(task: Task, entropy: Entropy) -> StunMessage:
    """The request for a task, with a fresh transaction id and without credentials."""
    request = StunMessage.request(_METHODS[type(task)], entropy)
    match task:
        case Allocate(family, lifetime):
            request.add(AttributeType.REQUESTED_TRANSPORT, _UDP)
            request.add_uint32(AttributeType.LIFETIME, lifetime)
            # IPv4 is what a server gives unasked, and some know no attribute to ask with.
            if family is AddressFamily.IPV6:
                request.add(AttributeType.REQUESTED_ADDRESS_FAMILY, _IPV6)
            elif family is AddressFamily.BOTH:
                request.add(AttributeType.ADDITIONAL_ADDRESS_FAMILY, _IPV6)
                request.add(EARLY_ADDITIONAL_ADDRESS_FAMILY, _IPV6)
        case Refresh(lifetime):
            request.add_uint32(AttributeType.LIFETIME, lifetime)
        case Permit(hosts):
            for host in hosts:
                request.add_address(AttributeType.XOR_PEER_ADDRESS, TransportAddress(host, 0))
        case Bind(peer, number):
            request.add(AttributeType.CHANNEL_NUMBER, number.to_bytes(2, "big") + bytes(2))
            request.add_address(AttributeType.XOR_PEER_ADDRESS, peer)
    return request


def is_ipv6(host: str) -> bool:
    """The family of a numeric address."""
    return ":" in host
