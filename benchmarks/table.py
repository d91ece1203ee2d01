"""The results as one aligned plain-text table, never wider than a terminal of 100 columns."""

import statistics
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.model import Metric

WIDTH = 100
NAME_WIDTH = 32
OTHERS = ("aiortc", "wrtc")
OURS = "rtcpeer"

Runs = Mapping[str, Sequence[Mapping[str, float]]]
"""For each peer the figures of its runs: none when it failed; peers that can not do it are left out."""


def header(peers: Sequence[str]) -> list[str]:
    """Names of peers, and of the peers that ours is compared with."""
    names = [
        *(peer if "+" not in peer else peer[peer.index("+") :] for peer in peers),
        *(f"x {other}" for other in _compared(peers)),
    ]
    line = " " * NAME_WIDTH + "".join(name.rjust(_column(peers)) for name in names)
    return [line, "-" * len(line)]


def section(title: str, metrics: Sequence[Metric], runs: Runs, peers: Sequence[str]) -> Iterator[str]:
    """One benchmark: its title, and a line for each metric."""
    yield title
    column = _column(peers)
    for metric in metrics:
        medians = {peer: median(metric, runs.get(peer, ())) for peer in peers}
        cells = [_number(medians[peer], metric.digits) if peer in runs else "-" for peer in peers]
        cells += [_ratio(medians, other, metric) for other in _compared(peers)]
        yield f"  {metric.name}".ljust(NAME_WIDTH) + "".join(cell.rjust(column) for cell in cells)


def notes(failures: Mapping[str, str]) -> Iterator[str]:
    """What failed and why, wrapped."""
    for what, reason in failures.items():
        yield from textwrap.wrap(f"{what}: failed: {reason}", WIDTH, subsequent_indent="    ")


def median(metric: Metric, runs: Sequence[Mapping[str, float]]) -> float | None:
    """Over the runs that succeeded; None without any."""
    return statistics.median(run[metric.name] for run in runs) if runs else None


def _compared(peers: Sequence[str]) -> list[str]:
    return [other for other in OTHERS if other in peers and OURS in peers]


def _column(peers: Sequence[str]) -> int:
    columns = len(peers) + len(_compared(peers))
    return min(15, (WIDTH - NAME_WIDTH) // columns)


def _number(value: float | None, digits: int) -> str:
    return "failed" if value is None else f"{value:,.{digits}f}"


def _ratio(medians: Mapping[str, float | None], other: str, metric: Metric) -> str:
    """How many times better we are; below 1 we are worse."""
    ours, theirs = medians[OURS], medians[other]
    if not ours or not theirs:
        return "-"
    ratio = ours / theirs if metric.is_more_better else theirs / ours
    return f"{ratio:,.1f}" if ratio >= 10 else f"{ratio:.2f}"
