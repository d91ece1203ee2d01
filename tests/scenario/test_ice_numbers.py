"""Every number of checking and of liveness is a setting, and the setting is what happens."""

import itertools
from dataclasses import replace

import pytest

from rtcpeer.ice import CandidateType, IceSettings, IceState
from tests.unit.ice.network import Network, agree, connect_hosts, host, introduce


def sent_by(network: Network, address: str, kind: bytes = b"\0\1") -> list[float]:
    """Collects when a host sends what begins so: Binding requests unless said."""
    moments: list[float] = []

    def watch(source, _, data):
        if source.host == address and data[:2] == kind:
            moments.append(network.now - 1000)
        return False

    network.drop = watch
    return moments


@pytest.mark.parametrize("interval", [0.005, 0.05, 0.2])
def test_check_interval(interval):
    network = Network()
    settings = IceSettings(check_interval=interval, max_requests=1)
    a = network.add(network.agent(is_controlling=True, settings=settings), "192.0.2.1")
    a.agent.add_local_candidate(host("192.0.2.1"))
    a.agent.set_remote_parameters(network.agent(is_controlling=False).local_parameters)
    for number in range(10):
        a.agent.add_remote_candidate(host(f"198.51.100.{number}"))  # nobody is there
    moments = sent_by(network, "192.0.2.1")
    network.run(5)
    assert len(moments) == 10
    assert [later - earlier for earlier, later in itertools.pairwise(moments)] == pytest.approx([interval] * 9)


@pytest.mark.parametrize(
    ("rto", "count", "expected"), [(0.5, 7, [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]), (0.1, 3, [0, 0.1, 0.3])]
)
def test_retransmissions(rto, count, expected):
    network = Network(loss=1.0)
    moments = sent_by(network, "192.0.2.1")
    connect_hosts(network, rto=rto, max_requests=count)
    network.run(60)
    assert moments == pytest.approx(expected)


@pytest.mark.parametrize("wait", [0.0, 0.3, 4.0])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (CandidateType.HOST, "host_acceptance_wait"),
        (CandidateType.SERVER_REFLEXIVE, "srflx_acceptance_wait"),
        (CandidateType.PEER_REFLEXIVE, "prflx_acceptance_wait"),
        (CandidateType.RELAYED, "relay_acceptance_wait"),
    ],
)
def test_acceptance_waits(kind, name, wait):
    network = Network(delay=0.01)
    others = dict.fromkeys(["host", "srflx", "prflx", "relay"], 0.0)
    waits = {f"{each}_acceptance_wait": value for each, value in others.items()} | {name: wait}
    a = network.add(network.agent(is_controlling=True, settings=IceSettings(**waits)), "192.0.2.1")
    b = network.add(network.agent(is_controlling=False), "192.0.2.2")
    a.agent.add_local_candidate(host("192.0.2.1"))
    b.agent.add_local_candidate(host("192.0.2.2"))
    introduce(a.agent, b.agent)
    if kind is not CandidateType.PEER_REFLEXIVE:
        a.agent.add_remote_candidate(replace(host("192.0.2.2"), type=kind))
    b.agent.add_remote_candidate(host("192.0.2.1"))
    assert network.run(10, lambda: agree(a, b))
    assert wait <= network.now - 1000 <= wait + 0.1


@pytest.mark.parametrize("patience", [2.0, 60.0])
def test_patience(patience):
    network = Network(loss=1.0)
    a, _ = connect_hosts(network, patience=patience, rto=0.05, max_requests=2)
    network.run(100)
    assert a.when(IceState.FAILED) == pytest.approx(patience, abs=0.1)


@pytest.mark.parametrize(("silence", "more"), [(3.0, 4.0), (8.0, 1.0)])
def test_disconnected_and_failed_timeouts(silence, more):
    network = Network()
    a, b = connect_hosts(network, disconnected_timeout=silence, failed_timeout=more, keepalive_interval=1.0)
    assert network.run(5, lambda: agree(a, b))
    network.run(5)
    network.is_cut = True
    heard = a.agent.selected_pair.last_received_at - 1000
    network.run(30)
    # A packet that was under way may come after the cut.
    assert a.when(IceState.DISCONNECTED) == pytest.approx(heard + silence, abs=0.05)
    assert a.when(IceState.FAILED) == pytest.approx(heard + silence + more, abs=0.05)


def test_zero_means_never():
    network = Network()
    a, b = connect_hosts(network, disconnected_timeout=0, failed_timeout=0, consent_timeout=1000.0)
    assert network.run(5, lambda: agree(a, b))
    network.is_cut = True
    network.run(900)
    assert {state for _, state in a.states()} <= {IceState.CHECKING, IceState.CONNECTED, IceState.COMPLETED}


@pytest.mark.parametrize(("keepalive", "low", "high"), [(0, 28, 52), (1.0, 82, 100), (10.0, 28, 52)])
def test_keepalive_interval(keepalive, low, high):
    network = Network()
    a, b = connect_hosts(network, keepalive_interval=keepalive, disconnected_timeout=0)
    assert network.run(5, lambda: agree(a, b))
    network.run(1)
    before = [node.agent.selected_pair.consent_requests_sent for node in (a, b)]
    network.run(100)
    # The sides take turns with keepalives; for consent each of them has to ask.
    after = [node.agent.selected_pair.consent_requests_sent for node in (a, b)]
    assert low <= sum(after) - sum(before) <= high


def test_consent_timeout():
    network = Network()
    a, b = connect_hosts(network, consent_timeout=4.0, disconnected_timeout=0)
    assert network.run(5, lambda: agree(a, b))
    network.run(5)
    answered = a.agent.selected_pair.last_response_at - 1000
    network.is_cut = True
    network.run(20)
    assert a.when(IceState.FAILED) == pytest.approx(answered + 4.0, abs=0.05)
