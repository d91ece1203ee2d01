import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload.contract import join_bounded, split_evenly


def test_parts_are_few_and_differ_by_one_byte_at_most():
    for size in range(1, 60):
        data = bytes(range(size))
        for max_size in range(1, 70):
            parts = split_evenly(data, max_size)
            assert b"".join(parts) == data
            assert len(parts) == -(-size // max_size)
            assert max(map(len, parts)) <= max_size
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_nothing_has_no_parts():
    assert split_evenly(b"", 10) == []


def test_no_room_is_misuse():
    with pytest.raises(ValueError, match="0 bytes are left"):
        split_evenly(b"a", 0)


def test_joined_parts_are_bounded_and_not_nothing():
    assert join_bounded([b"ab", b"c"], 3) == b"abc"
    for parts in ([b"ab", b"cd"], [], [b""]):
        with pytest.raises(MalformedPacketError, match="at most 3"):
            join_bounded(parts, 3)
