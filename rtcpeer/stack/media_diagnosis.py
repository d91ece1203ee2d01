"""Why audio or video does not flow: from what was negotiated, to what is sent, to what comes and is read."""

from typing import TYPE_CHECKING

from rtcpeer.dtls.endpoint import DtlsState
from rtcpeer.ice.events import IceState
from rtcpeer.stack.check_diagnosis import PATIENCE
from rtcpeer.stack.facts import Facts
from rtcpeer.stack.findings import Finding, FindingCode, Severity
from rtcpeer.stack.receiving_diagnosis import diagnose_keys, diagnose_receiver, diagnose_strangers
from rtcpeer.stack.sending_diagnosis import diagnose_sender

if TYPE_CHECKING:  # who has media has imported it
    from rtcpeer.stack.media import MediaStatistics
    from rtcpeer.stack.media_facts import Rejection, TransceiverFacts

__all__ = ["diagnose_flow", "diagnose_negotiated"]


def diagnose_negotiated(facts: Facts) -> list[Finding]:
    """What the descriptions keep from flowing; nothing while an exchange is under way, which is told elsewhere."""
    media, signaling = facts.media, facts.signaling
    if media is None or signaling is None or signaling.state != "stable" or not signaling.has_remote_description:
        return []
    findings = [_rejected(one) for one in media.rejections]
    for transceiver in media.transceivers:
        finding = _direction(transceiver)
        if finding is not None:
            findings.append(finding)
    return findings


def diagnose_flow(facts: Facts) -> list[Finding]:
    """What is wrong with the media of a connection that stands."""
    media = facts.media
    is_connected = facts.ice.state in {IceState.CONNECTED, IceState.COMPLETED}
    if media is None or not is_connected or facts.dtls is None or facts.dtls.state is not DtlsState.CONNECTED:
        return []
    findings: list[Finding] = []
    for transceiver in media.transceivers:
        if transceiver.current is None or transceiver.since is None:
            continue
        age = min(facts.now - transceiver.since, facts.seconds_since(facts.ice.state))
        if age <= PATIENCE:
            continue
        if transceiver.current.sends:
            findings += diagnose_sender(transceiver, media.transport, facts.now, age)
        if transceiver.current.receives:
            findings += diagnose_receiver(transceiver, facts.now, age)
    return findings if media.transport is None else _with_dropped(findings, media.transport)


def _with_dropped(findings: list[Finding], transport: "MediaStatistics") -> list[Finding]:
    """What comes and is dropped says why a receiver has nothing; alone it is no fault, as while directions change."""
    causes = diagnose_keys(transport)
    if any(finding.code is FindingCode.NOTHING_RECEIVED for finding in findings):
        causes += diagnose_strangers(transport)
        if causes:
            findings = [finding for finding in findings if finding.code is not FindingCode.NOTHING_RECEIVED]
    return causes + findings


def _rejected(rejection: "Rejection") -> Finding:
    ours, theirs = rejection.our_codecs, rejection.their_codecs
    evidence = [f"we have {', '.join(ours) or 'no codec'}"]
    if theirs:
        evidence.append(f"the peer has {', '.join(theirs)}")
    who, whose = ("The peer has", "our") if rejection.is_by_peer else ("We have", "the peer's")
    if theirs and not {name.lower() for name in ours} & {name.lower() for name in theirs}:
        return Finding(
            FindingCode.NO_SHARED_CODEC,
            Severity.PROBLEM,
            f"{who} rejected {whose} {rejection.name}: there is no codec that both sides have.",
            "Allow one of the other side's codecs: look at setCodecPreferences() and Settings.capabilities.",
            tuple(evidence),
        )
    # Ours alone, where a codec is shared: stop() was called, here.
    severity = Severity.PROBLEM if rejection.is_by_peer else Severity.NOTE
    return Finding(
        FindingCode.SECTION_REJECTED,
        severity,
        f"{who} rejected {whose} {rejection.name}.",
        "See whether the other side wants such media at all, stopped the transceiver, or lacks a codec.",
        tuple(evidence),
    )


def _direction(transceiver: "TransceiverFacts") -> Finding | None:
    """Why a track that is there is not sent."""
    sending, current = transceiver.sending, transceiver.current
    if not sending.has_track or not sending.is_track_live or (current is not None and current.sends):
        return None
    name = transceiver.name
    if not transceiver.wanted.sends:
        return Finding(
            FindingCode.DIRECTION_KEEPS_TRACK,
            # Who has sent and stops that means it.
            Severity.NOTE if sending.has_sent else Severity.WARNING,
            f"The sender of {name} has a track, but our own direction does not let it send.",
            'Set transceiver.direction to "sendrecv" or "sendonly", and negotiate; addTrack() does so by itself.',
            (f"transceiver.direction is {transceiver.wanted.value!r}",),
        )
    described = transceiver.described
    is_refused = (
        described is not None
        and not described.theirs.receives
        # What our offer did not ask for, an answer can not refuse.
        and (described.ours.sends or not described.is_ours_offer)
    )
    if described is not None and is_refused:
        return Finding(
            FindingCode.PEER_DOES_NOT_RECEIVE,
            Severity.PROBLEM,
            f"The peer does not let us send {name}.",
            "The peer has to answer, or to offer, with a direction that receives.",
            (f"its description says {described.theirs.value}, ours {described.ours.value}",),
        )
    return Finding(
        FindingCode.TRACK_NOT_NEGOTIATED,
        Severity.WAITING,
        f"A track of {name} was added, and not negotiated yet.",
        "Exchange an offer and an answer again, as negotiationneeded tells; an answer can not add sections.",
        (f"transceiver.currentDirection is {None if current is None else current.value!r}",),
    )
