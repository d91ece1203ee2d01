"""How a run over a changing link is judged."""

from typing import Any

import pytest

from benchmarks import congestion

CAPACITY = 1e6


def intervals(seconds: float, share: float, wait: float, begins: float = 0.0) -> list[dict[str, Any]]:
    """Some seconds in which a share of the capacity is used and everything waits as long."""
    return [
        {
            "begins": round(begins + index / 10, 6),
            "capacity": CAPACITY,
            "passed": share * CAPACITY / 10,
            "waits_ms": [wait] * 10,
        }
        for index in range(round(seconds * 10))
    ]


def figures(*parts: list[dict[str, Any]], phases: list[list[float]]) -> dict[str, Any]:
    return {"phases": phases, "link": [interval for part in parts for interval in part]}


def test_settled_is_who_uses_the_link_and_leaves_the_queue_short() -> None:
    left = figures(
        intervals(2, 0.5, 0),
        intervals(3, 1.0, 400, begins=2),
        intervals(10, 0.9, 20, begins=5),
        phases=[[15.0, 1e6, 0.0]],
    )
    assert congestion.settling_times(left) == [pytest.approx(5.0)]


def test_who_never_settles_takes_the_whole_phase() -> None:
    left = figures(intervals(15, 0.6, 0), intervals(15, 1.0, 200, begins=15), phases=[[15.0, 1e6, 0.0]] * 2)
    assert congestion.settling_times(left) == [15.0, 15.0]


def test_a_moment_is_not_settled() -> None:
    left = figures(
        intervals(5, 0.2, 0), intervals(1, 0.9, 0, begins=5), intervals(9, 0.2, 0, begins=6), phases=[[15.0, 1e6, 0.0]]
    )
    assert congestion.settling_times(left) == [15.0]


def test_what_comes_later_than_ten_seconds_is_judged_as_settled() -> None:
    left = figures(intervals(10, 0.1, 900), intervals(5, 0.8, 10, begins=10), phases=[[15.0, 1e6, 0.0]])
    settled = congestion.settled(left)
    assert len(settled) == 50
    assert congestion.utilisation(settled) == pytest.approx(0.8)
    assert congestion.wait_ms(settled) == 10


def test_a_dead_link_is_not_used() -> None:
    assert congestion.utilisation([]) == 0.0
    assert congestion.wait_ms(intervals(1, 0.0, 0)[:0]) == 0.0


def test_a_freeze_is_much_longer_than_what_came_before() -> None:
    regular = [number / 30 for number in range(60)]
    pictures = [*regular, regular[-1] + 0.15, regular[-1] + 0.75, regular[-1] + 0.79]
    assert congestion.freezes({"pictures": pictures}) == [pytest.approx(0.6)]
    # At 5 pictures a second, half a second is not much longer.
    assert congestion.freezes({"pictures": [number / 5 for number in range(30)] + [6.3]}) == []
