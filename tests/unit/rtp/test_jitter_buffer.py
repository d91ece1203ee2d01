import random

import pytest

from rtcpeer.rtp.jitter_buffer import GapSkipped, JitterBuffer, JitterBufferSettings, KeyframeNeeded, MediaKind


def audio(**settings):
    return JitterBuffer(JitterBufferSettings(**settings), MediaKind.AUDIO, 48_000)


def video(**settings):
    return JitterBuffer(JitterBufferSettings(**settings), MediaKind.VIDEO, 90_000)


def put(buffer, number, frame, now, *, of=(0, 1), key=False):
    """Packet ``of[0]`` of ``of[1]`` of a frame at 30 a second."""
    index, count = of
    buffer.receive(
        number & 0xFFFF,
        frame * 3000 & 0xFFFFFFFF,
        (frame, index),
        100,
        now,
        is_first=index == 0,
        is_last=index == count - 1,
        is_keyframe=key and index == 0,
    )


def test_audio_comes_in_order_across_the_wrap():
    buffer = audio()
    for number in (65_534, 0, 65_535, 1):
        buffer.receive(number, (number + 2) % 65_536 * 960 & 0xFFFFFFFF, number, 50, 0.0)
    frames = buffer.frames(1.0)
    assert [frame.packets for frame in frames] == [(65_534,), (65_535,), (0,), (1,)]
    assert all(frame.lost_before == 0 for frame in frames)
    assert buffer.next_timeout() is None


def test_what_is_due_soon_leaves_with_what_has_just_come():
    eager, exact = audio(), audio(play_early=0.0)
    for buffer in (eager, exact):
        buffer.receive(0, 0, "a", 50, 0.0)
    assert [frame.packets for frame in eager.frames(0.0)] == [("a",)]
    assert eager.next_timeout() is None
    assert exact.frames(0.0) == []
    assert exact.next_timeout() == pytest.approx(0.01)


def test_audio_goes_on_when_the_next_one_is_due():
    buffer = audio()
    buffer.receive(0, 0, "a", 50, 0.0)
    buffer.receive(2, 1920, "c", 50, 0.04)
    assert [frame.packets for frame in buffer.frames(0.04)] == [("a",)]
    assert buffer.missing() == [1]
    due = buffer.next_timeout()
    assert due == pytest.approx(0.05)
    (frame,) = buffer.frames(due)
    assert (frame.packets, frame.lost_before) == (("c",), 1)
    assert buffer.poll_events() == [GapSkipped(2, 1)]
    buffer.receive(1, 960, "b", 50, 0.06)
    assert buffer.frames(1.0) == []
    assert buffer.statistics().late == 1


def test_duplicates_are_counted_and_dropped():
    buffer = audio()
    for _ in range(3):
        buffer.receive(0, 0, "a", 50, 0.0)
    assert len(buffer.frames(1.0)) == 1
    assert buffer.statistics().duplicates == 2


def test_a_video_frame_needs_its_first_packet_its_last_and_all_between():
    buffer = video()
    put(buffer, 0, 0, 0.0, of=(0, 3), key=True)
    put(buffer, 2, 0, 0.0, of=(2, 3))
    assert buffer.frames(0.5) == []
    assert buffer.missing() == [1]
    put(buffer, 1, 0, 0.5, of=(1, 3))
    (frame,) = buffer.frames(0.5)
    assert frame.packets == ((0, 0), (0, 1), (0, 2))
    assert frame.is_keyframe
    assert buffer.missing() == []


def test_a_missing_marker_is_made_up_for_by_the_next_timestamp():
    buffer = video()
    put(buffer, 0, 0, 0.0, of=(0, 2), key=True)
    put(buffer, 1, 1, 0.03)
    assert [frame.packets for frame in buffer.frames(0.5)] == [((0, 0),), ((1, 0),)]


def test_video_begins_with_a_keyframe_and_asks_for_one_until_it_comes():
    buffer = video()
    for frame in range(40):
        put(buffer, frame, frame, frame / 30)
        assert buffer.frames(frame / 30 + 0.02) == []
    assert buffer.poll_events() == [KeyframeNeeded()] * 3
    put(buffer, 40, 40, 40 / 30, key=True)
    assert len(buffer.frames(2.0)) == 1
    assert buffer.statistics().frames_dropped == 40


def test_video_waits_for_a_retransmission():
    buffer = video()
    put(buffer, 0, 0, 0.0, key=True)
    for frame in (2, 3):
        put(buffer, frame, frame, frame / 30)
    assert len(buffer.frames(0.3)) == 1
    put(buffer, 1, 1, 0.3)
    assert [frame.packets[0][0] for frame in buffer.frames(0.3)] == [1, 2, 3]
    assert buffer.poll_events() == []


def test_a_keyframe_makes_what_is_missing_unnecessary():
    buffer = video()
    put(buffer, 0, 0, 0.0, key=True)
    put(buffer, 2, 2, 0.06)
    put(buffer, 3, 3, 0.1, of=(0, 2), key=True)
    assert len(buffer.frames(0.2)) == 1
    put(buffer, 4, 3, 0.2, of=(1, 2))
    (frame,) = buffer.frames(0.25)
    assert (frame.timestamp, frame.lost_before) == (9000, 1)
    assert buffer.poll_events() == [GapSkipped(3, 1)]


