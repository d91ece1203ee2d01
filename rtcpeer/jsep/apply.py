"""Reading remote descriptions into facts (RFC 9429 sections 5.8 to 5.11, W3C webrtc-pc section 4.4.1.5).

Functions from a `Session` and a description to the next `Session`. What contradicts the rules is an
`InvalidAccessError`, as the W3C wants for a description whose content is invalid; nothing has changed then.
"""

from collections.abc import Sequence
from dataclasses import replace

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep.association import after_answer
from rtcpeer.jsep.facts import DataChannelFacts, RemoteTransport, Section, Session
from rtcpeer.jsep.numbers import learned_extension_ids, learned_payload_types
from rtcpeer.jsep.remote_sections import answered_sections
from rtcpeer.jsep.sections import is_legacy
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
    local = [section.local for section in sections if section.local is not None]
    return replace(
        session,
        sections=sections,
        used_mids=session.used_mids | {section.mid for section in sections},
        payload_types=learned_payload_types(session.payload_types, local),
        extension_ids=learned_extension_ids(session.extension_ids, local),
        local_credentials=_used_credentials(sections, credentials) or session.local_credentials,
        is_controlling=True if session.is_controlling is None else session.is_controlling,
    )


def after_remote_offer(
    session: Session, sections: tuple[Section, ...], offer: SessionDescription, *, is_local_lite: bool
) -> Session:
    """Take in an offer and its sections: where the peer is, who controls.

    Raises:
        InvalidAccessError: the offer breaks the rules.
        SdpSyntaxError: an attribute that we need is malformed.
    """
    remote = read_transport(offer, sections)
    _data_channel(sections, offer)  # what is wrong there is told now, not when the answer is created
    is_controlling = session.is_controlling
    if is_controlling is None:
        is_controlling = sdp.is_ice_lite(offer) and not is_local_lite
    media = [section.remote for section in sections if section.remote is not None]
    following = replace(
        session,
        sections=sections,
        used_mids=session.used_mids | {section.mid for section in sections},
        payload_types=learned_payload_types(session.payload_types, media),
        extension_ids=learned_extension_ids(session.extension_ids, media),
        remote=remote,
        is_controlling=is_controlling,
    )
    if not is_same_certificate(session.remote, remote):
        following = replace(following, is_dtls_client=None)
    return following


def after_local_answer(
    session: Session, offer: SessionDescription, setup: Setup, credentials: tuple[str, str]
) -> Session:
    """Our answer, whose sections ``session`` has, is set: roles and channels are settled."""
    following = replace(session, data_channel=_data_channel(session.sections, offer), made=frozenset())
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
    sections = tuple(_answered(section) for section in answered_sections(session, answer))
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


def _answered(section: Section) -> Section:
    if section.is_rejected or section.remote is None:
        return section
    answered = after_answer(section, is_local_offer=True)
    if not (answered.media and answered.media.receive and answered.media.receive.codecs):
        raise InvalidAccessError(f"m-section {section.mid!r} of the answer has no codec of the offer")
    return answered


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
