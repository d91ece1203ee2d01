import math

import pytest

from rtcpeer.rtp.bandwidth import Pacer, PacerSettings, Priority, ProbeRequested


def paced(*, target, **settings):
    """A pacer that begins as it goes on."""
    return Pacer(PacerSettings(initial_burst=0, **settings), target)


def drain(pacer, now, until=math.inf):
    """Pull when it wants to be pulled; (time, packet) of each."""
    sent = []
    for _ in range(100_000):
        sent += [(now, paced) for paced in pacer.packets_to_send(now)]
        due = pacer.next_timeout()
        if due is None or due > until:
            return sent
        assert due > now, "it wants to be pulled again at the same instant"
        now = due
    raise AssertionError("it never ends")


def test_priorities_in_order_and_audio_at_once():
    pacer = paced(burst_time=0.0, target=80_000)
    for priority in (Priority.PADDING, Priority.VIDEO, Priority.RETRANSMISSION, Priority.AUDIO, Priority.AUDIO):
        pacer.enqueue(priority.name, 1000, priority, 0.0)
    assert pacer.next_timeout() == -math.inf
    first = pacer.packets_to_send(0.0)
    assert [paced.packet for paced in first] == ["AUDIO", "AUDIO"]
    assert pacer.packets_to_send(0.0) == []
    rest = [paced.packet for _, paced in drain(pacer, 0.0)]
    assert rest == ["RETRANSMISSION", "VIDEO", "PADDING"]


def test_a_frame_is_spread_at_the_target_times_the_factor():
    pacer = paced(target=1_000_000)
    for number in range(50):
        pacer.enqueue(number, 1250, Priority.VIDEO, 10.0)
    sent = drain(pacer, 10.0)
    assert [paced.packet for _, paced in sent] == list(range(50))
    # 49 packets of 10,000 bits at 2.5 Mbit/s, less the burst of 5 ms that may go ahead.
    assert sent[-1][0] - 10.0 == pytest.approx(49 * 0.004 - 0.005, abs=0.002)


def test_an_owner_that_comes_late_does_not_slow_the_pace():
    pacer = paced(target=1_000_000)
    for number in range(100):
        pacer.enqueue(number, 1250, Priority.VIDEO, 10.0)
    # 2.5 Mbit/s are 25 packets in 0.1 s, however seldom anybody asks.
    counts = [len(pacer.packets_to_send(10.0 + turn / 10)) for turn in range(4)]
    assert counts[0] <= 2
    assert counts[1:] == [25, 25, 25]


def test_lateness_is_made_good_within_bounds_and_only_for_what_waited():
    pacer = paced(target=1_000_000)
    for number in range(500):
        pacer.enqueue(number, 1250, Priority.VIDEO, 10.0)
    pacer.packets_to_send(10.0)
    assert len(pacer.packets_to_send(12.0)) < 160, "0.25 s of 5 Mbit/s at most, for a queue that long"
    idle = paced(target=1_000_000)
    idle.enqueue(0, 1250, Priority.VIDEO, 10.0)
    idle.packets_to_send(10.0)
    for number in range(100):
        idle.enqueue(number, 1250, Priority.VIDEO, 12.0)
    assert len(idle.packets_to_send(12.0)) <= 2


def test_a_long_queue_is_sent_faster():
    pacer = paced(target=100_000)
    for _ in range(200):
        pacer.enqueue(None, 1250, Priority.VIDEO, 0.0)
    assert pacer.queue_time <= 2.0
    sent = [when for when, _ in drain(pacer, 0.0, until=2.0)]
    assert len(sent) > 100
    assert pacer.dropped == 0


def test_what_waited_too_long_is_dropped():
    pacer = paced(target=8000)
    for _ in range(10):
        pacer.enqueue(None, 1000, Priority.VIDEO, 0.0)
    assert len(pacer.packets_to_send(4.0)) == 0
    assert (pacer.dropped, pacer.queued_bytes) == (10, 0)
    assert pacer.next_timeout() is None


def test_the_queue_is_bounded():
    pacer = paced(max_queued_packets=5, target=8000)
    for _ in range(9):
        pacer.enqueue(None, 10, Priority.VIDEO, 0.0)
    assert (pacer.dropped, pacer.queued_bytes) == (4, 50)


def test_a_probe_takes_media_first_then_padding():
    pacer = paced(padding_size=200, target=300_000)
    pacer.enqueue("frame", 1000, Priority.VIDEO, 0.0)
    pacer.start_probe(ProbeRequested(3, 1_600_000, 5, 3000))
    assert pacer.next_timeout() == -math.inf
    sent = drain(pacer, 0.0)
    assert [paced for _, paced in sent[:2]] == [(None, 1, Priority.PADDING, 3), ("frame", 1000, Priority.VIDEO, 3)]
    assert {paced for _, paced in sent[2:]} == {(None, 200, Priority.PADDING, 3)}
    assert len(sent) == 12
    assert sent[-1][0] == pytest.approx(2800 * 8 / 1_600_000, rel=0.01)
    pacer.enqueue("next", 1000, Priority.VIDEO, 1.0)
    assert pacer.packets_to_send(1.0) == [("next", 1000, Priority.VIDEO, None)]


def test_probes_that_pile_up_are_bounded():
    pacer = paced(padding_size=200, target=300_000)
    for probe_id in range(100):
        pacer.start_probe(ProbeRequested(probe_id, 1_600_000, 2, 400))
    assert {paced.probe_id for _, paced in drain(pacer, 0.0)} == {0, 1, 2, 3}


def test_a_new_target_does_not_forgive_what_was_sent():
    pacer = paced(burst_time=0.0, target=80_000)
    for _ in range(2):
        pacer.enqueue(None, 1000, Priority.VIDEO, 0.0)
    assert len(pacer.packets_to_send(0.0)) == 1
    pacer.set_bitrate(160_000, 0.0)
    assert pacer.next_timeout() == pytest.approx(1000 * 8 / (2.5 * 160_000), rel=0.001)


@pytest.mark.parametrize("fields", [{"pacing_factor": 0.5}, {"max_age": 1.0}, {"padding_size": 256}])
def test_settings_name_what_is_wrong(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        PacerSettings(**fields)


def test_the_first_picture_is_sent_faster():
    pacer = Pacer(PacerSettings(initial_burst=5000, burst_time=0.0), 8000)
    for number in range(7):
        pacer.enqueue(number, 1000, Priority.VIDEO, 0.0)
    assert [each.packet for each in pacer.packets_to_send(0.0)] == [0, 1, 2, 3, 4, 5]
    assert pacer.next_timeout() == pytest.approx(1000 / 2500, abs=0.01)
