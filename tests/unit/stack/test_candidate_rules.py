from dataclasses import replace

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice.address_rewrite import AddressRewrite
from rtcpeer.ice.candidate import CandidateType, TcpType, tcp_host_candidate
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.candidate_rules import CandidateRules
from rtcpeer.stack.local_candidates import local_candidate

BASE = TransportAddress("10.0.0.2", 5000)
OTHER = TransportAddress("10.0.0.3", 5001)


def own(base=BASE, **settings):
    rules = CandidateRules(IceSettings(**settings))
    found = [rules.admit(each) for each in rules.own_candidates(base, 0)]
    return [(each.type.value, each.address, each.port, each.base, each.related_address) for each in found]


def test_a_base_is_a_host_candidate_unless_a_rule_says_more():
    assert own() == [("host", "10.0.0.2", 5000, BASE, None)]
    assert own(address_rewrites=[AddressRewrite("198.51.100.1", local="10.9.9.9")]) == own()
    assert own(candidate_types=["srflx", "relay"]) == []


def test_one_to_one_nat_replaces_or_appends_host_candidates():
    outside = ("host", "198.51.100.1", 5000, BASE, None)
    assert own(address_rewrites=[AddressRewrite("198.51.100.1")]) == [outside]
    assert own(address_rewrites=[AddressRewrite("198.51.100.1", mode="append")]) == [*own(), outside]


def test_one_to_one_nat_replaces_or_appends_host_candidates_over_tcp():
    candidate = tcp_host_candidate(TransportAddress("10.0.0.2", 9, "tcp"), 0, TcpType.ACTIVE)

    def addresses(**settings):
        found = CandidateRules(IceSettings(**settings)).host_candidates(candidate)
        assert all(each.base == candidate.base for each in found)
        return [each.address for each in found]

    assert addresses() == ["10.0.0.2"]
    assert addresses(address_rewrites=[AddressRewrite("198.51.100.1")]) == ["198.51.100.1"]
    assert addresses(address_rewrites=[AddressRewrite("198.51.100.1", mode="append")]) == ["10.0.0.2", "198.51.100.1"]
    assert addresses(candidate_types=["srflx"]) == []


def test_one_to_one_nat_makes_reflexive_candidates():
    rule = AddressRewrite("198.51.100.1", candidate_type="srflx")
    outside = ("srflx", "198.51.100.1", 5000, BASE, "10.0.0.2")
    assert own(address_rewrites=[rule]) == [*own(), outside]
    assert own(address_rewrites=[rule], transport_policy="nohost") == [outside]
    assert own(address_rewrites=[rule], candidate_types=["host"]) == own()
    assert CandidateRules(IceSettings(address_rewrites=[rule])).asks_from(BASE)
    rules = CandidateRules(IceSettings(address_rewrites=[replace(rule, mode="replace", local="10.0.0.2")]))
    assert [rules.asks_from(base) for base in (BASE, OTHER)] == [False, True]


def test_priorities_are_unique_and_follow_the_rank_of_the_base():
    rules = CandidateRules(IceSettings(address_rewrites=[AddressRewrite("198.51.100.1", mode="append")]))
    found = [rules.admit(each) for rank, base in enumerate([BASE, OTHER]) for each in rules.own_candidates(base, rank)]
    for port in (7000, 7001):  # a symmetric NAT shows another port to each server
        address = TransportAddress("198.51.100.9", port)
        found.append(rules.admit(local_candidate(CandidateType.SERVER_REFLEXIVE, address, BASE, 0)))
    priorities = [each.priority for each in found]
    assert len(set(priorities)) == 6
    assert priorities == sorted(priorities, reverse=True)
    # RFC 8445 section 5.1.1.3: type, base and server make the foundation, and it is the base that counts here.
    assert found[0].foundation == found[1].foundation != found[2].foundation


def test_what_is_known_is_redundant():
    rules = CandidateRules(IceSettings())
    (candidate,) = rules.own_candidates(BASE, 0)
    assert rules.admit(candidate) is not None
    assert rules.admit(candidate) is None
    assert rules.admit(local_candidate(CandidateType.SERVER_REFLEXIVE, BASE, BASE, 0)) is None


def admit(judge):
    rules = CandidateRules(IceSettings(candidate_filter=judge))
    return rules.admit(local_candidate(CandidateType.HOST, BASE, BASE, 0)), rules.failures


def test_a_filter_drops_keeps_or_rewrites():
    assert admit(lambda candidate: None) == (None, [])
    kept, _ = admit(lambda candidate: candidate)
    assert kept.transport_address == BASE
    moved, failures = admit(lambda candidate: candidate.with_address("198.51.100.1"))
    assert (moved.address, moved.base, failures) == ("198.51.100.1", BASE, [])


@pytest.mark.parametrize(
    ("judge", "error"),
    [
        (lambda candidate: 1 / 0, ZeroDivisionError),
        (lambda candidate: "candidate:...", TypeError),
        (lambda candidate: replace(candidate, type=CandidateType.RELAYED), ValueError),
        (lambda candidate: replace(candidate, protocol="tcp", component=2), ValueError),
    ],
)
def test_a_filter_that_fails_costs_the_candidate_and_is_told(judge, error):
    candidate, failures = admit(judge)
    assert candidate is None
    assert [(each.setting, type(each.error)) for each in failures] == [("candidate_filter", error)]
    assert "10.0.0.2 5000 typ host" in failures[0].subject
