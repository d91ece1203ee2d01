import pytest

from rtcpeer.ice import IceParameters, IceSettings, IceState, PairState
from rtcpeer.ice.lite import keepalive
from rtcpeer.stun import AttributeType, ErrorCode, MessageClass, Method, StunMessage
from tests.unit.ice.network import Network, agree, host, introduce, reflexive
from tests.unit.ice.peer import LOCAL, OTHER, PARAMETERS, REMOTE, Peer

LITE = IceSettings(lite=True)


def lite(**changes) -> Peer:
    return Peer(settings=IceSettings(lite=True, **changes))


def test_it_says_so_and_has_host_candidates_only():
    peer = lite()
    assert peer.agent.local_parameters.is_lite
    assert not peer.agent.add_local_candidate(reflexive("203.0.113.1", 1, LOCAL))
    with pytest.raises(ValueError, match="transport_policy"):
        IceSettings(lite=True, transport_policy="relay")


def test_it_answers_and_never_checks():
    peer = lite()
    peer.agent.add_remote_candidate(host(REMOTE.host))
    assert peer.pull() == []
    assert peer.ask().message_class is MessageClass.SUCCESS
    for _ in range(20):
        peer.advance(1.0)
        assert peer.pull() == []
    # Section 7.3.2: only what was nominated is valid.
    assert peer.agent.send_path() is None
    assert peer.agent.state is IceState.CHECKING


def test_a_nomination_selects_at_once_and_a_later_one_is_followed():
    peer = lite()
    assert peer.ask(nominate=True).message_class is MessageClass.SUCCESS
    assert peer.agent.send_path() == (LOCAL, REMOTE)
    assert peer.agent.selected_pair.path == (LOCAL, REMOTE)
    assert peer.agent.state is IceState.CONNECTED
    peer.now += 3.0
    peer.ask(OTHER, nominate=True)
    assert peer.agent.selected_pair.path == (LOCAL, OTHER)


def test_a_nomination_that_was_faster_than_the_description_counts():
    peer = Peer(settings=LITE, introduced=False)
    peer.ask(nominate=True)
    peer.agent.set_remote_parameters(PARAMETERS)
    peer.advance(0.0)
    assert peer.agent.selected_pair.path == (LOCAL, REMOTE)


@pytest.mark.parametrize("offers", [True, False])
def test_it_is_controlled_by_a_full_peer_whoever_offers(offers):
    peer = Peer(is_controlling=not offers, settings=LITE, introduced=False)
    peer.agent.set_role(offers)
    peer.is_controlling = True
    # Before the description, too: else the peer would be told to give up its role.
    assert peer.ask(nominate=True, tie_breaker=0).message_class is MessageClass.SUCCESS
    peer.agent.set_remote_parameters(PARAMETERS)
    assert not peer.agent.is_controlling


@pytest.mark.parametrize("tie_breaker", [0, 2**64 - 1])
def test_a_peer_that_will_not_control_is_refused_whatever_its_tie_breaker(tie_breaker):
    peer = Peer(is_controlling=False, settings=LITE)
    assert peer.ask(tie_breaker=tie_breaker).error[0] == ErrorCode.ROLE_CONFLICT
    assert not peer.agent.is_controlling


@pytest.mark.parametrize(("timeout", "silent"), [(10.0, 10.0), (4.0, 4.0)])
def test_disconnected_failed_and_back(timeout, silent):
    peer = lite(lite_disconnected_timeout=timeout)
    peer.ask(nominate=True)
    start = peer.now
    peer.now = start + silent - 0.1
    assert peer.agent.next_timeout() == start + silent
    peer.agent.handle_timeout(peer.now)
    assert peer.agent.state is IceState.CONNECTED
    peer.advance(0.2)
    assert peer.agent.state is IceState.DISCONNECTED
    assert peer.pull() == []
    peer.ask()
    assert peer.agent.state is IceState.CONNECTED
    heard = peer.now
    peer.advance(silent)
    peer.now = heard + silent + 25.0
    peer.agent.handle_timeout(peer.now)
    assert peer.agent.state is IceState.FAILED


def test_nobody_who_nominates_ends_in_failure_when_patience_does():
    peer = lite()
    peer.ask()
    start = peer.now
    peer.now = start + 39.4
    peer.agent.handle_timeout(peer.now)
    assert peer.agent.state is IceState.CHECKING
    peer.advance(0.2)
    assert peer.agent.state is IceState.FAILED


def test_two_lite_sides_take_the_best_pair_without_a_check_and_keep_it_alive():
    network = Network()
    nodes = []
    for side, role in ((1, True), (2, False)):
        addresses = [f"192.0.2.{side}", f"2001:db8::{side}"]
        node = network.add(network.agent(is_controlling=role, settings=LITE), *addresses)
        for rank, address in enumerate(addresses):
            node.agent.add_local_candidate(host(address, preference=100 + rank))
        nodes.append(node)
    a, b = nodes
    introduce(a.agent, b.agent)
    for one, other in ((a, b), (b, a)):
        for candidate in one.agent.local_candidates:
            other.agent.add_remote_candidate(candidate)
        one.agent.end_of_local_candidates()
        other.agent.end_of_remote_candidates()
    assert network.run(0.1, lambda: agree(a, b))
    network.run(1)
    assert a.agent.send_path()[0].host == "2001:db8::1"
    assert (a.agent.is_controlling, b.agent.is_controlling) == (True, False)
    assert a.packets_sent == b.packets_sent == 0
    network.run(120)
    assert a.agent.state is b.agent.state is IceState.COMPLETED
    assert 45 <= a.packets_sent <= 76  # an indication each 1.6 to 2.4 s
    network.is_cut = True
    network.run(40)
    assert a.agent.state is b.agent.state is IceState.FAILED


def test_a_lite_peer_is_checked_and_nominated_by_us():
    network = Network(3, loss=0.2)
    a = network.add(network.agent(is_controlling=False), "192.0.2.1")
    b = network.add(network.agent(is_controlling=True, settings=LITE), "192.0.2.2")
    for node, address in ((a, "192.0.2.1"), (b, "192.0.2.2")):
        node.agent.add_local_candidate(host(address))
    introduce(a.agent, b.agent)
    a.agent.add_remote_candidate(host("192.0.2.2"))
    assert network.run(20, lambda: agree(a, b))
    assert a.agent.is_controlling
    assert a.agent.selected_pair.state is PairState.SUCCEEDED
    network.loss = 0.0
    network.run(60)
    assert a.agent.state is b.agent.state is IceState.CONNECTED


def test_a_keepalive_is_a_binding_indication():
    message = StunMessage.parse(keepalive(bytes))
    assert (message.method, message.message_class) == (Method.BINDING, MessageClass.INDICATION)
    assert message.has_fingerprint
    assert AttributeType.USERNAME not in message


def test_lite_parameters_of_both_sides_decide_the_role_once():
    peer = Peer(is_controlling=False)
    peer.agent.set_remote_parameters(PARAMETERS)
    assert peer.agent.is_controlling
    other = Peer(is_controlling=True, introduced=False)
    other.agent.set_remote_parameters(IceParameters("peer", PARAMETERS.password, is_lite=True))
    other.agent.set_role(False)
    assert other.agent.is_controlling  # a lite peer will not, whatever the exchange said
