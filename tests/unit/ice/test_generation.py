import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice import Candidate, CandidatePair, CandidateType, FailureReason, IceParameters, IceSettings, PairState
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.pair import pair_priority
from rtcpeer.ice.responder import PeerCheck
from rtcpeer.ice.role import Role
from rtcpeer.stun import MessageClass, StunMessage
from tests.unit.ice.network import host, reflexive

OURS = IceParameters("ours", "our password of 24 bytes")
THEIRS = IceParameters("peer", "the password of the peer")


def generation(*hosts: str, is_controlling: bool = True, introduced: bool = True, **settings) -> Generation:
    made = Generation(OURS, Role(is_controlling, bytes), IceSettings(**settings))
    for rank, address in enumerate(hosts or ("192.0.2.1",)):
        assert made.add_local(host(address, preference=65535 - rank))
    if introduced:
        made.set_remote(THEIRS)
    return made


def check_from(remote: str, local: str = "192.0.2.1", priority: int = 77) -> PeerCheck:
    path = (TransportAddress(local, 5000), TransportAddress(remote, 5000))
    return PeerCheck(path, StunMessage(1, MessageClass.REQUEST, bytes(12)), THEIRS.username_fragment, priority, False)


def pairs(made: Generation) -> set[tuple[str, str]]:
    return {(pair.local.address, pair.remote.address) for pair in made.checklist}


def test_nothing_is_paired_before_the_peer_is_known_and_everything_then():
    made = generation(introduced=False)
    made.add_remote(host("192.0.2.2"))
    assert len(made.checklist) == 0
    made.set_remote(THEIRS)
    assert pairs(made) == {("192.0.2.1", "192.0.2.2")}


@pytest.mark.parametrize(
    ("policy", "host_counts", "reflexive_counts"),
    [("all", True, True), ("nohost", False, True), ("relay", False, False)],
)
def test_the_transport_policy_decides_which_candidates_count(policy, host_counts, reflexive_counts):
    made = Generation(OURS, Role(True, bytes), IceSettings(transport_policy=policy))
    local = host("192.0.2.1")
    assert made.add_local(local) is host_counts
    assert made.add_local(reflexive("203.0.113.1", 9, local.base)) is reflexive_counts


def test_a_base_stands_for_its_reflexive_candidates():
    made = generation()
    made.add_remote(host("192.0.2.2"))
    base = TransportAddress("192.0.2.1", 5000)
    assert made.add_local(reflexive("203.0.113.1", 9, base))
    assert not made.add_local(reflexive("203.0.113.1", 9, base))
    assert pairs(made) == {("192.0.2.1", "192.0.2.2")}


@pytest.mark.parametrize("is_controlling", [True, False])
def test_pair_priorities_depend_on_the_role(is_controlling):
    made = generation(is_controlling=is_controlling)
    remote = host("192.0.2.2", preference=5)
    made.add_remote(remote)
    (pair,) = made.checklist
    ours, theirs = pair.local.priority, remote.priority
    assert pair.priority == (pair_priority(ours, theirs) if is_controlling else pair_priority(theirs, ours))
    made._role.is_controlling = not is_controlling
    made.recompute_priorities()
    assert pair.priority == (pair_priority(theirs, ours) if is_controlling else pair_priority(ours, theirs))


def same_foundation(port: int, preference: int) -> Candidate:
    return host("192.0.2.2", port, preference)


def test_trickled_pairs_wait_when_they_are_the_best_of_their_foundation_or_one_has_succeeded():
    made = generation()
    for port, preference, state in (
        (1, 50, PairState.WAITING),  # the first
        (2, 40, PairState.FROZEN),  # RFC 8838 section 12, rule 3
        (3, 60, PairState.WAITING),  # rule 1: the best
    ):
        made.add_remote(same_foundation(port, preference))
        pair = made.checklist.find((TransportAddress("192.0.2.1", 5000), TransportAddress("192.0.2.2", port)))
        assert pair.state is state, port
    pair.state = PairState.SUCCEEDED
    made.add_remote(same_foundation(4, 30))
    pair = made.checklist.find((TransportAddress("192.0.2.1", 5000), TransportAddress("192.0.2.2", 4)))
    assert pair.state is PairState.WAITING  # rule 2


def test_a_peer_reflexive_candidate_is_paired_only_where_its_check_came_in():
    made = generation("192.0.2.1", "198.51.100.1")
    check = check_from("203.0.113.7")
    candidate = made.learn_remote(check.path[1], check)
    assert (candidate.type, candidate.priority) == (CandidateType.PEER_REFLEXIVE, 77)
    assert len(made.checklist) == 0
    pair = made.pair_of(check.path)
    assert pair.remote is candidate
    assert pairs(made) == {("192.0.2.1", "203.0.113.7")}
    assert made.add_local(host("198.51.100.9", preference=7))
    made.resume_pairing()
    assert pairs(made) == {("192.0.2.1", "203.0.113.7")}


def test_signalling_that_comes_later_gives_type_priority_and_the_other_pairs():
    made = generation("192.0.2.1", "198.51.100.1")
    check = check_from("203.0.113.7")
    made.learn_remote(check.path[1], check)
    pair = made.pair_of(check.path)
    pair.state = PairState.SUCCEEDED
    signalled = host("203.0.113.7")
    made.add_remote(signalled)
    assert made.remote_candidates == [signalled]
    assert pair.remote is signalled
    assert pair.priority == pair_priority(pair.local.priority, signalled.priority)
    assert pair.state is PairState.SUCCEEDED
    assert pairs(made) == {("192.0.2.1", "203.0.113.7"), ("198.51.100.1", "203.0.113.7")}
    assert list(made.checklist) == sorted(made.checklist, key=lambda each: -each.priority)


