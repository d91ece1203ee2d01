"""What a benchmark is: two sides that run in two processes, and what becomes of their figures."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

Side = Callable[..., Coroutine[Any, Any, dict[str, Any]]]
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A row of the table: its name with unit, its value from left's and right's figures, and which way is better."""

    name: str
    value: Callable[[Figures, Figures], float]
    is_more_better: bool = False
    digits: int = 1


@dataclass(frozen=True)
class Measure:
    """A benchmark; parameters are keyword arguments of both sides, `quick` replaces some for a smoke run."""

    title: str
    left: Side
    right: Side
    metrics: tuple[Metric, ...]
    parameters: dict[str, Any]
    quick: dict[str, Any]
    # Seconds; not 0 puts the sides into two namespaces joined by a link. Where the parameters have "phases" (seconds,
    # rate and loss of each), they are the link's schedule. A side says when it begins by writing that (monotonic) into
    # the file "link_start"; left's figures get what the forwarder saw of the way to the right ("link": intervals).
    round_trip: float = 0.0
    patience: float = 60.0  # seconds that a run may take beyond those that it was asked to take
    peers: tuple[str, ...] | None = None  # who can do it; None: all
