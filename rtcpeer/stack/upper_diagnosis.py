"""What has become of the encryption, and of SCTP within it, over a path that ICE has found."""

from rtcpeer.dtls.alerts import AlertDescription
from rtcpeer.dtls.endpoint import DtlsRole, DtlsState
from rtcpeer.dtls.events import CloseReason as DtlsCloseReason
from rtcpeer.dtls.events import EndpointClosed, HandshakeFailed
from rtcpeer.ice.events import IceState
from rtcpeer.sctp.events import CloseReason as SctpCloseReason
from rtcpeer.sctp.state import AssociationState
from rtcpeer.stack.check_diagnosis import PATIENCE
from rtcpeer.stack.facts import DtlsFacts, Facts
from rtcpeer.stack.findings import Finding, FindingCode, Severity

__all__ = ["diagnose_dtls", "diagnose_sctp"]

_OPENING = {AssociationState.CLOSED, AssociationState.COOKIE_WAIT, AssociationState.COOKIE_ECHOED}
# With these a peer says that it does not believe our certificate.
_DOUBTS = {
    AlertDescription.BAD_CERTIFICATE,
    AlertDescription.CERTIFICATE_UNKNOWN,
    AlertDescription.UNKNOWN_CA,
    AlertDescription.DECRYPT_ERROR,
}

_GET_THROUGH = (
    "Make sure that the peer got our latest description (its a=setup says who begins), and that nothing between the "
    "two sides drops large packets or all but STUN."
)
_COMPARE = "Look for what the two sides do not share: versions, cipher suites, certificates."
_SHOW_FINGERPRINT = (
    "The peer does not find our certificate's fingerprint in the description that it has of us: see that it gets that "
    "unchanged."
)


def diagnose_dtls(facts: Facts) -> list[Finding]:
    """A handshake that waits or has failed, and an encryption that broke."""
    dtls = facts.dtls
    if dtls is None:
        return []
    if isinstance(dtls.end, HandshakeFailed):
        return [_handshake_failed(dtls.end)]
    if isinstance(dtls.end, EndpointClosed) and dtls.end.reason is DtlsCloseReason.FATAL_ALERT:
        alert = f"the peer sent {dtls.end.alert}" if dtls.end.alert else "the peer sent an alert"
        sentence = "The peer has ended the encryption with an error."
        return [Finding(FindingCode.DTLS_FAILED, Severity.PROBLEM, sentence, "Look at the peer's log.", (alert,))]
    if dtls.state is not DtlsState.CONNECTING or facts.ice.send_path is None:
        return []
    age = facts.seconds_since(IceState.CONNECTED)
    if age > PATIENCE:
        return [_dtls_silence(f"ICE has a path since {age:.0f} s, but the peer does not answer the handshake.", dtls)]
    who = "to answer our ClientHello" if dtls.role is DtlsRole.CLIENT else "to begin"
    return [Finding(FindingCode.DTLS_HANDSHAKE, Severity.WAITING, f"The DTLS handshake waits for the peer {who}.")]


def _dtls_silence(sentence: str, dtls: DtlsFacts) -> Finding:
    role = "client" if dtls.role is DtlsRole.CLIENT else "server"
    return Finding(
        FindingCode.DTLS_NO_ANSWER,
        Severity.PROBLEM,
        sentence,
        _GET_THROUGH,
        (f"we are the DTLS {role}; flights were repeated {dtls.flight_retransmissions} times",),
    )


def _handshake_failed(end: HandshakeFailed) -> Finding:
    if end.is_fingerprint_mismatch:
        return Finding(
            FindingCode.FINGERPRINT_MISMATCH,
            Severity.PROBLEM,
            "The peer's certificate is not the one that its description promised, so it was not trusted.",
            "The description was changed on its way, or is another connection's; if neither, somebody is in between.",
            (end.reason,),
        )
    alert = end.received_alert
    if alert is not None:
        return Finding(
            FindingCode.DTLS_REFUSED_BY_PEER,
            Severity.PROBLEM,
            "The peer has refused the DTLS handshake.",
            _SHOW_FINGERPRINT if alert.description in _DOUBTS else _COMPARE,
            (f"it sent {alert}",),
        )
    if end.sent_alert is None:
        return Finding(
            FindingCode.DTLS_NO_ANSWER,
            Severity.PROBLEM,
            "ICE found a path, but the DTLS handshake came to no end over it.",
            _GET_THROUGH,
            (end.reason,),
        )
    return Finding(
        FindingCode.DTLS_FAILED,
        Severity.PROBLEM,
        "The DTLS handshake failed.",
        _COMPARE,
        (end.reason, f"we sent {end.sent_alert}"),
    )


def diagnose_sctp(facts: Facts) -> list[Finding]:
    """An association that does not come about, or that has ended by itself."""
    sctp, dtls = facts.sctp, facts.dtls
    if sctp is None or not sctp.is_wanted or dtls is None or dtls.state is not DtlsState.CONNECTED:
        return []
    if sctp.end is None:
        # Where nothing needs the association yet, nobody hurries.
        is_late = sctp.state in _OPENING and facts.seconds_since(IceState.CONNECTED) > PATIENCE
        return [_sctp_silence("since then")] if is_late else []
    if sctp.end.reason is SctpCloseReason.HANDSHAKE_TIMEOUT:
        return [_sctp_silence(sctp.end.message)]
    if sctp.end.reason is SctpCloseReason.ABORTED_LOCALLY:
        return []
    causes = tuple(
        f"cause {cause.code} {cause.value[:60].decode('utf-8', 'replace')}".strip() for cause in sctp.end.causes
    )
    return [
        Finding(
            FindingCode.SCTP_FAILED,
            Severity.PROBLEM,
            f"The SCTP association has ended: {sctp.end.reason.value}.",
            "All data channels ended with it; make a new connection.",
            (*((sctp.end.message,) if sctp.end.message else ()), *causes),
        )
    ]


def _sctp_silence(evidence: str) -> Finding:
    return Finding(
        FindingCode.SCTP_NO_ANSWER,
        Severity.PROBLEM,
        "The encryption stands, but the peer does not set up the SCTP association that data channels need.",
        "See that both descriptions have the m=application section with the right a=sctp-port.",
        (evidence,),
    )
