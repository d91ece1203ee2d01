"""From facts to findings: why a connection is where it is. A pure function, stage after stage along the way to data."""

from collections.abc import Sequence

from rtcpeer.core import TransportAddress
from rtcpeer.dtls.events import CloseReason as DtlsCloseReason
from rtcpeer.dtls.events import EndpointClosed, HandshakeFailed
from rtcpeer.ice.candidate import CandidateType
from rtcpeer.ice.events import IceState
from rtcpeer.ice.statistics import PairStatistics
from rtcpeer.sctp.events import CloseReason as SctpCloseReason
from rtcpeer.sctp.parameters import CauseCode
from rtcpeer.stack.check_diagnosis import PATIENCE, diagnose_checks, diagnose_credentials, outcome_of, udp_blocked
from rtcpeer.stack.facts import Facts
from rtcpeer.stack.findings import Finding, FindingCode, Severity
from rtcpeer.stack.gathering import GatheringState
from rtcpeer.stack.media_diagnosis import diagnose_flow, diagnose_negotiated
from rtcpeer.stack.nat_evidence import has_relay, is_udp_blocked
from rtcpeer.stack.server_log import ServerOutcome, ServerReport
from rtcpeer.stack.upper_diagnosis import diagnose_dtls, diagnose_sctp

__all__ = ["diagnose", "diagnose_servers"]

# What a server that works would have mended.
_FOR_WANT_OF_SERVERS = {
    FindingCode.RELAY_NEEDED,
    FindingCode.NO_DIRECT_PATH,
    FindingCode.NO_ANSWER,
    FindingCode.NO_LOCAL_CANDIDATES,
}
_REJECTIONS = {FindingCode.NO_SHARED_CODEC, FindingCode.SECTION_REJECTED}
_ORDER = (Severity.PROBLEM, Severity.WARNING, Severity.WAITING, Severity.NOTE)


def diagnose(facts: Facts) -> tuple[Finding, ...]:
    """All findings, the most serious first and among those the cause first."""
    end = _ends(facts)
    if facts.is_closed_here:
        # Whoever closes because of a failure may still want to know which one it was.
        has_failed = facts.dtls is not None and isinstance(facts.dtls.end, HandshakeFailed)
        return (*(diagnose_dtls(facts) if has_failed else ()), *end)
    findings = [*end, *_negotiated(facts)]
    if not end:
        strangers = diagnose_credentials(facts)
        checks = [*_gathering(facts), *(strangers or diagnose_checks(facts))]
        findings += diagnose_servers(facts, checks) + checks
        if not strangers:
            findings += [*_liveness(facts), *diagnose_dtls(facts), *diagnose_sctp(facts), *diagnose_flow(facts)]
            findings += _notes(facts)
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))


def _negotiated(facts: Facts) -> list[Finding]:
    media = diagnose_negotiated(facts)
    # Where a section was rejected, that says all.
    is_told = any(finding.code in _REJECTIONS for finding in media)
    signaling = [one for one in _signaling(facts) if not (is_told and one.code is FindingCode.NOTHING_ACCEPTED)]
    return signaling + media


def diagnose_servers(facts: Facts, others: Sequence[Finding] = ()) -> list[Finding]:
    """What is wrong with STUN and TURN servers; a problem where others show that one of them is missed."""
    is_blocked = is_udp_blocked(facts)
    findings: list[Finding] = []
    if is_blocked and not any(finding.code is FindingCode.UDP_BLOCKED for finding in others):
        findings.append(udp_blocked(facts, Severity.WARNING))
    is_missed = bool(_FOR_WANT_OF_SERVERS & {finding.code for finding in others})
    is_any_answered = any(report.outcome is ServerOutcome.ANSWERED for report in facts.gathering.servers)
    for report in facts.gathering.servers:
        if report.outcome is ServerOutcome.FAILED and not (is_blocked and report.is_silent):
            would_relay = report.server.scheme.is_turn and not has_relay(facts.ice.local_candidates)
            is_cause = is_missed and (would_relay or not is_any_answered)
            findings.append(_server_failed(report, Severity.PROBLEM if is_cause else Severity.WARNING))
        elif report.outcome is ServerOutcome.LOST and facts.ice.state is not IceState.FAILED:
            findings.append(_relay_lost(report, Severity.WARNING))
    return findings


def _server_failed(report: ServerReport, severity: Severity) -> Finding:
    url, evidence = report.server.url, (f"{report.error_code} {report.reason}".strip(),)
    if report.error_code == 401:
        return Finding(
            FindingCode.TURN_CREDENTIALS_REFUSED,
            severity,
            f"{url} refuses our username and credential.",
            "Check both; credentials made for a limited time may have run out.",
            evidence,
        )
    if report.error_code == 701:
        return Finding(
            FindingCode.SERVER_UNREACHABLE,
            severity,
            f"{url} can not be used.",
            "Check its name, port and transport, and that it runs.",
            evidence,
        )
    return Finding(
        FindingCode.SERVER_REFUSED, severity, f"{url} has refused.", "Look at the server's configuration.", evidence
    )


