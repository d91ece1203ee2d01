"""Side by side: ``python -m benchmarks [--only NAME] [--peers rtcpeer,aiortc,wrtc] [--quick]``; docs/benchmarks.md."""

import argparse
import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import relay, table
from benchmarks.measures import MEASURES
from benchmarks.model import Metric
from benchmarks.peers import DEFAULT_PEERS, PEERS, version
from benchmarks.runner import RunError, run
from tests.interop import private_network

BENCHMARKS = (*MEASURES, "signaling")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print the table; the exit status says whether rtcpeer itself failed."""
    options = _parser().parse_args(arguments)
    peers = options.peers.split(",")
    chosen = options.only or BENCHMARKS
    unknown = [*(set(peers) - set(PEERS)), *(set(chosen) - set(BENCHMARKS))]
    if unknown:
        sys.stderr.write(
            f"there is no {', '.join(unknown)}; peers: {', '.join(PEERS)}; only: {', '.join(BENCHMARKS)}\n"
        )
        return 2
    try:
        private_network.enter()
    except OSError as error:
        sys.stderr.write(f"benchmarks: no network of our own: {error}\n")
        return 2
    conditions = _conditions(peers)
    print("\n".join(conditions), end="\n\n")
    print("\n".join(table.header(peers)), flush=True)
    failures: dict[str, str] = {}
    everything: dict[str, Any] = {}
    for name in chosen:
        try:
            everything[name] = (
                _signaling(options, failures) if name == "signaling" else _compare(name, peers, options, failures)
            )
        except KeyboardInterrupt:
            print("\ninterrupted")
            return 130
    print("\nx NAME: how many times better rtcpeer is than NAME (below 1: worse). Medians of the repeats.")
    print("\n".join(table.notes(failures)))
    if options.json:
        record = {"conditions": conditions, "results": everything, "failures": failures}
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 1 if any(" with rtcpeer" in what for what in failures) else 0


def _compare(name: str, peers: Sequence[str], options: argparse.Namespace, failures: dict[str, str]) -> dict[str, Any]:
    """One benchmark over all peers, interleaved, so that a busy minute of the machine meets all of them."""
    measure = MEASURES[name]
    parameters = {**measure.parameters, **(measure.quick if options.quick else {})}
    runs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for number in range(options.repeat):
        for peer in peers:
            what = f"{name} with {peer}"
            if what in failures or (measure.peers and peer not in measure.peers):
                continue
            try:
                runs[peer].append(run(peer, name, parameters, _record(options, f"{name}-{peer}-{number}.json")))
            except RunError as error:
                failures[what] = str(error)
                runs[peer].clear()
    print("\n".join(table.section(measure.title, measure.metrics, runs, peers)), flush=True)
    return {"parameters": parameters, "runs": runs}


def _record(options: argparse.Namespace, name: str) -> Path | None:
    if options.record is None:
        return None
    options.record.mkdir(parents=True, exist_ok=True)
    return options.record / name  # type: ignore[no-any-return]


def _signaling(options: argparse.Namespace, failures: dict[str, str]) -> dict[str, Any]:
    """Our signalling server; there is nothing to compare it with."""
    count = 200 if options.quick else 3000
    runs: list[dict[str, float]] = []
    try:
        runs = [relay.run(count) for _ in range(options.repeat)]
    except (OSError, RuntimeError, TimeoutError) as error:
        failures["signaling with rtcpeer"] = f"{type(error).__name__}: {error}"
    metrics = [Metric(name, lambda *_: 0.0, digits=0) for name in relay.METRICS]
    print("\n".join(table.section("signalling server, messages relayed", metrics, {"rtcpeer": runs}, ["rtcpeer"])))
    return {"parameters": {"count": count}, "runs": {"rtcpeer": runs}}


def _conditions(peers: Sequence[str]) -> list[str]:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}, CPython {platform.python_version()}"
    return [f"{now}; {machine}", ", ".join(version(peer) for peer in peers)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="rtcpeer beside other stacks.")
    parser.add_argument("--only", action="append", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; repeatable")
    parser.add_argument(
        "--peers", default=",".join(DEFAULT_PEERS), help=f"of {', '.join(PEERS)} (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it work, not how fast is it")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each (default: %(default)s)")
    parser.add_argument(
        "--record", type=Path, metavar="DIRECTORY", help="also write what the sides of each run returned"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every run's figures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
