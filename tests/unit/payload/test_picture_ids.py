import random

import pytest

from rtcpeer.payload.picture_ids import CounterMap, PictureIdMap


def test_numbers_of_the_first_source_stay():
    pictures = PictureIdMap()
    assert [pictures.forward(number, 15) for number in (32766, 32767, 0, 1, 32767)] == [32766, 32767, 0, 1, 32767]


def test_another_source_follows_the_newest():
    pictures = PictureIdMap()
    for number in (100, 102, 101):
        pictures.forward(number, 15)
    pictures.switch()
    assert [pictures.forward(number, 15) for number in (7, 7, 9, 8, 6)] == [103, 103, 105, 104, 102]
    pictures.switch()
    assert pictures.forward(30000, 15) == 106


def test_numbers_of_seven_bits_go_on_with_fifteen():
    pictures = PictureIdMap()
    assert [pictures.forward(number & 0x7F, 7) for number in range(120, 400)] == list(range(120, 400))


def test_a_source_may_use_seven_bits_where_they_suffice():
    pictures = PictureIdMap()
    numbers = [*range(100, 128), *range(128, 140)]
    assert [pictures.forward(number, 7 if number < 128 else 15) for number in numbers] == numbers
    pictures = PictureIdMap()
    assert [pictures.forward(32767, 15), pictures.forward(0, 7)] == [32767, 0]


def test_dropped_pictures_leave_no_gap():
    pictures = PictureIdMap()
    assert pictures.forward(10, 15) == 10
    pictures.drop(11, 15)
    pictures.drop(11, 15)
    assert pictures.forward(12, 15) == 11
    pictures.drop(13, 15)
    pictures.drop(14, 15)
    assert [pictures.forward(number, 15) for number in (15, 12, 10, 15)] == [12, 11, 10, 12]


def test_a_lost_picture_leaves_its_gap():
    pictures = PictureIdMap()
    pictures.forward(10, 15)
    pictures.drop(12, 15)
    assert [pictures.forward(number, 15) for number in (13, 11)] == [12, 11]


def test_what_is_dropped_too_late_leaves_its_gap():
    pictures = PictureIdMap()
    assert [pictures.forward(number, 15) for number in (10, 12)] == [10, 12]
    pictures.drop(11, 15)
    pictures.drop(12, 15)  # one packet of it has been sent
    assert pictures.forward(13, 15) == 13


def test_dropping_before_anything_was_sent_is_nothing():
    pictures = PictureIdMap()
    pictures.drop(5, 15)
    assert pictures.forward(6, 15) == 6
    pictures.switch()
    pictures.drop(90, 15)
    assert pictures.forward(91, 15) == 7


@pytest.mark.parametrize("bits", [7, 15])
def test_any_mix_of_dropping_and_switching_is_continuous(bits):
    generator = random.Random(bits)
    pictures, number, expected = PictureIdMap(), 0, 0
    for _ in range(5000):
        match generator.randrange(10):
            case 0:
                pictures.switch()
                number = generator.randrange(1 << bits)
            case 1 | 2 | 3 if expected:
                pictures.drop(number, bits)
                number = (number + 1) % (1 << bits)
                continue
            case _:
                pass
        if not expected:
            number = 0
        assert pictures.forward(number, bits) == expected & 0x7FFF
        number, expected = (number + 1) % (1 << bits), expected + 1


def test_what_is_remembered_is_bounded():
    pictures = PictureIdMap()
    pictures.forward(0, 15)
    for number in range(1, 20_000, 2):
        pictures.drop(number & 0x7FFF, 15)
        pictures.forward(number + 1 & 0x7FFF, 15)
    assert len(pictures._shifts) <= 128


def test_counters_follow_the_newest_and_wrap():
    counter = CounterMap(8)
    assert [counter.forward(number) for number in (254, 255, 0, 255)] == [254, 255, 0, 255]
    counter.switch()
    assert [counter.forward(number) for number in (77, 77, 79, 78)] == [1, 1, 3, 2]
    counter.switch()
    assert counter.forward(200) == 4


def test_a_switch_before_the_first_number_is_nothing():
    counter = CounterMap(5)
    counter.switch()
    assert counter.forward(30) == 30
