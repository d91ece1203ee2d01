from rtcpeer.core import earliest


def test_the_earliest_of_deadlines():
    assert earliest(None, 3.0, 2.0) == 2.0
    assert earliest(None) is None
    assert earliest() is None
