"""Each benchmark runs with a tiny size and gives figures that make sense; how good they are is not asked here."""

import json
from pathlib import Path

import pytest

from benchmarks import relay, table
from benchmarks.measures import MEASURES
from benchmarks.model import Metric
from benchmarks.runner import RunError, run
from tests.interop.conftest import require_lab

# Some figures may be nothing: memory of a few connections drowns in the noise, and a good run has no freeze.
MAY_BE_NOTHING = {"idle", "idle-1000", "calls", "congestion"}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.timeout(180)
def test_each_benchmark_gives_figures(name: str) -> None:
    measure = MEASURES[name]
    if measure.round_trip:
        require_lab()

    figures = run("rtcpeer", name, {**measure.parameters, **measure.quick})

    assert list(figures) == [metric.name for metric in measure.metrics]
    assert all(value > 0 for value in figures.values()) or name in MAY_BE_NOTHING


def test_a_video_over_a_changing_link_is_judged_by_what_the_link_saw(tmp_path: Path) -> None:
    require_lab()
    measure = MEASURES["congestion"]
    record = tmp_path / "record.json"

    figures = run("rtcpeer", "congestion", {**measure.parameters, **measure.quick}, record)

    left = json.loads(record.read_text(encoding="utf-8"))["left"]
    length = sum(seconds for seconds, *_ in left["phases"])
    during = [interval for interval in left["link"] if interval["begins"] < length]
    assert {interval["capacity"] for interval in during} == {rate for _, rate, _ in left["phases"]}
    assert len(during) >= 10 * length - 3, "the last intervals may not have ended"
    assert sum(interval["passed"] for interval in during) > 0
    assert figures["pictures played"] > 0
    assert figures["connections lost"] == 0


@pytest.mark.timeout(300)
def test_calls_leave_nothing_behind() -> None:
    measure = MEASURES["calls"]

    figures = run("rtcpeer", "calls", {**measure.parameters, "calls": 12, "frames": 5})

    assert figures["tasks left"] == 0
    assert figures["threads left"] == 0
    # What one call needs while it lives is more than 1 MB; codecs' heaps shrink late, if at all.
    assert figures["Python's memory per call, KiB"] < 20


def test_a_link_of_50_ms_can_not_be_beaten() -> None:
    require_lab()

    figures = run("rtcpeer", "connect-50ms", {"count": 1, "echo": "10.77.0.2"})

    # A check and its answer, two round trips of DTLS 1.2 and one of SCTP: fewer than three is a mistake of ours.
    assert figures["from the answer, round trips"] > 3
    assert figures["(the link's round trip, ms)"] >= 50


@pytest.mark.timeout(90)
def test_the_signalling_server_relays() -> None:
    figures = relay.run(20)

    assert set(figures) == set(relay.METRICS)
    assert all(value > 0 for value in figures.values())


def test_a_side_that_fails_says_why() -> None:
    with pytest.raises(RunError, match="unexpected keyword argument 'nonsense'"):
        run("rtcpeer", "latency", {"count": 1, "warm_up": 0, "nonsense": True})


def test_a_peer_that_is_not_there_fails_with_its_name() -> None:
    with pytest.raises(RunError, match="nobody"):
        run("nobody", "latency", {"count": 1, "warm_up": 0})


def test_the_table_fits_a_terminal() -> None:
    peers = ["rtcpeer", "rtcpeer+uvloop", "aiortc", "wrtc"]
    metrics = [
        Metric("messages/s", lambda *_: 0.0, is_more_better=True, digits=0),
        Metric("median, ms", lambda *_: 0.0),
    ]
    runs = {peer: [{"messages/s": 1234567.0, "median, ms": 2.0}] for peer in peers} | {"wrtc": []}

    lines = [*table.header(peers), *table.section("a title", metrics, runs, peers)]

    assert max(map(len, lines)) <= table.WIDTH
    assert lines[0].split() == ["rtcpeer", "+uvloop", "aiortc", "wrtc", "x", "aiortc", "x", "wrtc"]
    assert lines[-2].split() == ["messages/s", *["1,234,567"] * 3, "failed", "1.00", "-"]
    del runs["wrtc"]
    *_, line = table.section("what wrtc can not do", metrics, runs, peers)
    assert line.split()[-3:] == ["-", "1.00", "-"]
    assert max(map(len, table.notes({"latency with wrtc": "because " * 40}))) <= table.WIDTH


def test_a_ratio_says_how_many_times_better_we_are() -> None:
    metric = Metric("median, ms", lambda *_: 0.0)
    runs = {"rtcpeer": [{"median, ms": 2.0}], "aiortc": [{"median, ms": 9.0}]}

    (_, line) = table.section("", [metric], runs, ["rtcpeer", "aiortc"])

    assert line.split()[-1] == "4.50"
