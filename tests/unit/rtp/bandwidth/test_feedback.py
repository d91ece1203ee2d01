import math

from rtcpeer.rtp.bandwidth.feedback import CARE_INTERVAL, MAX_AGE, MAX_PACKETS, PacketResult, SentPackets


def test_numbers_wrap_and_results_come_as_sent():
    sent = SentPackets()
    for number in range(65_537):
        assert sent.add(100, number / 1000, 7 if number == 65_536 else None) == number & 0xFFFF
    assert sent.resolve([(0, 5.0), (65_535, None)]) == [
        PacketResult(65_535, 65.535, None, 100),
        PacketResult(65_536, 65.536, 5.0, 100, 7),
    ]


def test_a_packet_arrives_once_and_is_lost_once_before():
    sent = SentPackets()
    sent.add(100, 0.0)
    assert len(sent.resolve([(0, None), (0, None)])) == 1
    assert sent.resolve([(0, None), (0, 1.0), (0, 1.0), (0, None)]) == [PacketResult(0, 0.0, 1.0, 100)]
    assert sent.unknown == 4


def test_what_was_never_sent_and_times_that_are_none_are_left_out():
    sent = SentPackets()
    sent.add(100, 0.0)
    assert sent.resolve([(1, 1.0), (0, math.nan), (0, math.inf), (0, -1e300)]) == []
    assert sent.unknown == 4


def test_memory_is_bounded_without_any_feedback():
    sent = SentPackets()
    for _ in range(2 * MAX_PACKETS):
        sent.add(100, 0.0)
    assert len(sent) == MAX_PACKETS
    for step in range(3 * MAX_PACKETS):
        sent.add(100, MAX_AGE + step)
    assert len(sent) <= MAX_AGE + 1 + CARE_INTERVAL
