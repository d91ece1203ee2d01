"""The selected path dies while another lives: both sides go over to it, and nobody fails who need not."""

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice import ConsentLost, IceSettings, IceState, PairSelected
from tests.unit.ice.network import Network, Node, agree, host, introduce

FIRST, SECOND = "192.0.2", "198.51.100"


def two_networks(network: Network, **settings: float) -> tuple[Node, Node]:
    """Two hosts with two links between them; the first is preferred, and selected where no packet is lost."""
    a, b = begin(network, **settings)
    assert network.run(10, lambda: agree(a, b))
    network.run(3)
    if not network.loss:
        assert uses(a) == uses(b) == FIRST
    return a, b


def begin(network: Network, *, host_acceptance_wait: float = 0.4, **settings: float) -> tuple[Node, Node]:
    """The same, with the candidates exchanged and nothing checked yet."""
    nodes = []
    for side, role in ((1, True), (2, False)):
        addresses = [f"{FIRST}.{side}", f"{SECOND}.{side}"]
        chosen = IceSettings(host_acceptance_wait=host_acceptance_wait, **settings)  # type: ignore[arg-type]
        node = network.add(network.agent(is_controlling=role, settings=chosen), *addresses)
        for rank, address in enumerate(addresses):
            node.agent.add_local_candidate(host(address, preference=65535 - rank))
        nodes.append(node)
    a, b = nodes
    network.drop = lambda source, destination, data: network_of(source) != network_of(destination)
    introduce(a.agent, b.agent)
    for one, other in ((a, b), (b, a)):
        for candidate in one.agent.local_candidates:
            other.agent.add_remote_candidate(candidate)
    return a, b


def network_of(address: TransportAddress) -> str:
    return address.host.rpartition(".")[0]


def uses(node: Node) -> str | None:
    path = node.agent.send_path()
    return None if path is None else network_of(path[1])


def cut(network: Network, *prefixes: str) -> None:
    before = network.drop

    def drop(source: TransportAddress, destination: TransportAddress, data: bytes) -> bool:
        return destination.host.startswith(prefixes) or before(source, destination, data)

    network.drop = drop


@pytest.mark.parametrize("loss", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(30))
def test_both_sides_go_over_to_the_path_that_lives(seed, loss):
    network = Network(seed, loss=loss, jitter=0.02)
    a, b = two_networks(network)
    used = uses(a)
    assert used is not None
    other = SECOND if used == FIRST else FIRST
    cut(network, used)
    start = network.now
    assert network.run(60, lambda: agree(a, b) and uses(a) == uses(b) == other)
    if not loss:
        assert network.now - start <= 9.0
    network.run(60)
    assert agree(a, b)
    for node in (a, b):
        assert node.agent.state is IceState.CONNECTED
        assert IceState.FAILED not in [state for _, state in node.states()]
        assert sum(isinstance(event, PairSelected) for _, event in node.events) == 2


def test_data_finds_its_way_before_the_old_path_has_lost_consent():
    network = Network()
    a, b = two_networks(network)
    cut(network, FIRST)
    network.run(12)
    assert not any(isinstance(event, ConsentLost) for node in (a, b) for _, event in node.events)
    assert uses(a) == uses(b) == SECOND


def test_without_a_silence_limit_the_loss_of_consent_is_prevented_all_the_same():
    network = Network()
    a, b = two_networks(network, disconnected_timeout=0)
    cut(network, FIRST)
    network.run(29)
    assert uses(a) == uses(b) == SECOND
    network.run(60)
    assert [state for _, state in a.states()][-1] is IceState.CONNECTED


def test_a_candidate_that_came_after_the_selection_is_tried_when_the_path_is_in_doubt():
    network = Network()
    a = network.add(network.agent(is_controlling=True), f"{FIRST}.1", f"{SECOND}.1")
    b = network.add(network.agent(is_controlling=False), f"{FIRST}.2", f"{SECOND}.2")
    for node, side in ((a, 1), (b, 2)):
        node.agent.add_local_candidate(host(f"{FIRST}.{side}"))
    introduce(a.agent, b.agent)
    a.agent.add_remote_candidate(host(f"{FIRST}.2"))
    assert network.run(5, lambda: agree(a, b))
    for node, side in ((a, 1), (b, 2)):
        node.agent.add_local_candidate(host(f"{SECOND}.{side}", preference=9))
        node.agent.add_remote_candidate(host(f"{SECOND}.{3 - side}", preference=9))
    network.run(5)
    assert len(a.agent.statistics().pairs) == 1
    cut(network, FIRST)
    network.run(15)
    assert agree(a, b)
    assert uses(a) == uses(b) == SECOND


def test_everything_dead_fails_as_early_as_with_a_single_path():
    network = Network()
    a, b = two_networks(network)
    cut(network, FIRST, SECOND)
    start = network.now - 1000
    network.run(100)
    for node in (a, b):
        assert 26 <= node.when(IceState.FAILED) - start <= 30.1
        assert node.agent.send_path() is None


def test_the_controlled_side_sends_where_it_is_heard_although_nobody_nominates():
    network = Network()
    _, b = two_networks(network)
    cut(network, FIRST)
    whole = network.drop
    # USE-CANDIDATE never arrives: to the controlled side this is a peer that nominates once and no more.
    network.drop = lambda source, destination, data: b"\x00\x25\x00\x00" in data or whole(source, destination, data)
    network.run(8)
    assert uses(b) == SECOND
    assert network_of(b.agent.selected_pair.path[1]) == FIRST
    assert b.agent.state is IceState.CONNECTED


@pytest.mark.parametrize("loss", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(30))
def test_a_pair_that_dies_before_its_nomination_gives_way_to_one_that_lives(seed, loss):
    """As a relay does that is lost while the controlling side still hopes for something better."""
    network = Network(seed, loss=loss, jitter=0.02)
    a, b = begin(network, host_acceptance_wait=1.0)
    assert network.run(10, lambda: uses(a) is not None and uses(a) == uses(b))
    used = uses(a)
    assert used is not None
    other = SECOND if used == FIRST else FIRST
    cut(network, used)
    start = network.now
    assert network.run(60, lambda: agree(a, b) and uses(a) == uses(b) == other)
    if not loss:
        assert network.now - start <= 5.0
    assert all(IceState.FAILED not in [state for _, state in node.states()] for node in (a, b))
