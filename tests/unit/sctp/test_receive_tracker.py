from rtcpeer.sctp.chunks import parse_sack
from rtcpeer.sctp.receive_tracker import MAX_DISTANCE, MAX_GAPS, ReceiveTracker


def sack(tracker: ReceiveTracker, room: int = 1180) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    chunk = tracker.sack(1000, room)
    assert len(chunk) <= room
    parsed = parse_sack(chunk[4:])
    return parsed.cumulative_tsn, parsed.blocks, parsed.duplicates


def test_gaps_and_duplicates_across_the_wrap() -> None:
    tracker = ReceiveTracker(0xFFFFFFFE)
    for tsn in (0xFFFFFFFE, 0, 1, 4):
        sequence = tracker.unwrap(tsn)
        assert tracker.is_wanted(sequence)
        tracker.add(sequence)
    assert not tracker.is_wanted(tracker.unwrap(1))
    assert not tracker.is_wanted(tracker.unwrap(0xFFFFFFFE))
    assert sack(tracker) == (0xFFFFFFFE, (2, 3, 6, 6), (1, 0xFFFFFFFE))
    assert sack(tracker)[2] == ()
    tracker.add(tracker.unwrap(0xFFFFFFFF))
    assert sack(tracker) == (1, (3, 3), ())
    tracker.skip_to(tracker.unwrap(4))
    assert sack(tracker) == (4, (), ())


def test_bounds() -> None:
    tracker = ReceiveTracker(1)
    assert not tracker.is_wanted(1 + MAX_DISTANCE)
    for number in range(MAX_GAPS):
        tracker.add(3 + 2 * number)
    assert not tracker.is_wanted(3 + 2 * MAX_GAPS)
    assert tracker.is_wanted(1)
    assert tracker.is_wanted(4)
    assert len(sack(tracker, 100)[1]) == 2 * ((100 - 16) // 4)
