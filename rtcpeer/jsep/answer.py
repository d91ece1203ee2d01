"""Creating answers (RFC 9429 section 5.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rtcpeer.jsep.association import after_answer
from rtcpeer.jsep.facts import LocalTransport, Section, Session, TransportFacts, Wanted
from rtcpeer.jsep.rtp_wishes import answered_rtp, wish_for
from rtcpeer.jsep.sections import assemble, described_media
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.sdp.model import SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = ["answer_setup", "answered_sections", "build_answer"]


def build_answer(
    sections: Sequence[Section],
    local: Mapping[int, LocalTransport],
    setups: Mapping[int, Setup],
    settings: NegotiationSettings,
) -> SessionDescription:
    """The answer of these sections, those of `answered_sections`; transports and roles by the transports' keys."""
    media = tuple(described_media(section, local, setups, settings, is_offer=False) for section in sections)
    return assemble(sections, media, next(iter(local.values())))


def answered_sections(session: Session, wanted: Wanted, settings: NegotiationSettings) -> tuple[Section, ...]:
    """The sections of the offer that ``session`` has taken in: what we can do accepted, the rest rejected, in order."""
    return tuple(_answered(section, wanted, settings) for section in session.sections)


def answer_setup(transport: TransportFacts, preferred: Setup) -> Setup:
    """Our DTLS role in an answer (RFC 8842 section 5.3)."""
    if transport.is_dtls_client is not None:
        # Deviation: RFC 8842 section 5.3 answers an active offer with passive, which would end the association. We stay
        # the client of one that lives, and say so with active as Pion does: peers repeat the role they once had.
        return Setup.ACTIVE if transport.is_dtls_client else Setup.PASSIVE
    offered = transport.remote.setup if transport.remote is not None else None
    match offered:
        case Setup.PASSIVE:
            return Setup.ACTIVE
        case Setup.ACTPASS:
            return preferred
        case _:
            # RFC 4145 section 4.1: without the attribute the offerer is active.
            return Setup.PASSIVE


def _answered(section: Section, wanted: Wanted, settings: NegotiationSettings) -> Section:
    wish = wish_for(section, wanted)
    if wish is None or section.remote is None:
        return section
    local = answered_rtp(
        section.remote, wish, wanted.cname, settings.capabilities, accepts_simulcast=settings.accepts_simulcast
    )
    if local is None:
        return replace(section, is_rejected=True)
    return after_answer(replace(section, local=local), is_local_offer=False)
