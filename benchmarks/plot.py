"""Draws what `python -m benchmarks --only congestion --record DIRECTORY` has written; needs matplotlib.

    pip install --group plots
    python -m benchmarks.plot DIRECTORY docs/figures/congestion.svg [--run 0]

It imports nothing else of ours, so that it runs in an environment of its own.
"""

import argparse
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

COLOURS = {"rtcpeer": "#1f6fb4", "rtcpeer+uvloop": "#5aa02c", "aiortc": "#d9642b"}
SMOOTHING = 5  # intervals of 0.1 s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--run", type=int, default=0, help="which of the repeats")
    options = parser.parse_args()
    runs = {
        peer: json.loads(path.read_text(encoding="utf-8"))["left"]
        for peer in COLOURS
        if (path := options.directory / f"congestion-{peer}-{options.run}.json").exists()
    }
    if not runs:
        raise SystemExit(f"there is no congestion-PEER-{options.run}.json in {options.directory}")
    # Nothing in the file says when or where it was made: the same runs give the same file.
    mpl.rcParams.update({"svg.hashsalt": "rtcpeer", "svg.fonttype": "none", "font.size": 9})
    drawn = io.StringIO()
    draw(runs).savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    options.output.parent.mkdir(parents=True, exist_ok=True)
    # A tenth of a point is finer than anybody sees.
    short = re.sub(r"(\d\.\d)\d+", r"\1", drawn.getvalue())
    options.output.write_text("\n".join(line.rstrip() for line in short.splitlines()) + "\n", encoding="utf-8")


def draw(runs: dict[str, Any]) -> Any:
    """Rate over capacity above, time in the queue below."""
    figure, (rates, waits) = plt.subplots(2, sharex=True, figsize=(9, 5.5), layout="constrained")
    first = next(iter(runs.values()))
    capacity = during(first)
    rates.fill_between(
        [one["begins"] for one in capacity],
        [one["capacity"] / 1e6 for one in capacity],
        step="post",
        color="#e8e8e8",
        label="capacity",
    )
    for peer, left in runs.items():
        intervals = during(left)
        times = [round(one["begins"], 1) for one in intervals]
        rates.plot(times, smooth([one["passed"] / 1e5 for one in intervals]), color=COLOURS[peer], label=peer, lw=1.2)
        waits.plot(times, [max(one["waits_ms"], default=0) for one in intervals], color=COLOURS[peer], label=peer, lw=1)
    rates.set_ylabel("through the link, Mbit/s")
    waits.set_ylabel("longest wait in the queue, ms")
    waits.set_xlabel("seconds")
    begins, top = 0.0, max(rate for _, rate, _ in first["phases"]) / 1e6
    for seconds, rate, loss in first["phases"]:
        text = f"{rate / 1e6:g} Mbit/s" + (f", {loss:.0%} lost" if loss else "")
        rates.annotate(text, (begins + seconds / 2, 1.03 * top), ha="center", color="#777777")
        begins += seconds
    rates.set_ylim(0, 1.15 * top)
    figure.legend(*rates.get_legend_handles_labels(), loc="outside upper center", frameon=False, ncols=4)
    rates.set_xlim(0, begins)
    for axis in (rates, waits):
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def during(left: dict[str, Any]) -> list[dict[str, Any]]:
    """The intervals of the schedule."""
    end = sum(seconds for seconds, *_ in left["phases"])
    return [one for one in left["link"] if 0 <= one["begins"] < end]


def smooth(values: Sequence[float]) -> list[float]:
    """The mean of each value and those just before it."""
    parts = (values[max(0, index - SMOOTHING + 1) : index + 1] for index in range(len(values)))
    return [sum(part) / len(part) for part in parts]


if __name__ == "__main__":
    main()