def test_after_the_deadline_only_a_keyframe_helps():
    buffer = video()
    put(buffer, 0, 0, 0.0, key=True)
    put(buffer, 2, 2, 0.1)
    assert len(buffer.frames(0.2)) == 1
    assert buffer.next_timeout() == 1.1
    assert buffer.frames(1.1) == []
    assert buffer.poll_events() == [GapSkipped(2, 1), KeyframeNeeded()]
    put(buffer, 3, 33, 1.2)
    put(buffer, 4, 34, 1.2, key=True)
    assert [frame.timestamp for frame in buffer.frames(2.0)] == [34 * 3000]


def test_a_source_that_starts_again_is_followed_at_its_second_packet():
    buffer = audio()
    buffer.receive(5, 0, "old", 50, 0.0)
    assert len(buffer.frames(0.1)) == 1
    buffer.receive(30_000, 5_000_000, "one", 50, 1.0)
    buffer.receive(30_001, 5_000_960, "two", 50, 1.02)
    buffer.receive(30_002, 5_001_920, "three", 50, 1.04)
    assert [frame.packets for frame in buffer.frames(2.0)] == [("two",), ("three",)]
    assert buffer.statistics().discarded == 1


def test_a_full_buffer_starts_anew():
    buffer = video(max_packets=10)
    put(buffer, 0, 0, 0.0, of=(0, 2), key=True)
    for number in range(2, 12):
        put(buffer, number, number, 0.0)
    statistics = buffer.statistics()
    assert (statistics.overflows, statistics.packets) == (1, 1)
    assert buffer.poll_events() == [GapSkipped(11, 1), KeyframeNeeded()]


def test_the_delay_is_settable():
    buffer = audio()
    buffer.set_target_delay(0.3)
    buffer.receive(0, 0, "a", 50, 1.0)
    assert buffer.next_timeout() == pytest.approx(1.3)
    assert buffer.statistics().delay == 0.3


@pytest.mark.parametrize("kind", list(MediaKind))
@pytest.mark.parametrize("seed", range(8))
def test_whatever_a_peer_sends_memory_is_bounded_and_time_goes_on(seed, kind):
    dice = random.Random(seed)
    limits = JitterBufferSettings(max_packets=64, max_bytes=20_000)
    buffer = JitterBuffer(limits, kind, 90_000)
    now, number, timestamp = 0.0, 0, 0
    for _ in range(3000):
        now += dice.choice((0.0, 0.001, 0.02, 2.0))
        number += dice.choice((1, 1, 1, 2, -3, 60, 2999, 3001, 30_000))
        timestamp += dice.choice((0, 3000, 3000, -90_000, 1 << 31))
        flags = {name: dice.random() < 0.5 for name in ("is_first", "is_last", "is_keyframe", "is_retransmission")}
        buffer.receive(number & 0xFFFF, timestamp & 0xFFFFFFFF, None, dice.randrange(1500), now, **flags)
        buffer.frames(now)
        buffer.poll_events()
        statistics = buffer.statistics()
        assert statistics.packets <= 64
        assert statistics.bytes <= 20_000
        assert len(buffer.missing()) < 3000
        due = buffer.next_timeout()
        assert due is None or due > now
        assert due is None or due < now + 30
    kept = statistics.packets + statistics.late + statistics.duplicates + statistics.discarded
    assert kept <= statistics.received


@pytest.mark.parametrize(
    "fields",
    [{"min_delay": 2.0}, {"play_early": -0.1}, {"delay_quantile": 0}, {"max_packets": 3000}, {"gap_deadline": 0}],
)
def test_settings_name_what_is_wrong(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        JitterBufferSettings(**fields)


def test_where_the_payload_does_not_tell_a_frame_begins_behind_another():
    buffer = JitterBuffer(JitterBufferSettings(), MediaKind.VIDEO, 90000)
    buffer.receive(0, 0, "key", 10, 0.0, is_first=None, is_keyframe=True)
    buffer.receive(1, 3000, "a", 10, 0.03, is_first=None, is_last=False)
    buffer.receive(2, 3000, "b", 10, 0.03, is_first=None)
    assert [frame.packets for frame in buffer.frames(1.0)] == [("key",), ("a", "b")]


def test_what_is_of_no_frame_leaves_no_gap():
    buffer = JitterBuffer(JitterBufferSettings(), MediaKind.VIDEO, 90000)
    buffer.receive(0, 0, "padding", 10, 0.0, is_first=False, is_last=False, is_empty=True)
    buffer.receive(1, 0, "key", 10, 0.0, is_keyframe=True, is_last=False)
    buffer.receive(2, 0, "padding", 10, 0.0, is_first=False, is_last=False, is_empty=True)
    buffer.receive(3, 0, "rest", 10, 0.0, is_first=False)
    buffer.receive(4, 0, "padding", 10, 0.0, is_first=False, is_last=False, is_empty=True)
    buffer.receive(5, 3000, "next", 10, 0.03)
    assert [frame.packets for frame in buffer.frames(1.0)] == [("key", "rest"), ("next",)]
    assert buffer.statistics().packets == 0
    assert buffer.missing() == []
