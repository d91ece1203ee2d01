"""Reading remote descriptions into facts (RFC 9429 sections 5.8 to 5.11, W3C webrtc-pc section 4.4.1.5).

Functions from a `Session` and a description to the next `Session`. What contradicts the rules is an
`InvalidAccessError`, as the W3C wants for a description whose content is invalid; nothing has changed then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep.facts import DataChannelFacts, RemoteTransport, Section, Session
from rtcpeer.jsep.sections import is_data_channel_media, is_legacy
from rtcpeer.jsep.transports import read_transport
from rtcpeer.sdp import transport as sdp
from rtcpeer.sdp.model import MediaSection, SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = [
    "after_local_answer",
    "after_local_offer",
    "after_remote_answer",
    "after_remote_offer",
    "is_same_certificate",
]

# Deviation: RFC 8841 section 6.1 says 64 K for a silent peer, but Pion is silent and 65536 bytes kill its channel.
_SILENT_MAX_MESSAGE_SIZE = 65535
_DEFAULT_SCTP_PORT = 5000


def after_local_offer(session: Session, sections: tuple[Section, ...], credentials: tuple[str, str]) -> Session:
    """Our offer is set: its sections and credentials count; the first offerer controls (RFC 8445 section 6.1.1)."""
    return replace(
        session,
        sections=sections,
        used_mids=session.used_mids | {section.mid for section in sections},
        local_credentials=_used_credentials(sections, credentials) or session.local_credentials,
        is_controlling=True if session.is_controlling is None else session.is_controlling,
    )


def after_remote_offer(session: Session, offer: SessionDescription, *, is_local_lite: bool) -> Session:
    """Take in an offer: which sections will live, where the peer is, who controls.

    Raises:
        InvalidAccessError: the offer breaks the rules.
        SdpSyntaxError: an attribute that we need is malformed.
    """
    sections = _offered_sections(session, offer)
    remote = read_transport(offer, sections)
    _data_channel(sections, offer)  # what is wrong there is told now, not when the answer is created
    is_controlling = session.is_controlling
    if is_controlling is None:
        is_controlling = sdp.is_ice_lite(offer) and not is_local_lite
    following = replace(
        session,
        sections=sections,
        used_mids=session.used_mids | {section.mid for section in sections},
        remote=remote,
        is_controlling=is_controlling,
    )
    if not is_same_certificate(session.remote, remote):
        following = replace(following, is_dtls_client=None)
    return following


def after_local_answer(
    session: Session, offer: SessionDescription, setup: Setup, credentials: tuple[str, str]
) -> Session:
    """Our answer is set: roles and channels are settled."""
    following = replace(session, data_channel=_data_channel(session.sections, offer))
    used = _used_credentials(session.sections, credentials)
    if used is None:
        return following
    return replace(following, is_dtls_client=setup is Setup.ACTIVE, local_credentials=used)


def after_remote_answer(
    session: Session, answer: SessionDescription, *, before: Session, is_local_lite: bool
) -> Session:
    """Take in the answer to our offer; ``before`` is what held before that offer.

    Raises:
        InvalidAccessError: the answer does not fit the offer.
        SdpSyntaxError: an attribute that we need is malformed.
    """
    sections = _answered_sections(session, answer)
    remote = read_transport(answer, sections)
    following = replace(
        session, sections=sections, remote=remote or session.remote, data_channel=_data_channel(sections, answer)
    )
    if before.is_controlling is None and is_local_lite and not sdp.is_ice_lite(answer):
        following = replace(following, is_controlling=False)
    if remote is None:
        return following
    return replace(following, is_dtls_client=_dtls_role_after_answer(session, remote))


def is_same_certificate(before: RemoteTransport | None, after: RemoteTransport | None) -> bool:
    """Whether the DTLS association can live on (RFC 8842 section 5.1): a fingerprint in common, or none to compare."""
    if before is None or after is None:
        return True
    return not set(before.fingerprints).isdisjoint(after.fingerprints)


def _used_credentials(sections: Sequence[Section], credentials: tuple[str, str]) -> tuple[str, str] | None:
    """They stand in the description only when a section lives."""
    return credentials if any(not section.is_rejected for section in sections) else None


def _dtls_role_after_answer(session: Session, remote: RemoteTransport) -> bool:
    """Whether we are the DTLS client after this answer to our actpass."""
    if session.is_dtls_client is not None and is_same_certificate(session.remote, remote):
        # Deviation: Firefox and Pion answer a restart with "active" whoever is the client (RFC 8842 section 5.5
        # would make that a new association); the association lives and the roles in it stay.
        return session.is_dtls_client
    if remote.setup is Setup.ACTPASS:
        raise InvalidAccessError(
            "the answer's a=setup:actpass leaves the DTLS roles open; it must be active or passive"
        )
    return remote.setup is Setup.PASSIVE


def _offered_sections(session: Session, offer: SessionDescription) -> tuple[Section, ...]:
    if len(offer.media) < len(session.sections):
        raise InvalidAccessError(
            f"the offer has {len(offer.media)} m-sections, but {len(session.sections)} exist and none may be left out"
        )
    mids = _mids(offer, session.sections)
    bundled = _bundled_mids(offer, mids)
    sections: list[Section] = []
    has_data_channel = False
    for index, (media, mid) in enumerate(zip(offer.media, mids, strict=True)):
        if index < len(session.sections):
            _check_place(index, session.sections[index], media, mid)
        _check_unified_plan(media)
        is_usable = is_data_channel_media(media) and not has_data_channel and _is_offered(media)
        has_data_channel = has_data_channel or is_usable
        sections.append(
            Section(
                mid=mid,
                kind=media.kind,
                protocol=media.protocol,
                formats=media.formats,
                is_rejected=not is_usable,
                is_bundled=mid in bundled,
                is_mid_signalled=media.attributes.has("mid"),
            )
        )
    return tuple(sections)


def _answered_sections(session: Session, answer: SessionDescription) -> tuple[Section, ...]:
    if len(answer.media) != len(session.sections):
        raise InvalidAccessError(
            f"the answer has {len(answer.media)} m-sections, the offer has {len(session.sections)}; both need the same"
        )
    mids = _mids(answer, session.sections)
    bundled = _bundled_mids(answer, mids)
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
        if not is_rejected and not is_data_channel_media(media):
            raise InvalidAccessError(f"m-section {index} of the answer is {media.protocol} {' '.join(media.formats)}")
        sections.append(replace(section, is_rejected=is_rejected, is_bundled=mid in bundled))
    return tuple(sections)


def _is_offered(media: MediaSection) -> bool:
    return media.port != 0 or sdp.is_bundle_only(media)


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
    mids: list[str] = []
    for index, mid in enumerate(signalled):
        if mid is None:
            mid = known[index].mid if index < len(known) else next(_free_mids(taken))
            taken.add(mid)
        if mid in mids:
            raise InvalidAccessError(f"two m-sections have the mid {mid!r}")
        mids.append(mid)
    return mids


def _free_mids(taken: set[str]) -> Iterator[str]:
    return (str(number) for number in range(len(taken) + 1) if str(number) not in taken)


def _bundled_mids(description: SessionDescription, mids: Sequence[str]) -> set[str]:
    bundled: set[str] = set()
    for group in sdp.bundle_groups(description):
        for mid in group:
            if mid not in mids:
                raise InvalidAccessError(f"the BUNDLE group names {mid!r}, and no m-section has that mid")
            if mid in bundled:
                raise InvalidAccessError(f"the BUNDLE groups name {mid!r} twice")
            bundled.add(mid)
    return bundled


def _data_channel(sections: Sequence[Section], description: SessionDescription) -> DataChannelFacts | None:
    for section, media in zip(sections, description.media, strict=True):
        if section.is_data_channel:
            size = sdp.max_message_size(media)
            return DataChannelFacts(
                mid=section.mid,
                remote_port=_remote_sctp_port(section, media),
                max_message_size=_SILENT_MAX_MESSAGE_SIZE if size is None else size,
            )
    return None


def _remote_sctp_port(section: Section, media: MediaSection) -> int:
    port = sdp.sctp_port(media)
    if port is None and is_legacy(section):
        mapped = sdp.sctp_map(media)
        port = mapped.port if mapped is not None else None
        if port is None and media.formats[0].isascii() and media.formats[0].isdigit() and len(media.formats[0]) <= 5:
            port = int(media.formats[0])
    if port is None:
        return _DEFAULT_SCTP_PORT
    if not 0 < port <= 65535:
        raise InvalidAccessError(f"m-section {section.mid!r} has SCTP port {port}")
    return port
