import pytest

from rtcpeer.rtp.bandwidth import (
    BandwidthEstimator,
    BandwidthSettings,
    PacketResult,
    ProbeRequested,
    TargetBitrateChanged,
)

SETTINGS = BandwidthSettings()


def test_it_says_nothing_before_the_path_is_there_then_the_first_target_and_probes():
    estimator = BandwidthEstimator(SETTINGS)
    assert estimator.next_timeout() is None
    estimator.handle_timeout(0.0)
    assert estimator.poll_events() == []
    estimator.start(1.0)
    estimator.start(1.0)
    target, probe = estimator.poll_events()
    assert target == TargetBitrateChanged(300_000)
    assert isinstance(probe, ProbeRequested)
    assert probe.bitrate == 900_000
    assert estimator.next_timeout() == 3.0


def test_the_peer_bounds_the_target():
    estimator = BandwidthEstimator(SETTINGS)
    estimator.start(0.0)
    estimator.poll_events()
    estimator.receive_remote_bitrate(100_000, 0.1)
    assert estimator.poll_events() == [TargetBitrateChanged(100_000)]
    for bitrate in (0, -5):
        estimator.receive_remote_bitrate(bitrate, 0.2)
    assert estimator.target == 100_000
    estimator.receive_remote_bitrate(1, 0.3)
    assert estimator.target == SETTINGS.min_bitrate
    estimator.receive_remote_bitrate(1 << 60, 0.3)
    assert estimator.target == 300_000


def test_our_own_limit_bounds_it_too():
    estimator = BandwidthEstimator(SETTINGS)
    estimator.start(0.0)
    estimator.limit(50_000, 0.0)
    assert estimator.target == 50_000
    estimator.limit(0, 0.0)
    assert estimator.target == SETTINGS.min_bitrate


def test_silence_halves_the_target_as_long_as_something_is_sent():
    estimator = BandwidthEstimator(SETTINGS)
    estimator.start(0.0)
    estimator.note_sent(0.5)
    estimator.note_sent(0.6)
    estimator.poll_events()
    targets = []
    for _ in range(6):
        due = estimator.next_timeout()
        estimator.handle_timeout(due)
        assert estimator.next_timeout() is None
        estimator.note_sent(due)
        targets += [event.bitrate for event in estimator.poll_events()]
    assert targets == [150_000, 75_000, 37_500, 30_000]
    estimator.receive_feedback([PacketResult(0, 8.0, 1.0, 100)], 8.1)
    (probe,) = estimator.poll_events()
    assert probe.bitrate == pytest.approx(0.85 * 300_000)


def test_feedback_without_results_is_none():
    estimator = BandwidthEstimator(SETTINGS)
    estimator.start(0.0)
    estimator.note_sent(0.0)
    due = estimator.next_timeout()
    estimator.receive_feedback([], 0.5)
    assert estimator.next_timeout() == due


def test_the_snapshot_shows_what_bounds():
    estimator = BandwidthEstimator(SETTINGS)
    statistics = estimator.statistics()
    assert (statistics.target_bitrate, statistics.loss_based_bitrate, statistics.remote_bitrate) == (
        300_000,
        None,
        None,
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"min_bitrate": 0},
        {"start_bitrate": 1},
        {"max_bitrate": 1},
        {"trend_window": 1},
        {"decrease_factor": 1.0},
        {"loss_tolerated": 0.5},
        {"probe_factors": (1.0, 2.0)},
        {"probe_min_packets": 1},
        {"feedback_timeout": 0},
        {"overuse_threshold": 1.0},
    ],
)
def test_settings_name_what_is_wrong(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        BandwidthSettings(**fields)
