from rtcpeer.rtp.arrival_log import MAX_REPORTED, ArrivalLog
from rtcpeer.rtp.rtcp import parse_compound


def feedback(log):
    packets = log.feedback(1, 2)
    return [parse_compound(packet.serialize())[0] for packet in packets]


def covered(packet):
    base = packet.base_sequence_number
    return [(base + index) & 0xFFFF for index in range(packet.status_count)]


def test_each_arrival_is_told_once_with_its_time():
    log = ArrivalLog()
    for number in range(3):
        log.add(number, 5.0 + number / 100)
    (packet,) = feedback(log)
    assert (packet.sender_ssrc, packet.media_ssrc, packet.feedback_count) == (1, 2, 0)
    assert [arrival.sequence_number for arrival in packet.arrivals] == [0, 1, 2]
    assert [arrival.time / 4000 for arrival in packet.arrivals] == [5.0, 5.01, 5.02]
    assert feedback(log) == []


def test_what_is_missing_between_two_calls_is_reported_too():
    log = ArrivalLog()
    log.add(10, 1.0)
    feedback(log)
    log.add(13, 1.1)
    (packet,) = feedback(log)
    assert covered(packet) == [11, 12, 13]
    assert [arrival.sequence_number for arrival in packet.arrivals] == [13]
    assert packet.feedback_count == 1


def test_a_late_packet_is_told_although_it_was_called_lost():
    log = ArrivalLog()
    for number in (1, 3):
        log.add(number, 1.0)
    feedback(log)
    log.add(2, 1.1)
    log.add(4, 1.1)
    (packet,) = feedback(log)
    assert [arrival.sequence_number for arrival in packet.arrivals] == [2, 4]
    log.add(5, 1.2)
    assert covered(feedback(log)[0]) == [5]


def test_numbers_wrap():
    log = ArrivalLog()
    for number in (65534, 65535, 0, 1):
        log.add(number, 1.0)
    (packet,) = feedback(log)
    assert covered(packet) == [65534, 65535, 0, 1]


def test_of_two_packets_with_one_number_the_first_counts():
    log = ArrivalLog()
    log.add(7, 1.0)
    log.add(7, 2.0)
    assert [arrival.time for arrival in feedback(log)[0].arrivals] == [4000]


def test_many_and_far_apart_arrivals_take_several_packets():
    log = ArrivalLog()
    for number in range(3 * MAX_REPORTED):
        log.add(number, 1.0 + number / 1000)
    packets = log.feedback(1, 2)
    assert [packet.status_count for packet in packets] == [MAX_REPORTED] * 3
    assert max(len(packet.serialize()) for packet in packets) < 1200
    log.add(2000, 10.0)
    log.add(2001, 30.0)
    assert [len(packet.arrivals) for packet in feedback(log)] == [1, 1]


def test_a_jump_is_no_loss():
    log = ArrivalLog()
    log.add(0, 1.0)
    feedback(log)
    log.add(20_000, 1.1)
    assert covered(feedback(log)[0]) == [20_000]


def test_memory_is_bounded():
    log = ArrivalLog()
    for number in range(50_000):
        log.add(number & 0xFFFF, 1.0)
    assert len(log) == 20_000
