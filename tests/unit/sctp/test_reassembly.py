import itertools

from rtcpeer.sctp.reassembly import Reassembly


def deliver(order: tuple[int, ...]) -> list[bytes]:
    """Two fragmented messages and a whole one, TSN 0 to 6, in this order."""
    flags = {0: 2, 1: 0, 2: 1, 3: 3, 4: 2, 5: 0, 6: 1}
    ssn = {0: 0, 1: 0, 2: 0, 3: 1, 4: 2, 5: 2, 6: 2}
    reassembly = Reassembly()
    for sequence in order:
        reassembly.take_out_of_order(sequence, flags[sequence], 5, ssn[sequence], 53, b"%d" % sequence)
    messages = [event.data for event in reassembly.release()]  # type: ignore[union-attr]
    assert reassembly.held == 0
    return messages


def test_any_order_gives_the_same_messages() -> None:
    for order in itertools.permutations(range(7)):
        assert deliver(order) == [b"012", b"3", b"456"]


def test_unordered_does_not_wait() -> None:
    reassembly = Reassembly()
    reassembly.take_out_of_order(5, 3, 1, 4, 51, b"ordered")
    reassembly.take_out_of_order(6, 7, 1, 0, 51, b"unordered")
    assert reassembly.release() == [(1, 51, b"unordered")]
    reassembly.skip(5, ((1, 3),))
    assert reassembly.release() == [(1, 51, b"ordered")]
    assert reassembly.held == 0


def test_skip_drops_unfinished_and_delivers_what_waited() -> None:
    reassembly = Reassembly()
    reassembly.take_next(0, 2, 1, 0, 51, b"begun")
    reassembly.take_out_of_order(3, 3, 1, 1, 51, b"next")
    assert reassembly.release() == []
    reassembly.skip(2, ((1, 0),))
    assert reassembly.release() == [(1, 51, b"next")]
    assert reassembly.held == 0


def test_a_new_beginning_replaces_an_unfinished_message() -> None:
    reassembly = Reassembly()
    reassembly.take_next(0, 2, 1, 0, 51, b"begun")
    reassembly.take_next(1, 7, 1, 0, 51, b"whole")
    assert reassembly.release() == [(1, 51, b"whole")]
    assert reassembly.held == 0


def test_open_run_survives_a_gap() -> None:
    reassembly = Reassembly()
    reassembly.take_next(0, 2, 1, 0, 51, b"a")
    reassembly.take_out_of_order(2, 0, 1, 0, 51, b"c")
    reassembly.take_out_of_order(1, 0, 1, 0, 51, b"b")
    reassembly.unpark(2)
    assert reassembly.open is not None
    reassembly.take_next(3, 1, 1, 0, 51, b"d")
    assert reassembly.release() == [(1, 51, b"abcd")]
    assert reassembly.held == 0


def test_reset_starts_over() -> None:
    reassembly = Reassembly()
    reassembly.complete(1, 0, 51, b"a", 0)
    reassembly.reset((1,))
    reassembly.complete(1, 0, 51, b"b", 0)
    assert [event.data for event in reassembly.release()] == [b"a", b"b"]  # type: ignore[union-attr]