def _relay_lost(report: ServerReport, severity: Severity) -> Finding:
    return Finding(
        FindingCode.RELAY_LOST,
        severity,
        f"{report.server.url} relays for us no more.",
        "Restart ICE to get another relayed address.",
        (report.reason,),
    )


def _ends(facts: Facts) -> list[Finding]:
    """Who ended it, where somebody did."""
    findings: list[Finding] = []
    if facts.is_closed_here:
        findings.append(
            Finding(FindingCode.CLOSED_HERE, Severity.NOTE, "We closed the connection: close() was called.")
        )
    dtls_end = None if facts.dtls is None else facts.dtls.end
    sctp_end = None if facts.sctp is None else facts.sctp.end
    is_dtls = isinstance(dtls_end, EndpointClosed) and dtls_end.reason is DtlsCloseReason.REMOTE
    # RFC 9260 section 3.3.10.12, which is how browsers close a connection.
    is_sctp = (
        sctp_end is not None
        and sctp_end.reason is SctpCloseReason.ABORTED_BY_PEER
        and any(cause.code == CauseCode.USER_INITIATED_ABORT for cause in sctp_end.causes)
    )
    if (is_dtls or is_sctp) and not facts.is_closed_here:
        how = [name for name, is_so in (("DTLS close_notify", is_dtls), ("SCTP abort by its user", is_sctp)) if is_so]
        findings.append(
            Finding(
                FindingCode.CLOSED_BY_PEER,
                Severity.NOTE,
                "The peer closed the connection.",
                "Make a new connection if you want to go on.",
                tuple(f"{one} received" for one in how),
            )
        )
    return findings


def _signaling(facts: Facts) -> list[Finding]:
    signaling = facts.signaling
    if signaling is None:
        if facts.ice.remote_parameters is not None:
            return []
        code, sentence = FindingCode.NO_REMOTE_DESCRIPTION, "The peer's ICE parameters are not known yet."
        return [Finding(code, Severity.WAITING, sentence, "Exchange them, and call dial() or accept().")]
    findings: list[Finding] = []
    if signaling.is_data_channel_refused:
        findings.append(
            Finding(
                FindingCode.DATA_CHANNEL_REFUSED,
                Severity.PROBLEM,
                "The peer has rejected data channels in its description.",
                "Its answer has port 0 in the m=application section: look at what the peer supports.",
            )
        )
    gap = _signaling_gap(facts)
    if gap is not None and not findings:
        findings.append(gap)
    return findings


def _signaling_gap(facts: Facts) -> Finding | None:
    signaling = facts.signaling
    assert signaling is not None
    if not signaling.has_local_description and not signaling.has_remote_description:
        return Finding(
            FindingCode.NOTHING_NEGOTIATED,
            Severity.WAITING,
            "No description has been set yet.",
            "Begin with createDataChannel() and setLocalDescription(), or wait for the peer's offer.",
        )
    if not signaling.has_remote_description:
        return Finding(
            FindingCode.NO_REMOTE_DESCRIPTION,
            Severity.WAITING,
            "Our offer is made, and the peer's answer has not been set yet.",
            "Get localDescription to the peer, and its answer to setRemoteDescription().",
        )
    if signaling.state == "have-remote-offer":
        return Finding(
            FindingCode.NO_LOCAL_DESCRIPTION,
            Severity.WAITING,
            "The peer's offer waits for our answer.",
            "Call setLocalDescription(), and get localDescription to the peer.",
        )
    if not signaling.has_transport:
        return Finding(
            FindingCode.NOTHING_ACCEPTED,
            Severity.PROBLEM,
            "The descriptions have agreed on nothing: every section is rejected or missing.",
            "Create a data channel before the offer is made, and look at what the answer rejects (port 0).",
        )
    return None


def _gathering(facts: Facts) -> list[Finding]:
    """Why we have nothing to offer."""
    gathering, ice = facts.gathering, facts.ice
    if ice.send_path is not None or ice.selected_pair_changes:
        return []
    has_turn = any(report.server.scheme.is_turn for report in gathering.servers)
    if gathering.transport_policy == "relay" and not has_turn and gathering.state is not GatheringState.NEW:
        return [
            Finding(
                FindingCode.RELAY_POLICY_WITHOUT_TURN,
                Severity.PROBLEM,
                "Only relayed addresses may be used, and no TURN server is configured.",
                'Add a TURN server to iceServers, or allow all addresses (iceTransportPolicy "all").',
            )
        ]
    if gathering.state is not GatheringState.COMPLETE or any(not _is_loopback(base) for base in gathering.bases):
        is_empty = gathering.state is GatheringState.COMPLETE and not ice.local_candidates
        return [_no_local_candidates(facts)] if is_empty else []
    if gathering.unusable_addresses:
        return [
            Finding(
                FindingCode.NO_SOCKETS,
                Severity.PROBLEM,
                "No UDP socket could be opened on any address of this host.",
                "Look for a limit on open files, or a policy that forbids sockets.",
                (f"{gathering.unusable_addresses} addresses could not be bound",),
            )
        ]
    if (
        all(_is_loopback(TransportAddress(each.address, each.port)) for each in ice.remote_candidates)
        and gathering.bases
    ):
        return []  # a machine without a network talks to itself
    return [
        Finding(
            FindingCode.NO_NETWORK,
            Severity.PROBLEM,
            "This host has no network: no interface that is up has an address that others could reach.",
            "Connect it, or look at which interfaces and addresses the settings leave.",
            tuple(f"only {base}" for base in gathering.bases),
        )
    ]


