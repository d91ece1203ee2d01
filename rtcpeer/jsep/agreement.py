"""What a section's descriptions come to for our sender and our receiver (RFC 9429 sections 5.9 to 5.11)."""

from dataclasses import replace

from rtcpeer.jsep.codec_matching import paired
from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.payload.h264_profile import answered_profile_level_id
from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters, ReceiveParameters, SendParameters
from rtcpeer.sdp.transport import Direction

__all__ = ["agreed_direction", "agreement", "early_receive"]


def agreed_direction(local: RtpDescription, remote: RtpDescription) -> Direction:
    """Which way media flows, seen from our side."""
    return local.direction & remote.direction.reversed


def agreement(
    mid: str | None, local: RtpDescription, remote: RtpDescription, *, is_local_offer: bool
) -> tuple[SendParameters, ReceiveParameters]:
    """The parameters after an answer; without codecs where the two have none in common."""
    direction = agreed_direction(local, remote)
    if is_local_offer:
        pairs = paired(local.codecs, remote.codecs)
    else:
        pairs = [(ours, theirs) for theirs, ours in paired(remote.codecs, local.codecs)]
    is_reduced_size = local.is_reduced_size and remote.is_reduced_size
    send = SendParameters(
        mid=mid,
        codecs=tuple(_sent(ours, theirs) for ours, theirs in pairs),
        extensions=_extensions(sender=local, receiver=remote),
        encodings=_encodings(local, remote),
        cname=local.cname or "",
        is_reduced_size=is_reduced_size,
        allows_mixed_extensions=local.allows_mixed_extensions and remote.allows_mixed_extensions,
        is_sending=direction.sends,
        max_bitrate=remote.max_bitrate,
        packet_time_ms=remote.packet_time_ms,
    )
    receive = ReceiveParameters(
        mid=mid,
        codecs=tuple(_received(ours, theirs) for ours, theirs in pairs),
        extensions=_extensions(sender=remote, receiver=local),
        ssrcs=remote.ssrcs,
        repairs=remote.repairs,
        rids=tuple(rid for rid in remote.send_rids if rid in local.receive_rids),
        is_reduced_size=is_reduced_size,
        is_receiving=direction.receives,
    )
    return send, receive


def early_receive(mid: str | None, local: RtpDescription, before: ReceiveParameters | None) -> ReceiveParameters:
    """What may come in once our offer is out: all that it announces, and what was agreed on before it."""
    early = ReceiveParameters(
        mid=mid,
        codecs=local.codecs,
        extensions=tuple((each.uri, each.id) for each in local.extensions if _direction(each.direction).receives),
        is_reduced_size=local.is_reduced_size,
        is_receiving=local.direction.receives,
    )
    if before is None:
        return early
    numbers = {codec.payload_type for codec in before.codecs}
    uris = {uri for uri, _ in early.extensions}
    return replace(
        before,
        codecs=before.codecs + tuple(codec for codec in early.codecs if codec.payload_type not in numbers),
        extensions=early.extensions + tuple(pair for pair in before.extensions if pair[0] not in uris),
        is_receiving=early.is_receiving or before.is_receiving,
    )


def _sent(ours: CodecParameters, theirs: CodecParameters) -> CodecParameters:
    """Under the peer's payload type, with what the peer takes."""
    parameters = theirs.parameters
    if theirs.name.lower() == "h264":
        level = answered_profile_level_id(_by_name(theirs), _by_name(ours))
        if level is not None:
            parameters = tuple(
                (name, level.serialize() if name.lower() == "profile-level-id" else value) for name, value in parameters
            )
    return replace(theirs, parameters=parameters, feedback=ours.feedback & theirs.feedback)


def _received(ours: CodecParameters, theirs: CodecParameters) -> CodecParameters:
    """Under our payload type, with what we take, and what the peer says about its stream ahead ("sprop-")."""
    sprops = tuple(pair for pair in theirs.parameters if pair[0].lower().startswith("sprop-"))
    return replace(ours, parameters=ours.parameters + sprops, feedback=ours.feedback & theirs.feedback)


def _extensions(*, sender: RtpDescription, receiver: RtpDescription) -> tuple[tuple[str, int], ...]:
    """The extensions that flow one way; their ids are the same on both sides."""
    taken = {(each.uri, each.id) for each in receiver.extensions if _direction(each.direction).receives}
    return tuple(
        (each.uri, each.id)
        for each in sender.extensions
        if (each.uri, each.id) in taken and _direction(each.direction).sends
    )


def _direction(value: str | None) -> Direction:
    return Direction(value or Direction.SENDRECV.value)


def _encodings(local: RtpDescription, remote: RtpDescription) -> tuple[EncodingParameters, ...]:
    """What of our encodings the peer takes: of simulcast that it does not, the first (W3C webrtc-pc 4.4.1.5)."""
    rids = set(local.send_rids) & set(remote.receive_rids)
    if rids:
        return tuple(encoding for encoding in local.encodings if encoding.rid in rids)
    return local.encodings[:1]


def _by_name(codec: CodecParameters) -> dict[str, str]:
    return {name.lower(): value for name, value in codec.parameters}
