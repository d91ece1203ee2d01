from rtcpeer.core import TransportAddress
from rtcpeer.ice import CandidateType
from rtcpeer.stack.facts import GatheringFacts
from rtcpeer.stack.gathering import GatheringState
from rtcpeer.stack.nat_evidence import (
    has_relay,
    hears_nothing,
    is_udp_blocked,
    our_dependent_mappings,
    peers_dependent_mappings,
)
from rtcpeer.stack.server_log import Mapping, ServerOutcome, ServerReport
from rtcpeer.stack.servers import ServerUrl
from tests.unit.stack.facts import LOCAL, REMOTE, candidate, facts, failed, pair

ONE, TWO = TransportAddress("203.0.113.1", 3478), TransportAddress("203.0.113.2", 3478)
MAPPED = TransportAddress("198.51.100.1", 1000)
STUN, TCP = ServerUrl.parse("stun:a.example.org"), ServerUrl.parse("turn:a.example.org?transport=tcp")


def mapping(server, port, base=LOCAL):
    return Mapping(base, server, MAPPED._replace(port=port), f"stun:{server.host}")


def test_our_nat_is_known_by_what_two_servers_see_of_one_socket():
    other = LOCAL._replace(port=5001)
    assert our_dependent_mappings([]) == ()
    assert our_dependent_mappings([mapping(ONE, 1), mapping(TWO, 1)]) == ()
    assert our_dependent_mappings([mapping(ONE, 1), mapping(ONE, 2, other)]) == ()
    told = our_dependent_mappings([mapping(ONE, 1), mapping(TWO, 2), mapping(ONE, 9, other)])
    assert told == (
        "our 192.168.1.2:5000 is 198.51.100.1:1 for stun:203.0.113.1",
        "our 192.168.1.2:5000 is 198.51.100.1:2 for stun:203.0.113.2",
    )


def reflexive(port, related=LOCAL, kind=CandidateType.SERVER_REFLEXIVE):
    return candidate(MAPPED._replace(port=port), kind, related)


def test_the_peers_nat_is_known_by_its_candidates():
    assert peers_dependent_mappings([candidate(REMOTE), reflexive(1)]) == ()
    assert len(peers_dependent_mappings([reflexive(1), reflexive(2)])) == 2
    assert peers_dependent_mappings([reflexive(1), reflexive(2, LOCAL._replace(port=5001))]) == ()
    hidden = TransportAddress("0.0.0.0", 9)
    assert peers_dependent_mappings([reflexive(1, hidden), reflexive(2, hidden)]) == ()
    assert peers_dependent_mappings([reflexive(1), reflexive(2, kind=CandidateType.RELAYED)]) == ()


def test_relays():
    assert not has_relay([candidate(LOCAL)])
    assert has_relay([candidate(LOCAL), candidate(REMOTE, CandidateType.RELAYED)])


def test_what_was_heard():
    assert hears_nothing([])
    assert hears_nothing([pair()])
    assert not hears_nothing([pair(), pair(requests_received=1)])
    assert not hears_nothing([pair(responses_received=1)])


def blocked(*reports, pairs=None):
    gathering = GatheringFacts(GatheringState.COMPLETE, "all", reports)
    return is_udp_blocked(facts(failed(*(pairs or [pair()])), gathering=gathering))


def test_udp_is_blocked_when_nothing_comes_from_anybody():
    silent = ServerReport(STUN, ServerOutcome.FAILED, 701, "silent", is_silent=True)
    unresolved = ServerReport(STUN, ServerOutcome.FAILED, 701, "no such name")
    assert blocked(silent)
    assert blocked(silent, ServerReport(TCP, ServerOutcome.ANSWERED))
    assert not blocked()
    assert not blocked(unresolved)
    assert not blocked(silent, ServerReport(STUN, ServerOutcome.ANSWERED))
    assert not blocked(silent, pairs=(pair(requests_received=1),))
