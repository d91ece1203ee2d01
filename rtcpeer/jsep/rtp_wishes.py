"""From what a transceiver wants to what its section says, in offers and answers (RFC 9429 sections 5.2, 5.3)."""

from collections.abc import Sequence
from dataclasses import replace

from rtcpeer.jsep.capabilities import CodecCapability, ExtensionCapability, MediaCapabilities
from rtcpeer.jsep.codec_matching import answered_codecs, is_media_codec, usable
from rtcpeer.jsep.facts import Section, TransceiverWish, Wanted
from rtcpeer.jsep.numbers import MAX_ONE_BYTE_ID, Numbers
from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters
from rtcpeer.sdp.media import HeaderExtension
from rtcpeer.sdp.transport import Direction

__all__ = ["answered_rtp", "is_offerable", "offered_rtp", "wish_for"]


def wish_for(section: Section, wanted: Wanted) -> TransceiverWish | None:
    """What the transceiver of a section wants; None for a section that has none."""
    facts = section.media
    if facts is None or section.is_rejected:
        return None
    listed = next((wish for wish in wanted.transceivers if wish.key == facts.transceiver), None)
    # W3C webrtc-pc section 4.4.1.5: a transceiver that a remote offer makes receives only.
    return listed or TransceiverWish(facts.transceiver, facts.kind, Direction.RECVONLY)


def is_offerable(wish: TransceiverWish, capabilities: MediaCapabilities) -> bool:
    """Whether there is a codec for it; a section without one says nothing."""
    return any(is_media_codec(codec) for codec in _usable(wish, capabilities))


def offered_rtp(
    wish: TransceiverWish, cname: str, agreed: Section | None, capabilities: MediaCapabilities, numbers: Numbers
) -> RtpDescription:
    """What an offer says about a transceiver; ``agreed`` is its section after the last answer."""
    known = () if agreed is None or agreed.local is None else agreed.local.codecs
    codecs = numbers.codecs(_usable(wish, capabilities), known)
    extensions = numbers.extensions(capabilities.extensions_of(wish.kind))
    is_reduced_size = True
    if agreed is not None and agreed.media is not None and agreed.media.receive is not None:
        # RFC 9429 section 5.2.2: extensions, RTCP's reduced size and feedback are not added to what was agreed on.
        receive = agreed.media.receive
        codecs = _as_agreed(codecs, receive.codecs, is_ordered=bool(wish.codec_preferences))
        uris = _uris(agreed.local) & _uris(agreed.remote)
        extensions = tuple(extension for extension in extensions if extension.uri in uris)
        is_reduced_size = receive.is_reduced_size
    is_simulcast = len(wish.encodings) > 1 and wish.direction.sends
    return _with_sender(
        RtpDescription(
            kind=wish.kind,
            direction=wish.direction,
            codecs=codecs,
            extensions=extensions,
            send_rids=_rids(wish.encodings) if is_simulcast else (),
            receive_rids=wish.receive_rids if wish.direction.receives else (),
            is_reduced_size=is_reduced_size,
        ),
        wish,
        cname,
    )


def answered_rtp(
    offer: RtpDescription,
    wish: TransceiverWish,
    cname: str,
    capabilities: MediaCapabilities,
    *,
    accepts_simulcast: bool = True,
) -> RtpDescription | None:
    """What our answer says about a transceiver; None when it can not accept the section."""
    direction = offer.direction.reversed & wish.direction
    ours = usable(capabilities.codecs_of(offer.kind), direction, wish.codec_preferences)
    codecs = answered_codecs(offer.codecs, ours, is_ordered=bool(wish.codec_preferences))
    if wish.is_stopped or not codecs:
        return None
    extensions = _answered_extensions(offer, capabilities.extensions_of(offer.kind))
    # Without the extension nobody would know which stream a packet is of.
    has_rid = any(extension.uri == ExtensionUri.RID for extension in extensions)
    rids = set(_rids(wish.encodings))
    return _with_sender(
        RtpDescription(
            kind=offer.kind,
            direction=direction,
            codecs=codecs,
            extensions=extensions,
            send_rids=tuple(rid for rid in offer.receive_rids if rid in rids) if has_rid and direction.sends else (),
            receive_rids=offer.send_rids if has_rid and direction.receives and accepts_simulcast else (),
            is_reduced_size=offer.is_reduced_size,
            allows_mixed_extensions=offer.allows_mixed_extensions,
        ),
        wish,
        cname,
    )