def test_foundations_of_peer_reflexive_candidates_are_never_used_twice():
    made = generation()
    seen = set()
    for number in range(1, 5):
        check = check_from(f"203.0.113.{number}")
        seen.add(made.learn_remote(check.path[1], check).foundation)
        made.add_remote(host(f"203.0.113.{number}"))
    assert len(seen) == 4


def test_a_path_with_an_unknown_end_has_no_pair():
    made = generation()
    made.add_remote(host("192.0.2.2"))
    assert made.pair_of(check_from("192.0.2.3").path) is None
    assert made.pair_of(check_from("192.0.2.2", local="192.0.2.9").path) is None
    assert made.pair_of(check_from("192.0.2.2").path) is not None


def test_after_the_selection_a_candidate_is_listed_and_paired_when_its_check_comes():
    made = generation()
    made.add_remote(host("192.0.2.2"))
    (selected,) = made.checklist
    selected.state = PairState.SUCCEEDED
    made.stop_pairing()
    made.add_remote(host("192.0.2.3"))
    assert made.knows_remote(TransportAddress("192.0.2.3", 5000))
    assert list(made.checklist) == [selected]
    assert made.pair_of(check_from("192.0.2.3").path) is not None


def test_resuming_brings_back_what_was_never_tried_and_what_was_abandoned():
    made = generation()
    for number in (2, 3, 4, 5):
        made.add_remote(host(f"192.0.2.{number}", preference=100 - number))
    selected, abandoned, failed, _ = made.checklist
    selected.state = PairState.SUCCEEDED
    abandoned.fail(FailureReason.ABANDONED)
    failed.fail(FailureReason.NO_ANSWER)
    made.stop_pairing()
    assert len(made.checklist) == 3
    made.resume_pairing()
    assert len(made.checklist) == 4
    assert (abandoned.state, abandoned.failure) == (PairState.WAITING, None)
    assert failed.state is PairState.FAILED


def test_what_the_peer_sees_of_us_becomes_a_candidate_once():
    made = generation()
    made.add_remote(host("192.0.2.2"))
    (pair,) = made.checklist
    mapped = TransportAddress("203.0.113.1", 1234)
    learned = made.learn_local(pair, mapped)
    assert (learned.type, learned.transport_address, learned.base) == (
        CandidateType.PEER_REFLEXIVE,
        mapped,
        pair.local.base,
    )
    assert (learned.related_address, learned.related_port) == ("192.0.2.1", 5000)
    assert made.learn_local(pair, mapped) is None
    assert made.learn_local(pair, pair.local.base) is None


def test_a_server_that_is_slower_than_the_peer_is_still_heard():
    """Or the peer would never be told of the candidate, and would not pair it with all of its own."""
    made = generation()
    made.add_remote(host("192.0.2.2"))
    (pair,) = made.checklist
    learned = made.learn_local(pair, TransportAddress("203.0.113.1", 1234))
    gathered = reflexive("203.0.113.1", 1234, pair.local.base)
    assert made.add_local(gathered)
    assert gathered in made.local_candidates
    assert learned not in made.local_candidates
    assert not made.add_local(gathered)
    assert not made.add_local(learned)


def test_a_lying_peer_and_a_flood_of_candidates_are_bounded():
    made = generation(max_remote_candidates=30, max_pairs=10)
    made.add_remote(host("192.0.2.2"))
    (pair,) = made.checklist
    for number in range(1000):
        made.learn_local(pair, TransportAddress("203.0.113.1", 1000 + number))
        check = check_from(f"10.0.{number // 250}.{number % 250 + 1}")
        made.learn_remote(check.path[1], check)
        made.pair_of(check.path)
        made.add_remote(host("192.0.2.3", 1000 + number))
    assert len(made.local_candidates) == 1 + 16
    assert len(made.remote_candidates) == len(made._remotes) == 30
    assert len(made.checklist) == 10
    assert made.candidates_refused > 2900


def test_candidates_that_wait_for_the_description_are_bounded_too():
    made = generation(introduced=False, max_remote_candidates=30)
    for number in range(1000):
        made.add_remote(host("192.0.2.3", 1000 + number))
        made.add_remote(Candidate.parse(f"candidate:1 1 udp 1 {number}.local 9 typ host"))
    assert len(made.remote_candidates) == 30
    made.set_remote(THEIRS)
    assert len(made.remote_candidates) == 30


def test_zones_are_ignored_and_scopes_kept_apart():
    made = generation("fe80::1", "2001:db8::1")
    made.add_remote(host("fe80::2%eth0"))
    made.add_remote(host("fe80::2%eth1"))  # the same address to us
    assert {(pair.path[0].host, pair.path[1].host) for pair in made.checklist} == {("fe80::1", "fe80::2")}


def test_a_pair_is_found_by_its_path_only():
    made = generation()
    made.add_remote(host("192.0.2.2"))
    (pair,) = made.checklist
    assert isinstance(pair, CandidatePair)
    assert made.checklist.find(pair.path) is pair
