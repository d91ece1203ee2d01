"""The m-sections of remote descriptions: whether they are in order, and which of them will live.

RFC 9429 sections 5.8 to 5.11, RFC 9143 section 7.3. What contradicts the rules is an `InvalidAccessError`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep.bundling import Placement, carried
from rtcpeer.jsep.capabilities import MediaCapabilities
from rtcpeer.jsep.codec_matching import answered_codecs
from rtcpeer.jsep.facts import Section, Session
from rtcpeer.jsep.numbers import check_extension_ids
from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.jsep.rtp_sections import is_rtp_media, read_rtp
from rtcpeer.jsep.sections import is_data_channel_media
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.sdp import transport as sdp
from rtcpeer.sdp.model import MediaSection, SessionDescription

__all__ = ["answered_sections", "offered_sections"]


def offered_sections(session: Session, offer: SessionDescription, settings: NegotiationSettings) -> tuple[Section, ...]:
    """The sections of an offer; those that we can not accept are rejected."""
    if len(offer.media) < len(session.sections):
        raise InvalidAccessError(
            f"the offer has {len(offer.media)} m-sections, but {len(session.sections)} exist and none may be left out"
        )
    capabilities = settings.capabilities
    mids = _mids(offer, session.sections)
    groups = _bundled_mids(offer, mids)
    sections: list[Section] = []
    has_data_channel = False
    for index, (media, mid) in enumerate(zip(offer.media, mids, strict=True)):
        if index < len(session.sections):
            _check_place(index, session.sections[index], media, mid)
        _check_unified_plan(media)
        rtp = _offered_rtp(offer, media, capabilities)
        is_data_channel = is_data_channel_media(media) and not has_data_channel and _is_offered(media)
        has_data_channel = has_data_channel or is_data_channel
        sections.append(
            Section(
                mid=mid,
                kind=media.kind,
                protocol=media.protocol,
                formats=media.formats,
                is_rejected=rtp is None and not is_data_channel,
                is_mid_signalled=media.attributes.has("mid"),
                remote=rtp,
            )
        )
    placed = Placement(session, groups, settings, _ungrouped(offer, mids, groups)).of_offer(sections)
    for together in carried(placed).values():
        descriptions = [rtp for index in together if (rtp := placed[index].remote) is not None]
        _check_multiplexing(descriptions, placed[together[0]].mid)
        check_extension_ids(descriptions, capabilities)
    return placed


def answered_sections(
    session: Session, before: Session, answer: SessionDescription, settings: NegotiationSettings
) -> tuple[Section, ...]:
    """The sections of an answer to the offer that ``session`` holds; ``before`` is what held before that offer."""
    if len(answer.media) != len(session.sections):
        raise InvalidAccessError(
            f"the answer has {len(answer.media)} m-sections, the offer has {len(session.sections)}; both need the same"
        )
    mids = _mids(answer, session.sections)
    groups = _bundled_mids(answer, mids)
    sections = []
    for index, (section, media, mid) in enumerate(zip(session.sections, answer.media, mids, strict=True)):
        if media.kind != section.kind:
            raise InvalidAccessError(f"m-section {index} is {section.kind} in the offer and {media.kind} in the answer")
        if mid != section.mid:
            raise InvalidAccessError(
                f"m-section {index} has mid {section.mid!r} in the offer and {mid!r} in the answer"
            )
        if media.port and section.is_rejected:
            raise InvalidAccessError(f"m-section {index} has port 0 in the offer, so the answer can not accept it")
        is_rejected = media.port == 0
        if not is_rejected and not is_data_channel_media(media) and not is_rtp_media(media):
            raise InvalidAccessError(f"m-section {index} of the answer is {media.protocol} {' '.join(media.formats)}")
        _check_unified_plan(media)
        sections.append(
            replace(
                section,
                is_rejected=is_rejected,
                remote=read_rtp(answer, media) if is_rtp_media(media) and not is_rejected else None,
            )
        )
    bundle_only = {section.mid for section in session.sections if section.is_bundle_only}
    placed = Placement(before, groups, settings, bundle_only).of_answer(sections)
    for together in carried(placed).values():
        descriptions = [rtp for index in together if (rtp := placed[index].remote) is not None]
        _check_multiplexing(descriptions, placed[together[0]].mid)
    return placed


def _offered_rtp(
    offer: SessionDescription, media: MediaSection, capabilities: MediaCapabilities
) -> RtpDescription | None:
    """What the section says of audio or video; None when we have no use for it."""
    if not is_rtp_media(media) or not _is_offered(media) or not capabilities.codecs:
        return None
    rtp = read_rtp(offer, media)
    if not answered_codecs(rtp.codecs, capabilities.codecs_of(rtp.kind), is_ordered=False):
        return None
    return rtp


def _check_multiplexing(descriptions: Sequence[RtpDescription], mid: str) -> None:
    """RFC 9429 section 4.1.1 of the policy "require", the only one there is; a bundled section may be silent."""
    if descriptions and not any(rtp.is_rtcp_multiplexed for rtp in descriptions):
        raise InvalidAccessError(f"m-section {mid!r} has no a=rtcp-mux; RTCP on a port of its own is not supported")


def _is_offered(media: MediaSection) -> bool:
    return media.port != 0 or sdp.is_bundle_only(media)


def _ungrouped(offer: SessionDescription, mids: Sequence[str], groups: Sequence[Sequence[str]]) -> frozenset[str]:
    """Those that are bundle-only and in no group, so that they have no transport (RFC 9143 section 6)."""
    grouped = {mid for group in groups for mid in group}
    return frozenset(
        mid
        for mid, media in zip(mids, offer.media, strict=True)
        if media.port == 0 and sdp.is_bundle_only(media) and mid not in grouped
    )


def _check_place(index: int, section: Section, media: MediaSection, mid: str) -> None:
    """A section keeps its place; only a slot that is dead may get another (RFC 9429 section 5.2.2)."""
    if section.is_rejected:
        return
    if mid != section.mid:
        raise InvalidAccessError(
            f"m-section {index} had mid {section.mid!r} and has {mid!r} in the offer; order must not change"
        )
    if media.kind != section.kind:
        raise InvalidAccessError(
            f"m-section {index} was {section.kind} and is {media.kind} in the offer; order must not change"
        )


def _check_unified_plan(media: MediaSection) -> None:
    """Plan B put several tracks into one section; nobody speaks it any more."""
    if not _is_offered(media) or media.kind not in {"audio", "video"}:
        return
    tracks = set()
    for attribute in media.attributes.named("ssrc"):
        _, _, detail = (attribute.value or "").partition(" ")
        name, _, value = detail.partition(":")
        if name == "msid":
            tracks.add(value.strip())
    if len(tracks) > 1:
        raise InvalidAccessError(
            f"the {media.kind} section on line {media.line_number} holds {len(tracks)} tracks (Plan B); "
            "only Unified Plan is understood: one section for each track"
        )


def _mids(description: SessionDescription, known: Sequence[Section]) -> list[str]:
    """The mid of each section, in order; those that the peer does not name get one from us (RFC 9429 section 5.10)."""
    signalled = [sdp.mid(media) for media in description.media]
    taken = {mid for mid in signalled if mid is not None} | {section.mid for section in known}
    mids: dict[str, None] = {}
    for index, mid in enumerate(signalled):
        if mid is None:
            mid = known[index].mid if index < len(known) else next(_free_mids(taken))
            taken.add(mid)
        if mid in mids:
            raise InvalidAccessError(f"two m-sections have the mid {mid!r}")
        mids[mid] = None
    return list(mids)


def _free_mids(taken: set[str]) -> Iterator[str]:
    return (str(number) for number in range(len(taken) + 1) if str(number) not in taken)


def _bundled_mids(description: SessionDescription, mids: Sequence[str]) -> list[tuple[str, ...]]:
    """The BUNDLE groups, each mid in one at most, the tagged one first."""
    known = set(mids)
    bundled: set[str] = set()
    groups = sdp.bundle_groups(description)
    for group in groups:
        for mid in group:
            if mid not in known:
                raise InvalidAccessError(f"the BUNDLE group names {mid!r}, and no m-section has that mid")
            if mid in bundled:
                raise InvalidAccessError(f"the BUNDLE groups name {mid!r} twice")
            bundled.add(mid)
    return [tuple(group) for group in groups]
