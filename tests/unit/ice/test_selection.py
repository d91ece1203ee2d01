import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice import CandidatePair, IceSettings, PairState
from rtcpeer.ice.selection import Selection
from tests.unit.ice.network import host, reflexive

BASE = TransportAddress("10.0.0.2", 5)


def pair(remote, priority):
    return CandidatePair(host("192.0.2.1"), remote, priority, PairState.SUCCEEDED)


def test_the_best_of_those_whose_wait_is_over():
    selection = Selection(IceSettings())
    selection.begin(100.0)
    slow, quick = pair(reflexive("192.0.2.9", 1, BASE), 9), pair(host("192.0.2.2"), 1)
    assert selection.nominee([slow], 100.4) is None
    assert selection.next_timeout([slow], is_controlling=True) == 100.5
    assert selection.nominee([slow, quick], 100.4) is quick
    assert selection.nominee([slow, quick], 100.5) is slow
    selection.nominating = slow
    assert selection.nominee([slow, quick], 101.0) is None
    selection.gave_up(slow)
    assert selection.nominee([quick], 101.0) is quick


@pytest.mark.parametrize(
    ("choice", "wait"),
    [
        ({"transport_policy": "relay"}, 0.0),
        ({"candidate_types": ["relay"]}, 0.0),
        ({"transport_policy": "nohost"}, 2.0),
        ({}, 2.0),
    ],
)
def test_relays_are_waited_with_only_where_something_better_may_come(choice, wait):
    relayed = reflexive("192.0.2.9", 1, BASE)
    object.__setattr__(relayed, "type", type(relayed.type).RELAYED)
    selection = Selection(IceSettings(**choice))
    selection.begin(100.0)
    assert selection.next_timeout([pair(relayed, 1)], is_controlling=True) == 100.0 + wait


def test_a_nomination_waits_for_our_own_check():
    selection = Selection(IceSettings())
    nominated = pair(host("192.0.2.2"), 1)
    nominated.state = PairState.IN_PROGRESS
    assert not selection.validated(nominated, 0.5)
    assert not selection.peer_nominated(nominated, 1.0)
    nominated.state = PairState.SUCCEEDED
    assert selection.validated(nominated, 1.5)


def test_a_worse_pair_waits_until_the_better_one_was_not_nominated_for_a_while():
    selection = Selection(IceSettings())
    better, worse = pair(host("192.0.2.2"), 2), pair(host("192.0.2.3"), 1)
    assert selection.peer_nominated(better, 0.0)
    selection.select(better)
    assert not selection.peer_nominated(worse, 1.0)
    assert selection.next_timeout([], is_controlling=False) == 3.0
    assert selection.take_deferred(2.9) is None
    assert selection.take_deferred(3.0) is worse
    assert selection.take_deferred(3.0) is None


def test_a_better_pair_nominated_again_keeps_its_place():
    selection = Selection(IceSettings())
    better, worse = pair(host("192.0.2.2"), 2), pair(host("192.0.2.3"), 1)
    selection.peer_nominated(better, 0.0)
    selection.select(better)
    selection.peer_nominated(worse, 1.0)
    selection.peer_nominated(better, 2.0)
    assert selection.take_deferred(3.0) is None


def test_a_claim_is_followed_until_the_peer_nominates_another():
    selection = Selection(IceSettings())
    better, worse = pair(host("192.0.2.2"), 2), pair(host("192.0.2.3"), 1)
    selection.select(better)
    worse.state = PairState.IN_PROGRESS
    assert not selection.claim(worse, 0.0)
    worse.state = PairState.SUCCEEDED
    assert selection.validated(worse, 1.0)
    selection.select(worse)
    better.state = PairState.IN_PROGRESS
    assert not selection.peer_nominated(better, 2.0)
    better.state = PairState.SUCCEEDED
    assert selection.validated(better, 3.0)


def test_a_request_is_the_next_nomination_once():
    selection = Selection(IceSettings())
    selection.begin(100.0)
    slow, quick = pair(reflexive("192.0.2.9", 1, BASE), 9), pair(host("192.0.2.2"), 1)
    selection.select(quick)
    selection.request(slow)
    assert selection.next_timeout([], is_controlling=True) == float("-inf")
    assert selection.nominee([slow, quick], 100.0) is slow
    assert selection.nominee([slow, quick], 200.0) is None
    for unusable in (quick, pair(host("192.0.2.4"), 1)):
        if unusable is not quick:
            unusable.state = PairState.FAILED
        selection.request(unusable)
        assert selection.nominee([], 200.0) is None
    selection.request(slow)
    selection.gave_up(slow)
    assert selection.nominee([], 200.0) is None


def test_a_changed_role_forgets_what_was_under_way():
    selection = Selection(IceSettings())
    selection.nominating = pair(host("192.0.2.2"), 2)
    selection.role_changed()
    assert selection.nominating is None
