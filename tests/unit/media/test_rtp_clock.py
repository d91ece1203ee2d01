from fractions import Fraction

import pytest

from rtcpeer.media.rtp_clock import RtpClock

MS = Fraction(1, 1000)


def test_gaps_stay_gaps():
    clock = RtpClock(90000)
    times = [clock.timestamp(pts, MS, now) for pts, now in [(500, 2.0), (533, 2.0), (1533, 2.0)]]
    assert times == [180_000, 182_970, 272_970]


@pytest.mark.parametrize("pts", [0, 500, None])
def test_a_jump_back_is_bridged_by_the_time_that_passed(pts):
    clock = RtpClock(8000)
    assert clock.timestamp(500, MS, 7.0) == 56_000
    assert clock.timestamp(pts, MS, 7.25) == 58_000
    if pts is not None:
        assert clock.timestamp(pts + 20, MS, 8.0) == 58_160


def test_another_source_goes_on_from_the_time_that_passed():
    clock = RtpClock(1000)
    clock.timestamp(10, MS, 0.0)
    clock.restart()
    assert clock.timestamp(99_999, MS, 0.5) == 500


def test_another_clock_goes_on_where_the_first_has_been():
    first = RtpClock(90000).timestamp(0, MS, 7.0)
    assert RtpClock(90000).timestamp(0, MS, 7.5) == first + 45_000


def test_timestamps_always_grow():
    clock = RtpClock(8000)
    assert [clock.timestamp(None, None, 3.0) for _ in range(3)] == [24_000, 24_001, 24_002]


def test_reordered_pictures_keep_their_times():
    clock = RtpClock(1000)
    times = [clock.timestamp(pts, MS, 0.0, reordered_by=1.0) for pts in (0, 120, 40, 80, 160)]
    assert times == [0, 120, 40, 80, 160]
