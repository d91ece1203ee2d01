import math

import pytest

from rtcpeer.rtp.bandwidth import BandwidthSettings
from rtcpeer.rtp.bandwidth.report_based import ReportBasedRate

SETTINGS = BandwidthSettings(start_bitrate=300_000, min_bitrate=30_000, max_bitrate=2_000_000)


def after(losses):
    rate = ReportBasedRate(SETTINGS)
    for second, share in enumerate(losses):
        rate.receive_loss(share, float(second))
    return rate


def test_it_grows_without_loss_stands_with_some_and_shrinks_with_much():
    assert after([]).bitrate == 300_000
    assert after([0.0]).bitrate == pytest.approx(324_000)
    assert after([0.05] * 10).bitrate == 300_000
    assert after([0.2]).bitrate == pytest.approx(270_000)
    assert after([1.0] * 30).bitrate == 30_000
    assert after([0.0] * 60).bitrate == 2_000_000


def test_reports_that_come_together_count_once():
    rate = ReportBasedRate(SETTINGS)
    for index in range(10):
        rate.receive_loss(0.0, 1.0 + index / 100)
    assert rate.bitrate == 324_000


def test_the_peer_s_estimate_bounds_it_and_leads_it():
    rate = ReportBasedRate(SETTINGS)
    rate.receive_remote_bitrate(100_000)
    assert rate.bitrate == 100_000
    rate.receive_remote_bitrate(900_000)
    assert rate.bitrate == 900_000
    rate.receive_remote_bitrate(0)
    assert rate.bitrate == 900_000


def test_what_there_is_no_use_for_is_not_aimed_at():
    rate = ReportBasedRate(SETTINGS)
    rate.limit(200_000)
    assert rate.bitrate == 200_000
    rate.limit(10**9)
    rate.receive_remote_bitrate(10**12)
    assert rate.bitrate == 2_000_000
    assert not math.isinf(rate.bitrate)
