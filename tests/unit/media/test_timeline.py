import pytest

from rtcpeer.media.timeline import Timeline


def test_a_track_begins_when_it_arrives_and_goes_on_by_its_timestamps():
    timeline = Timeline()
    assert timeline.place(5000.0, 2.0) == 2.0
    assert timeline.place(5000.04, 2.11) == pytest.approx(2.04)  # the arrival is jittered
    assert timeline.place(5000.08, 2.08) == pytest.approx(2.08)


def test_what_arrives_faster_than_it_is_played_keeps_its_timestamps():
    timeline = Timeline()
    assert [timeline.place(float(second), 0.0) for second in range(9)] == pytest.approx(list(range(9)))


def test_a_pause_of_the_source_stays_one():
    timeline = Timeline()
    timeline.place(0.0, 0.0)
    assert timeline.place(60.0, 60.2) == pytest.approx(60)


@pytest.mark.parametrize("timestamp", [0.0, 1e6])
def test_after_a_jump_the_arrival_counts(timestamp):
    timeline = Timeline()
    timeline.place(100.0, 0.0)
    timeline.place(101.0, 1.0)
    assert timeline.place(timestamp, 1.04) == pytest.approx(1.04)
    assert timeline.place(timestamp + 0.04, 1.08) == pytest.approx(1.08)


def test_a_jump_never_leads_back():
    timeline = Timeline()
    timeline.place(0.0, 0.0)
    timeline.place(9.0, 1.0)
    assert timeline.place(0.0, 1.04) == pytest.approx(9)


def test_frames_without_a_timestamp_are_placed_by_arrival():
    timeline = Timeline()
    assert [timeline.place(None, arrival) for arrival in (0.5, 0.54)] == [0.5, 0.54]
    assert timeline.place(7.0, 0.6) == pytest.approx(0.6)
