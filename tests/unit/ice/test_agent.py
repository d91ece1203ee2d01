"""The agent against a peer that is played by hand."""

import pytest

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.errors import InvalidStateError
from rtcpeer.ice import (
    Candidate,
    CandidateType,
    FailureReason,
    IceParameters,
    IceSettings,
    IceState,
    PairSelected,
    PairState,
    PairValidated,
    RemoteCandidateDiscovered,
    RoleChanged,
)
from rtcpeer.stun import AttributeType, MessageClass, StunMessage
from tests.unit.ice.network import host
from tests.unit.ice.peer import LOCAL, OTHER, PARAMETERS, REMOTE, Peer


def assert_unchanged(peer):
    assert peer.agent.remote_candidates == []
    assert peer.agent.statistics().pairs == ()
    assert peer.agent.is_controlling is not peer.is_controlling


@pytest.mark.parametrize(
    ("changes", "key", "code"),
    [
        ({}, None, 400),  # no integrity
        ({"ufrag": None}, "", 400),
        ({"ufrag": "somebody"}, "", 401),
        ({}, "not the password that we have", 401),
        ({"priority": None}, "", 400),
    ],
)
def test_requests_that_prove_nothing_are_refused_and_change_nothing(changes, key, code):
    peer = Peer()
    response = peer.ask(key=key, **changes)
    assert response.message_class is MessageClass.ERROR
    assert response.error[0] == code
    assert_unchanged(peer)
    assert peer.agent.statistics().requests_refused == 1


def test_unknown_required_attributes_are_listed():
    peer = Peer()
    request = peer.request()
    request.add(0x7777, b"?")
    request.add(0xC057, b"fine")
    peer.send(request)
    ((_, response),) = peer.pull()
    assert response.error[0] == 420
    assert response.unknown_attributes == [0x7777]
    assert response.verify_integrity(peer.agent.local_parameters.password.encode())
    assert_unchanged(peer)


def test_unknown_methods_and_broken_packets_are_ignored_and_counted():
    peer = Peer()
    peer.send(peer.request(method=0x0AB))
    peer.send(b"\x00\x01\x00\x00")
    broken = peer.request()
    broken.attributes[-1] = broken.attributes[-1]._replace(value=b"abc")
    peer.send(broken)
    assert peer.pull() == []
    statistics = peer.agent.statistics()
    assert (statistics.ignored_packets, statistics.malformed_packets) == (1, 2)
    assert_unchanged(peer)


def test_a_check_is_answered_with_where_it_came_from_and_checked_back_at_once():
    peer = Peer()
    request = peer.request()
    peer.send(request, OTHER)
    messages = [message for _, message in peer.pull()]
    response, check = messages
    assert response.message_class is MessageClass.SUCCESS
    assert response.mapped_address == OTHER
    assert response.verify_integrity(peer.agent.local_parameters.password.encode())
    assert response.has_fingerprint
    assert check.message_class is MessageClass.REQUEST
    assert check.text(AttributeType.USERNAME) == f"peer:{peer.agent.local_parameters.username_fragment}"
    assert check.verify_integrity(PARAMETERS.password.encode())
    assert AttributeType.ICE_CONTROLLED in check
    assert AttributeType.USE_CANDIDATE not in check
    assert check.uint32(AttributeType.PRIORITY) >> 24 == 110
    (candidate,) = peer.agent.remote_candidates
    assert (candidate.type, candidate.priority) == (CandidateType.PEER_REFLEXIVE, 0x6E0001FF)
    assert RemoteCandidateDiscovered(candidate) in peer.agent.poll_events()


def test_data_may_flow_before_the_nomination():
    peer = Peer()
    peer.validate(REMOTE)
    assert peer.agent.send_path() == (LOCAL, REMOTE)
    assert peer.agent.selected_pair is None
    assert peer.agent.state is IceState.CONNECTED
    assert sum(isinstance(event, PairValidated) for event in peer.agent.poll_events()) == 1


def test_the_controlled_side_selects_when_its_own_check_has_succeeded():
    peer = Peer()
    peer.send(peer.request(nominate=True))
    assert peer.agent.selected_pair is None
    peer.answer_all()
    assert peer.agent.selected_pair is peer.pair()
    assert peer.pair().nominated


