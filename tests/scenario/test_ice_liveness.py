"""What happens to a path after it was found: keepalive, consent, silence, a blocked event loop, impatience."""

import itertools

import pytest

from rtcpeer.ice import ConsentLost, FailureReason, IceState, PairState
from tests.unit.ice.network import Network, agree, connect_hosts, host


def connected(network, **settings):
    a, b = connect_hosts(network, **settings)
    assert network.run(10, lambda: agree(a, b))
    return a, b


@pytest.mark.parametrize("seed", range(20))
def test_an_idle_path_stays_connected_and_costs_little(seed):
    network = Network(seed)
    a, b = connected(network)
    network.run(1)
    sent: list[float] = []

    def watch(source, _, data):
        if source.host == "192.0.2.1" and data[:2] == b"\0\1":  # a Binding request
            sent.append(network.now)
        return False

    network.drop = watch
    before = a.packets_sent
    network.run(600)
    assert a.agent.state is b.agent.state is IceState.COMPLETED
    # One request does for keepalive and consent, and there is one each 2 s at most over both sides, which take turns.
    assert min(after - earlier for earlier, after in itertools.pairwise(sent)) >= 2.0 - 1e-6
    assert 250 <= a.packets_sent - before <= 300
    for node in (a, b):
        # Each side asks for consent itself, RFC 7675 section 5.1: 6 s apart at the most.
        assert node.agent.selected_pair.consent_requests_sent >= 100


@pytest.mark.parametrize("seed", range(20))
def test_a_path_that_loses_much_stays_up(seed):
    network = Network(seed, loss=0.25)
    a, b = connected(network)
    network.run(300)
    for node in (a, b):
        assert node.agent.state in {IceState.COMPLETED, IceState.DISCONNECTED}
        assert IceState.FAILED not in [state for _, state in node.states()]


@pytest.mark.parametrize("seed", range(50))
def test_a_peer_that_vanishes_is_disconnected_then_failed(seed):
    network = Network(seed)
    a, b = connected(network)
    network.run(7)
    network.is_cut = True
    cut = network.now - 1000
    network.run(60)
    for node in (a, b):
        assert 5 - 2.5 <= node.when(IceState.DISCONNECTED) - cut <= 5.1
        # Consent counts from the last answer, which may be older than the last sign of life, the peer's check.
        assert 24 <= node.when(IceState.FAILED) - cut <= 30.1
        assert node.agent.send_path() is None
        assert any(isinstance(event, ConsentLost) for _, event in node.events)
        assert node.agent.statistics().pairs[0].failure.reason is FailureReason.CONSENT_LOST
        assert node.agent.next_timeout() is None


@pytest.mark.parametrize("seed", range(20))
def test_a_path_that_dies_in_one_direction_is_noticed_on_both_sides(seed):
    network = Network(seed)
    a, b = connected(network)
    network.run(7)
    local, _ = a.agent.send_path()
    network.drop = lambda source, destination, data: destination == local  # a's checks arrive, the answers do not
    cut = network.now - 1000
    network.run(60)
    assert a.when(IceState.DISCONNECTED) - cut <= 5.1
    for node in (a, b):
        assert 24 <= node.when(IceState.FAILED) - cut <= 60


@pytest.mark.parametrize("seed", range(20))
def test_a_peer_that_asks_for_nothing_is_asked_each_two_seconds(seed):
    network = Network(seed)
    a, _ = connected(network)
    network.run(7)
    local, _ = a.agent.send_path()
    network.drop = lambda source, destination, data: destination == local and data[0:2] == b"\0\1"  # Binding requests
    pair = a.agent.selected_pair
    before = pair.consent_requests_sent
    network.run(20)
    assert 8 <= pair.consent_requests_sent - before <= 10
    assert IceState.DISCONNECTED not in [state for _, state in a.states()]


@pytest.mark.parametrize("seed", range(20))
def test_a_path_that_comes_back_is_connected_again(seed):
    network = Network(seed)
    a, b = connected(network)
    network.is_cut = True
    network.run(15)
    assert a.agent.state is b.agent.state is IceState.DISCONNECTED
    assert a.agent.send_path() is not None
    network.is_cut = False
    network.run(3)
    assert a.agent.state is b.agent.state is IceState.COMPLETED


