"""The trend line and the over-use detector, as they work together."""

import math
import random

from rtcpeer.rtp.bandwidth import BandwidthSettings, Usage
from rtcpeer.rtp.bandwidth.arrival_groups import GroupVariation
from rtcpeer.rtp.bandwidth.overuse import OveruseDetector
from rtcpeer.rtp.bandwidth.queue_delay import QueueDelay
from rtcpeer.rtp.bandwidth.throughput import MAX_PACKETS, ThroughputMeter
from rtcpeer.rtp.bandwidth.trendline import Trendline

SETTINGS = BandwidthSettings()


def verdicts(delays):
    trendline, detector = Trendline(SETTINGS), OveruseDetector(SETTINGS)
    usages, before = [], 0.0
    for delay in delays:
        arrival_delta = 0.02 + delay - before
        trendline.add(GroupVariation(0.02, arrival_delta))
        usages.append(detector.update(trendline.trend, 0.02, arrival_delta))
        before = delay
    return usages, detector


def test_a_growing_delay_is_overuse_and_a_shrinking_one_underuse():
    usages, _ = verdicts(
        [0.0] * 60 + [step * 0.002 for step in range(40)] + [0.08 - step * 0.002 for step in range(40)]
    )
    assert set(usages[:60]) == {Usage.NORMAL}
    assert Usage.OVERUSE in usages[60:80]
    assert Usage.UNDERUSE in usages[100:]


def test_jitter_alone_is_no_overuse():
    dice = random.Random(1)
    usages, _ = verdicts([dice.uniform(0, 0.01) for _ in range(500)])
    assert usages.count(Usage.OVERUSE) <= 5


def test_the_threshold_adapts_within_its_bounds():
    _, calm = verdicts([0.0] * 500)
    assert calm.threshold == SETTINGS.overuse_threshold_min
    _, waves = verdicts([0.02 * math.sin(step / 13) for step in range(500)])
    assert waves.threshold > 1.3 * calm.threshold
    _, later = verdicts([0.02 * math.sin(step / 13) for step in range(500)] + [0.0] * 500)
    assert later.threshold == calm.threshold


def test_equal_times_make_no_slope():
    trendline = Trendline(SETTINGS)
    for _ in range(50):
        trendline.add(GroupVariation(0.0, 0.0))
    assert trendline.trend == 0.0


def test_the_meter_knows_nothing_at_first_then_the_rate_of_its_window():
    meter = ThroughputMeter(0.5)
    assert meter.bitrate is None
    for step in range(5):
        meter.add(step * 0.05, 1000)
    assert meter.bitrate is None
    for step in range(5, 40):
        meter.add(step * 0.05, 1000)
    assert meter.bitrate == 160_000
    meter.add(2.0, 1000)
    meter.add(1.95, 1000)
    assert meter.bitrate == 176_000


def test_the_meter_is_bounded_and_survives_a_clock_that_stands_or_jumps():
    meter = ThroughputMeter(0.5)
    for _ in range(2 * MAX_PACKETS):
        meter.add(1.0, 1)
    assert meter.bitrate == MAX_PACKETS * 8 / 0.5
    meter.add(1000.0, 1)
    assert meter.bitrate is None


def test_a_deep_queue_lowers_the_rate_until_it_counts_as_the_path():
    queue = QueueDelay(SETTINGS)
    queue.add(0.0, 500.0)
    assert (queue.seconds, queue.drain_factor) == (0.0, 1.0)
    queue.add(1.0, 501.4)
    assert 0.69 < queue.drain_factor < 0.71
    queue.add(2.0, 504.0)
    assert queue.drain_factor == 0.5
    for step in range(3, 15):
        queue.add(step, 500.0 + step + 2.0)
    assert queue.drain_factor == 1.0
    queue.add(16, 100.0)
    assert queue.seconds == 0.0
