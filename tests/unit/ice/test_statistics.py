import dataclasses

import pytest

from rtcpeer.ice import CandidatePair, FailureReason, IceState, PairFailure, PairState
from rtcpeer.ice.statistics import PairStatistics, pair_statistics
from tests.unit.ice.network import host
from tests.unit.ice.peer import OTHER, REMOTE, Peer


def pair() -> CandidatePair:
    return CandidatePair(host("192.0.2.1"), host("192.0.2.2"), 42, PairState.SUCCEEDED)


def test_every_counter_of_a_pair_is_in_its_snapshot():
    counted = pair()
    numbers = {
        field.name
        for field in dataclasses.fields(PairStatistics)
        if field.type in {"int", int, "float", float} or field.name.startswith(("last_re", "current_round"))
    }
    for value, name in enumerate(sorted(numbers), start=100):
        setattr(counted, name, value)
    snapshot = pair_statistics(counted, None)
    for value, name in enumerate(sorted(numbers), start=100):
        assert getattr(snapshot, name) == value, name
    assert len(numbers) >= 9


def test_the_traffic_of_a_pair_is_in_its_snapshot():
    counted = pair()
    numbers = {
        "packets_sent": 2, "bytes_sent": 300, "last_packet_sent_at": 5.0,
        "packets_received": 3, "bytes_received": 500, "last_packet_received_at": 6.0,
    }  # fmt: skip
    for name, value in numbers.items():
        setattr(counted, name, value)
    snapshot = pair_statistics(counted, None)
    counted.packets_sent += 1
    assert snapshot.traffic._asdict() == numbers


def test_the_selected_pair_is_known_by_identity():
    one, other = pair(), pair()
    assert pair_statistics(one, one).is_selected
    assert not pair_statistics(one, other).is_selected


def test_a_failure_and_its_reason_are_told():
    failed = pair()
    failed.fail(FailureReason.ERROR_RESPONSE, 401, "no")
    snapshot = pair_statistics(failed, None)
    assert snapshot.state is PairState.FAILED
    assert snapshot.failure == PairFailure(FailureReason.ERROR_RESPONSE, 401, "no")


def test_a_snapshot_does_not_change():
    counted = pair()
    snapshot = pair_statistics(counted, None)
    counted.requests_sent += 1
    assert snapshot.requests_sent == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.requests_sent = 3  # type: ignore[misc]


def test_the_agent_lists_pairs_best_first_and_counts_selections():
    peer = Peer()
    for candidate in (host(REMOTE.host, preference=10), host(OTHER.host, preference=65000)):
        peer.agent.add_remote_candidate(candidate)
    for source in (REMOTE, OTHER):
        peer.send(peer.request(nominate=True), source)
        peer.answer_all()
    snapshot = peer.agent.statistics()
    assert snapshot.state is IceState.CONNECTED
    assert not snapshot.is_controlling
    assert [each.remote.address for each in snapshot.pairs] == [OTHER.host, REMOTE.host]
    assert [each.is_selected for each in snapshot.pairs] == [True, False]
    assert [each.nominated for each in snapshot.pairs] == [True, True]
    assert snapshot.selected_pair_changes == 2
    assert len(snapshot.local_candidates) == 1
    assert len(snapshot.remote_candidates) == 2


def test_each_kind_of_packet_that_was_dropped_has_its_counter():
    peer = Peer()
    peer.send(b"\x00\x01")
    peer.send(peer.request(method=3))
    peer.ask(key=None)
    stray = peer.request().success_response()
    peer.send(stray)
    snapshot = peer.agent.statistics()
    assert (
        snapshot.malformed_packets, snapshot.ignored_packets, snapshot.requests_refused, snapshot.responses_unmatched,
        snapshot.responses_refused, snapshot.candidates_refused,
    ) == (1, 1, 1, 1, 0, 0)  # fmt: skip
