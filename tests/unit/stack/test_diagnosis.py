import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.dtls.endpoint import DtlsState
from rtcpeer.dtls.events import CloseReason as DtlsCloseReason
from rtcpeer.dtls.events import EndpointClosed, HandshakeFailed
from rtcpeer.ice import CandidateType, FailureReason, IceState
from rtcpeer.ice.statistics import LostPath
from rtcpeer.sctp.events import AssociationClosed, CloseReason, ErrorCause
from rtcpeer.stack.diagnosis import diagnose, diagnose_servers
from rtcpeer.stack.facts import GatheringFacts, SignalingFacts
from rtcpeer.stack.findings import FindingCode, Severity
from rtcpeer.stack.gathering import GatheringState
from rtcpeer.stack.server_log import ServerOutcome, ServerReport
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.turn import Credentials
from tests.unit.stack.facts import LOCAL, REMOTE, candidate, connected, dtls, facts, failed, ice, pair, sctp

TURN = ServerUrl.parse("turn:turn.example.org", Credentials("ada", "lovelace"))
LOOPBACK = TransportAddress("127.0.0.1", 5000)


def codes(*arguments, **changes):
    return [finding.code for finding in diagnose(facts(*arguments, **changes))]


def gathering(*reports, state=GatheringState.COMPLETE, policy="all", bases=(LOCAL,), **changes):
    return GatheringFacts(state, policy, reports, bases=bases, **changes)


def refused(code):
    return ServerReport(TURN, ServerOutcome.FAILED, code, "no")


def test_a_path_with_nothing_wrong():
    assert codes(connected(state=IceState.COMPLETED), dtls=dtls(), sctp=sctp()) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (401, FindingCode.TURN_CREDENTIALS_REFUSED),
        (403, FindingCode.SERVER_REFUSED),
        (486, FindingCode.SERVER_REFUSED),
        (701, FindingCode.SERVER_UNREACHABLE),
    ],
)
def test_a_server_is_a_problem_only_where_it_is_missed(code, expected):
    servers = gathering(refused(code))
    (finding,) = diagnose(facts(connected(), gathering=servers))
    assert (finding.code, finding.severity) == (expected, Severity.WARNING)
    problem, _ = diagnose(facts(failed(pair(failure=(FailureReason.NO_ANSWER,))), gathering=servers))
    assert (problem.code, problem.severity) == (expected, Severity.PROBLEM)
    # Here the server would have been of no help.
    mismatch = failed(pair(failure=(FailureReason.ERROR_RESPONSE, 401)))
    cause, warning = diagnose(facts(mismatch, gathering=servers))
    assert cause.code is FindingCode.CREDENTIALS_MISMATCH
    assert (warning.code, warning.severity) == (expected, Severity.WARNING)


def test_a_relay_that_was_lost_while_another_path_lives():
    lost = ServerReport(TURN, ServerOutcome.LOST, reason="expired")
    (finding,) = diagnose_servers(facts(connected(), gathering=gathering(lost)))
    assert (finding.code, finding.severity, finding.evidence) == (
        FindingCode.RELAY_LOST,
        Severity.WARNING,
        ("expired",),
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (gathering(bases=()), FindingCode.NO_NETWORK),
        (gathering(bases=(LOOPBACK,)), FindingCode.NO_NETWORK),
        (gathering(bases=(), unusable_addresses=2), FindingCode.NO_SOCKETS),
        (gathering(policy="relay"), FindingCode.RELAY_POLICY_WITHOUT_TURN),
        (gathering(policy="nohost"), FindingCode.NO_LOCAL_CANDIDATES),
    ],
)
def test_what_we_lack_ourselves(found, expected):
    statistics = ice(remote_candidates=(candidate(REMOTE),), candidates_excluded=1)
    assert codes(statistics, gathering=found)[0] is expected


def test_a_machine_without_a_network_may_talk_to_itself():
    statistics = connected(send_path=None, state=IceState.CHECKING, remote_candidates=(candidate(LOOPBACK),))
    assert codes(statistics, gathering=gathering(bases=(LOOPBACK,))) == [FindingCode.CHECKING]


def test_gathering_that_goes_on_is_not_judged():
    statistics = ice(remote_candidates=(candidate(REMOTE),))
    assert codes(statistics, gathering=gathering(bases=(), state=GatheringState.GATHERING)) == [FindingCode.CHECKING]


def lost(**changes):
    died = pair(failure=(FailureReason.CONSENT_LOST,), last_response_at=60.0)
    return failed(died, selected_pair_changes=1, lost_paths=(LostPath(died.path, 90.0),), **changes)


