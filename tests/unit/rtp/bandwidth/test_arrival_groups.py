import pytest

from rtcpeer.rtp.bandwidth import BandwidthSettings, PacketResult
from rtcpeer.rtp.bandwidth.arrival_groups import ArrivalGroups


def variations(*packets):
    groups = ArrivalGroups(BandwidthSettings())
    results = [groups.add(PacketResult(n, sent, arrived, 100)) for n, (sent, arrived) in enumerate(packets)]
    return [one for one in results if one is not None]


def test_packets_sent_within_five_milliseconds_are_one_group():
    (one,) = variations((0.0, 1.0), (0.004, 1.006), (0.02, 1.02), (0.024, 1.03), (0.05, 1.05))
    assert one.departure_delta == pytest.approx(0.02)
    assert one.arrival_delta == pytest.approx(0.024)
    assert one.delay_variation == pytest.approx(0.004)


def test_what_was_held_back_and_let_go_together_is_one_group():
    (one,) = variations((0.0, 1.0), (0.02, 1.1), (0.04, 1.101), (0.06, 1.102), (0.12, 1.16))
    assert one.departure_delta == pytest.approx(0.06)
    assert one.arrival_delta == pytest.approx(0.102)


def test_lost_and_overtaken_packets_are_left_out():
    assert variations((0.0, 1.0), (0.02, None), (0.04, 0.5), (0.06, 1.06)) == []


def test_a_clock_that_jumps_starts_anew():
    assert len(variations((0.0, 1.0), (0.02, 1.02), (0.04, 99.0), (0.06, 99.02), (0.08, 99.04))) == 1
