import pytest

from rtcpeer.ice import CandidatePair, IceSettings
from rtcpeer.ice.consent import PathMonitor
from tests.unit.ice.network import host


def watched(byte=127, **settings):
    pair = CandidatePair(host("192.0.2.1"), host("192.0.2.2"), 1)
    pair.last_received_at = pair.last_response_at = 10.0
    monitor = PathMonitor(IceSettings(**settings), lambda count: bytes([byte]) * count)
    monitor.watch(pair, 10.0)
    return monitor, pair


def test_nothing_without_a_pair():
    monitor = PathMonitor(IceSettings(), bytes)
    assert monitor.check_due(1e9) is None
    assert monitor.next_timeout(False) is None
    assert not monitor.is_silent(1e9)
    assert not monitor.is_dead(1e9)
    assert not monitor.has_consent(0.0)
    monitor.forgive(1.0, 1.0)


@pytest.mark.parametrize(("byte", "interval"), [(0, 2.0), (255, 2.4)])
def test_checks_are_paced_with_variation(byte, interval):
    monitor, pair = watched(byte)
    assert monitor.next_timeout(False) == pytest.approx(10 + interval)
    assert monitor.check_due(10 + interval - 0.01) is None
    assert monitor.check_due(10 + interval + 0.01) is pair
    assert monitor.check_due(10 + interval + 0.01) is None


def test_consent_alone_is_paced_by_its_own_interval():
    monitor, _ = watched(0, keepalive_interval=0)
    assert monitor.next_timeout(False) == pytest.approx(14.0)


@pytest.mark.parametrize(
    ("keepalive", "consent", "byte", "interval"), [(9.0, 5.0, 0, 4.0), (9.0, 5.0, 255, 6.0), (0.5, 5.0, 255, 0.6)]
)
def test_both_intervals_are_settings_and_the_shorter_one_counts(keepalive, consent, byte, interval):
    monitor, _ = watched(byte, keepalive_interval=keepalive, consent_interval=consent)
    assert monitor.next_timeout(True) == pytest.approx(10 + interval)


def test_thresholds():
    monitor, _ = watched()
    assert not monitor.is_silent(14.99)
    assert monitor.is_silent(15.0)
    assert not monitor.is_dead(39.99)
    assert monitor.is_dead(40.0)
    assert monitor.has_consent(39.99)
    assert not monitor.has_consent(40.0)


def test_data_is_no_consent():
    monitor, pair = watched()
    pair.last_received_at = 39.0
    assert not monitor.is_silent(40.0)
    assert not monitor.has_consent(40.0)


def test_zero_means_never():
    monitor, _ = watched(disconnected_timeout=0)
    assert not monitor.is_silent(1e9)
    assert not monitor.is_dead(1e9)
    monitor, _ = watched(failed_timeout=0)
    assert monitor.is_silent(1e9)
    assert not monitor.is_dead(1e9)


def test_forgiven_time_is_given_back_but_not_more_than_there_was():
    monitor, pair = watched()
    monitor.forgive(20.0, 32.0)
    assert (pair.last_received_at, pair.last_response_at) == (30.0, 30.0)
    assert not monitor.is_silent(34.0)
    monitor.forgive(50.0, 33.0)
    assert pair.last_response_at == 33.0


def test_a_path_is_in_doubt_when_it_is_silent_or_consent_is_half_gone():
    monitor, pair = watched()
    assert not monitor.is_doubtful(14.9)
    assert monitor.is_doubtful(15.0)
    pair.last_received_at = 24.9
    assert not monitor.is_doubtful(24.9)
    assert monitor.is_doubtful(25.0)
    assert not PathMonitor(IceSettings(), bytes).is_doubtful(1e9)


def test_keepalives_are_consent_checks_and_come_every_two_seconds():
    settings = IceSettings()
    assert settings.keepalive_interval == 2.0
    monitor, pair = watched(0)
    due = monitor.next_timeout(False)
    assert due == pytest.approx(12.0, abs=0.01)
    assert monitor.check_due(due) is pair


def test_a_path_that_has_not_answered_is_asked_four_times_as_often():
    monitor, pair = watched(0)
    for due in (12.0, 12.5, 13.0):
        assert monitor.next_timeout(False) == pytest.approx(due)
        assert monitor.check_due(due) is pair
    pair.last_received_at = pair.last_response_at = 13.1
    assert monitor.next_timeout(False) == pytest.approx(15.0)


def test_an_answer_has_two_round_trips_time():
    monitor, pair = watched(0)
    pair.current_round_trip_time = 0.7
    assert monitor.check_due(12.0) is pair
    assert monitor.next_timeout(False) == pytest.approx(13.4)
    pair.current_round_trip_time = 7.0
    assert monitor.next_timeout(False) == pytest.approx(14.0)


def test_a_path_that_we_have_turned_to_need_not_have_answered_us_since():
    monitor, _ = watched(0)
    other = CandidatePair(host("192.0.2.1"), host("192.0.2.3"), 1)
    other.last_received_at = other.last_response_at = 9.0
    assert monitor.check_due(12.0) is not None
    monitor.watch(other, 12.1)
    assert monitor.next_timeout(False) == pytest.approx(13.0)  # 4 s after its answer


def test_a_path_whose_last_answer_is_old_is_asked_at_once_when_we_turn_to_it():
    monitor, _ = watched(0)
    other = CandidatePair(host("192.0.2.1"), host("192.0.2.3"), 1)
    other.last_response_at = 1.0
    other.last_request_at = other.last_received_at = 26.9  # the peer keeps it open, but that is no consent
    monitor.watch(other, 27.0)
    assert monitor.check_due(27.0) is other


def test_the_peers_check_stands_in_for_ours_until_consent_has_to_be_asked_for():
    monitor, pair = watched(0)
    pair.last_received_at = pair.last_request_at = 11.5
    assert monitor.next_timeout(False) == pytest.approx(13.5)
    pair.last_received_at = pair.last_request_at = 13.4
    assert monitor.next_timeout(False) == pytest.approx(14.0)  # RFC 7675 section 5.1: 4 s at least, and no more here
    assert monitor.check_due(14.0) is pair
    pair.last_received_at = pair.last_response_at = 14.1
    assert monitor.next_timeout(False) == pytest.approx(16.4)  # it is the peer's turn
    assert monitor.check_due(16.4) is pair
    pair.last_received_at = pair.last_response_at = 16.5
    assert monitor.next_timeout(False) == pytest.approx(18.4)  # which it has not taken


def test_what_the_peer_asked_before_our_check_and_what_it_asks_in_vain_put_nothing_off():
    monitor, pair = watched(0)
    pair.last_request_at = 9.0
    assert monitor.check_due(12.0) is pair
    pair.last_received_at = pair.last_request_at = 12.4  # it gets through to us, and we not to it
    assert monitor.next_timeout(False) == pytest.approx(12.5)


def test_consent_alone_is_asked_for_whatever_the_peer_asks():
    monitor, pair = watched(0, keepalive_interval=0)
    pair.last_received_at = pair.last_request_at = 13.9
    assert monitor.next_timeout(False) == pytest.approx(14.0)


def test_an_indication_of_a_lite_agent_is_not_unanswered():
    monitor, pair = watched(0, lite=True)
    assert monitor.check_due(12.0) is pair
    assert monitor.next_timeout(False) == pytest.approx(14.0)
