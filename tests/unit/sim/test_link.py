import random
from dataclasses import replace

import pytest

from tests.sim.link import IDEAL, Link, LinkSettings

PACKETS = [index.to_bytes(4, "big") for index in range(20_000)]


def link(**settings: float | None) -> Link:
    return Link(LinkSettings(**settings), random.Random(1))  # type: ignore[arg-type]


def arrivals(one: Link, packets: list[bytes], now: float = 0.0) -> list[tuple[float, bytes]]:
    return [(when, packet) for when, run in one.transmit(packets, now) for packet in run]


def test_an_ideal_link_delivers_everything_at_once() -> None:
    assert Link(IDEAL, random.Random(1)).transmit([b"a", b"b"], 3.0) == [(3.0, [b"a", b"b"])]


def test_loss_has_its_share() -> None:
    assert len(arrivals(link(loss=0.1), PACKETS)) == pytest.approx(18_000, rel=0.02)
    assert arrivals(link(loss=1.0), PACKETS) == []


def test_bursts_lose_the_same_share_in_longer_runs() -> None:
    got = {packet for _, packet in arrivals(link(loss=0.1, loss_burst=5.0), PACKETS)}
    lost = [packet not in got for packet in PACKETS]
    runs = sum(1 for before, here in zip([False, *lost], lost, strict=False) if here and not before)
    assert sum(lost) / len(PACKETS) == pytest.approx(0.1, rel=0.1)
    assert sum(lost) / runs == pytest.approx(5.0, rel=0.1)


def test_duplication_has_its_share() -> None:
    assert len(arrivals(link(duplication=0.05), PACKETS)) == pytest.approx(21_000, rel=0.01)


def test_jitter_keeps_the_order_and_reordering_does_not() -> None:
    one = link(delay=0.01, jitter=0.02)
    times = [when for now in range(500) for when, _ in arrivals(one, [b"x"], now / 1000)]
    assert times == sorted(times)
    assert all(when - now / 1000 >= 0.01 for now, when in enumerate(times))
    held_back = link(delay=0.01, reordering=0.2)
    times = [when for now in range(500) for when, _ in arrivals(held_back, [b"x"], now / 1000)]
    assert times != sorted(times)


def test_a_rate_spaces_packets_and_its_queue_overflows() -> None:
    one = Link(LinkSettings(delay=1.0, rate=1000.0, queue_limit=300), random.Random(1))
    assert [when for when, _ in one.transmit([bytes(100)] * 5, 0.0)] == pytest.approx([1.1, 1.2, 1.3])
    assert one.overflowed == 2
    assert [when for when, _ in one.transmit([bytes(100)], 10.0)] == pytest.approx([11.1])


def test_what_is_longer_than_the_mtu_vanishes() -> None:
    one = link(mtu=1200)
    assert arrivals(one, [bytes(1200), bytes(1201)]) == [(0.0, bytes(1200))]
    assert one.too_long == 1


def test_settings_may_change_on_the_way() -> None:
    one = link()
    one.settings = replace(one.settings, loss=1.0)
    assert arrivals(one, [b"x"]) == []


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"delay": -1.0}, {"loss_burst": 0.5}, {"rate": 0.0}])
def test_settings_that_can_not_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LinkSettings(**wrong)  # type: ignore[arg-type]
