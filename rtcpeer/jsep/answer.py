"""Creating answers (RFC 9429 section 5.3)."""

from rtcpeer.jsep.facts import LocalTransport, Session
from rtcpeer.jsep.sections import assemble, data_channel_media, rejected_media
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.sdp.model import SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = ["build_answer", "answer_setup"]


def build_answer(
    session: Session, local: LocalTransport, setup: Setup, settings: NegotiationSettings
) -> SessionDescription:
    """The answer to the offer that ``session`` has taken in: what we can do accepted, the rest rejected, in order."""
    media = tuple(
        rejected_media(section) if section.is_rejected else data_channel_media(section, local, setup, settings)
        for section in session.sections
    )
    return assemble(session.sections, media, local)


def answer_setup(session: Session, preferred: Setup) -> Setup:
    """Our DTLS role in an answer (RFC 8842 section 5.3)."""
    if session.is_dtls_client is not None:
        # Deviation: RFC 8842 section 5.3 answers an active offer with passive, which would end the association. We stay
        # the client of one that lives, and say so with active as Pion does: peers repeat the role they once had.
        return Setup.ACTIVE if session.is_dtls_client else Setup.PASSIVE
    offered = session.remote.setup if session.remote is not None else None
    match offered:
        case Setup.PASSIVE:
            return Setup.ACTIVE
        case Setup.ACTPASS:
            return preferred
        case _:
            # RFC 4145 section 4.1: without the attribute the offerer is active.
            return Setup.PASSIVE
