"""Two agents find each other and agree, over networks that lose, delay, reorder and duplicate, many seeds each."""

import pytest

from rtcpeer.ice import (
    CandidateType,
    IceState,
    PairSelected,
    PairValidated,
    RemoteCandidateDiscovered,
    RoleChanged,
)
from tests.unit.ice.network import Network, SymmetricNat, agree, connect_hosts, host, introduce, reflexive

SEEDS = range(200)


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("roles", [(True, False), (True, True), (False, False)], ids=["agreed", "both", "neither"])
def test_connects_whatever_the_network_does(loss, roles):
    for seed in SEEDS:
        network = Network(seed, loss=loss, jitter=0.03, duplication=0.1)
        a, b = connect_hosts(network, controlling=roles)
        assert network.run(60, lambda: agree(a, b)), seed  # noqa: B023
        assert a.agent.is_controlling is not b.agent.is_controlling, seed
        for node in (a, b):
            assert node.agent.state is IceState.COMPLETED, seed
            kinds = [type(event) for _, event in node.events]
            assert kinds.count(PairValidated) == 1, seed
            assert kinds.count(PairSelected) == 1, seed


def test_three_round_trips_are_enough_and_the_first_path_comes_after_one():
    network = Network(delay=0.05)
    a, b = connect_hosts(network)
    assert network.run(1, lambda: a.agent.send_path() is not None and b.agent.send_path() is not None)
    assert network.now - 1000 == pytest.approx(0.1)
    assert network.run(1, lambda: agree(a, b))
    assert network.now - 1000 == pytest.approx(0.2)


def test_role_conflict_leaves_the_larger_tie_breaker_controlling():
    for roles in ((True, True), (False, False)):
        for seed in range(50):
            network = Network(seed, jitter=0.03)
            a, b = connect_hosts(network, controlling=roles)
            a_wins = a.agent._role.tie_breaker > b.agent._role.tie_breaker
            assert network.run(10, lambda: agree(a, b))  # noqa: B023
            assert a.agent.is_controlling is a_wins
            changes = [event for node in (a, b) for _, event in node.events if isinstance(event, RoleChanged)]
            assert len(changes) == 1


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_candidates_trickle_late_and_only_one_side_says_that_it_has_no_more(loss):
    for seed in SEEDS:
        network = Network(seed, loss=loss, jitter=0.02)
        a = network.add(network.agent(is_controlling=True), "192.0.2.1", "2001:db8::1")
        b = network.add(network.agent(is_controlling=False), "192.0.2.2", "2001:db8::2")
        introduce(a.agent, b.agent)
        a.agent.add_remote_candidate(host("203.0.113.9"))  # nobody lives there
        moment = 1000.0
        for node, other, address in (
            (a, b, "192.0.2.1"), (b, a, "192.0.2.2"), (b, a, "2001:db8::2"), (a, b, "2001:db8::1"),
        ):  # fmt: skip
            moment += network.random.random()
            network.at(moment, lambda node=node, address=address: node.agent.add_local_candidate(host(address)))
            moment += network.random.random()
            network.at(moment, lambda other=other, address=address: other.agent.add_remote_candidate(host(address)))
        network.at(moment, a.agent.end_of_local_candidates)
        network.at(moment, b.agent.end_of_remote_candidates)
        assert network.run(60, lambda: agree(a, b)), seed  # noqa: B023
        network.run(5)
        assert agree(a, b), seed
        assert {a.agent.state, b.agent.state} <= {IceState.CONNECTED, IceState.DISCONNECTED}, seed


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_symmetric_nat_is_passed_by_peer_reflexive_candidates_on_both_sides(loss):
    for seed in SEEDS:
        network = Network(seed, loss=loss, jitter=0.02)
        inside = network.add(network.agent(is_controlling=seed % 2 == 0), "10.0.0.1", nat=SymmetricNat("203.0.113.1"))
        outside = network.add(network.agent(is_controlling=seed % 2 == 1), "192.0.2.2")
        local = host("10.0.0.1")
        inside.agent.add_local_candidate(local)
        inside.agent.add_local_candidate(reflexive("203.0.113.1", 39999, local.base))  # as a STUN server saw it
        outside.agent.add_local_candidate(host("192.0.2.2"))
        introduce(inside.agent, outside.agent)
        inside.agent.add_remote_candidate(host("192.0.2.2"))
        for candidate in inside.agent.local_candidates:
            outside.agent.add_remote_candidate(candidate)
        assert network.run(60, lambda: agree(inside, outside)), seed  # noqa: B023
        selected = outside.agent.selected_pair
        assert selected.remote.type is CandidateType.PEER_REFLEXIVE
        assert selected.remote.address == "203.0.113.1"
        assert any(isinstance(event, RemoteCandidateDiscovered) for _, event in outside.events)
        ours = [known for known in inside.agent.local_candidates if known.type is CandidateType.PEER_REFLEXIVE]
        assert [known.transport_address for known in ours] == [selected.remote.transport_address]
        assert ours[0].base == local.base


