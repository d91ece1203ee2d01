"""The delay-based and the loss-based rate, and the probes."""

import math

import pytest

from rtcpeer.rtp.bandwidth import BandwidthSettings, PacketResult, Usage
from rtcpeer.rtp.bandwidth.loss_based import LossControl
from rtcpeer.rtp.bandwidth.probing import Prober
from rtcpeer.rtp.bandwidth.rate_control import RateControl, RateState

SETTINGS = BandwidthSettings(start_bitrate=1_000_000)


def test_the_rate_grows_by_eight_percent_a_second():
    rate = RateControl(SETTINGS)
    for step in range(11):
        rate.update(Usage.NORMAL, 1_000_000.0, 0.1, step / 10)
    assert rate.state is RateState.INCREASE
    assert rate.bitrate == pytest.approx(1_080_000)


def test_overuse_lowers_it_to_a_share_of_what_arrives_once_a_response_time():
    rate = RateControl(SETTINGS)
    rate.update(Usage.OVERUSE, 800_000.0, 0.1, 0.0)
    assert (rate.bitrate, rate.state) == (680_000, RateState.DECREASE)
    rate.update(Usage.OVERUSE, 400_000.0, 0.1, 0.15)
    assert rate.bitrate == 680_000
    rate.update(Usage.OVERUSE, 400_000.0, 0.1, 0.25)
    assert rate.bitrate == 340_000


def test_near_the_capacity_it_grows_by_half_a_packet_a_response_time():
    rate = RateControl(SETTINGS)
    rate.update(Usage.OVERUSE, 800_000.0, 0.1, 0.0)
    rate.update(Usage.NORMAL, 680_000.0, 0.1, 0.1)
    assert rate.state is RateState.HOLD
    for step in range(2, 12):
        rate.update(Usage.NORMAL, 680_000.0, 0.1, step / 10)
    assert 680_000 + 15_000 < rate.bitrate < 680_000 + 25_000
    rate.update(Usage.NORMAL, 1_000_000.0, 0.1, 2.2)
    assert rate.bitrate > 700_000 * 1.07


def test_a_queue_that_drains_is_waited_for():
    rate = RateControl(SETTINGS)
    rate.update(Usage.NORMAL, None, 0.1, 0.0)
    rate.update(Usage.UNDERUSE, None, 0.1, 1.0)
    assert (rate.bitrate, rate.state) == (1_000_000, RateState.HOLD)


def test_it_never_runs_away_from_what_arrives_and_never_below_the_minimum():
    rate = RateControl(SETTINGS)
    for step in range(200):
        rate.update(Usage.NORMAL, 700_000.0, 0.1, step)
    assert rate.bitrate == 1_050_000
    for step in range(200, 300):
        rate.update(Usage.OVERUSE, 1.0, 0.1, step)
    assert rate.bitrate == SETTINGS.min_bitrate


def lose(loss, share, start, seconds, delay_based=1_000_000.0):
    for step in range(seconds * 10):
        lost = round(share * 100)
        loss.update(100 - lost, lost, delay_based, start + step / 10)
    return loss.bitrate


def test_loss_bounds_the_rate_only_beyond_ten_percent():
    loss = LossControl(SETTINGS)
    assert lose(loss, 0.0, 0, 3) == math.inf
    assert lose(loss, 0.05, 3, 3) == 1_000_000
    assert 800_000 < lose(loss, 0.2, 6, 2) <= 900_000
    lowered = lose(loss, 0.05, 8, 3)
    assert lose(loss, 0.05, 11, 3) == lowered
    assert lowered < lose(loss, 0.01, 14, 3) <= lowered * 1.2
    assert lose(loss, 0.0, 17, 30) == math.inf


def test_few_packets_say_nothing():
    loss = LossControl(SETTINGS)
    for step in range(40):
        loss.update(0, 1, 1_000_000.0, step)
    assert loss.bitrate == math.inf


def answer(probe, share=1.0):
    """The packets of a probe as a link lets them through that carries ``share`` of its rate."""
    count = max(probe.min_packets, math.ceil(probe.min_bytes / 1000))
    gap = 8000 / probe.bitrate
    return [PacketResult(n, n * gap, 50 + n * gap / share, 1000, probe.probe_id) for n in range(count)]


def run(prober, probe, share=1.0, now=0.1):
    return [bitrate for one in answer(probe, share) if (bitrate := prober.result(one, now)) is not None]


def test_probes_double_as_long_as_they_come_through():
    prober = Prober(SETTINGS)
    probe = prober.request(1_000_000, 1e9, 0.0)
    assert (probe.bitrate, probe.min_packets) == (3_000_000, 5)
    assert probe.min_bytes == math.ceil(3_000_000 * 0.015 / 8)
    assert prober.request(1_000_000, 1e9, 0.05) is None
    assert run(prober, probe) == [pytest.approx(3_000_000, rel=0.01)]
    probe = prober.request(3_000_000, 1e9, 0.1)
    assert probe.bitrate == pytest.approx(6_000_000, rel=0.01)
    assert run(prober, probe, 0.5) == [pytest.approx(0.95 * 3_000_000, rel=0.01)]
    assert prober.request(3_000_000, 1e9, 0.2) is None
    assert prober.next_timeout() == pytest.approx(5.1)


def test_a_probe_that_arrives_faster_than_it_was_sent_shows_nothing():
    prober = Prober(SETTINGS)
    assert run(prober, prober.request(1_000_000, 1e9, 0.0), 3.0) == []


def test_an_unanswered_probe_expires_and_overuse_puts_the_next_off():
    prober = Prober(SETTINGS)
    prober.request(1_000_000, 1e9, 0.0)
    assert prober.next_timeout() == 2.0
    assert prober.request(1_000_000, 1e9, 2.0) is None
    assert prober.request(1_000_000, 1e9, 7.0).bitrate == 2_000_000
    assert prober.request(1_000_000, 1e9, 9.0) is None
    prober.overused(1_000_000, 500_000, 10.0)
    assert prober.next_timeout() == 12.5


def test_nothing_is_probed_beyond_the_maximum():
    prober = Prober(SETTINGS)
    assert prober.request(1_000_000, 2_000_000, 0.0).bitrate == 2_000_000
    prober = Prober(SETTINGS)
    assert prober.request(1_000_000, 1_000_000, 0.0) is None