def test_the_controlling_side_nominates_once_and_selects_on_the_answer():
    peer = Peer(is_controlling=False)
    peer.agent.add_remote_candidate(host(REMOTE.host))
    ((_, check),) = peer.pull()
    assert AttributeType.ICE_CONTROLLING in check
    assert AttributeType.USE_CANDIDATE not in check
    peer.answer(check)
    ((_, nomination),) = peer.pull()
    assert AttributeType.USE_CANDIDATE in nomination
    assert peer.agent.selected_pair is None
    peer.answer(nomination)
    assert peer.agent.selected_pair is peer.pair()
    assert peer.pull() == []


def test_what_comes_between_a_timeout_and_the_pull_of_the_same_moment_counts():
    peer = Peer(is_controlling=False)
    peer.agent.add_remote_candidate(host(REMOTE.host))
    ((_, check),) = peer.pull()
    peer.agent.handle_timeout(peer.now)
    peer.answer(check)
    ((_, nomination),) = peer.pull()
    assert AttributeType.USE_CANDIDATE in nomination


def test_an_aggressive_peer_gets_the_pair_of_highest_priority():
    peer = Peer()
    better, worse = host(OTHER.host, preference=65000), host(REMOTE.host, preference=10)
    for candidate in (worse, better):
        peer.agent.add_remote_candidate(candidate)
    for source in (REMOTE, OTHER, REMOTE):
        peer.send(peer.request(nominate=True), source)
        peer.answer_all()
    assert peer.agent.send_path() == (LOCAL, OTHER)
    # It goes on like that with each of its keepalives.
    for _ in range(10):
        peer.advance(2.0)
        for source in (REMOTE, OTHER):
            peer.send(peer.request(nominate=True), source)
        peer.answer_all()
    assert peer.agent.send_path() == (LOCAL, OTHER)
    assert peer.agent.statistics().selected_pair_changes == 2


@pytest.mark.parametrize("pause", [0.1, 10.0])
def test_a_peer_that_selects_anew_is_followed_even_to_a_worse_pair(pause):
    peer = Peer()
    for candidate in (host(OTHER.host, preference=65000), host(REMOTE.host, preference=10)):
        peer.agent.add_remote_candidate(candidate)
    peer.validate(REMOTE, OTHER)
    peer.send(peer.request(nominate=True), OTHER)
    assert peer.agent.send_path() == (LOCAL, OTHER)
    peer.advance(0.1)
    for _ in range(int(pause)):
        peer.advance(1.0)
        peer.answer_all()
    peer.send(peer.request(nominate=True), REMOTE)
    peer.advance(3.0)
    assert peer.agent.send_path() == (LOCAL, REMOTE)
    peer.send(peer.request(nominate=True), OTHER)
    assert peer.agent.send_path() == (LOCAL, OTHER)


def test_a_lite_peer_makes_us_controlling():
    peer = Peer(introduced=False)
    peer.agent.set_remote_parameters(IceParameters("peer", PARAMETERS.password, is_lite=True))
    assert peer.agent.is_controlling
    assert peer.agent.poll_events() == [RoleChanged(True)]
    peer.agent.add_remote_candidate(host(REMOTE.host))
    assert peer.answer_all() == 1
    assert peer.answer_all() == 1
    assert peer.agent.selected_pair is peer.pair()


def test_a_conflict_that_the_peer_loses_is_a_487_and_the_one_that_it_wins_changes_our_role():
    peer = Peer(is_controlling=False)
    peer.is_controlling = True  # and so is the agent
    response = peer.ask(tie_breaker=0)
    assert response.error[0] == 487
    assert peer.agent.is_controlling
    response = peer.ask(tie_breaker=2**64 - 1)
    assert response.message_class is MessageClass.SUCCESS
    assert not peer.agent.is_controlling


def test_a_487_changes_our_role_and_the_check_is_repeated():
    peer = Peer(is_controlling=False)
    peer.agent.add_remote_candidate(host(REMOTE.host))
    ((_, check),) = peer.pull()
    refusal = check.error_response(487).serialize(PARAMETERS.password.encode(), fingerprint=True)
    peer.send(refusal)
    assert not peer.agent.is_controlling
    ((_, again),) = peer.pull()
    assert AttributeType.ICE_CONTROLLED in again
    assert again.uint64(AttributeType.ICE_CONTROLLED) != check.uint64(AttributeType.ICE_CONTROLLING)
    peer.send(refusal)
    assert not peer.agent.is_controlling


