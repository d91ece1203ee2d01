"""How a local candidate is made of what gathering has found (RFC 8445 sections 5.1.1 and 5.1.2)."""

from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate import Candidate, CandidateType, candidate_priority, compute_foundation
from rtcpeer.stack.relays import Relay
from rtcpeer.stack.servers import ServerUrl

__all__ = ["hidden", "local_candidate", "relay_candidate"]


def _local_preference(rank: int) -> int:
    """Of the base with this rank, 0 the best; with room for further candidates of the same type and base."""
    return max(65535 - (rank << 6), 0)


def relay_candidate(relay: Relay, address: TransportAddress, related: TransportAddress, index: int) -> Candidate:
    """The candidate of a relayed address, which is its own base (RFC 8445 section 5.1.1.2)."""
    # Unique, and by the preference of the base first: relays are told apart by little else.
    # The base stands in the foundation as a number, for a checksum of its address would be guessed.
    preference = max(_local_preference(relay.preference) - min(index, 63), 0)
    return Candidate(
        foundation=compute_foundation(
            CandidateType.RELAYED, f"{relay.preference} {address.host}", relay.protocol, relay.server.host
        ),
        component=1,
        protocol="udp",
        priority=candidate_priority(CandidateType.RELAYED, preference, relay_protocol=relay.protocol),
        address=address.host,
        port=address.port,
        type=CandidateType.RELAYED,
        related_address=related.host,
        related_port=related.port,
        base=address,
        url=relay.server.url,
        relay_protocol=relay.protocol,
    )


def hidden(address: TransportAddress) -> TransportAddress:
    """What stands for an address that the peer is not to see (RFC 8839 section 5.1)."""
    return TransportAddress("::" if ":" in address.host else "0.0.0.0", 9)  # noqa: S104 no address at all


def local_candidate(
    candidate_type: CandidateType,
    address: TransportAddress,
    base: TransportAddress,
    preference: int,
    server: ServerUrl | None = None,
) -> Candidate:
    """A host candidate, or one that stands for its base to the outside."""
    related = None if candidate_type is CandidateType.HOST else base
    return Candidate(
        foundation=compute_foundation(candidate_type, base.host, base.protocol, server.host if server else ""),
        component=1,
        protocol=address.protocol,
        priority=candidate_priority(candidate_type, _local_preference(preference)),
        address=address.host,
        port=address.port,
        type=candidate_type,
        related_address=related and related.host,
        related_port=related and related.port,
        base=base,
        url=server.url if server else None,
    )
