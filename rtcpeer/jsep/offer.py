"""Creating offers (RFC 9429 section 5.2)."""

from dataclasses import replace

from rtcpeer.jsep.facts import LocalTransport, Section, Session, Wanted
from rtcpeer.jsep.sections import assemble, data_channel_media, rejected_media
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.sdp.model import SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = ["build_offer", "offered_sections"]


def build_offer(
    sections: tuple[Section, ...], local: LocalTransport, settings: NegotiationSettings
) -> SessionDescription:
    """An offer of these sections, those of `offered_sections`."""
    media = tuple(
        # RFC 9429 section 5.2.2: always actpass; the answerer keeps the role that it has.
        rejected_media(section) if section.is_rejected else data_channel_media(section, local, Setup.ACTPASS, settings)
        for section in sections
    )
    return assemble(sections, media, local)


def offered_sections(session: Session, wanted: Wanted) -> tuple[Section, ...]:
    """The next offer's sections: all in their places, new ones in free slots or behind (RFC 9429 section 5.2.2)."""
    sections = list(session.sections)
    if wanted.data_channel and session.data_section is None:
        new = Section(_unused_mid(session), "application", "UDP/DTLS/SCTP", ("webrtc-datachannel",))
        slot = next((index for index, section in enumerate(sections) if section.is_rejected), None)
        if slot is None:
            sections.append(new)
        else:
            sections[slot] = new
    # Everything that lives is bundled, except with a peer that has no mids to name the members by.
    return tuple(replace(section, is_bundled=section.is_mid_signalled) for section in sections)


def _unused_mid(session: Session) -> str:
    number = 0
    while str(number) in session.used_mids:
        number += 1
    return str(number)