def test_an_answer_from_elsewhere_fails_the_pair():
    peer = Peer()
    peer.agent.add_remote_candidate(host(REMOTE.host))
    ((_, check),) = peer.pull()
    peer.answer(check, source=OTHER)
    assert peer.agent.send_path() is None
    assert peer.pair().state is PairState.FAILED
    assert peer.pair().failure.reason is FailureReason.ASYMMETRIC


def test_an_answer_without_the_right_integrity_is_ignored():
    peer = Peer()
    peer.agent.add_remote_candidate(host(REMOTE.host))
    ((_, check),) = peer.pull()
    peer.answer(check, key="not the password of the peer")
    forged = check.success_response()
    forged.add_address(AttributeType.XOR_MAPPED_ADDRESS, LOCAL)
    peer.send(forged, key=None)
    assert peer.pair().state is PairState.IN_PROGRESS
    assert peer.agent.statistics().responses_refused == 2
    peer.answer(check)
    assert peer.pair().state is PairState.SUCCEEDED
    peer.answer(check)
    assert peer.agent.statistics().responses_unmatched == 1


def test_an_error_response_fails_the_pair_with_its_code_unless_it_comes_from_elsewhere():
    peer = Peer()
    peer.agent.add_remote_candidate(host(REMOTE.host))
    ((_, check),) = peer.pull()
    refusal = check.error_response(400, "no").serialize(fingerprint=True)
    peer.send(refusal, OTHER)
    assert peer.pair().state is PairState.IN_PROGRESS
    peer.send(refusal)
    assert peer.pair().state is PairState.FAILED
    assert peer.pair().failure == (FailureReason.ERROR_RESPONSE, 400, "no")
    # The peer's own check gives it another chance.
    peer.validate(REMOTE)
    assert peer.pair().state is PairState.SUCCEEDED
    assert peer.pair().failure is None


def test_unroutable_pairs_fail_with_that_reason():
    peer = Peer()
    peer.agent.add_remote_candidate(host(REMOTE.host))
    peer.pull()
    peer.agent.note_unroutable(LOCAL, REMOTE, peer.now, "ENETUNREACH")
    assert peer.pair().failure == (FailureReason.UNROUTABLE, None, "ENETUNREACH")


def test_early_checks_are_answered_remembered_and_bounded():
    peer = Peer(introduced=False, settings=IceSettings(max_early_checks=3))
    for number in range(10):
        assert peer.ask(TransportAddress("192.0.2.2", 6000 + number)).message_class is MessageClass.SUCCESS
    peer.ask(TransportAddress("192.0.2.2", 6000), nominate=True)
    peer.ask(TransportAddress("192.0.2.2", 6000))
    assert peer.agent.next_timeout() is None
    peer.agent.set_remote_parameters(PARAMETERS)
    assert peer.answer_all() == 3
    assert sorted(candidate.port for candidate in peer.agent.remote_candidates) == [6000, 6001, 6002]
    assert peer.agent.selected_pair.remote.port == 6000


def test_a_peer_can_not_make_us_keep_more_than_the_bounds():
    peer = Peer(settings=IceSettings(max_remote_candidates=20, max_pairs=10))
    for number in range(300):
        peer.send(peer.request(), TransportAddress("192.0.2.2", 6000 + number))
        peer.agent.add_remote_candidate(host("192.0.2.3", 6000 + number))
        peer.agent.add_remote_candidate(Candidate.parse(f"candidate:1 1 udp 1 {number}.local 9 typ host"))
        peer.pull()
    statistics = peer.agent.statistics()
    assert len(statistics.remote_candidates) == 20
    assert len(statistics.pairs) <= 10
    assert statistics.candidates_refused > 500


def test_answers_that_nobody_pulls_are_bounded():
    peer = Peer(settings=IceSettings(max_remote_candidates=1))
    for _ in range(600):
        peer.send(peer.request(), OTHER)
    assert len(peer.pull()) <= 514


def test_names_and_tcp_are_listed_and_skipped():
    peer = Peer()
    lines = [
        "candidate:1 1 udp 2113937151 4a55fae5-d5da-4762-9863-b9df260a.local 46946 typ host generation 0 ufrag peer",
        "candidate:2 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0 ufrag peer",
        "candidate:3 1 tcp 1518283007 192.0.2.9 9 typ host tcptype active generation 0 ufrag peer",
        "candidate:4 1 udp 1 192.0.2.2 0 typ host",
        "candidate:5 1 udp 1 0.0.0.0 77 typ host",
        "candidate:6 2 udp 1 192.0.2.2 78 typ host",
    ]
    for line in lines * 2:
        peer.agent.add_remote_candidate(Candidate.parse(line))
    assert len(peer.agent.remote_candidates) == 6
    assert peer.agent.statistics().pairs == ()
    assert peer.pull() == []