def _usable(wish: TransceiverWish, capabilities: MediaCapabilities) -> list[CodecCapability]:
    return usable(capabilities.codecs_of(wish.kind), wish.direction, wish.codec_preferences)


def _with_sender(rtp: RtpDescription, wish: TransceiverWish, cname: str) -> RtpDescription:
    """The description with what is about our stream: msid, CNAME, SSRCs."""
    has_repair = any(codec.is_rtx for codec in rtp.codecs)
    encodings = wish.encodings
    if not has_repair:
        encodings = tuple(replace(encoding, rtx_ssrc=None) for encoding in encodings)
    # Chromium shows nothing of a stream whose SSRC was withdrawn and comes back, so it stays through a pause.
    is_announced = rtp.direction.sends or (wish.has_sent and len(encodings) == 1)
    announced = encodings[:1] if is_announced and not rtp.send_rids else ()
    return replace(
        rtp,
        stream_ids=wish.stream_ids,
        track_id=wish.track_id,
        cname=cname,
        encodings=encodings,
        ssrcs=tuple(encoding.ssrc for encoding in announced),
        repairs=_repairs(announced),
    )


def _repairs(encodings: Sequence[EncodingParameters]) -> tuple[tuple[int, int], ...]:
    return tuple((each.rtx_ssrc, each.ssrc) for each in encodings if each.rtx_ssrc is not None)


def _rids(encodings: Sequence[EncodingParameters]) -> tuple[str, ...]:
    return tuple(encoding.rid for encoding in encodings if encoding.rid is not None)


def _as_agreed(
    codecs: tuple[CodecParameters, ...], agreed: Sequence[CodecParameters], *, is_ordered: bool
) -> tuple[CodecParameters, ...]:
    """With the feedback agreed on; what is in use stays the best, so that no codec changes by itself."""
    feedback = {codec.payload_type: codec.feedback for codec in agreed}
    narrowed = (
        replace(codec, feedback=codec.feedback & feedback.get(codec.payload_type, codec.feedback)) for codec in codecs
    )
    if is_ordered:
        return tuple(narrowed)
    ranks = {number: rank for rank, number in enumerate(feedback)}
    return tuple(sorted(narrowed, key=lambda codec: ranks.get(codec.payload_type, len(ranks))))


def _uris(rtp: RtpDescription | None) -> set[str]:
    return set() if rtp is None else {extension.uri for extension in rtp.extensions}


def _answered_extensions(
    offer: RtpDescription, capabilities: Sequence[ExtensionCapability]
) -> tuple[HeaderExtension, ...]:
    """The offered extensions that we know, under their ids, with what direction remains (RFC 8285 section 7)."""
    known = {capability.uri: capability for capability in capabilities}
    highest = 255 if offer.allows_mixed_extensions else MAX_ONE_BYTE_ID
    found: dict[str, HeaderExtension] = {}
    for extension in offer.extensions:
        capability = known.get(extension.uri)
        # Ids above 4095 ask to be given others; nobody has so many extensions.
        if capability is None or not 0 < extension.id <= highest or extension.uri in found:
            continue
        offered = Direction(extension.direction or Direction.SENDRECV.value)
        direction = offered.reversed & capability.direction
        if direction is not Direction.INACTIVE:
            told = None if direction is Direction.SENDRECV and extension.direction is None else direction.value
            found[extension.uri] = HeaderExtension(extension.id, extension.uri, told)
    return tuple(found.values())
