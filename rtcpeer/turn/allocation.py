"""The life of one allocation: what the server granted, and when to ask for more (RFC 8656 sections 7 and 8)."""

import ipaddress

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import AttributeType, ErrorCode, StunMessage
from rtcpeer.stun.attributes import decode_address, decode_error
from rtcpeer.turn.events import NO_ANSWER, Allocated, AllocationLost, RefreshRefused
from rtcpeer.turn.exchange import Outcome
from rtcpeer.turn.settings import TurnSettings
from rtcpeer.turn.tasks import EARLY_ADDRESS_ERROR_CODE, AddressFamily, is_ipv6

__all__ = ["Allocation", "is_usable", "parse_allocation"]

_DEFAULT_LIFETIME = 600  # section 3.2: for servers that name none
# Whether the relayed addresses are IPv6.
_EXPECTED_FAMILIES: dict[AddressFamily, list[list[bool]]] = {
    AddressFamily.IPV4: [[False]],
    AddressFamily.IPV6: [[True]],
    AddressFamily.BOTH: [[False, True], [False], [True]],
}


class Allocation:
    """The clock of an allocation. A refresh that is not answered is repeated until `lost_at`."""

    __slots__ = ("_first_asked_at", "_settings", "expires_at", "is_asking", "refresh_at", "relayed")

    def __init__(
        self, relayed: tuple[TransportAddress, ...], lifetime: float, settings: TurnSettings, now: float
    ) -> None:
        self.relayed = relayed
        self._settings = settings
        self.renew(lifetime, now)

    def renew(self, lifetime: float, now: float) -> None:
        """The server has granted so many seconds more.

        They count from the answer on, which is later than the server's own count by the way of the answer; the margin
        covers that.
        """
        settings = self._settings
        lifetime = min(lifetime, settings.max_lifetime)
        wait = lifetime - min(settings.refresh_margin, lifetime / 2)
        self.refresh_at = now + max(wait, settings.min_refresh_interval)
        self.expires_at = now + lifetime
        self.is_asking = False
        self._first_asked_at: float | None = None

    def asked(self, now: float) -> None:
        """A refresh is on its way."""
        self.is_asking = True
        if self._first_asked_at is None:
            self._first_asked_at = now

    def ask_again(self, at: float) -> None:
        """The refresh was refused or not answered: try once more at that time."""
        self.is_asking = False
        self.refresh_at = at

    def take_refresh(self, outcome: Outcome, now: float) -> AllocationLost | RefreshRefused | None:
        """How a refresh ended; None where the allocation goes on as it was."""
        code, text = outcome.code, outcome.text
        if outcome.response is not None and not code:
            lifetime = _renewed_lifetime(outcome.response)
            if not lifetime:
                return AllocationLost("the server ended it")
            self.renew(lifetime, now)
            return None
        if code == ErrorCode.ALLOCATION_MISMATCH:
            return AllocationLost(f"the server does not know it any more: {code} {text}")
        self.ask_again(now + self._settings.retry_interval)
        return None if code == NO_ANSWER else RefreshRefused(code, text)

    def lost_at(self) -> float | None:
        """When to give up; None before a refresh was tried.

        If we did not run while the allocation expired, its server is asked before it is declared lost.
        """
        if self._first_asked_at is None:
            return None
        return max(self.expires_at, self._first_asked_at + self._settings.refresh_grace)

    def next_timeout(self) -> float:
        """When to refresh or to give up."""
        lost_at = self.lost_at()
        if lost_at is None:
            return self.refresh_at
        return lost_at if self.is_asking else min(self.refresh_at, lost_at)


def parse_allocation(response: StunMessage, family: AddressFamily) -> Allocated:
    """Read the success response to an Allocate.

    Raises:
        MalformedPacketError: it does not say what we need, or something impossible.
    """
    mask = response.transaction_id
    addresses = [
        decode_address(attribute.value, mask)
        for attribute in response.attributes
        if attribute.type == AttributeType.XOR_RELAYED_ADDRESS
    ]
    # Section 7.2: one address, or with ADDITIONAL-ADDRESS-FAMILY one of each family, in whichever order. Where coturn
    # has no second one, it says 0.0.0.0:0.
    relayed = sorted(filter(is_usable, addresses), key=lambda address: is_ipv6(address.host))
    families = [is_ipv6(address.host) for address in relayed]
    if families not in _EXPECTED_FAMILIES[family]:
        raise MalformedPacketError(f"the server allocated {', '.join(map(str, addresses)) or 'nothing'}")
    mapped = response.mapped_address
    if mapped is None:
        raise MalformedPacketError("the server did not say where it sees us")
    lifetime = _granted_lifetime(response)
    if not lifetime:
        raise MalformedPacketError("the server allocated for no time at all")
    additional = relayed[1] if len(relayed) > 1 else None
    return Allocated(relayed[0], mapped, lifetime, additional, _additional_error(response))


def _granted_lifetime(response: StunMessage) -> int:
    """The LIFETIME of a success response, whatever it claims."""
    lifetime = response.uint32(AttributeType.LIFETIME)
    return _DEFAULT_LIFETIME if lifetime is None else lifetime


def _renewed_lifetime(response: StunMessage) -> int:
    """The same for a Refresh, where nonsense is a yes all the same, and a reason to ask again soon."""
    try:
        return _granted_lifetime(response)
    except MalformedPacketError:
        return 1


def is_usable(address: TransportAddress) -> bool:
    """Whether one host may have that address."""
    ip = ipaddress.ip_address(address.host)
    return address.port != 0 and not ip.is_unspecified and not ip.is_multicast


def _additional_error(response: StunMessage) -> tuple[int, str] | None:
    """Section 18.12: ADDRESS-ERROR-CODE is ERROR-CODE with the family in its first byte."""
    value = response.value(AttributeType.ADDRESS_ERROR_CODE) or response.value(EARLY_ADDRESS_ERROR_CODE)
    return None if value is None else decode_error(value)
