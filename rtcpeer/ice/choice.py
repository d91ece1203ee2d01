"""Which local candidates there are to be, and whether what the settings say about it makes sense."""

import ipaddress
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from rtcpeer.ice.address_rewrite import AddressRewrite
from rtcpeer.ice.events import FilterFailed
from rtcpeer.ice.filters import Filter, address_test, name_test

if TYPE_CHECKING:
    from rtcpeer.ice.settings import IceSettings

__all__ = ["GATHERED_TYPES", "CandidateTypeName", "check_choices", "gathered_types", "remote_address_test"]

CandidateTypeName = Literal["host", "srflx", "relay"]

GATHERED_TYPES: tuple[CandidateTypeName, ...] = ("host", "srflx", "relay")
_POLICY_TYPES: dict[str, frozenset[CandidateTypeName]] = {
    "all": frozenset(GATHERED_TYPES),
    "nohost": frozenset({"srflx", "relay"}),
    "relay": frozenset({"relay"}),
}


def gathered_types(settings: "IceSettings") -> frozenset[CandidateTypeName]:
    """The kinds that the transport policy and the program's choice allow; a lite agent has host candidates only."""
    types = frozenset(settings.candidate_types) & _POLICY_TYPES[settings.transport_policy]
    return types & {"host"} if settings.lite else types


def remote_address_test(settings: "IceSettings", report: Callable[[FilterFailed], None]) -> Callable[[str], bool]:
    """Whether the peer may be at an address."""
    rule = settings.remote_address_filter
    if rule is None:
        return _admit
    return Filter("remote_address_filter", address_test("remote_address_filter", rule), report).admits


def check_choices(settings: "IceSettings") -> None:
    """Raise `ValueError`, naming the field, for what can not work."""
    if settings.transport_policy not in _POLICY_TYPES:
        raise ValueError('transport_policy must be "all", "relay" or "nohost"')
    if isinstance(settings.candidate_types, str) or not set(settings.candidate_types) <= set(GATHERED_TYPES):
        raise ValueError('candidate_types must be a sequence of "host", "srflx" and "relay"')
    if not gathered_types(settings):
        raise ValueError("candidate_types leaves nothing of what transport_policy and lite allow")
    if settings.interface_filter is not None:
        name_test("interface_filter", settings.interface_filter)
    if settings.local_address_filter is not None:
        address_test("local_address_filter", settings.local_address_filter)
    if settings.remote_address_filter is not None:
        address_test("remote_address_filter", settings.remote_address_filter)
    if settings.candidate_filter is not None and not callable(settings.candidate_filter):
        raise ValueError("candidate_filter must be a callable")
    if not all(isinstance(rule, AddressRewrite) for rule in settings.address_rewrites):
        raise ValueError("address_rewrites must be a sequence of AddressRewrite")
    _check_places(settings)


def _check_places(settings: "IceSettings") -> None:
    if isinstance(settings.bind_addresses, str):
        raise ValueError("bind_addresses must be a sequence of IP addresses, not one string")  # noqa: TRY004 as for all settings
    for host in settings.bind_addresses:
        try:
            address = ipaddress.ip_address(host)
        except ValueError as error:
            raise ValueError(f"bind_addresses must be IP addresses: {error}") from error
        if address.is_unspecified or address.is_multicast:
            raise ValueError(f"bind_addresses must be addresses of this host, not {host}")
    ports: Sequence[int] = (1, 65535) if settings.port_range is None else settings.port_range
    if len(ports) != 2 or not 1 <= ports[0] <= ports[1] <= 65535:
        raise ValueError("port_range must be (first, last), between 1 and 65535")


def _admit(host: str) -> bool:  # noqa: ARG001 whatever it is
    return True
