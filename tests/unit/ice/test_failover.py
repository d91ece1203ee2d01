"""A path in doubt, with the peer played by hand."""

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice import FailureReason, IceSettings, IceState, PairState
from rtcpeer.stun import AttributeType, MessageClass
from tests.unit.ice.network import host
from tests.unit.ice.peer import LOCAL, OTHER, REMOTE, Peer

QUIET = IceSettings(host_acceptance_wait=0.01)


def connected(*, is_controlling: bool, settings: IceSettings = QUIET) -> Peer:
    """A peer whose pair with REMOTE is selected, while that with OTHER is valid."""
    peer = Peer(is_controlling=is_controlling, settings=settings)
    for candidate in (host(REMOTE.host, preference=65000), host(OTHER.host, preference=10)):
        peer.agent.add_remote_candidate(candidate)
    peer.validate(REMOTE, OTHER)
    peer.advance(0.01)
    if is_controlling:
        peer.send(peer.request(nominate=True), REMOTE)
    else:
        peer.answer_all()
    assert peer.agent.selected_pair is peer.pair(REMOTE)
    return peer


def test_a_base_that_is_gone_fails_its_pairs_at_once():
    peer = connected(is_controlling=True)
    peer.agent.drop_bases([LOCAL], peer.now, "the relay has ended")
    assert peer.agent.state is IceState.FAILED
    assert peer.agent.send_path() is None
    failures = {(pair.failure.reason, pair.failure.detail) for pair in peer.agent._generation.checklist}
    assert failures == {(FailureReason.UNROUTABLE, "the relay has ended")}
    assert peer.agent.next_timeout() is None


@pytest.mark.parametrize("comes", [True, False])
def test_with_hope_for_another_base_there_is_time_until_patience_is_over(comes):
    peer = connected(is_controlling=True)
    peer.agent.drop_bases([LOCAL], peer.now, "the cable was pulled", is_hopeful=True)
    assert peer.agent.state is IceState.CHECKING
    assert peer.agent.send_path() is None
    lost_at = peer.now
    while peer.agent.state is IceState.CHECKING and not comes:
        peer.advance(0.5)
    if comes:
        elsewhere = host("192.168.9.9", 5009)
        peer.agent.add_local_candidate(elsewhere)
        for _ in range(4):
            peer.advance(0.5)
        assert elsewhere.base in {pair.path[0] for pair in peer.agent._generation.checklist if pair.failure is None}
        assert peer.agent.state is IceState.CHECKING
    else:
        assert peer.now == pytest.approx(lost_at + QUIET.patience, abs=0.5)
        assert peer.agent.state is IceState.FAILED


def test_a_base_that_is_gone_leaves_the_others_alone():
    elsewhere = host("192.168.9.9", 5009)
    peer = connected(is_controlling=True)
    peer.agent.add_local_candidate(elsewhere)
    peer.agent.drop_bases([elsewhere.base], peer.now)
    assert peer.agent.send_path() == (LOCAL, REMOTE)
    assert peer.agent.state is IceState.CONNECTED
    peer.agent.add_remote_candidate(host("192.0.2.99"))
    assert all(pair.path[0] == LOCAL for pair in peer.agent._generation.checklist)


def test_what_the_selection_had_spared_us_is_tried_when_its_base_is_gone():
    peer = connected(is_controlling=True)
    other = host("192.168.9.9", 5009, preference=20)
    peer.agent.add_local_candidate(other)
    peer.agent.drop_bases([LOCAL], peer.now)
    assert peer.agent.state is IceState.CHECKING
    peer.advance(0.1)
    assert any(pair.path[0] == other.base for pair in peer.agent._generation.checklist)
    peer.agent.drop_bases([other.base], peer.now)
    assert peer.agent.state is IceState.FAILED


def checks(peer: Peer) -> list:
    return [(to, message) for to, message in peer.pull() if message.message_class is MessageClass.REQUEST]


def fall_silent(peer: Peer) -> list:
    """Let time pass until the agent asks the other pair."""
    for _ in range(8):
        peer.advance(1.0)
        sent = checks(peer)
        if any(to == OTHER for to, _ in sent):
            return sent
    raise AssertionError("the other pair was never asked")


def test_other_pairs_are_left_alone_while_the_path_lives():
    peer = connected(is_controlling=True)
    for _ in range(30):
        peer.advance(1.0)
        sent = checks(peer)
        assert all(to == REMOTE for to, _ in sent)
        for to, message in sent:
            peer.answer(message, to)


def test_the_controlling_side_nominates_what_answers():
    peer = connected(is_controlling=False)
    sent = fall_silent(peer)
    peer.now += 0.02
    for to, message in sent:
        if to == OTHER:
            peer.answer(message, to)
    ((to, nomination),) = checks(peer)
    assert to == OTHER
    assert AttributeType.USE_CANDIDATE in nomination
    assert peer.agent.selected_pair is peer.pair(REMOTE)
    peer.answer(nomination, OTHER)
    assert peer.agent.selected_pair is peer.pair(OTHER)
    assert peer.agent.send_path() == (LOCAL, OTHER)
    assert peer.agent.state is IceState.CONNECTED


def nominations(sent: list) -> list[TransportAddress]:
    return [to for to, message in sent if AttributeType.USE_CANDIDATE in message]


