import pytest

from rtcpeer.rtp.feedback_pace import FeedbackPace


def interval_at(bitrate: float) -> float:
    """What the pace comes to when packets come at this rate, in packets of a tenth of a second."""
    pace = FeedbackPace(shortest=0.05, longest=0.25, share=0.05)
    now, told_at = 1.0, 0.0
    for _ in range(20):
        pace.arrived(round(bitrate / 80), now)
        now += 0.1
        pace.told(now)
        told_at = now
    pace.arrived(1, now)
    assert pace.due is not None
    return pace.due - told_at


def test_nothing_is_due_before_something_came() -> None:
    pace = FeedbackPace(0.05, 0.25, 0.05)
    assert pace.due is None
    pace.arrived(100, 3.0)
    assert pace.due == pytest.approx(3.05)
    pace.told(3.05)
    assert pace.due is None


def test_a_thin_stream_is_told_of_rarely_and_a_thick_one_often() -> None:
    assert interval_at(20_000) == pytest.approx(0.25)
    assert interval_at(100_000) == pytest.approx(8 * 68 / 5000)
    assert interval_at(2_000_000) == pytest.approx(0.05)


def test_two_at_one_moment_do_no_harm() -> None:
    pace = FeedbackPace(0.05, 0.25, 0.05)
    pace.arrived(100, 1.0)
    pace.told(1.0)
    pace.arrived(100, 1.0)
    assert pace.due == pytest.approx(1.05)
