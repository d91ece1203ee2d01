from rtcpeer.rtp.sliding_minimum import SlidingMinimum


def test_the_least_of_the_last_seconds():
    least = SlidingMinimum(3)
    assert least.value == 0
    for time, value in enumerate((5.0, 2.0, 7.0, 8.0, 9.0)):
        least.add(value, time)
        least.add(value + 1, time + 0.5)
    assert least.value == 7.0
    least.add(6.0, 4.6)
    assert least.value == 6.0
    least.clear()
    assert least.value == 0