def test_link_local_is_paired_with_link_local_only():
    peer = Peer()
    for address in ("fe80::1", "2001:db8::1"):
        assert peer.agent.add_local_candidate(host(address))
    for address in ("fe80::2", "2001:db8::2", "192.0.2.2"):
        peer.agent.add_remote_candidate(host(address))
    pairs = {(pair.local.address, pair.remote.address) for pair in peer.agent.statistics().pairs}
    assert pairs == {("fe80::1", "fe80::2"), ("2001:db8::1", "2001:db8::2"), ("192.0.2.1", "192.0.2.2")}


def test_candidates_of_another_generation_are_dropped_also_when_they_came_early():
    peer = Peer(introduced=False)
    for ufrag, port in (("old0", 1), ("peer", 2), ("peer", 2)):
        peer.agent.add_remote_candidate(Candidate.parse(f"candidate:1 1 udp 9 192.0.2.2 {port} typ host ufrag {ufrag}"))
    peer.agent.set_remote_parameters(PARAMETERS)
    peer.agent.add_remote_candidate(Candidate.parse("candidate:1 1 udp 9 192.0.2.2 3 typ host ufrag old0"))
    assert [candidate.port for candidate in peer.agent.remote_candidates] == [2]


def test_a_peer_reflexive_candidate_becomes_what_signalling_says():
    peer = Peer()
    peer.validate(REMOTE)
    signalled = host(REMOTE.host)
    peer.agent.add_remote_candidate(signalled)
    assert peer.agent.remote_candidates == [signalled]
    assert peer.pair().remote is signalled
    assert peer.agent.send_path() == (LOCAL, REMOTE)


def test_pacing():
    peer = Peer()
    for number in range(5):
        peer.agent.add_remote_candidate(host(f"198.51.100.{number}"))
    for left in reversed(range(5)):
        assert len(peer.pull()) == 1
        assert peer.pull() == []
        assert not left or peer.agent.next_timeout() == pytest.approx(peer.now + 0.05)
        peer.advance(0.05)
    assert peer.pull() == []
    assert peer.agent.next_timeout() == 100.5


def test_misuse():
    peer = Peer()
    peer.agent.set_remote_parameters(PARAMETERS)
    assert peer.agent.add_local_candidate(host(LOCAL.host)) is False
    peer.agent.close()
    with pytest.raises(InvalidStateError):
        peer.agent.add_local_candidate(host("192.0.2.77"))
    with pytest.raises(InvalidStateError):
        peer.agent.restart()
    assert peer.agent.roll_back() is False
    peer.agent.add_remote_candidate(host("192.0.2.77"))
    peer.agent.note_data(LOCAL, REMOTE, peer.now)
    peer.agent.receive(Datagrams(LOCAL, REMOTE, [b"x"]), peer.now)
    peer.agent.handle_timeout(peer.now)


def test_statistics_count():
    peer = Peer()
    peer.send(peer.request(nominate=True))
    ((_, _), (_, check)) = peer.pull()
    peer.now += 0.25
    peer.answer(check)
    (pair,) = peer.agent.statistics().pairs
    assert (pair.requests_sent, pair.requests_received, pair.responses_sent, pair.responses_received) == (1, 1, 1, 1)
    assert pair.current_round_trip_time == pair.total_round_trip_time == 0.25
    assert pair.is_selected
    assert pair.nominated
    assert sum(isinstance(event, PairSelected) for event in peer.agent.poll_events()) == 1


def test_traffic_is_counted_for_its_pair_and_for_all():
    peer = Peer()
    peer.validate(REMOTE)
    assert peer.agent.note_data(*peer.pair().path, peer.now, [b"x" * 100, b"x" * 200])
    peer.agent.note_sent([b"x" * 500], peer.now + 1)
    statistics = peer.agent.statistics()
    assert statistics.pairs[0].traffic == statistics.traffic == (1, 2, 500, 300, peer.now + 1, peer.now)


def test_requests_are_told_from_their_repetitions():
    peer = Peer()
    peer.agent.add_remote_candidate(host(REMOTE.host))
    for _ in range(3):
        assert len(peer.pull()) == 1
        peer.advance(1.0)
    (pair,) = peer.agent.statistics().pairs
    assert (pair.requests_sent, pair.retransmissions_sent, pair.consent_requests_sent) == (3, 2, 0)


