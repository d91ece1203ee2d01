"""Numbered nominations, of which the highest counts (draft-thatcher-ice-renomination-01)."""

from rtcpeer.ice.parameters import RENOMINATION, IceParameters
from rtcpeer.stun import AttributeType, StunMessage

__all__ = ["is_agreed", "read_nomination"]

_NUMBER_MASK = 0xFFFFFF  # 24 bits, in an attribute of 32


def is_agreed(local: IceParameters, remote: IceParameters | None) -> bool:
    """Whether both sides have announced that they know it."""
    return remote is not None and RENOMINATION in local.options and RENOMINATION in remote.options


def read_nomination(message: StunMessage) -> int | None:
    """The number of a nomination; None without one, and where it is none: 0, or not four bytes."""
    for attribute in (AttributeType.NOMINATION, AttributeType.NOMINATION_OF_PION):
        value = message.value(attribute)
        if value is not None and len(value) == 4:
            return int.from_bytes(value, "big") & _NUMBER_MASK or None
    return None
