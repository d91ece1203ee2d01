from rtcpeer.rtp.timestamps import TIMESTAMP_BITS, Unwrapper


def test_wraps_in_both_directions():
    unwrapper = Unwrapper()
    assert [unwrapper.unwrap(value) for value in (65534, 65535, 0, 1, 65535, 2)] == [
        65534,
        65535,
        65536,
        65537,
        65535,
        65538,
    ]


def test_what_came_before_the_first_is_negative():
    unwrapper = Unwrapper()
    assert unwrapper.unwrap(1) == 1
    assert unwrapper.unwrap(65535) == -1
    assert unwrapper.newest == 1


def test_peek_remembers_nothing():
    unwrapper = Unwrapper(TIMESTAMP_BITS)
    assert unwrapper.peek(5) == 5
    assert unwrapper.newest is None
    unwrapper.unwrap(0xFFFFFFF0)
    assert unwrapper.peek(16) == 0x100000010
    assert unwrapper.newest == 0xFFFFFFF0
