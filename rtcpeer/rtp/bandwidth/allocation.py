"""Who gets how much of a bitrate: shares by weight, none beyond what it has a use for."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Demand", "share"]


class Demand(NamedTuple):
    """One taker."""

    maximum: int  # bits a second
    weight: float = 1.0


def share(bitrate: int, demands: Sequence[Demand]) -> list[int]:
    """What each of them gets: in proportion to the weights, and what somebody has no use for goes to the others."""
    shares = [0] * len(demands)
    left = max(bitrate, 0)
    hungry = [index for index, demand in enumerate(demands) if demand.maximum > 0 and demand.weight > 0]
    while hungry and left > 0:
        unit = left / sum(demands[index].weight for index in hungry)
        full = [index for index in hungry if demands[index].maximum <= unit * demands[index].weight]
        if not full:
            for index in hungry:
                shares[index] = int(unit * demands[index].weight)
            break
        for index in full:
            shares[index] = demands[index].maximum
            left -= demands[index].maximum
        hungry = [index for index in hungry if index not in full]
    return shares
