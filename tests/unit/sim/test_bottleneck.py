"""The queue in front of a capacity that changes."""

import random
from typing import Any

import pytest

from tests.sim.bottleneck import INTERVAL, Bottleneck, BottleneckSettings, Interval, Phase

PACKET = bytes(1000)  # a second at 8 kbit/s


def drain(bottleneck: Bottleneck, until: float = 1e9) -> list[float]:
    """When each packet arrives, each taken at the moment at which it is due."""
    times = []
    while (now := bottleneck.next_event()) <= until:
        times += [pytest.approx(now)] * len(list(bottleneck.deliver(now)))
    return times


def bottleneck(**settings: Any) -> Bottleneck:
    return Bottleneck(BottleneckSettings(**settings), random.Random(1))


def test_without_a_rate_there_is_only_the_delay() -> None:
    link = bottleneck(delay=0.5)
    link.take(PACKET, 1.0)
    link.take(PACKET, 2.0)
    assert drain(link) == [1.5, 2.5]
    assert link.next_event() == float("inf")


def test_packets_leave_one_after_the_other() -> None:
    link = bottleneck(rate=8000, delay=10.0)
    for _ in range(3):
        link.take(PACKET, 0.0)
    assert drain(link) == [11.0, 12.0, 13.0]


def test_what_comes_later_does_not_wait() -> None:
    link = bottleneck(rate=8000)
    link.take(PACKET, 0.0)
    link.take(PACKET, 5.0)
    assert drain(link) == [1.0, 6.0]


def test_a_new_capacity_holds_for_what_already_waits() -> None:
    link = bottleneck(phases=(Phase(1.5, 8000), Phase(1.0, 4000)))
    link.start(100.0)
    for _ in range(3):
        link.take(PACKET, 100.0)
    # The second one has begun at the old rate.
    assert drain(link) == [101.0, 102.0, 104.0]


def test_the_last_phase_stays_and_before_the_schedule_the_settings_hold() -> None:
    settings = BottleneckSettings(rate=1.0, loss=0.5, phases=(Phase(1.0, 2.0), Phase(1.0, 3.0, 0.1)))
    assert settings.phase_at(-0.1) == settings.phase_at(float("-inf")) == Phase(0.0, 1.0, 0.5)
    assert settings.phase_at(0.0).rate == 2.0
    assert settings.phase_at(1.0) == settings.phase_at(1000.0) == Phase(1.0, 3.0, 0.1)


def test_a_full_queue_drops_what_comes() -> None:
    link = bottleneck(rate=8000, queue=3000)
    for _ in range(10):
        link.take(PACKET, 0.0)
    assert drain(link) == [1.0, 2.0, 3.0, 4.0]


def test_the_queue_may_be_bounded_by_time() -> None:
    link = bottleneck(queue_time=0.5, phases=(Phase(1.0, 80_000), Phase(1.0, 16_000)))
    link.start(0.0)
    for _ in range(10):
        link.take(PACKET, 0.0)
    # Five wait, and one is being sent.
    assert len(drain(link)) == 6
    for _ in range(10):
        link.take(PACKET, 1.0)
    assert len(drain(link)) == 2


def test_what_is_being_sent_takes_room_as_far_as_it_has_not_left() -> None:
    link = bottleneck(rate=8000, queue=500)
    link.take(PACKET, 0.0)
    link.take(PACKET, 0.4)
    link.take(PACKET, 0.6)
    assert drain(link) == [1.0, 2.0]


def test_loss_is_by_chance_and_spares_whom_it_is_told_to() -> None:
    link = bottleneck(loss=0.5)
    for _ in range(1000):
        link.take(PACKET, 0.0)
    assert 400 < len(drain(link)) < 600
    for _ in range(100):
        link.take(PACKET, 1.0, is_spared=True)
    assert len(drain(link)) == 100


def test_the_record_says_what_happened_in_each_interval() -> None:
    link = bottleneck(queue=1500, phases=(Phase(0.2, 80_000), Phase(1.0, 40_000)))
    link.take(PACKET, 9.9)
    assert list(link.intervals(9.95)) == []
    link.start(10.0)
    for _ in range(4):
        link.take(PACKET, 10.01)
    assert list(link.intervals(10.05)) == []
    (first,) = (Interval(**fields) for fields in link.intervals(10.105))
    drain(link, until=10.15)
    second, third = (Interval(**fields) for fields in link.intervals(10.305))
    # One is sent at once, one waits for it, and with two of them no room is left.
    assert first == Interval(0.0, 80_000, offered=32_000, passed=8000, dropped=2, waits_ms=[0.0])
    assert second == Interval(0.1, 80_000, passed=8000, waits_ms=[100.0])
    assert third == Interval(0.2, 40_000)
    assert second.begins == pytest.approx(INTERVAL)
