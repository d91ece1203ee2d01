from itertools import pairwise

import pytest

from rtcpeer.media.adaptation import FULL_QUALITY, Adaptation, Quality, RateLimiter

PIXELS = 640 * 480


def settled(adaptation, bitrate, seconds=10.0, framerate=30.0, begin=0.0):
    quality = FULL_QUALITY
    for tick in range(round(seconds * 10)):
        quality = adaptation.update(PIXELS, framerate, bitrate, begin + tick / 10)
    return quality


@pytest.mark.parametrize(
    ("preference", "bitrate", "scale", "share"),
    [
        ("balanced", 500_000, 1, 1),
        ("balanced", 150_000, 1, 2 / 3),
        ("balanced", 30_000, 2, 1 / 2),
        ("maintain-framerate", 110_000, 4 / 3, 1),
        ("maintain-framerate", 30_000, 8 / 3, 1),
        ("maintain-resolution", 100_000, 1, 1 / 2),
        ("maintain-resolution", 1_000, 1, 1 / 6),  # five pictures a second are the least
        ("disabled", 1_000, 1, 1),
    ],
)
def test_what_gives_way(preference, bitrate, scale, share):
    assert settled(Adaptation("VP8", preference), bitrate) == Quality(scale, share)


def test_newer_codecs_need_less():
    assert settled(Adaptation("AV1", "balanced"), 120_000) == FULL_QUALITY
    assert settled(Adaptation("VP8", "balanced"), 120_000) != FULL_QUALITY


def test_a_short_dip_changes_nothing_and_a_collapse_does_at_once():
    adaptation = Adaptation("VP8", "maintain-framerate")
    assert adaptation.update(PIXELS, 30, 120_000, 0.0) == FULL_QUALITY
    assert adaptation.update(PIXELS, 30, 500_000, 0.5) == FULL_QUALITY
    assert adaptation.update(PIXELS, 30, 120_000, 1.2) == FULL_QUALITY
    assert adaptation.update(PIXELS, 30, 40_000, 1.3).scale > 2


def test_it_gets_better_late_and_with_a_margin():
    adaptation = Adaptation("VP8", "maintain-framerate")
    assert settled(adaptation, 110_000).scale == 4 / 3
    assert settled(adaptation, 200_000, begin=10).scale == 4 / 3  # enough for all, but barely
    assert settled(adaptation, 300_000, 3.5, begin=20).scale == 4 / 3
    assert settled(adaptation, 300_000, 5.0, begin=23.5) == FULL_QUALITY


def test_content_that_takes_more_bits_than_others():
    adaptation = Adaptation("VP8", "maintain-framerate")

    def watch(bits_per_pixel, begin, seconds):
        for tick in range(round(seconds * 30)):
            quality = adaptation.update(PIXELS, 30, 500_000, begin + tick / 30)
            pixels = round(PIXELS / quality.scale**2)
            adaptation.encoded(round(max(bits_per_pixel * pixels, 500_000 / 30) / 8), 500_000 / 30, pixels)
        return adaptation.quality.scale

    assert watch(0.0, 0, 5) == 1
    assert watch(0.1, 5, 2.5) == 2  # at its coarsest it would take 900 kbit/s
    assert watch(0.0, 7.5, 10) == 2
    assert watch(0.0, 17.5, 30) == 1  # less moves for a while


def test_a_falling_bitrate_is_no_excess():
    adaptation = Adaptation("VP8", "maintain-framerate")
    for tick in range(300):
        bitrate = 2_000_000 if tick < 90 else 400_000
        adaptation.update(PIXELS, 30, bitrate, tick / 30)
        produced = 2_000_000 if tick < 105 else 400_000  # follows half a second later
        adaptation.encoded(produced // 240, bitrate / 30, PIXELS)
        assert adaptation.quality == FULL_QUALITY or tick > 150
    assert adaptation.quality == FULL_QUALITY


def test_another_preference_begins_afresh():
    adaptation = Adaptation("VP8", "maintain-framerate")
    settled(adaptation, 60_000)
    adaptation.set_preference("maintain-framerate")
    assert adaptation.quality != FULL_QUALITY
    adaptation.set_preference("maintain-resolution")
    assert adaptation.quality == FULL_QUALITY
    assert settled(adaptation, 60_000, begin=10).scale == 1


@pytest.mark.parametrize(
    ("wanted", "passed"), [(None, 300), (60, 300), (30, 300), (20, 200), (15, 150), (7, 70), (0, 0)]
)
def test_pictures_are_let_through_evenly(wanted, passed):
    limiter = RateLimiter()
    jitter = (0.0, 0.004, -0.004)
    times = [index / 30 + jitter[index % 3] for index in range(300)]
    taken = [at for at in times if limiter.takes(at, wanted)]
    assert len(taken) == pytest.approx(passed, abs=2)
    if wanted and wanted < 30:
        assert max(b - a for a, b in pairwise(taken)) < 1.6 / wanted + 1 / 30


def test_a_pause_is_not_made_up_for():
    limiter = RateLimiter()
    assert limiter.takes(0.0, 10)
    assert [limiter.takes(60 + index / 30, 10) for index in range(6)].count(True) <= 3
