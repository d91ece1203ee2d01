import math

import pytest

from rtcpeer.rtp.dtmf import TonePlayer


def played(player, seconds=10.0):
    """(time, tone or update) of all that is due, as it becomes due."""
    told, now = [], 0.0
    while (due := player.next_timeout()) is not None and due < seconds:
        now = max(now, due)
        told += [(round(now, 3), tone if update is None else update) for tone, update in player.due(now)]
    return told


def test_tones_follow_one_another_with_a_gap_and_the_last_word_is_empty():
    player = TonePlayer()
    player.play("1a", 0.1, 0.07, 8000)
    assert player.next_timeout() == -math.inf
    told = [(time, what) for time, what in played(player) if isinstance(what, str)]
    assert told == [(0.0, "1"), (0.17, "A"), (0.34, "")]
    assert player.next_timeout() is None


def test_a_tone_is_told_every_50_ms_and_its_end_three_times():
    player = TonePlayer()
    player.play("5", 0.12, 0.05, 8000)
    updates = [
        (time, what.event.duration_ticks, what.event.is_end) for time, what in played(player) if what and what != "5"
    ]
    assert updates == [(0.05, 400, False), (0.1, 800, False), *[(0.12, 960, True)] * 3]


def test_a_comma_is_a_pause_of_two_seconds():
    player = TonePlayer()
    player.play("1,2", 0.1, 0.05, 8000)
    told = [(time, what) for time, what in played(player) if isinstance(what, str)]
    assert told == [(0.0, "1"), (0.15, ","), (2.15, "2"), (2.3, "")]


def test_other_tones_take_the_place_of_those_that_wait():
    player = TonePlayer()
    player.play("123", 0.1, 0.05, 8000)
    player.due(0.0)
    assert (player.tones, player.is_sounding) == ("23", True)
    player.play("9", 0.1, 0.05, 8000)
    assert player.tones == "9"
    player.play("", 0.1, 0.05, 8000)
    assert [what for _, what in played(player) if isinstance(what, str)] == [""]
    assert not player.is_sounding


def test_what_is_no_tone_is_refused_and_lengths_are_kept_within_bounds():
    player = TonePlayer()
    with pytest.raises(ValueError, match="'XÄ' can not be played"):
        player.play("1xä", 0.1, 0.05, 8000)
    player.play("1", 0.001, 0.0, 8000)
    times = [time for time, _ in played(player)]
    assert times[-1] == pytest.approx(0.04 + 0.03)
