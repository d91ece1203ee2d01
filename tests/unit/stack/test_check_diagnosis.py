from dataclasses import replace

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice import CandidateType, FailureReason, IceState, PairState
from rtcpeer.stack.check_diagnosis import diagnose_checks, diagnose_credentials, outcome_of
from rtcpeer.stack.findings import FindingCode, Severity
from rtcpeer.stun import ErrorCode
from tests.unit.ice.network import host
from tests.unit.ice.peer import OTHER, PARAMETERS, Peer
from tests.unit.stack.facts import LOCAL, REMOTE, candidate, connected, facts, failed, ice, pair

NO_ANSWER = (FailureReason.NO_ANSWER,)


def codes(statistics, **changes):
    return [finding.code for finding in diagnose_checks(facts(statistics, **changes))]


def test_a_connection_that_has_or_had_a_path_is_no_matter_of_checks():
    assert codes(connected()) == []
    assert codes(failed(pair(failure=(FailureReason.CONSENT_LOST,)), selected_pair_changes=1)) == []
    assert codes(ice(remote_parameters=None)) == []


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ((FailureReason.ERROR_RESPONSE, 401, "Unauthenticated"), FindingCode.CREDENTIALS_MISMATCH),
        ((FailureReason.ERROR_RESPONSE, 400, "Bad Request"), FindingCode.CREDENTIALS_MISMATCH),
        ((FailureReason.ERROR_RESPONSE, 500, "Server Error"), FindingCode.CHECKS_REFUSED),
        ((FailureReason.ASYMMETRIC, None, "198.51.100.1:1 answered"), FindingCode.ASYMMETRIC_PATH),
        ((FailureReason.UNROUTABLE, None, "Network is unreachable"), FindingCode.UNROUTABLE),
        (NO_ANSWER, FindingCode.NO_ANSWER),
    ],
)
def test_what_failed_pairs_say(failure, code):
    statistics = failed(pair(failure=failure))
    (finding,) = diagnose_checks(facts(statistics))
    assert (finding.code, finding.severity) == (code, Severity.PROBLEM)
    assert failure[0].value in finding.evidence[0]
    assert failure[-1] in finding.evidence[0] if len(failure) == 3 else True


def test_one_unroutable_pair_among_silent_ones_is_not_the_cause():
    silent = pair(failure=NO_ANSWER, requests_sent=7)
    unroutable = pair(failure=(FailureReason.UNROUTABLE,), remote=TransportAddress("192.0.2.1", 1))
    assert codes(failed(silent, unroutable)) == [FindingCode.NO_ANSWER]


def test_a_few_checks_of_a_peer_that_died_are_no_one_way_path():
    assert codes(failed(pair(failure=NO_ANSWER, requests_received=2))) == [FindingCode.NO_ANSWER]
    assert codes(failed(pair(failure=NO_ANSWER, requests_received=5))) == [FindingCode.ONE_WAY]


def test_checks_that_have_only_begun_are_waited_for():
    for requests, expected in ((1, FindingCode.CHECKING), (3, FindingCode.CHECKING), (4, FindingCode.NO_ANSWER)):
        checked = pair(PairState.IN_PROGRESS, requests_sent=requests)
        assert codes(failed(checked, state=IceState.CHECKING)) == [expected]
    untried = pair(PairState.WAITING)
    assert codes(failed(untried, state=IceState.CHECKING)) == [FindingCode.CHECKING]


def test_strangers_are_known_by_their_number():
    refused = replace(connected(), requests_refused=4)
    assert [finding.code for finding in diagnose_credentials(facts(refused))] == [FindingCode.CREDENTIALS_MISMATCH]
    assert diagnose_credentials(facts(replace(refused, requests_refused=3))) == []
    known = replace(refused, pairs=(pair(requests_received=1),))
    assert diagnose_credentials(facts(known)) == []


def test_a_name_that_is_being_asked_for_is_waited_for():
    named = candidate(TransportAddress("Ab.local", 9))
    statistics = ice(state=IceState.FAILED, remote_candidates=(named,), local_candidates=(candidate(LOCAL),))
    assert codes(statistics) == [FindingCode.MDNS_UNRESOLVED]
    (finding,) = diagnose_checks(facts(statistics, names_pending=frozenset({"ab.local"})))
    assert finding.severity is Severity.WAITING


def test_a_name_beside_addresses_is_a_warning():
    silent = pair(failure=NO_ANSWER)
    named = candidate(TransportAddress("ab.local", 9))
    findings = diagnose_checks(facts(replace(failed(silent), remote_candidates=(silent.remote, named))))
    assert [(finding.code, finding.severity) for finding in findings] == [
        (FindingCode.NO_ANSWER, Severity.PROBLEM),
        (FindingCode.MDNS_UNRESOLVED, Severity.WARNING),
    ]


def test_without_candidates_of_our_own_nothing_is_wrong_yet():
    (finding,) = diagnose_checks(facts(ice(remote_candidates=(candidate(REMOTE),))))
    assert finding.severity is Severity.WAITING


def test_not_even_a_relay_helps():
    relay = candidate(LOCAL, CandidateType.RELAYED)
    statistics = replace(failed(pair(failure=NO_ANSWER)), local_candidates=(relay,))
    (finding,) = diagnose_checks(facts(statistics))
    assert finding.code is FindingCode.NO_ANSWER
    assert "not even through a relay" in finding.sentence


def test_long_lists_are_cut():
    pairs = [pair(failure=NO_ANSWER, remote=REMOTE._replace(port=port)) for port in range(1, 12)]
    (finding,) = diagnose_checks(facts(failed(*pairs)))
    assert len(finding.evidence) == 9
    assert finding.evidence[-1] == "and 3 more"


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (pair(PairState.SUCCEEDED), "works"),
        (pair(PairState.WAITING), "waits for its turn"),
        (pair(PairState.FROZEN), "not tried yet"),
        (pair(PairState.IN_PROGRESS, requests_sent=1), "no answer yet to 1 request"),
        (pair(failure=NO_ANSWER, requests_sent=7), "no answer to 7 requests"),
        (pair(failure=(FailureReason.ABANDONED,), requests_sent=2), "no answer to 2 requests until another was chosen"),
        (pair(failure=(FailureReason.ERROR_RESPONSE, 401, "no")), "error response 401 (no)"),
    ],
)
def test_outcomes(one, text):
    assert outcome_of(one) == text


def test_a_peer_that_never_gives_way():
    peer = Peer()
    peer.agent.add_remote_candidate(host(OTHER.host))
    for _ in range(6):
        peer.advance(0.1)
        for remote, message in peer.pull():
            peer.send(message.error_response(ErrorCode.ROLE_CONFLICT), remote, PARAMETERS.password)
    statistics = peer.agent.statistics()
    assert statistics.role_changes >= 4
    assert codes(statistics, now=peer.now) == [FindingCode.ROLE_CONFLICT]
