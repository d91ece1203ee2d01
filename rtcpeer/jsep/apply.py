"""Reading remote descriptions into facts (RFC 9429 sections 5.8 to 5.11, W3C webrtc-pc section 4.4.1.5).

Functions from a `Session` and a description to the next `Session`. What contradicts the rules is an
`InvalidAccessError`, as the W3C wants for a description whose content is invalid; nothing has changed then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep.association import after_answer
from rtcpeer.jsep.bundling import carried
from rtcpeer.jsep.facts import DataChannelFacts, RemoteTransport, Section, Session, TransportFacts
from rtcpeer.jsep.numbers import learned_extension_ids, learned_payload_types
from rtcpeer.jsep.remote_sections import answered_sections
from rtcpeer.jsep.sections import is_legacy
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.jsep.transports import read_transports
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


Credentials = tuple[str, str]


def after_local_offer(
    session: Session, settled: Session, sections: tuple[Section, ...], credentials: Mapping[int, Credentials]
) -> Session:
    """Our offer is set: its sections and credentials count; the first offerer controls (RFC 8445 section 6.1.1)."""
    local = [section.local for section in sections if section.local is not None]
    return replace(
        session,
        sections=sections,
        used_mids=session.used_mids | {section.mid for section in sections},
        payload_types=learned_payload_types(session.payload_types, local),
        extension_ids=learned_extension_ids(session.extension_ids, local),
        transports=_with_pending(
            tuple(replace(each, local_credentials=credentials[each.key]) for each in _carrying(session, sections)),
            settled,
        ),
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
    remotes = read_transports(offer, sections)
    _data_channel(sections, offer)  # what is wrong there is told now, not when the answer is created
    is_controlling = session.is_controlling
    if is_controlling is None:
        is_controlling = sdp.is_ice_lite(offer) and not is_local_lite
    media = [section.remote for section in sections if section.remote is not None]
    return replace(
        session,
        sections=sections,
        used_mids=session.used_mids | {section.mid for section in sections},
        payload_types=learned_payload_types(session.payload_types, media),
        extension_ids=learned_extension_ids(session.extension_ids, media),
        transports=_with_pending(
            tuple(_offered(each, remotes[each.key]) for each in _carrying(session, sections)), session
        ),
        is_controlling=is_controlling,
    )


def after_local_answer(
    session: Session, offer: SessionDescription, setups: Mapping[int, Setup], credentials: Mapping[int, Credentials]
) -> Session:
    """Our answer, whose sections ``session`` has, is set: roles and channels are settled."""
    transports = tuple(
        replace(each, is_dtls_client=setups[each.key] is Setup.ACTIVE, local_credentials=credentials[each.key])
        for each in _carrying(session, session.sections)
    )
    return replace(
        session,
        data_channel=_data_channel(session.sections, offer),
        made=frozenset(),
        transports=transports or _idle(session),
    )


def after_remote_answer(
    session: Session,
    answer: SessionDescription,
    settings: NegotiationSettings,
    *,
    before: Session,
    is_local_lite: bool,
) -> Session:
    """Take in the answer to our offer; ``before`` is what held before that offer.

    Raises:
        InvalidAccessError: the answer does not fit the offer.
        SdpSyntaxError: an attribute that we need is malformed.
    """
    sections = tuple(_answered(section) for section in answered_sections(session, before, answer, settings))
    remotes = read_transports(answer, sections)
    transports = []
    for each in _carrying(session, sections):
        if each.local_credentials is None:
            # Parted from the transport that our offer has described for it, whose credentials it takes along.
            first = next(section for section in session.sections if section.mid == each.mids[0])
            each = replace(each, local_credentials=session.transport(first.transport).local_credentials)
        remote = remotes[each.key]
        transports.append(replace(each, remote=remote, is_dtls_client=_dtls_role_after_answer(each, remote)))
    following = replace(
        session,
        sections=sections,
        transports=tuple(transports) or _idle(session),
        data_channel=_data_channel(sections, answer),
    )
    if before.is_controlling is None and is_local_lite and not sdp.is_ice_lite(answer):
        following = replace(following, is_controlling=False)
    return following


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


def _carrying(session: Session, sections: Sequence[Section]) -> list[TransportFacts]:
    """What is known of the transports of these sections; nothing of those that are new."""
    return [
        replace(session.transport(key), mids=tuple(sections[index].mid for index in indices))
        for key, indices in carried(sections).items()
    ]


def _with_pending(transports: tuple[TransportFacts, ...], settled: Session) -> tuple[TransportFacts, ...]:
    """With those that an answer may end, and a rollback may not."""
    keys = {each.key for each in transports}
    return (*transports, *(replace(each, mids=()) for each in settled.transports if each.key not in keys))


def _idle(session: Session) -> tuple[TransportFacts, ...]:
    """Without any section the first transport waits for another one, as a browser's does."""
    return tuple(replace(each, mids=()) for each in session.transports[:1])


def _offered(transport: TransportFacts, remote: RemoteTransport) -> TransportFacts:
    role = transport.is_dtls_client if is_same_certificate(transport.remote, remote) else None
    return replace(transport, remote=remote, is_dtls_client=role)


def _dtls_role_after_answer(transport: TransportFacts, remote: RemoteTransport) -> bool:
    """Whether we are the DTLS client after this answer to our actpass."""
    if transport.is_dtls_client is not None and is_same_certificate(transport.remote, remote):
        # Deviation: Firefox and Pion answer a restart with "active" whoever is the client (RFC 8842 section 5.5
        # would make that a new association); the association lives and the roles in it stay.
        return transport.is_dtls_client
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
