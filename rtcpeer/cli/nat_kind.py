"""What people call a NAT: one word for RFC 4787's pair of behaviours."""

from enum import Enum

from rtcpeer.stack.nat_behavior import Dependence, NatBehavior

__all__ = ["NatKind", "nat_kind", "possible"]


class NatKind(Enum):
    """From the best for calls to the worst; values are stable, for the JSON form."""

    OPEN = "open"
    FIREWALL = "firewall"  # no translation, but filtering
    FULL_CONE = "full-cone"
    ADDRESS_RESTRICTED = "address-restricted"
    PORT_RESTRICTED = "port-restricted"
    ENDPOINT_INDEPENDENT = "endpoint-independent"  # the mapping; the filtering is not known
    TRANSLATED = "translated"  # and no more is known
    SYMMETRIC = "symmetric"
    UNKNOWN = "unknown"  # UDP works, but nobody told where it saw us
    UDP_BLOCKED = "udp-blocked"


_BY_FILTERING = {
    Dependence.ENDPOINT_INDEPENDENT: NatKind.FULL_CONE,
    Dependence.ADDRESS_DEPENDENT: NatKind.ADDRESS_RESTRICTED,
    Dependence.ADDRESS_AND_PORT_DEPENDENT: NatKind.PORT_RESTRICTED,
}


def nat_kind(behavior: NatBehavior) -> NatKind:
    """The word for what was found."""
    if not behavior.is_reached:
        return NatKind.UDP_BLOCKED
    if not behavior.mapped:
        return NatKind.UNKNOWN
    if not behavior.is_translated:
        is_filtered = bool(behavior.filterings) and Dependence.ENDPOINT_INDEPENDENT not in behavior.filterings
        return NatKind.FIREWALL if is_filtered else NatKind.OPEN
    if behavior.is_symmetric:
        return NatKind.SYMMETRIC
    if behavior.mapping is None:
        return NatKind.TRANSLATED
    if behavior.filtering is None:
        return NatKind.ENDPOINT_INDEPENDENT
    return _BY_FILTERING[behavior.filtering]


def possible(behaviors: frozenset[Dependence]) -> str:
    """What is known of a mapping or a filtering, in RFC 4787's words."""
    if not behaviors:
        return "contradictory"
    if len(behaviors) == len(Dependence):
        return "not known"
    return " or ".join(one.value for one in Dependence if one in behaviors)
