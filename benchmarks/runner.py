"""Starts the two processes of a run, in one network or in two joined by a link, and takes their results."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.measures import MEASURES
from benchmarks.model import Figures, Measure
from tests.interop.netlab import LinkSettings, missing, netlab, read_log
from tests.sim.bottleneck import Phase

ROOT = Path(__file__).resolve().parents[1]
# A lost peer would otherwise read the other's silence as its end only with the whole time limit.
LAST_WORDS = 5.0


class RunError(Exception):
    """Why a run gave no figures, in one line."""


def run(peer: str, benchmark: str, parameters: Mapping[str, Any], record: Path | None = None) -> dict[str, float]:
    """Run one benchmark once with one peer; ``record`` gets all that the two sides returned.

    Raises:
        RunError: a side failed, died, or did not end in time.
    """
    measure = MEASURES[benchmark]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        try:
            with ExitStack() as stack:
                commands, parameters = _place(measure, parameters, directory, stack)
                left, right = _run_sides(commands, peer, benchmark, parameters, directory)
        except (RuntimeError, OSError) as error:
            raise RunError(str(error)) from error
        if "phases" in parameters:
            left = {**left, "link": [asdict(interval) for interval in read_log(directory / "link", "right")]}
    if record:
        record.write_text(json.dumps({"left": left, "right": right}), encoding="utf-8")
    return {metric.name: metric.value(left, right) for metric in measure.metrics}


def _place(
    measure: Measure, parameters: Mapping[str, Any], directory: Path, stack: ExitStack
) -> tuple[tuple[list[str], list[str]], Mapping[str, Any]]:
    """What is put before each side's command line, and the parameters with what the place adds to them."""
    if not measure.round_trip:
        return ([], []), parameters
    if reason := missing():
        raise RuntimeError(reason)
    settings = LinkSettings(delay=measure.round_trip / 2)
    if "phases" in parameters:
        start = directory / "start"
        parameters = {**parameters, "link_start": str(start)}
        settings = replace(
            settings,
            phases=tuple(Phase(*phase) for phase in parameters["phases"]),
            queue_time=parameters["queue_time"],
            start=start,
            log=directory / "link",
        )
    lab = stack.enter_context(netlab(settings))
    return (["ip", "netns", "exec", lab.left.name], ["ip", "netns", "exec", lab.right.name]), parameters


def _run_sides(
    prefixes: tuple[list[str], list[str]],
    peer: str,
    benchmark: str,
    parameters: Mapping[str, Any],
    directory: Path,
) -> tuple[Figures, Figures]:
    deadline = time.monotonic() + MEASURES[benchmark].patience + parameters.get("seconds", 0.0)
    processes: list[subprocess.Popen[str]] = []
    line = socket.socketpair()
    try:
        for prefix, side, end in zip(prefixes, ("left", "right"), line, strict=True):
            command = [sys.executable, "-m", "benchmarks.session", peer, benchmark, side, str(end.fileno())]
            processes.append(
                subprocess.Popen(
                    [
                        *prefix,
                        *_profiler(peer, benchmark, side),
                        *command,
                        json.dumps(parameters),
                        str(directory / side),
                    ],
                    cwd=ROOT,
                    text=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=[end.fileno()],
                )
            )
        for end in line:
            end.close()
        results = [
            _result(process, directory / side, deadline)
            for process, side in zip(processes, ("left", "right"), strict=True)
        ]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
    # "The other side has ended" says less than why it did.
    failures = sorted((r["failed"] for r in results if "failed" in r), key=lambda text: "other side" in text)
    if failures:
        raise RunError(failures[0])
    return results[0], results[1]


def _result(process: subprocess.Popen[str], path: Path, deadline: float) -> dict[str, Any]:
    try:
        _, errors = process.communicate(timeout=max(LAST_WORDS, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return {"failed": "it did not end in time"}
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        lines = errors.strip().splitlines()
        return {"failed": f"exit status {process.returncode}: {lines[-1] if lines else 'no message'}"}
    return result


def _profiler(peer: str, benchmark: str, side: str) -> list[str]:
    """RTCPEER_BENCHMARK_PROFILE names a directory for py-spy's recordings, one for each side of each run."""
    directory = os.environ.get("RTCPEER_BENCHMARK_PROFILE")
    if directory is None:
        return []
    name = Path(directory) / f"{benchmark}-{peer}-{side}.txt"
    return ["py-spy", "record", "--rate", "500", "--format", "raw", "--full-filenames", "--output", str(name), "--"]
