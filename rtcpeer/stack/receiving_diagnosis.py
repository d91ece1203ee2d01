"""Why what the peer sends does not arrive, or is not seen."""

from typing import TYPE_CHECKING

from rtcpeer.rtp.statistics import InboundStatistics
from rtcpeer.stack.check_diagnosis import PATIENCE
from rtcpeer.stack.findings import Finding, FindingCode, Severity

if TYPE_CHECKING:  # who has media has imported it
    from rtcpeer.stack.media import MediaStatistics
    from rtcpeer.stack.media_facts import TransceiverFacts

__all__ = ["diagnose_keys", "diagnose_receiver", "diagnose_strangers"]

MIN_PACKETS = 50  # before a share of them says anything; what is under way while directions change is less
STRANGE_SHARE = 0.05
HEAVY_LOSS = 0.1
MIN_REQUESTS = 3  # for a keyframe, before it is told that none comes
MIN_FAILURES = 5


def diagnose_keys(transport: "MediaStatistics") -> list[Finding]:
    """Packets that were not made with the keys of the handshake."""
    srtp = transport.srtp
    if srtp is None:
        return []
    refused = srtp.unauthenticated
    passed = srtp.rtp_unprotected + srtp.rtcp_unprotected
    if refused < MIN_PACKETS or refused < STRANGE_SHARE * (passed + refused):
        return []
    return [
        Finding(
            FindingCode.SRTP_UNAUTHENTICATED,
            Severity.WARNING if passed > refused else Severity.PROBLEM,
            "Packets of the peer's do not fit its keys: they were changed on the way, or belong to another session.",
            "See that nothing between the two sides rewrites packets, and that the peer uses this handshake's keys.",
            (f"{refused} SRTP and SRTCP packets failed authentication, {passed} passed",),
        )
    ]


def diagnose_strangers(transport: "MediaStatistics") -> list[Finding]:
    """Packets that belong to no section, where a section misses some."""
    routes, srtp = transport.routes, transport.srtp
    if srtp is None:
        return []
    reasons = {
        "have a payload type that was not negotiated for their section": routes.wrong_payload_type,
        "name a section (MID) that there is not": routes.unknown_mid,
        "name an encoding (RID) that there is not": routes.unknown_rid,
        "have an SSRC and a payload type that say nothing about their section": routes.unsignalled,
    }
    dropped = sum(reasons.values())
    if dropped < MIN_PACKETS or dropped < STRANGE_SHARE * srtp.rtp_unprotected:
        return []
    return [
        Finding(
            FindingCode.UNKNOWN_STREAM,
            Severity.PROBLEM,
            "The peer sends media that belongs to no section that we receive.",
            "Its packets have to fit the descriptions: payload types, a=ssrc, a=mid and its header extension.",
            tuple(f"{count} of {srtp.rtp_unprotected} packets {reason}" for reason, count in reasons.items() if count),
        )
    ]


def diagnose_receiver(transceiver: "TransceiverFacts", now: float, age: float) -> list[Finding]:
    """Of one that was negotiated to receive ``age`` seconds ago."""
    receiving = transceiver.receiving
    if not receiving.is_wanted:
        return []
    heard = [stream.last_packet_received_at for stream in receiving.streams]
    last = max((at for at in heard if at is not None), default=None)
    silent = age if last is None else min(age, now - last)
    if silent > PATIENCE:
        return [_nothing_received(transceiver, silent)]
    if not receiving.is_read:
        return [_not_read(transceiver)]
    findings = _undecodable(transceiver)
    return findings + [_lossy(transceiver, stream) for stream in receiving.streams if _is_lossy(stream)]


def _nothing_received(transceiver: "TransceiverFacts", silent: float) -> Finding:
    packets = sum(stream.packets_received for stream in transceiver.receiving.streams)
    return Finding(
        FindingCode.NOTHING_RECEIVED,
        Severity.WARNING,
        f"The peer may send {transceiver.name}, but nothing has come for {silent:.0f} s; its track is mute.",
        "See whether the peer's sender has a track that gives something, and call explain() there too.",
        (f"{packets} packets came before that",) if packets else (),
    )


def _not_read(transceiver: "TransceiverFacts") -> Finding:
    packets = sum(stream.packets_received for stream in transceiver.receiving.streams)
    return Finding(
        FindingCode.TRACK_NOT_READ,
        Severity.WARNING,
        f"The peer's {transceiver.name} arrives, but nobody reads it, so that nothing is decoded.",
        "Await recv() of the track in a loop, or give it to a MediaRecorder, MediaBlackhole or another connection.",
        (f"{packets} packets have come",),
    )


def _undecodable(transceiver: "TransceiverFacts") -> list[Finding]:
    receiving, name = transceiver.receiving, transceiver.name
    requests = sum(stream.pli_count + stream.fir_count for stream in receiving.streams)
    packets = sum(stream.packets_received for stream in receiving.streams)
    has_keyframes = any(stream.key_frames_received for stream in receiving.streams)
    if transceiver.kind == "video" and not has_keyframes and requests >= MIN_REQUESTS and packets >= MIN_PACKETS:
        malformed = sum(stream.frames_malformed for stream in receiving.streams)
        return [
            Finding(
                FindingCode.NO_KEYFRAME,
                Severity.PROBLEM,
                f"The peer's {name} can not be shown: no whole keyframe has come.",
                "See that the peer makes one when it is asked to, and that large frames get through.",
                (
                    f"{requests} requests for a keyframe were sent",
                    f"{packets} packets have come, {malformed} frames were malformed",
                ),
            )
        ]
    if receiving.frames_failed < MIN_FAILURES or receiving.frames_failed <= receiving.frames_decoded:
        return []
    return [
        Finding(
            FindingCode.DECODER_FAILS,
            Severity.PROBLEM,
            f"The decoder refuses most of the peer's {name}.",
            "See that the peer sends the codec and profile that was negotiated, or prefer another codec.",
            (f"{receiving.frames_failed} frames failed, {receiving.frames_decoded} were decoded",),
        )
    ]


def _is_lossy(stream: InboundStatistics) -> bool:
    expected = stream.packets_received + stream.packets_lost
    return expected >= MIN_PACKETS and stream.packets_lost >= HEAVY_LOSS * expected


def _lossy(transceiver: "TransceiverFacts", stream: InboundStatistics) -> Finding:
    expected = stream.packets_received + stream.packets_lost
    return Finding(
        FindingCode.PACKETS_LOST,
        Severity.WARNING,
        f"Of the peer's {transceiver.name}, {stream.packets_lost / expected:.0%} was lost on the way.",
        "The path is overloaded or bad: let the peer send less, or use another network.",
        (
            f"{stream.packets_lost} of {expected} packets; {stream.retransmitted_packets_received} were sent again",
            f"{stream.frames_dropped} frames could not be decoded for want of others",
        ),
    )
