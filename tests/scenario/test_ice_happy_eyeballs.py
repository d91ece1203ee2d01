"""IPv6 leads into a black hole (RFC 8421): who has IPv4 as well does not wait for it."""

import pytest

from rtcpeer.aio.interfaces import preference_order
from rtcpeer.ice import IceSettings
from tests.unit.ice.network import Network, agree, host, introduce


def time_to_agree(seed: int, ipv4: int, ipv6: tuple[int, int], interval: float) -> float:
    """Seconds until both have the same pair, with so many addresses; no packet to an IPv6 address arrives."""
    network = Network(seed, delay=0.01 + seed % 5 * 0.02)
    network.drop = lambda source, destination, data: ":" in destination.host
    nodes = []
    for side, role in ((1, True), (2, False)):
        addresses = [f"192.0.2.{side}{number}" for number in range(ipv4)]
        addresses += [f"2001:db8:{side}::{number + 1}" for number in range(ipv6[side - 1])]
        node = network.add(
            network.agent(is_controlling=role, settings=IceSettings(check_interval=interval)), *addresses
        )
        for rank, address in enumerate(preference_order(addresses)):
            node.agent.add_local_candidate(host(address, preference=65535 - rank))
        nodes.append(node)
    a, b = nodes
    introduce(a.agent, b.agent)
    for one, other in ((a, b), (b, a)):
        for candidate in one.agent.local_candidates:
            other.agent.add_remote_candidate(candidate)
    assert network.run(30, lambda: agree(a, b))
    return network.now - 1000


@pytest.mark.parametrize("interval", [0.05, 0.02])
@pytest.mark.parametrize("ipv6", [(1, 1), (2, 5), (10, 10), (12, 1)])
@pytest.mark.parametrize("ipv4", [1, 3])
def test_a_broken_ipv6_path_costs_ipv4_one_check_interval(ipv4, ipv6, interval):
    for seed in range(10):
        alone = time_to_agree(seed, ipv4, (0, 0), interval)
        beside = time_to_agree(seed, ipv4, ipv6, interval)
        assert beside <= alone + interval + 1e-9, seed


def test_where_ipv6_works_it_is_preferred():
    network = Network()
    a, b = (
        network.add(network.agent(is_controlling=side == 1), f"192.0.2.{side}", f"2001:db8::{side}") for side in (1, 2)
    )
    for node, side in ((a, 1), (b, 2)):
        for rank, address in enumerate(preference_order([f"192.0.2.{side}", f"2001:db8::{side}"])):
            node.agent.add_local_candidate(host(address, preference=65535 - rank))
    introduce(a.agent, b.agent)
    for one, other in ((a, b), (b, a)):
        for candidate in one.agent.local_candidates:
            other.agent.add_remote_candidate(candidate)
    assert network.run(5, lambda: agree(a, b))
    assert ":" in a.agent.selected_pair.local.address
