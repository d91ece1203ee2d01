from rtcpeer.dtls.held import Held


def test_it_keeps_the_oldest_and_counts_the_rest():
    held: Held[int] = Held(2)
    for item in range(5):
        held.add(item)
    assert held.take() == [0, 1]
    assert held.dropped == 3
    assert held.take() == []
    held.add(9)
    assert held.take() == [9]
