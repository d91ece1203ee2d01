import pytest

from rtcpeer.rtp.report_schedule import ReportSchedule


def schedule(random=b"\x80\0", share=0.05):
    return ReportSchedule(1.0, share, lambda _: random)


def test_the_first_report_comes_soon_and_starting_again_changes_nothing():
    plan = schedule()
    assert plan.due is None
    plan.start(10.0)
    plan.start(11.0)
    assert plan.due == pytest.approx(10.1)


def test_then_they_come_at_random_around_the_interval():
    dues = []
    for random in (b"\0\0", b"\x80\0", b"\xff\xff"):
        plan = schedule(random)
        plan.note_sent(100, 1_000_000, 0.0)
        dues.append(plan.due)
    # RFC 3550 section 6.3.1: 0.5 to 1.5 times the interval, divided by e - 3/2.
    assert dues == pytest.approx([0.41, 0.82, 1.23], abs=0.01)


def test_little_bandwidth_means_few_reports_but_not_none():
    plan = schedule()
    for _ in range(100):
        plan.note_sent(400, 30_000, 0.0)
    assert plan.due == pytest.approx(400 * 8 / 1500 / 1.218, abs=0.1)
    plan.note_sent(400, 100, 0.0)
    assert plan.due == pytest.approx(5 / 1.218, abs=0.1)
