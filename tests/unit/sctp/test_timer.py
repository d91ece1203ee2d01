from rtcpeer.sctp.timer import Timer


def test_it_expires_once_and_counts_in_a_row() -> None:
    timer = Timer()
    assert not timer.expire(1e9)
    timer.start(5.0)
    assert not timer.expire(4.999)
    assert timer.expire(5.0)
    assert not timer.expire(6.0)
    assert (timer.deadline, timer.expiries) == (None, 1)
    timer.start(7.0)
    timer.start(9.0)  # moved, not doubled
    assert not timer.expire(8.0)
    assert timer.expire(9.5)
    assert timer.expiries == 2


def test_stopping_forgets() -> None:
    timer = Timer()
    timer.start(1.0)
    assert timer.expire(1.0)
    timer.start(2.0)
    timer.stop()
    assert (timer.deadline, timer.expiries) == (None, 0)
    assert not timer.expire(3.0)