def test_several_pairs_agree_on_one_under_loss():
    for seed in SEEDS:
        network = Network(seed, loss=0.2, jitter=0.05, duplication=0.1)
        nodes = []
        for side, role in ((1, True), (2, False)):
            addresses = [f"192.0.2.{side}", f"198.51.100.{side}", f"2001:db8::{side}"]
            node = network.add(network.agent(is_controlling=role), *addresses)
            for rank, address in enumerate(addresses):
                node.agent.add_local_candidate(host(address, preference=65535 - rank))
            nodes.append(node)
        a, b = nodes
        introduce(a.agent, b.agent)
        for one, other in ((a, b), (b, a)):
            for candidate in one.agent.local_candidates:
                other.agent.add_remote_candidate(candidate)
        assert network.run(60, lambda: agree(a, b)), seed  # noqa: B023
        network.run(8)
        assert agree(a, b), seed


def test_the_better_pair_is_hoped_for_as_long_as_the_settings_say():
    waits = {CandidateType.PEER_REFLEXIVE: 1.0, CandidateType.SERVER_REFLEXIVE: 0.5, CandidateType.HOST: 0.0}
    for kind, wait in waits.items():
        network = Network(delay=0.01)
        a = network.add(network.agent(is_controlling=True), "192.0.2.1")
        b = network.add(network.agent(is_controlling=False), "192.0.2.2")
        a.agent.add_local_candidate(host("192.0.2.1"))
        b.agent.add_local_candidate(host("192.0.2.2"))
        introduce(a.agent, b.agent)
        b.agent.add_remote_candidate(host("192.0.2.1"))
        if kind is CandidateType.SERVER_REFLEXIVE:
            a.agent.add_remote_candidate(reflexive("192.0.2.2", 5000, host("10.0.0.2").base))
        elif kind is CandidateType.HOST:
            a.agent.add_remote_candidate(host("192.0.2.2"))
        assert network.run(5, lambda: agree(a, b))  # noqa: B023
        assert a.agent.selected_pair.remote.type is kind
        assert wait <= network.now - 1000 <= wait + 0.1


def test_checks_before_the_answer_count_once_it_has_come():
    network = Network()
    a = network.add(network.agent(is_controlling=True), "192.0.2.1")
    b = network.add(network.agent(is_controlling=False), "192.0.2.2")
    a.agent.add_local_candidate(host("192.0.2.1"))
    b.agent.add_local_candidate(host("192.0.2.2"))
    # b has a's offer and checks; its answer is late.
    b.agent.set_remote_parameters(a.agent.local_parameters)
    b.agent.add_remote_candidate(host("192.0.2.1"))
    network.run(3)
    assert b.agent.send_path() is not None
    assert a.agent.send_path() is None
    a.agent.set_remote_parameters(b.agent.local_parameters)
    assert network.run(2, lambda: agree(a, b))