def test_a_path_that_died():
    (finding,) = diagnose(facts(lost(), dtls=dtls(), sctp=sctp()))
    assert finding.code is FindingCode.CONSENT_LOST
    assert finding.evidence == (
        "192.168.1.2:5000 -> 198.51.100.9:6000 given up 10 s ago",
        "the peer's last answer came 40 s ago",
    )


def test_an_address_of_ours_that_is_gone():
    gone = pair(failure=(FailureReason.UNROUTABLE, None, "eth0 went away"), nominated=True)
    (finding,) = diagnose(facts(failed(gone, selected_pair_changes=1)))
    assert finding.code is FindingCode.ADDRESS_LOST
    assert finding.evidence == ("192.168.1.2:5000 -> 198.51.100.9:6000: unroutable (eth0 went away)",)


def test_a_failure_is_remembered_beyond_the_end():
    end = HandshakeFailed("wrong", is_fingerprint_mismatch=True)
    changes = {"dtls": dtls(DtlsState.FAILED, end=end), "is_closed_here": True}
    assert codes(connected(), **changes) == [FindingCode.FINGERPRINT_MISMATCH, FindingCode.CLOSED_HERE]


def test_a_path_in_doubt():
    used = pair(is_selected=True, last_received_at=93.0)
    statistics = connected(state=IceState.DISCONNECTED, pairs=(used,))
    (finding,) = diagnose(facts(statistics))
    assert finding.code is FindingCode.PATH_SILENT
    assert "7 s" in finding.sentence


USER_ABORT = AssociationClosed(CloseReason.ABORTED_BY_PEER, (ErrorCause(12, b"Close called"),))


@pytest.mark.parametrize(
    "end",
    [
        {"dtls": dtls(DtlsState.CLOSED, end=EndpointClosed(DtlsCloseReason.REMOTE)), "sctp": sctp(end=USER_ABORT)},
        {"dtls": dtls(DtlsState.CLOSED, end=EndpointClosed(DtlsCloseReason.REMOTE))},
        {"dtls": dtls(), "sctp": sctp(end=USER_ABORT)},
    ],
)
def test_the_peers_end_explains_the_silence_after_it(end):
    (finding,) = diagnose(facts(lost(), **end))
    assert (finding.code, finding.severity) == (FindingCode.CLOSED_BY_PEER, Severity.NOTE)
    assert finding.evidence
    assert codes(lost(), is_closed_here=True, **end) == [FindingCode.CLOSED_HERE]


def test_notes_on_a_path_that_works():
    relayed = pair(is_selected=True)
    statistics = connected(
        pairs=(relayed,), is_remote_ended=False, local_candidates=(candidate(LOCAL, CandidateType.RELAYED),)
    )
    assert codes(statistics, entered={IceState.CONNECTED: 97.0}) == []
    assert codes(statistics, entered={IceState.CONNECTED: 90.0}) == [FindingCode.NO_END_OF_CANDIDATES]


def signaling(**changes):
    stable = {"state": "stable", "has_local_description": True, "has_remote_description": True, "has_transport": True}
    return SignalingFacts(**{**stable, "can_trickle": True, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"has_local_description": False, "has_remote_description": False}, FindingCode.NOTHING_NEGOTIATED),
        ({"state": "have-local-offer", "has_remote_description": False}, FindingCode.NO_REMOTE_DESCRIPTION),
        ({"state": "have-remote-offer", "has_local_description": False}, FindingCode.NO_LOCAL_DESCRIPTION),
        ({"has_transport": False}, FindingCode.NOTHING_ACCEPTED),
        ({"is_data_channel_refused": True, "has_transport": False}, FindingCode.DATA_CHANNEL_REFUSED),
    ],
)
def test_the_exchange_of_descriptions(changes, expected):
    statistics = ice(remote_parameters=None, local_candidates=(candidate(LOCAL),))
    assert codes(statistics, signaling=signaling(**changes)) == [expected]


def test_the_most_serious_stands_first():
    servers = gathering(refused(486))
    changes = {"signaling": signaling(is_data_channel_refused=True), "gathering": servers}
    statistics = connected(is_remote_ended=False)
    severities = [
        finding.severity for finding in diagnose(facts(statistics, entered={IceState.CONNECTED: 0.0}, **changes))
    ]
    assert severities == [Severity.PROBLEM, Severity.WARNING, Severity.NOTE]
