"""RFC 4787, requirement by requirement, on the table alone."""

import random

import pytest

from rtcpeer.core import TransportAddress
from tests.sim.nat import (
    FULL_CONE,
    PORT_RESTRICTED,
    SYMMETRIC,
    Dependence,
    Firewall,
    NatSettings,
    NatTable,
    PortAssignment,
)

INNER = TransportAddress("192.168.1.2", 5000)
OTHER_INNER = TransportAddress("192.168.1.3", 5000)
PEER = TransportAddress("203.0.113.1", 1000)
SAME_HOST = TransportAddress("203.0.113.1", 2000)
STRANGER = TransportAddress("203.0.113.9", 1000)

INDEPENDENT, ADDRESS, PORT = Dependence


def table(**settings: object) -> NatTable:
    return NatTable(NatSettings(**settings), "198.51.100.1", random.Random(1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mapping", "distinct"),
    [(INDEPENDENT, 1), (ADDRESS, 2), (PORT, 3)],
)
def test_the_mapping_depends_on_what_it_says(mapping: Dependence, distinct: int) -> None:
    nat = table(mapping=mapping)
    externals = [nat.outbound(INNER, remote, 0.0) for remote in (PEER, SAME_HOST, STRANGER)]
    assert len(set(externals)) == distinct
    assert [nat.outbound(INNER, remote, 1.0) for remote in (PEER, SAME_HOST, STRANGER)] == externals
    assert all(external.host == "198.51.100.1" for external in externals)


@pytest.mark.parametrize(
    ("filtering", "permitted"),
    [(INDEPENDENT, [True, True, True]), (ADDRESS, [True, True, False]), (PORT, [True, False, False])],
)
def test_the_filter_depends_on_what_it_says(filtering: Dependence, permitted: list[bool]) -> None:
    nat = table(filtering=filtering)
    port = nat.outbound(INNER, PEER, 0.0).port
    passed = [nat.inbound(port, remote, 1.0) == INNER for remote in (PEER, SAME_HOST, STRANGER)]
    assert passed == permitted


def test_nothing_comes_in_before_something_went_out() -> None:
    nat = NatTable(FULL_CONE, "198.51.100.1", random.Random(1))
    assert all(nat.inbound(port, PEER, 0.0) is None for port in range(65536))


def test_a_symmetric_box_keeps_its_mappings_apart() -> None:
    nat = NatTable(SYMMETRIC, "198.51.100.1", random.Random(1))
    to_peer, to_stranger = nat.outbound(INNER, PEER, 0.0), nat.outbound(INNER, STRANGER, 0.0)
    assert nat.inbound(to_peer.port, PEER, 1.0) == INNER
    assert nat.inbound(to_stranger.port, PEER, 1.0) is None


def test_two_inner_endpoints_never_share_an_external_port() -> None:
    nat = table(ports=PortAssignment.PRESERVED)
    first, second = nat.outbound(INNER, PEER, 0.0), nat.outbound(OTHER_INNER, PEER, 0.0)
    assert first.port == INNER.port
    assert second.port != first.port
    assert nat.inbound(second.port, PEER, 0.0) == OTHER_INNER


def test_ports_are_sequential_when_asked_for() -> None:
    nat = table(mapping=PORT, ports=PortAssignment.SEQUENTIAL)
    first, second = nat.outbound(INNER, PEER, 0.0), nat.outbound(INNER, STRANGER, 0.0)
    assert second.port == first.port + 1


def test_outbound_refreshes_a_mapping_and_inbound_does_not() -> None:
    nat = table(lifetime=120.0)
    external = nat.outbound(INNER, PEER, 0.0)
    assert nat.outbound(INNER, PEER, 100.0) == external
    assert nat.inbound(external.port, PEER, 219.0) == INNER
    assert nat.inbound(external.port, PEER, 221.0) is None
    assert nat.outbound(INNER, PEER, 222.0) != external


def test_inbound_refreshes_where_it_says_so() -> None:
    nat = table(lifetime=120.0, inbound_refreshes=True)
    external = nat.outbound(INNER, PEER, 0.0)
    assert nat.inbound(external.port, PEER, 100.0) == INNER
    assert nat.inbound(external.port, PEER, 200.0) == INNER


def test_the_permission_of_one_remote_ends_while_the_mapping_lives() -> None:
    nat = NatTable(PORT_RESTRICTED, "198.51.100.1", random.Random(1))
    port = nat.outbound(INNER, PEER, 0.0).port
    nat.outbound(INNER, STRANGER, 100.0)
    assert nat.inbound(port, PEER, 150.0) is None
    assert nat.inbound(port, STRANGER, 150.0) == INNER


def test_an_expired_port_may_be_given_to_another() -> None:
    nat = table(ports=PortAssignment.PRESERVED)
    nat.outbound(INNER, PEER, 0.0)
    assert nat.outbound(OTHER_INNER, PEER, 500.0).port == INNER.port
    assert nat.inbound(INNER.port, PEER, 501.0) == OTHER_INNER
    assert nat.outbound(INNER, PEER, 502.0).port != INNER.port


def test_a_restarted_box_knows_nothing() -> None:
    nat = NatTable(FULL_CONE, "198.51.100.1", random.Random(1))
    port = nat.outbound(INNER, PEER, 0.0).port
    nat.forget()
    assert nat.inbound(port, PEER, 0.0) is None


def test_a_firewall_lets_answers_in_without_translating() -> None:
    inner, peer = TransportAddress("2001:db8::1", 1), TransportAddress("2001:db8:f::1", 2)
    firewall = Firewall(NatSettings(lifetime=10.0))
    assert not firewall.permits(inner, peer, 0.0)
    firewall.outbound(inner, peer, 0.0)
    assert firewall.permits(inner, peer, 9.0)
    assert not firewall.permits(inner, TransportAddress(peer.host, 3), 9.0)
    assert not firewall.permits(inner, peer, 11.0)


def test_what_expired_takes_nothing_of_its_successor_with_it() -> None:
    nat = table(ports=PortAssignment.PRESERVED)
    nat.outbound(OTHER_INNER, PEER, 0.0)
    assert nat.outbound(INNER, PEER, 0.0).port == 5001
    assert nat.outbound(INNER, PEER, 500.0).port == 5000
    third = TransportAddress("192.168.1.4", 5001)
    assert nat.outbound(third, PEER, 501.0).port == 5001
    assert nat.outbound(INNER, PEER, 502.0).port == 5000
