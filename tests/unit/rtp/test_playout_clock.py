import pytest

from rtcpeer.rtp.playout_clock import PlayoutClock


def clock():
    return PlayoutClock(90_000, (0.01, 0.5), 0.97, 100)


def test_frames_are_due_a_delay_after_the_fastest_packets():
    playout = clock()
    playout.arrived(0xFFFFFFF0, 10.0, counts=True)
    later = playout.arrived(90_000 - 16, 11.05, counts=True)
    assert playout.due(later) == pytest.approx(11.01)
    assert later == 0xFFFFFFF0 + 90_000


def test_the_delay_follows_the_jitter_and_comes_back():
    playout = clock()
    for step in range(100):
        playout.arrived(step * 3000, step / 30 + (0.08 if step % 10 == 9 else 0.0), counts=True)
    assert playout.delay == pytest.approx(0.08)
    for step in range(100, 201):
        playout.arrived(step * 3000, step / 30, counts=True)
    assert playout.delay == pytest.approx(0.01)


def test_the_delay_keeps_to_its_bounds_and_to_what_was_asked_for():
    playout = clock()
    playout.asked = 0.2
    assert playout.delay == 0.2
    playout.asked = 9.0
    assert playout.delay == 0.5


def test_retransmissions_say_nothing_of_jitter():
    playout = clock()
    playout.arrived(0, 0.0, counts=True)
    playout.arrived(3000, 0.4, counts=False)
    assert playout.delay == 0.01


def test_a_jump_begins_another_time_line():
    playout = clock()
    playout.arrived(0, 0.0, counts=True)
    unwrapped = playout.arrived(0x70000000, 0.1, counts=True)
    assert playout.epoch == 1
    assert playout.due(unwrapped) == pytest.approx(0.11)


def test_wishes_of_sender_and_application_and_of_other_streams():
    clock = PlayoutClock(1000, (0.01, 1.0), 0.97, 100)
    clock.set_wish(0.1, 0.2)
    assert clock.delay == 0.1
    clock.asked = 0.5
    assert clock.own_delay == clock.delay == 0.5
    clock.asked = 0.0
    clock.synchronized = 0.3
    assert (clock.own_delay, clock.delay) == (0.1, 0.3)
    clock.synchronized = 5.0
    assert clock.delay == 1.0
