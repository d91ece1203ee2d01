import itertools

import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import DTMF_DIGITS, TelephoneEvent, tone_updates


def test_layout():
    # event 11 (#), end and volume 10, duration 1600
    payload = bytes.fromhex("0b 8a 0640")
    event = TelephoneEvent(11, is_end=True, volume=10, duration_ticks=1600)
    assert event.serialize() == payload
    assert TelephoneEvent.parse(payload) == event
    assert event.digit == "#"


def test_reserved_bit_and_what_follows_are_ignored():
    event = TelephoneEvent.parse(bytes.fromhex("05 4a 00a0 ffff"))
    assert event == TelephoneEvent(5, is_end=False, volume=10, duration_ticks=160)


def test_too_short():
    for size in range(4):
        with pytest.raises(MalformedPacketError):
            TelephoneEvent.parse(bytes(size))


def test_digits():
    assert [TelephoneEvent(code, False, 0, 0).digit for code in range(17)] == [*DTMF_DIGITS, None]


@pytest.mark.parametrize("event", [(256, 0, 0), (-1, 0, 0), (0, 64, 0), (0, 0, 0x10000)])
def test_numbers_that_do_not_fit(event):
    code, volume, duration = event
    with pytest.raises(ValueError, match="does not fit"):
        TelephoneEvent(code, False, volume, duration).serialize()


# 100 ms at 8 kHz, told every 40 ms
def test_a_tone_is_told_as_it_grows_and_its_end_three_times():
    updates = list(tone_updates(5, 800, 320))
    assert [(one.due_ticks, one.event.duration_ticks, one.event.is_end, one.marker) for one in updates] == [
        (320, 320, False, True),
        (640, 640, False, False),
        (800, 800, True, False),
        (800, 800, True, False),
        (800, 800, True, False),
    ]
    assert {(one.event.event, one.event.volume, one.timestamp_offset) for one in updates} == {(5, 10, 0)}


def test_a_tone_of_one_update_begins_and_ends_with_it():
    updates = list(tone_updates(1, 160, 320, volume=0))
    assert [(one.marker, one.event.is_end, one.due_ticks) for one in updates] == [
        (True, True, 160),
        (False, True, 160),
        (False, True, 160),
    ]


# RFC 4733 section 2.5.1.3; six seconds, W3C's longest tone, with a clock of 48 kHz
def test_a_long_tone_goes_in_segments():
    updates = list(tone_updates(1, 288_000, 2400))
    assert all(one.due_ticks == one.timestamp_offset + one.event.duration_ticks for one in updates)
    segments = {start: list(group) for start, group in itertools.groupby(updates, key=lambda one: one.timestamp_offset)}
    assert list(segments) == [0, 0xFFFF, 2 * 0xFFFF, 3 * 0xFFFF, 4 * 0xFFFF]
    assert [group[-1].event.duration_ticks for group in segments.values()] == [0xFFFF] * 4 + [288_000 - 4 * 0xFFFF]
    assert [one.event.is_end for one in updates] == [False] * (len(updates) - 3) + [True] * 3
    assert [one.marker for one in updates] == [True] + [False] * (len(updates) - 1)
    assert max(b.due_ticks - a.due_ticks for a, b in itertools.pairwise(updates)) == 2400


def test_a_tone_that_ends_with_a_segment_ends_once():
    updates = list(tone_updates(1, 0xFFFF, 0xFFFF))
    assert [(one.timestamp_offset, one.event.duration_ticks, one.event.is_end) for one in updates] == [
        (0, 0xFFFF, True)
    ] * 3


@pytest.mark.parametrize(("duration", "interval"), [(0, 160), (160, 0), (160, 0x10000)])
def test_no_tone(duration, interval):
    with pytest.raises(ValueError, match="a tone of"):
        list(tone_updates(1, duration, interval))
