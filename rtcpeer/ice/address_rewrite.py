"""Addresses that a host can not see on its interfaces: a 1:1 NAT in front of it, as in most clouds."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["AddressRewrite", "rewrite_for"]


@dataclass(frozen=True, slots=True)
class AddressRewrite:
    """What peers reach some of our addresses at, on the same port.

    With ``candidate_type`` ``"host"`` the external address takes the place of the local one (``"replace"``) or is
    signalled beside it (``"append"``). With ``"srflx"`` it becomes a server reflexive candidate without asking a
    server; ``"replace"`` spares us asking at all. Whatever is signalled, packets leave from the local address.
    """

    external: str | Sequence[str]  # numeric; each counts for local addresses of its family
    local: str | None = None  # an address or a network (CIDR); None: what no other rule names
    candidate_type: Literal["host", "srflx"] = "host"
    mode: Literal["replace", "append"] | None = None  # None: "replace" for host, "append" for srflx

    def __post_init__(self) -> None:
        """Refuse what can not work, naming the field."""
        try:
            addresses = tuple(str(ipaddress.ip_address(each)) for each in self._externals())
        except ValueError as error:
            raise ValueError(f"external must be IP addresses: {error}") from error
        if not addresses:
            raise ValueError("external must have an address")
        object.__setattr__(self, "external", addresses)
        if self.local is not None:
            try:
                ipaddress.ip_network(self.local, strict=False)
            except ValueError as error:
                raise ValueError(f"local must be an address or a network: {error}") from error
        if self.candidate_type not in {"host", "srflx"}:
            raise ValueError('candidate_type must be "host" or "srflx"')
        if self.mode not in {None, "replace", "append"}:
            raise ValueError('mode must be "replace", "append" or None')

    @property
    def replaces(self) -> bool:
        """Whether the external addresses stand for what there would be otherwise."""
        return self.mode == "replace" if self.mode is not None else self.candidate_type == "host"

    def names(self, host: str) -> bool:
        """Whether the rule is made for this local address in particular."""
        return self.local is not None and ipaddress.ip_address(host) in ipaddress.ip_network(self.local, strict=False)

    def externals_of(self, host: str) -> list[str]:
        """The external addresses of that local address's family."""
        return [each for each in self._externals() if (":" in each) == (":" in host)]

    def _externals(self) -> Sequence[str]:
        return (self.external,) if isinstance(self.external, str) else self.external


def rewrite_for(
    host: str, candidate_type: Literal["host", "srflx"], rules: Sequence[AddressRewrite]
) -> AddressRewrite | None:
    """The rule that counts for a local address: the first that names it, else the first that is for all."""
    of_type = [rule for rule in rules if rule.candidate_type == candidate_type and rule.externals_of(host)]
    named = (rule for rule in of_type if rule.names(host))
    general = (rule for rule in of_type if rule.local is None)
    return next(named, None) or next(general, None)
