"""What a program sees of the peer's checks, where it wants to: `IceSettings.binding_request_handler`."""

from dataclasses import dataclass

from rtcpeer.ice.candidate import Candidate

__all__ = ["BindingRequest"]


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """An authenticated binding request of the peer on a pair that we know."""

    local: Candidate
    remote: Candidate
    username_fragment: str  # the peer's
    priority: int
    nominates: bool  # it asks the controlled side to use this pair
    nomination: int | None  # by renomination, with this number
    is_selected: bool  # whether the pair is the one in use
    is_valid: bool  # whether a check of our own has succeeded on it
    is_controlling: bool  # our role
    attributes: tuple[tuple[int, bytes], ...]  # all of them in order, as numbers with their values
