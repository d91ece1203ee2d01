import pytest

from rtcpeer.dtls.alerts import Alert, AlertDescription, AlertLevel
from rtcpeer.dtls.endpoint import DtlsRole, DtlsState
from rtcpeer.dtls.events import CloseReason as DtlsCloseReason
from rtcpeer.dtls.events import EndpointClosed, HandshakeFailed
from rtcpeer.ice import IceState
from rtcpeer.sctp.events import AssociationClosed, CloseReason, ErrorCause
from rtcpeer.sctp.state import AssociationState
from rtcpeer.stack.findings import FindingCode, Severity
from rtcpeer.stack.upper_diagnosis import diagnose_dtls, diagnose_sctp
from tests.unit.stack.facts import connected, dtls, facts, ice, sctp


def alert(description):
    return Alert(AlertLevel.FATAL, description)


@pytest.mark.parametrize(
    ("end", "code", "hint"),
    [
        (HandshakeFailed("wrong", is_fingerprint_mismatch=True), FindingCode.FINGERPRINT_MISMATCH, "another"),
        (
            HandshakeFailed("ended", received_alert=alert(AlertDescription.BAD_CERTIFICATE)),
            FindingCode.DTLS_REFUSED_BY_PEER,
            "fingerprint",
        ),
        (
            HandshakeFailed("ended", received_alert=alert(AlertDescription.HANDSHAKE_FAILURE)),
            FindingCode.DTLS_REFUSED_BY_PEER,
            "cipher suites",
        ),
        (
            HandshakeFailed("broke", sent_alert=alert(AlertDescription.DECODE_ERROR)),
            FindingCode.DTLS_FAILED,
            "cipher suites",
        ),
        (HandshakeFailed("the peer sent no ClientHello within 30 s"), FindingCode.DTLS_NO_ANSWER, "a=setup"),
    ],
)
def test_a_handshake_that_failed(end, code, hint):
    (finding,) = diagnose_dtls(facts(connected(), dtls=dtls(DtlsState.FAILED, end=end)))
    assert (finding.code, finding.severity) == (code, Severity.PROBLEM)
    assert hint in finding.advice
    assert finding.evidence


def test_an_alert_in_a_connection_that_stood():
    end = EndpointClosed(DtlsCloseReason.FATAL_ALERT, alert(AlertDescription.INTERNAL_ERROR))
    (finding,) = diagnose_dtls(facts(connected(), dtls=dtls(DtlsState.CLOSED, end=end)))
    assert finding.code is FindingCode.DTLS_FAILED
    assert finding.evidence == ("the peer sent internal_error (fatal)",)


@pytest.mark.parametrize("role", DtlsRole)
def test_a_handshake_under_way(role):
    waiting = dtls(DtlsState.CONNECTING, role, flight_retransmissions=5)
    for age, severity in ((1.0, Severity.WAITING), (6.0, Severity.PROBLEM)):
        entered = {IceState.CONNECTED: 100.0 - age}
        (finding,) = diagnose_dtls(facts(connected(), dtls=waiting, entered=entered))
        assert finding.severity is severity
    assert f"{role.value}; flights were repeated 5 times" in finding.evidence[0]
    assert diagnose_dtls(facts(ice(), dtls=waiting)) == []  # it waits for a path
    assert diagnose_dtls(facts(connected())) == []


def association(reason, *causes, message=""):
    return sctp(AssociationState.CLOSED, AssociationClosed(reason, causes, message))


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (association(CloseReason.HANDSHAKE_TIMEOUT), FindingCode.SCTP_NO_ANSWER),
        (association(CloseReason.PATH_FAILURE, message="the peer does not answer"), FindingCode.SCTP_FAILED),
        (association(CloseReason.ABORTED_BY_PEER, ErrorCause(13, b"no")), FindingCode.SCTP_FAILED),
        (association(CloseReason.ABORTED_LOCALLY), None),
    ],
)
def test_an_association_that_ended(ended, code):
    findings = diagnose_sctp(facts(connected(), dtls=dtls(), sctp=ended))
    assert [finding.code for finding in findings] == ([] if code is None else [code])
    assert all(finding.evidence for finding in findings)


def test_an_association_that_does_not_come_about():
    opening = sctp(AssociationState.COOKIE_WAIT)
    assert diagnose_sctp(facts(connected(), dtls=dtls(), sctp=opening, entered={IceState.CONNECTED: 98.0})) == []
    late = facts(connected(), dtls=dtls(), sctp=opening, entered={IceState.CONNECTED: 90.0})
    assert [finding.code for finding in diagnose_sctp(late)] == [FindingCode.SCTP_NO_ANSWER]
    assert diagnose_sctp(facts(connected(), dtls=dtls(DtlsState.CONNECTING), sctp=opening)) == []
