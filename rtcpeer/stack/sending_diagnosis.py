"""Why the peer does not get what a sender should send."""

from typing import TYPE_CHECKING

from rtcpeer.rtp.statistics import OutboundStatistics
from rtcpeer.stack.check_diagnosis import PATIENCE
from rtcpeer.stack.findings import Finding, FindingCode, Severity

if TYPE_CHECKING:  # who has media has imported it
    from rtcpeer.stack.media import MediaStatistics
    from rtcpeer.stack.media_facts import TransceiverFacts

__all__ = ["diagnose_sender"]

# Three of the longest intervals between reports that are usual: RFC 3550 section 6.2 has 5 s as its minimum.
REPORT_PATIENCE = 15.0
RAMP_UP = 15.0  # seconds in which an estimate of the bandwidth still grows
MIN_PACKETS = 50  # before a share of them says anything
HEAVY_LOSS = 0.1  # above this loss-based congestion control goes down


def diagnose_sender(
    transceiver: "TransceiverFacts", transport: "MediaStatistics | None", now: float, age: float
) -> list[Finding]:
    """Of one that was negotiated to send ``age`` seconds ago."""
    sending = transceiver.sending
    packets = sum(stream.packets_sent for stream in sending.streams)
    source = _source(transceiver, packets)
    if source is not None:
        return [source]
    last = max((stream.last_frame_at for stream in sending.streams if stream.last_frame_at is not None), default=None)
    silent = age if last is None else min(age, now - last)
    if silent > PATIENCE:
        return [_nothing_sent(transceiver, packets, silent)]
    findings = []
    for stream in sending.streams:
        heard = _reported(transceiver, stream, now, age)
        if heard is not None:
            findings.append(heard)
    if sending.limitation in {"bandwidth", "cpu"} and age > RAMP_UP:
        findings.append(_limited(transceiver, transport))
    return findings


def _source(transceiver: "TransceiverFacts", packets: int) -> Finding | None:
    """Why there is nothing that could be sent."""
    sending, name = transceiver.sending, transceiver.name
    sent = f"{packets} packets were sent"
    if not sending.has_track:
        return Finding(
            FindingCode.SENDER_WITHOUT_TRACK,
            Severity.NOTE,
            f"No {name} is sent: its sender has no track.",
            'Give it one with addTrack() or replaceTrack(), or make the transceiver "recvonly".',
            (sent,),
        )
    if not sending.is_track_live:
        return Finding(
            FindingCode.TRACK_ENDED,
            # A file is over sometime; one that never began is not what was wanted.
            Severity.NOTE if packets else Severity.WARNING,
            f"No {name} is sent any more: its track has ended.",
            "Give the sender another one with replaceTrack(); sender.onerror tells of tracks that failed.",
            (sent, f"{sending.frames} frames came from the track"),
        )
    if sending.streams and not any(stream.is_active for stream in sending.streams):
        return Finding(
            FindingCode.ENCODINGS_INACTIVE,
            Severity.NOTE,
            f"No {name} is sent: all its encodings are switched off.",
            "Set active to True in what getParameters() returns, and call setParameters().",
            (sent,),
        )
    return None


def _nothing_sent(transceiver: "TransceiverFacts", packets: int, silent: float) -> Finding:
    sending, name = transceiver.sending, transceiver.name
    dropped = sum(stream.frames_dropped for stream in sending.streams)
    evidence = (
        f"{sending.frames} frames came from the track, {dropped} of them were dropped before they were sent",
        f"{packets} packets were sent",
    )
    if not sending.frames or packets:
        return Finding(
            FindingCode.TRACK_SILENT,
            # A still screen has no frames either.
            Severity.WARNING if packets else Severity.PROBLEM,
            f"No {name} is sent: its track has given no frame for {silent:.0f} s.",
            "See what recv() of the track waits for; it must not block the event loop.",
            evidence,
        )
    return Finding(
        FindingCode.NOTHING_SENT,
        Severity.PROBLEM,
        f"No {name} has been sent for {silent:.0f} s, although its track gives frames.",
        "Look at errors of the encoder in the log, at sender.onerror, and at maxBitrate and maxFramerate.",
        evidence,
    )


def _reported(transceiver: "TransceiverFacts", stream: OutboundStatistics, now: float, age: float) -> Finding | None:
    """What the peer says, or does not say, of a stream."""
    remote, name = stream.remote, transceiver.name
    if stream.packets_sent < MIN_PACKETS:
        return None
    since = age if remote is None else min(age, now - remote.received_at)
    if since > REPORT_PATIENCE:
        return Finding(
            FindingCode.PEER_REPORTS_NOTHING,
            Severity.WARNING,
            f"The peer has not reported for {since:.0f} s that it receives our {name}.",
            "See what the peer does with it: it may know nothing of this stream, or the path may drop large packets.",
            (f"{stream.packets_sent} packets were sent as SSRC {stream.ssrc}",),
        )
    if remote is not None and remote.fraction_lost >= HEAVY_LOSS:
        return Finding(
            FindingCode.PEER_LOSES_PACKETS,
            Severity.WARNING,
            f"Of our {name}, {remote.fraction_lost:.0%} gets lost on the way to the peer.",
            "The path is overloaded or bad: send less (maxBitrate), or use another network.",
            (f"the peer has lost {remote.packets_lost} packets so far, {stream.packets_sent} were sent",),
        )
    return None


def _limited(transceiver: "TransceiverFacts", transport: "MediaStatistics | None") -> Finding:
    name, reason = transceiver.name, transceiver.sending.limitation
    if reason == "cpu":
        return Finding(
            FindingCode.QUALITY_LIMITED,
            Severity.WARNING,
            f"The quality of our {name} is reduced: this host encodes too slowly.",
            "Send smaller pictures (scaleResolutionDownBy) or fewer (maxFramerate), or another codec.",
            ("qualityLimitationReason is 'cpu'",),
        )
    evidence = ["qualityLimitationReason is 'bandwidth'"]
    if transport is not None:
        bandwidth = transport.bandwidth
        evidence.append(
            f"the path is taken to carry {bandwidth.target_bitrate // 1000} kbit/s; it loses {bandwidth.loss:.0%}"
        )
    return Finding(
        FindingCode.QUALITY_LIMITED,
        Severity.WARNING,
        f"The quality of our {name} is reduced: the path does not carry more.",
        "Use a better network, or see whether maxBitrate, or b= in the peer's description, asks for less.",
        tuple(evidence),
    )