def _no_local_candidates(facts: Facts) -> Finding:
    evidence: tuple[str, ...] = ()
    if facts.ice.candidates_excluded:
        policy = facts.gathering.transport_policy
        evidence = (f"{facts.ice.candidates_excluded} left out by the transport policy {policy!r}",)
    return Finding(
        FindingCode.NO_LOCAL_CANDIDATES,
        Severity.PROBLEM,
        "We have no candidate: the transport policy and filters leave nothing of what was found.",
        "Mend the servers that have failed, or let the settings leave more.",
        evidence,
    )


def _liveness(facts: Facts) -> list[Finding]:
    """What has become of a path that there was."""
    ice = facts.ice
    if ice.state is IceState.DISCONNECTED:
        pair = _pair_in_use(facts)
        heard = None if pair is None or pair.last_received_at is None else facts.now - pair.last_received_at
        since = "a while" if heard is None else f"{heard:.0f} s"
        return [
            Finding(
                FindingCode.PATH_SILENT,
                Severity.PROBLEM,
                f"Nothing has come from the peer for {since}.",
                "It may come back by itself; an ICE restart finds another path where there is one.",
                () if pair is None else (f"{pair.path[0]} -> {pair.path[1]}, checked on without an answer",),
            )
        ]
    if ice.state is not IceState.FAILED or not (ice.lost_paths or ice.selected_pair_changes):
        return []
    lost_relays = [report for report in facts.gathering.servers if report.outcome is ServerOutcome.LOST]
    if lost_relays:
        return [_relay_lost(report, Severity.PROBLEM) for report in lost_relays]
    if not ice.lost_paths:
        return [
            Finding(
                FindingCode.ADDRESS_LOST,
                Severity.PROBLEM,
                "The address of ours that the path used is gone, and no other path works.",
                "Restart ICE once there is a network again.",
                tuple(f"{pair.path[0]} -> {pair.path[1]}: {outcome_of(pair)}" for pair in ice.pairs if pair.nominated),
            )
        ]
    evidence = [
        f"{lost.path[0]} -> {lost.path[1]} given up {facts.now - lost.lost_at:.0f} s ago" for lost in ice.lost_paths
    ]
    answers = [pair.last_response_at for pair in ice.pairs if pair.last_response_at is not None]
    if answers:
        evidence.append(f"the peer's last answer came {facts.now - max(answers):.0f} s ago")
    return [
        Finding(
            FindingCode.CONSENT_LOST,
            Severity.PROBLEM,
            "There was a path, but the peer stopped answering on it (consent ran out), and no other path works.",
            "The peer has gone or has lost its network. If it still runs, restart ICE; otherwise connect anew.",
            tuple(evidence),
        )
    ]


def _notes(facts: Facts) -> list[Finding]:
    ice = facts.ice
    pair = _pair_in_use(facts)
    findings: list[Finding] = []
    if pair is None:
        return findings
    relayed = [
        name for name, one in (("our", pair.local), ("the peer's", pair.remote)) if one.type is CandidateType.RELAYED
    ]
    if relayed:
        findings.append(
            Finding(
                FindingCode.RELAYED,
                Severity.NOTE,
                f"Data goes over {' and '.join(relayed)} TURN server, which costs time and the server's bandwidth.",
            )
        )
    if (
        ice.state is IceState.CONNECTED
        and not ice.is_remote_ended
        and facts.seconds_since(IceState.CONNECTED) > PATIENCE
    ):
        findings.append(
            Finding(
                FindingCode.NO_END_OF_CANDIDATES,
                Severity.NOTE,
                'The peer has not said that it has no more candidates, so that the ICE state stays "connected".',
                "Carry the last icecandidate event, too: addIceCandidate(None).",
            )
        )
    return findings


def _pair_in_use(facts: Facts) -> PairStatistics | None:
    return next((pair for pair in facts.ice.pairs if pair.path == facts.ice.send_path), None)


def _is_loopback(address: TransportAddress) -> bool:
    return address.host == "::1" or address.host.startswith("127.")
