from rtcpeer.ice import CandidatePair, FailureReason, PairState
from rtcpeer.ice.checklist import Checklist
from rtcpeer.ice.pair import Traffic, pair_priority
from tests.unit.ice.network import host


def pair(number, priority, state=PairState.FROZEN):
    return CandidatePair(host("192.0.2.1"), host("192.0.2.2", number), priority, state)


def filled(*pairs, bound=10):
    checklist = Checklist(bound)
    assert all(checklist.add(each) for each in pairs)
    return checklist


def test_pair_priority_is_that_of_the_rfc():
    assert pair_priority(5, 3) == 2**32 * 3 + 2 * 5 + 1
    assert pair_priority(3, 5) == 2**32 * 3 + 2 * 5


def test_best_waiting_first_then_frozen_whose_foundation_rests():
    low, high, frozen = pair(1, 1, PairState.WAITING), pair(2, 2, PairState.WAITING), pair(3, 3)
    checklist = filled(low, high, frozen)
    assert list(checklist) == [frozen, high, low]
    assert checklist.next_ordinary() is high
    high.state = PairState.IN_PROGRESS
    assert checklist.next_ordinary() is low
    low.state = PairState.IN_PROGRESS
    assert checklist.next_ordinary() is None
    assert not checklist.has_ordinary_check
    low.state = high.state = PairState.FAILED
    assert checklist.next_ordinary() is frozen


def test_success_unfreezes_relatives():
    a, b = pair(1, 1), pair(2, 2)
    stranger = CandidatePair(host("192.0.2.9"), host("192.0.2.2"), 3)
    checklist = filled(a, b, stranger)
    checklist.unfreeze(a.foundation)
    assert (a.state, b.state, stranger.state) == (PairState.WAITING, PairState.WAITING, PairState.FROZEN)


def test_triggered_checks_are_first_in_first_out_and_once():
    a, b = pair(1, 1), pair(2, 2)
    a.fail(FailureReason.NO_ANSWER)
    checklist = filled(a, b)
    for each in (a, b, a):
        checklist.trigger(each)
    assert a.failure is None
    assert [checklist.next_triggered(), checklist.next_triggered(), checklist.next_triggered()] == [a, b, None]


def test_one_pair_for_each_path():
    checklist = filled(pair(1, 1))
    assert not checklist.add(pair(1, 9))
    assert len(checklist) == 1


def test_a_full_list_gives_up_failed_pairs_then_worse_ones():
    failed, worse, running = pair(1, 30, PairState.FAILED), pair(2, 10), pair(3, 5, PairState.IN_PROGRESS)
    checklist = filled(failed, worse, running, bound=3)
    checklist.trigger(worse)
    assert checklist.add(pair(4, 1))
    assert checklist.find(failed.path) is None
    assert not checklist.add(pair(5, 1))
    assert checklist.add(pair(6, 20))
    assert checklist.add(pair(7, 21))
    assert checklist.find(worse.path) is None
    assert not checklist.has_triggered_check
    assert checklist.find(running.path) is running


def ipv6(number, priority, state=PairState.FROZEN):
    return CandidatePair(host("2001:db8::1"), host("2001:db8::2", number), priority, state)


def taken(checklist):
    """The next pair, which is being checked from now on."""
    chosen = checklist.take_ordinary()
    chosen.state = PairState.IN_PROGRESS
    return chosen


def test_address_families_take_turns_and_the_better_one_begins():
    six = [ipv6(number, 10 + number, PairState.WAITING) for number in range(3)]
    four = [pair(number, number, PairState.WAITING) for number in range(2)]
    checklist = filled(*six, *four)
    assert [taken(checklist) for _ in range(5)] == [six[2], four[1], six[1], four[0], six[0]]


def test_who_only_looks_does_not_take_a_turn():
    six, four = ipv6(1, 2, PairState.WAITING), pair(1, 1, PairState.WAITING)
    checklist = filled(six, four)
    assert checklist.has_ordinary_check
    assert checklist.next_ordinary() is checklist.next_ordinary() is six


def test_waiting_pairs_come_before_frozen_ones_of_the_other_family():
    six, four = [ipv6(number, 9 + number, PairState.WAITING) for number in range(2)], pair(1, 1)
    checklist = filled(*six, four)
    assert [taken(checklist) for _ in range(3)] == [six[1], six[0], four]


def test_neither_family_crowds_the_other_one_out():
    six = [ipv6(number, 100 + number) for number in range(4)]
    checklist = filled(*six, bound=4)
    assert checklist.add(pair(1, 1))
    assert checklist.add(pair(2, 2))
    assert not checklist.add(pair(3, 1))  # it has its half
    assert not checklist.add(ipv6(5, 50))
    assert checklist.add(ipv6(6, 110))
    assert [each.priority for each in checklist] == [110, 103, 2, 1]


def test_exhausted_and_untried():
    done, tried, untried = pair(1, 1, PairState.SUCCEEDED), pair(2, 2, PairState.IN_PROGRESS), pair(3, 3)
    checklist = filled(done, tried, untried)
    assert not checklist.is_exhausted
    assert list(checklist.valid_pairs) == [done]
    checklist.drop_untried()
    assert list(checklist) == [tried, done]
    tried.state = PairState.FAILED
    assert checklist.is_exhausted


def test_the_traffic_of_all_pairs_there_ever_were():
    one, other = pair(1, 1, PairState.WAITING), pair(2, 2, PairState.SUCCEEDED)
    checklist = filled(one, other)
    one.packets_sent, one.bytes_sent, one.last_packet_sent_at = 1, 100, 5.0
    other.packets_sent, other.bytes_sent, other.last_packet_sent_at = 2, 200, 4.0
    other.packets_received, other.bytes_received, other.last_packet_received_at = 3, 300, 6.0
    whole = Traffic(3, 3, 300, 300, 5.0, 6.0)
    assert checklist.traffic == whole
    checklist.drop_untried()
    assert list(checklist) == [other]
    assert checklist.traffic == whole
