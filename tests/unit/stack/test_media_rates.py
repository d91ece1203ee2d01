import random
from dataclasses import replace

import pytest

from rtcpeer.rtp.bandwidth.allocation import Demand
from rtcpeer.rtp.parameters import EncodingParameters, SendParameters
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.stack.media_rates import demands, share_bitrate, share_layers
from tests.sim.media import opus, vp8

SETTINGS = MediaSettings(audio_bitrate=50_000, max_bitrate=2_000_000)


def sender(kind="video", rids=(None,), is_sending=True):
    made = RtpSender(kind, SETTINGS, random.Random(1).randbytes)
    encodings = tuple(EncodingParameters(10 + index, None, rid) for index, rid in enumerate(rids))
    codecs = vp8() if kind == "video" else opus()
    made.configure(SendParameters("0", codecs, (), encodings, "us", is_sending=is_sending), None)
    return made


def shares(senders, bitrate):
    share_bitrate(senders, bitrate, SETTINGS)
    return [[stream.bitrate for stream in each.streams] for each in senders]


def test_audio_comes_first_and_video_shares_the_rest():
    assert shares([sender("audio"), sender(), sender()], 1_050_000) == [[50_000], [500_000], [500_000]]


def test_weights_and_limits_count():
    heavy, light, limited = sender(), sender(), sender()
    heavy.weight = 3.0
    limited.limit(max_bitrate=100_000)
    assert shares([heavy, light, limited], 900_000) == [[600_000], [200_000], [100_000]]


def test_who_may_not_send_or_is_inactive_needs_nothing():
    idle, inactive = sender(is_sending=False), sender()
    inactive.limit(is_active=False)
    assert shares([idle, inactive, sender()], 900_000) == [[0], [0], [900_000]]


def test_the_peer_s_bound_holds_for_all_encodings_together():
    bounded = sender(rids=("h", "f"))
    bounded.configure(replace(bounded.parameters, max_bitrate=500_000), None)
    assert [demand.maximum for demand in demands(bounded, SETTINGS)] == [100_000, 400_000]


def test_video_keeps_a_minimum():
    assert shares([sender("audio"), sender()], 40_000) == [[50_000], [30_000]]


def test_encodings_are_taken_to_double_the_picture():
    layered = sender(rids=("q", "h", "f"))
    assert [demand.maximum for demand in demands(layered, SETTINGS)] == [125_000, 500_000, 2_000_000]
    assert shares([layered], 2_100_000) == [[100_000, 400_000, 1_600_000]]


@pytest.mark.parametrize(
    ("bitrate", "parts"),
    [
        (2_000_000, [100_000, 400_000, 1_500_000]),
        (200_000, [40_000, 160_000, 0]),
        (80_000, [80_000, 0, 0]),
        (20_000, [20_000, 0, 0]),
    ],
)
def test_an_encoding_that_would_get_too_little_leaves_it_to_those_below(bitrate, parts):
    wanted = [Demand(100_000), Demand(400_000, 4.0), Demand(1_600_000, 16.0)]
    assert share_layers(bitrate, wanted, 30_000) == pytest.approx(parts, rel=0.06)
