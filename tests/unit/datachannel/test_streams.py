import pytest

from rtcpeer.datachannel.settings import DataChannelSettings
from rtcpeer.datachannel.streams import EarlyMessages, StreamNumbers


def test_numbers_have_our_parity_and_skip_what_is_taken() -> None:
    numbers = StreamNumbers(1)
    assert [numbers.take({3, 4}, 100) for _ in range(3)] == [1, 5, 7]


def test_the_lowest_released_number_comes_first() -> None:
    numbers = StreamNumbers(0)
    for _ in range(5):
        numbers.take((), 100)
    for number in (6, 2, 3, 50):  # 3 is the peer's, 50 was never given
        numbers.release(number)
    assert [numbers.take((), 100) for _ in range(3)] == [2, 6, 10]


def test_a_released_number_that_a_negotiated_channel_took_is_skipped() -> None:
    numbers = StreamNumbers(0)
    numbers.take((), 100)
    numbers.release(0)
    assert numbers.take({0}, 100) == 2


def test_numbers_end_at_the_limit_and_before_65535() -> None:
    assert StreamNumbers(0).take((), 0) is None
    numbers = StreamNumbers(65533)
    assert [numbers.take((), 65535), numbers.take((), 65536)] == [65533, None]
    numbers = StreamNumbers(65534)
    assert [numbers.take((), 65535), numbers.take((), 65535)] == [65534, None]


def test_a_released_number_beyond_the_limit_waits() -> None:
    numbers = StreamNumbers(0)
    for _ in range(4):
        numbers.take((), 100)
    numbers.release(6)
    assert numbers.take((), 4) is None
    assert numbers.take((), 100) == 6


def test_early_messages_keep_their_order_within_bounds() -> None:
    early = EarlyMessages(DataChannelSettings(max_early_messages=2, max_early_bytes=10))
    assert early.keep(1, 51, b"abc")
    assert early.keep(1, 53, b"def")
    assert not early.keep(1, 51, b"")  # a third one on the stream
    assert not early.keep(2, 51, b"12345")  # eleven bytes in all
    assert early.refused == 2
    assert early.keep(2, 51, b"1234")
    assert early.take(1) == [(51, b"abc"), (53, b"def")]
    assert early.take(1) == []
    assert early.keep(3, 51, b"123456")
    early.clear()
    assert early.take(3) == []
    assert early.keep(3, 51, b"1234567890")


@pytest.mark.parametrize("wrong", [{"max_channels": 0}, {"max_channels": 65535}, {"max_early_bytes": -1}])
def test_settings_that_can_not_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DataChannelSettings(**wrong)