def nominating() -> Peer:
    """The agent is controlling, has two valid pairs, and has just nominated the better one."""
    peer = Peer(is_controlling=False, settings=IceSettings(prflx_acceptance_wait=0.5))
    peer.validate(REMOTE, OTHER)
    peer.advance(0.5)
    assert nominations(checks(peer)) == [REMOTE]
    assert peer.agent.send_path() == (LOCAL, REMOTE)
    return peer


def test_a_path_that_dies_before_its_nomination_is_answered_gives_way():
    peer = nominating()
    for to, message in fall_silent(peer):
        if to == OTHER:
            peer.now += 0.02
            peer.answer(message, to)
    assert nominations(checks(peer)) == [OTHER]
    assert peer.agent.send_path() == (LOCAL, OTHER)
    assert peer.agent.selected_pair is None


def test_a_nomination_that_nobody_answers_gives_way_to_the_path_that_data_takes():
    peer = nominating()
    # A better pair becomes valid, so that data goes there, and the nominee falls silent.
    better = TransportAddress("192.0.2.9", 5000)
    peer.send(peer.request(priority=0x7EFFFFFF), better)
    peer.answer_all()
    assert peer.agent.send_path() == (LOCAL, better)
    nominated: list[TransportAddress] = []
    for _ in range(12):
        peer.advance(0.5)
        sent = checks(peer)
        nominated += nominations(sent)
        for to, message in sent:
            if to == better:
                peer.answer(message, to)
    assert nominated[0] == REMOTE
    assert nominated[-1] == better
    assert peer.agent.selected_pair is peer.pair(better)


def test_the_controlled_side_sends_over_what_answers_and_waits_for_the_nomination():
    peer = connected(is_controlling=True)
    sent = fall_silent(peer)
    peer.now += 0.02
    for to, message in sent:
        if to == OTHER:
            peer.answer(message, to)
    assert peer.agent.send_path() == (LOCAL, OTHER)
    assert peer.agent.selected_pair is peer.pair(REMOTE)
    assert not any(AttributeType.USE_CANDIDATE in message for _, message in checks(peer))
    peer.advance(3.0)
    peer.send(peer.request(nominate=True), OTHER)
    assert peer.agent.selected_pair is peer.pair(OTHER)


def test_an_answer_on_the_selected_pair_ends_the_detour():
    peer = connected(is_controlling=True)
    for to, message in fall_silent(peer):
        peer.now += 0.02
        if to == OTHER:
            peer.answer(message, to)
    assert peer.agent.send_path() == (LOCAL, OTHER)
    peer.advance(2.5)
    for to, message in checks(peer):
        peer.answer(message, to)
    assert peer.agent.send_path() == (LOCAL, REMOTE)
    peer.advance(2.5)
    assert {to for to, _ in checks(peer)} == {REMOTE}


def test_a_doubt_that_was_wrong_leaves_no_traces():
    peer = connected(is_controlling=False)
    sent = fall_silent(peer)
    peer.now += 0.02
    for to, message in sent:
        if to == REMOTE:
            peer.answer(message, to)
    assert peer.agent.send_path() == (LOCAL, REMOTE)
    peer.advance(2.5)
    assert {to for to, _ in checks(peer)} == {REMOTE}
    # The answer of the other, which comes late, changes nothing.
    for to, message in sent:
        if to == OTHER:
            peer.answer(message, to)
    assert peer.agent.selected_pair is peer.pair(REMOTE)


def test_becoming_controlling_on_a_detour_makes_it_a_nomination():
    peer = connected(is_controlling=True)
    for to, message in fall_silent(peer):
        peer.now += 0.02
        if to == OTHER:
            peer.answer(message, to)
    peer.agent.set_role(is_controlling=True)
    peer.is_controlling = False
    for _ in range(4):
        peer.advance(1.0)
        for to, message in checks(peer):
            if to == OTHER:
                peer.answer(message, to)
    assert peer.agent.selected_pair is peer.pair(OTHER)


@pytest.mark.parametrize("is_controlling", [True, False])
def test_no_answer_from_anywhere_fails_after_consent_has_run_out(is_controlling):
    peer = connected(is_controlling=is_controlling)
    for _ in range(32):
        peer.advance(1.0)
        peer.pull()
    assert peer.agent.state is IceState.FAILED
    assert {pair.failure.reason for pair in peer.agent.statistics().pairs} == {FailureReason.CONSENT_LOST}


def test_a_pair_that_the_selection_had_given_up_is_tried_again():
    peer = Peer(is_controlling=True)
    for candidate in (host(OTHER.host, preference=65000), host(REMOTE.host, preference=10)):
        peer.agent.add_remote_candidate(candidate)
    peer.pull()  # the check to OTHER, which will not be answered in time
    peer.send(peer.request(nominate=True), REMOTE)
    peer.answer_all()
    assert peer.agent.selected_pair is peer.pair(REMOTE)
    for _ in range(45):
        peer.advance(1.0)
        for to, message in checks(peer):
            if to == REMOTE:
                peer.answer(message, to)
    assert peer.pair(OTHER).failure.reason is FailureReason.ABANDONED
    assert OTHER in {to for to, _ in fall_silent(peer)}
    assert peer.pair(OTHER).state is PairState.IN_PROGRESS
