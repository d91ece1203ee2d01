"""The program's own rules: which interfaces, addresses and candidates take part.

A rule is a sequence of what is admitted or a callable that judges. What a callable raises reaches nobody's way but its
own: what it was to judge is left out, and `FilterFailed` tells of it.
"""

import ipaddress
from collections.abc import Callable, Sequence

from rtcpeer.ice.events import FilterFailed

__all__ = ["AddressRule", "Filter", "NameRule", "address_test", "name_test"]

NameRule = Callable[[str], bool] | Sequence[str]
AddressRule = Callable[[str], bool] | Sequence[str]

# Verdicts are kept, so that a flood of checks does not call into the program for each; a peer chooses its addresses.
_MAX_VERDICTS = 512


def name_test(field: str, rule: NameRule) -> Callable[[str], bool]:
    """A test for one of these names; `ValueError` names the field."""
    if callable(rule):
        return rule
    if isinstance(rule, str) or not all(rule):
        raise ValueError(f"{field} must be a callable or a sequence of names")
    return frozenset(rule).__contains__


def address_test(field: str, rule: AddressRule) -> Callable[[str], bool]:
    """A test for an address in one of these, which are addresses or networks (CIDR); `ValueError` names the field."""
    if callable(rule):
        return rule
    if isinstance(rule, str):
        raise ValueError(f"{field} must be a callable or a sequence of addresses, not one string")  # noqa: TRY004 as for all settings
    try:
        networks = [ipaddress.ip_network(each, strict=False) for each in rule]
    except ValueError as error:
        raise ValueError(f"{field} must have addresses or networks such as 10.0.0.0/8: {error}") from error

    def is_inside(host: str) -> bool:
        address = ipaddress.ip_address(host)
        return any(address in network for network in networks)

    return is_inside


class Filter:
    """One rule; asked once for each subject, as long as there are not too many of them."""

    def __init__(self, field: str, test: Callable[[str], bool], report: Callable[[FilterFailed], None]) -> None:
        self._field = field
        self._test = test
        self._report = report
        self._verdicts: dict[str, bool] = {}

    def admits(self, subject: str) -> bool:
        """Whether it takes part."""
        verdict = self._verdicts.get(subject)
        if verdict is None:
            if len(self._verdicts) >= _MAX_VERDICTS:
                self._verdicts.clear()
            verdict = self._verdicts[subject] = self._judge(subject)
        return verdict

    def _judge(self, subject: str) -> bool:
        try:
            return bool(self._test(subject))
        except Exception as error:  # noqa: BLE001 it is the program's code
            self._report(FilterFailed(self._field, subject, error))
            return False
