import dataclasses

import pytest

from rtcpeer.ice import CandidatePair, CandidateType, IceSettings, PairState
from rtcpeer.ice.automatic_renomination import is_better
from tests.unit.ice.network import Network, agree, host, introduce, reflexive

HOST, SRFLX, RELAYED = CandidateType.HOST, CandidateType.SERVER_REFLEXIVE, CandidateType.RELAYED


def pair(kind: CandidateType, round_trip_time: float | None) -> CandidatePair:
    local = host("192.0.2.1")
    if kind is not HOST:
        local = dataclasses.replace(reflexive("198.51.100.1", 1, local.base), type=kind)
    made = CandidatePair(local, host("192.0.2.2"), 1, PairState.SUCCEEDED)
    if round_trip_time is not None:
        made.note_round_trip(round_trip_time)
    return made


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ((HOST, 0.5), (RELAYED, 0.02), True),
        ((RELAYED, 0.02), (HOST, 0.5), False),
        ((HOST, None), (RELAYED, None), True),
        ((SRFLX, 0.038), (HOST, 0.05), True),
        ((SRFLX, 0.042), (HOST, 0.05), False),
        ((HOST, 0.05), (SRFLX, 0.05), True),  # 126 is more than 100 by 15 %
        ((HOST, 0.05), (SRFLX, 0.041), True),
        ((HOST, 0.05), (SRFLX, 0.039), False),
        ((HOST, 0.05), (HOST, 0.045), False),
        ((HOST, None), (HOST, 0.045), False),
    ],
)
def test_what_is_better(ours, theirs, expected):
    assert is_better(pair(*ours), pair(*theirs), IceSettings()) is expected


def test_both_margins_are_settings():
    assert is_better(pair(HOST, 0.042), pair(HOST, 0.05), IceSettings(renomination_rtt_gain=0.005))
    assert not is_better(pair(HOST, 0.05), pair(SRFLX, 0.05), IceSettings(renomination_score_gain=0.3))


def test_of_two_pairs_at_most_one_is_better():
    settings = IceSettings()
    pairs = [pair(kind, time / 200) for kind in (HOST, SRFLX, RELAYED) for time in range(0, 60, 3)]
    for one in pairs:
        for other in pairs:
            assert not (is_better(one, other, settings) and is_better(other, one, settings))


class Delays(Network):
    """Two paths whose delays differ and change."""

    slow = "192.0.2"

    def _send(self, node, source, destination, payload):
        self.delay = 0.06 if destination.host.startswith(self.slow) else 0.02
        super()._send(node, source, destination, payload)


def two_paths(automatic: bool = True, **settings) -> tuple[Delays, list]:
    network = Delays()
    nodes = []
    for side, role in ((1, True), (2, False)):
        # One path is relayed as seen from the first side.
        addresses = [f"192.0.2.{side}", f"198.51.100.{side}"]
        chosen = IceSettings(automatic_renomination=automatic and role, **settings)
        node = network.add(network.agent(is_controlling=role, settings=chosen), *addresses)
        for rank, address in enumerate(addresses):
            node.agent.add_local_candidate(host(address, preference=100 - rank))
        nodes.append(node)
    a, b = nodes
    network.drop = lambda source, destination, _: source.host[:5] != destination.host[:5]
    introduce(a.agent, b.agent)
    for one, other in ((a, b), (b, a)):
        for candidate in one.agent.local_candidates:
            other.agent.add_remote_candidate(candidate)
    return network, nodes


def prefix(node) -> str:
    return node.agent.selected_pair.path[1].host.rpartition(".")[0]


def test_both_sides_go_over_to_the_faster_path_and_back_when_it_turns_round():
    network, (a, b) = two_paths(host_acceptance_wait=0.5)
    assert network.run(5, lambda: agree(a, b))
    assert prefix(a) == "192.0.2"
    for slow, fast in (("192.0.2", "198.51.100"), ("198.51.100", "192.0.2"), ("192.0.2", "198.51.100")):
        network.slow = slow
        network.run(15)
        assert prefix(a) == prefix(b) == fast
        assert agree(a, b)
    changes = a.agent.statistics().selected_pair_changes
    network.run(300)
    assert a.agent.statistics().selected_pair_changes == changes


def test_looks_are_as_far_apart_as_the_setting_says_and_never_without_it():
    for settings, expected in (({"renomination_interval": 5.0}, 20), ({}, 33), ({"automatic": False}, 0)):
        network, (a, b) = two_paths(host_acceptance_wait=0.5, **settings)
        network.slow = "none"
        assert network.run(5, lambda: agree(a, b))  # noqa: B023
        network.run(1)
        pairs = a.agent.statistics().pairs
        other = next(pair for pair in pairs if pair.state is PairState.SUCCEEDED and not pair.is_selected)
        network.run(100)
        now = a.agent.pair(*other.path)
        assert expected - 1 <= now.consent_requests_sent - other.consent_requests_sent <= expected + 1


def test_a_peer_that_does_not_know_renomination_is_left_in_peace():
    network, (a, b) = two_paths(host_acceptance_wait=0.5, renomination=False)
    assert network.run(5, lambda: agree(a, b))
    network.run(30)
    assert prefix(a) == prefix(b) == "192.0.2"
    assert a.agent.statistics().selected_pair_changes == 1


def test_a_better_path_that_comes_later_is_tried_and_taken():
    network = Delays()
    a = network.add(
        network.agent(is_controlling=True, settings=IceSettings(automatic_renomination=True)),
        "192.0.2.1",
        "198.51.100.1",
    )
    b = network.add(network.agent(is_controlling=False), "192.0.2.2", "198.51.100.2")
    network.drop = lambda source, destination, _: source.host[:5] != destination.host[:5]
    for node, side in ((a, 1), (b, 2)):
        node.agent.add_local_candidate(host(f"192.0.2.{side}"))
    introduce(a.agent, b.agent)
    a.agent.add_remote_candidate(host("192.0.2.2"))
    assert network.run(5, lambda: agree(a, b))
    for node, side in ((a, 1), (b, 2)):
        node.agent.add_local_candidate(host(f"198.51.100.{side}", preference=9))
        node.agent.add_remote_candidate(host(f"198.51.100.{3 - side}", preference=9))
    network.run(20)
    assert prefix(a) == prefix(b) == "198.51.100"