def test_a_binding_indication_is_a_sign_of_life():
    peer = Peer()
    peer.validate(REMOTE)
    peer.now += 1.0
    peer.send(StunMessage.indication(1, peer.random.randbytes), key=None)
    assert peer.pair().last_received_at == peer.now
    assert peer.pair().last_response_at == 100.0


def test_a_late_answer_on_the_pair_that_the_peer_left_changes_nothing():
    peer = Peer()
    for candidate in (host(OTHER.host, preference=65000), host(REMOTE.host, preference=10)):
        peer.agent.add_remote_candidate(candidate)
    peer.validate(REMOTE, OTHER)
    peer.send(peer.request(nominate=True), OTHER)
    late = []
    for _ in range(5):
        peer.advance(1.0)
        late += [(remote, message) for remote, message in peer.pull() if remote == OTHER]
    late = [message for _, message in late if message.message_class is MessageClass.REQUEST]
    assert late
    peer.send(peer.request(nominate=True), REMOTE)
    assert peer.agent.send_path() == (LOCAL, REMOTE)
    peer.answer(late[-1], OTHER)
    assert peer.agent.send_path() == (LOCAL, REMOTE)


def test_a_conflict_long_after_the_selection_is_settled_by_a_keepalive():
    peer = Peer(is_controlling=False)
    peer.agent.add_remote_candidate(host(REMOTE.host))
    peer.answer_all()
    peer.answer_all()
    assert peer.agent.selected_pair is not None
    peer.advance(2.5)
    ((_, keepalive),) = peer.pull()
    peer.send(keepalive.error_response(487).serialize(PARAMETERS.password.encode(), fingerprint=True))
    assert not peer.agent.is_controlling
    assert peer.agent.selected_pair is peer.pair()


def test_a_candidate_that_comes_late_is_no_lateness_of_ours():
    peer = Peer(settings=IceSettings(patience=20.0))
    peer.agent.add_remote_candidate(host(REMOTE.host))
    ((_, check),) = peer.pull()
    peer.send(check.error_response(400).serialize(fingerprint=True))
    peer.pull()
    assert peer.agent.next_timeout() == 120.0
    peer.now = 110.0
    peer.agent.add_remote_candidate(host(OTHER.host))
    ((_, check),) = peer.pull()
    peer.send(check.error_response(400).serialize(fingerprint=True), OTHER)
    assert peer.agent.next_timeout() == 120.0
    peer.now = 120.0
    peer.agent.handle_timeout(peer.now)
    assert peer.agent.state is IceState.FAILED


def test_lateness_is_forgiven_once_whatever_is_called_first():
    for first in ("receive", "handle_timeout", "packets_to_send"):
        peer = Peer(settings=IceSettings(patience=20.0))
        peer.pull()
        assert peer.agent.next_timeout() == 120.0
        peer.now = 150.0
        if first == "receive":
            peer.agent.receive(Datagrams(LOCAL, REMOTE, [b""]), peer.now)
        elif first == "handle_timeout":
            peer.agent.handle_timeout(peer.now)
        peer.pull()
        peer.agent.handle_timeout(peer.now)
        peer.pull()
        assert peer.agent.state is IceState.NEW, first
        assert peer.agent.next_timeout() == 151.0, first
        peer.advance(1.0)
        assert peer.agent.state is IceState.FAILED, first


def test_data_is_known_by_its_path():
    peer = Peer()
    peer.validate(REMOTE)
    assert peer.agent.note_data(LOCAL, REMOTE, 100.5)
    assert peer.pair().last_received_at == 100.5
    assert not peer.agent.note_data(LOCAL, OTHER, 100.5)


def test_data_that_is_faster_than_the_description_is_known_by_an_early_check():
    # The answerer's path is valid as soon as we answer its check, so its ClientHello may overtake its answer.
    peer = Peer(introduced=False)
    assert not peer.agent.note_data(LOCAL, REMOTE, 100.5)
    peer.ask(REMOTE, key="not the password")
    assert not peer.agent.note_data(LOCAL, REMOTE, 100.5)
    peer.ask(REMOTE)
    assert peer.agent.note_data(LOCAL, REMOTE, 100.5)
    assert not peer.agent.note_data(LOCAL, OTHER, 100.5)
    peer.agent.set_remote_parameters(PARAMETERS)
    assert peer.agent.note_data(LOCAL, REMOTE, 100.5)