def test_data_alone_is_a_sign_of_life_but_not_consent():
    network = Network()
    a, _ = connected(network)
    local, remote = a.agent.send_path()
    network.drop = lambda source, destination, data: destination == local  # the peer's STUN does not reach a
    for tenth in range(600):
        network.at(network.now + tenth / 10, lambda: a.agent.note_data(local, remote, network.now))
    start = network.now
    assert network.run(40, lambda: a.agent.state is IceState.FAILED)
    assert IceState.DISCONNECTED not in [state for _, state in a.states()]
    assert 28 <= network.now - start <= 30.1
    assert any(isinstance(event, ConsentLost) for _, event in a.events)


def test_data_ends_disconnected():
    network = Network()
    a, _ = connected(network)
    network.is_cut = True
    network.run(8)
    assert a.agent.state is IceState.DISCONNECTED
    a.agent.note_data(*a.agent.send_path(), network.now)
    assert a.agent.state is IceState.COMPLETED


@pytest.mark.parametrize("reads_first", [True, False])
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("block", [20, 29, 120])
def test_a_blocked_loop_is_not_the_peers_fault(seed, block, reads_first):
    network = Network(seed)
    a, b = connected(network, failed_timeout=1000, consent_timeout=1000)
    network.run(11)
    a.blocked_until = network.now + block
    a.reads_first = reads_first
    network.run(block + 10)
    assert [state for _, state in a.states()][-1] is IceState.COMPLETED
    assert IceState.DISCONNECTED not in [state for _, state in a.states()]
    assert b.agent.state is IceState.COMPLETED  # it saw silence, and forgave


def test_a_blocked_loop_under_default_settings():
    for seed in range(50):
        network = Network(seed)
        a, b = connected(network)
        network.run(11)
        a.blocked_until = network.now + 20
        network.run(25)
        assert IceState.DISCONNECTED not in [state for _, state in a.states()]
        assert a.agent.state is b.agent.state is IceState.COMPLETED


def test_a_block_while_checking_costs_no_pair():
    network = Network(delay=0.2)
    a, b = connect_hosts(network)
    network.run(0.1)
    a.blocked_until = network.now + 60
    b.blocked_until = network.now + 60
    assert network.run(70, lambda: agree(a, b))


@pytest.mark.parametrize("seed", range(20))
def test_nobody_answers_and_patience_ends(seed):
    network = Network(seed, loss=1.0)
    a, b = connect_hosts(network)
    network.run(100)
    for node in (a, b):
        assert node.when(IceState.FAILED) == pytest.approx(39.5, abs=0.2)
        pair = node.agent.statistics().pairs[0]
        assert (pair.state, pair.requests_sent) == (PairState.FAILED, 7)
        assert pair.failure.reason is FailureReason.NO_ANSWER


def test_no_pairs_at_all_fails_only_after_patience():
    network = Network()
    a = network.add(network.agent(is_controlling=True), "192.0.2.1")
    b = network.agent(is_controlling=False)
    a.agent.add_local_candidate(host("192.0.2.1"))
    a.agent.set_remote_parameters(b.local_parameters)
    a.agent.end_of_local_candidates()
    a.agent.end_of_remote_candidates()
    network.run(100)
    assert a.states() == [(pytest.approx(39.5), IceState.FAILED)]


def test_keepalive_can_be_turned_off_and_consent_remains():
    network = Network()
    a, b = connected(network, keepalive_interval=0, disconnected_timeout=0, failed_timeout=0)
    before = a.packets_sent
    network.run(100)
    assert a.agent.state is b.agent.state is IceState.COMPLETED
    assert 34 <= a.packets_sent - before <= 52
    network.is_cut = True
    network.run(60)
    assert a.agent.state is b.agent.state is IceState.FAILED
    assert IceState.DISCONNECTED not in [state for _, state in a.states()]


def test_closing_ends_everything():
    network = Network()
    a, _ = connected(network)
    a.agent.close()
    a.agent.close()
    network.run(5)
    assert a.states()[-1][1] is IceState.CLOSED
    assert [state for _, state in a.states()].count(IceState.CLOSED) == 1
    assert a.agent.send_path() is None
    assert a.agent.next_timeout() is None
    assert a.agent.packets_to_send(network.now) == []
