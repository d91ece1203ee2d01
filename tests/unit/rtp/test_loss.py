import pytest

from rtcpeer.rtp.loss import LossSettings, NackGenerator, RetransmissionHistory

SETTINGS = LossSettings()


def test_what_was_only_overtaken_is_not_asked_for():
    nacks = NackGenerator(SETTINGS)
    for number in (65_534, 0, 65_535):
        nacks.receive(number, 1.0)
    assert nacks.next_timeout() is None
    assert nacks.requests(5.0) == []
    assert nacks.recovered == 1


def test_requests_are_repeated_by_the_round_trip_and_given_up():
    nacks = NackGenerator(LossSettings(max_requests=3))
    nacks.set_round_trip_time(0.08)
    nacks.receive(65_534, 0.0)
    nacks.receive(1, 0.0)
    assert nacks.next_timeout() == 0.01
    assert nacks.requests(0.005) == []
    times = []
    while (due := nacks.next_timeout()) is not None:
        times += [due] * (nacks.requests(due) == [65_535, 0])
    assert times == pytest.approx([0.01, 0.11, 0.21])
    assert (len(nacks), nacks.given_up, nacks.requested) == (0, 2, 6)


def test_what_is_too_old_is_given_up():
    nacks = NackGenerator(SETTINGS)
    nacks.receive(0, 0.0)
    nacks.receive(2, 0.0)
    nacks.set_round_trip_time(0.9)
    assert nacks.requests(0.01) == [1]
    assert nacks.next_timeout() == 1.0
    assert nacks.requests(1.0) == []
    assert nacks.next_timeout() is None


def test_a_recovered_packet_and_a_skipped_one_are_not_asked_for_again():
    nacks = NackGenerator(SETTINGS)
    for number in (0, 5):
        nacks.receive(number, 0.0)
    nacks.receive(2, 0.0)
    nacks.forget_before(4)
    assert nacks.requests(0.01) == [4]


def test_memory_is_bounded_whatever_numbers_come():
    nacks = NackGenerator(SETTINGS)
    for step in range(500):
        nacks.receive(step * 2999 & 0xFFFF, 0.0)
        assert len(nacks) <= SETTINGS.max_missing
    nacks.receive(500 * 2999 + 20_000 & 0xFFFF, 0.0)
    assert len(nacks) == 0


def test_the_history_is_bounded_in_bytes_packets_and_age():
    history = RetransmissionHistory(LossSettings(history_bytes=1000, history_packets=5, history_age=1.0), 1_000_000)
    for number in range(4):
        history.add(number, b"", 400, 0.0)
    assert (len(history), history.kept_bytes) == (2, 800)
    for number in range(4, 14):
        history.add(number, b"", 10, 0.0)
    assert (len(history), history.kept_bytes) == (5, 50)
    history.add(14, b"", 10, 1.5)
    assert len(history) == 1


def test_a_packet_is_sent_again_once_in_a_round_trip():
    history = RetransmissionHistory(SETTINGS, 1_000_000)
    history.set_round_trip_time(0.1)
    history.add(65_535, "last", 100, 0.0)
    history.add(0, "first", 100, 0.0)
    assert history.packet(65_535, 0.2) == "last"
    assert history.packet(65_535, 0.25) is None
    assert history.packet(65_535, 0.31) == "last"
    assert history.packet(7, 0.4) is None
    assert history.packet(0, 2.5) is None
    assert (history.resent, history.refused, history.unknown) == (2, 1, 2)


def test_retransmissions_keep_to_their_share():
    history = RetransmissionHistory(SETTINGS, 800_000)  # 50,000 bytes a second, 25,000 at once
    for number in range(200):
        history.add(number, number, 1000, 0.0)
    assert sum(history.packet(number, 0.1) is not None for number in range(200)) == 25
    assert sum(history.packet(number, 0.3) is not None for number in range(200)) == 25 - 15
    history.set_bitrate(0)
    assert [history.packet(number, 1.0) for number in (197, 198, 199)] == [197, None, None]


@pytest.mark.parametrize(
    "fields",
    [
        {"reordering_wait": -1},
        {"max_wait": 0},
        {"max_requests": 0},
        {"max_missing": 4000},
        {"history_packets": 1 << 15},
        {"retransmission_share": 0},
    ],
)
def test_settings_name_what_is_wrong(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        LossSettings(**fields)
