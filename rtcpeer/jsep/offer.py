"""Creating offers (RFC 9429 section 5.2)."""

from dataclasses import replace

from rtcpeer.jsep.association import after_our_offer
from rtcpeer.jsep.facts import LocalTransport, Section, Session, TransceiverWish, Wanted
from rtcpeer.jsep.numbers import Numbers
from rtcpeer.jsep.rtp_wishes import is_offerable, offered_rtp, wish_for
from rtcpeer.jsep.sections import assemble, described_media
from rtcpeer.jsep.settings import NegotiationSettings
from rtcpeer.sdp.model import SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = ["build_offer", "offered_sections"]


def build_offer(
    sections: tuple[Section, ...], local: LocalTransport, settings: NegotiationSettings
) -> SessionDescription:
    """An offer of these sections, those of `offered_sections`."""
    # RFC 9429 section 5.2.2: always actpass; the answerer keeps the role that it has.
    media = tuple(described_media(section, local, Setup.ACTPASS, settings, is_offer=True) for section in sections)
    return assemble(sections, media, local)


def offered_sections(
    session: Session, settled: Session, wanted: Wanted, settings: NegotiationSettings
) -> tuple[Section, ...]:
    """The next offer's sections: all in their places, new ones in free slots or behind (RFC 9429 section 5.2.2).

    ``session`` is what the last offer has led to, ``settled`` what the last answer has.
    """
    places = _Places(session, settled)
    living = [rtp for section in session.sections for rtp in (section.local, section.remote) if rtp is not None]
    numbers = Numbers(session.payload_types, session.extension_ids, living)
    for index, section in enumerate(session.sections):
        known = wish_for(section, wanted)
        if known is not None:
            places.sections[index] = _offered(section, index, known, settled, wanted.cname, settings, numbers)
    associated = session.transceivers | settled.transceivers
    for wish in wanted.transceivers:
        if wish.key not in associated and not wish.is_stopped and is_offerable(wish, settings.capabilities):
            index = places.add(wish.kind, "UDP/TLS/RTP/SAVPF")
            places.sections[index] = _offered(
                places.sections[index], index, wish, settled, wanted.cname, settings, numbers
            )
    if wanted.data_channel and session.data_section is None:
        places.add("application", "UDP/DTLS/SCTP", ("webrtc-datachannel",))
    settled_mids = {section.mid for section in settled.sections if not section.is_rejected}
    is_max = settings.bundle_policy == "max-bundle"
    tagged = next((section.mid for section in places.sections if not section.is_rejected), None)
    return tuple(
        replace(
            section,
            # Everything that lives is bundled, except with a peer that has no mids to name the members by.
            is_bundled=section.is_mid_signalled,
            is_bundle_only=is_max
            and not section.is_rejected
            and section.mid != tagged
            and section.mid not in settled_mids,
        )
        for section in places.sections
    )


class _Places:
    """The sections of an offer in the making."""

    def __init__(self, session: Session, settled: Session) -> None:
        self.sections = list(session.sections)
        self._free = [
            index
            for index, (section, before) in enumerate(zip(session.sections, settled.sections, strict=False))
            if section.is_rejected and before.is_rejected
        ]
        self._used_mids = set(session.used_mids)

    def add(self, kind: str, protocol: str, formats: tuple[str, ...] = ()) -> int:
        """A new section, in a slot that both sides have given up or at the end; its index."""
        number = 0
        while str(number) in self._used_mids:
            number += 1
        self._used_mids.add(str(number))
        section = Section(str(number), kind, protocol, formats)
        if not self._free:
            self.sections.append(section)
            return len(self.sections) - 1
        index = self._free.pop(0)
        self.sections[index] = section
        return index


def _offered(
    section: Section,
    index: int,
    wish: TransceiverWish,
    settled: Session,
    cname: str,
    settings: NegotiationSettings,
    numbers: Numbers,
) -> Section:
    """The section of a transceiver with what is now wanted."""
    if wish.is_stopped or not is_offerable(wish, settings.capabilities):
        return replace(section, is_rejected=True)
    agreed = next((each for each in settled.sections if each.mid == section.mid and each.transceiver == wish.key), None)
    local = offered_rtp(wish, cname, agreed, settings.capabilities, numbers)
    formats = tuple(str(codec.payload_type) for codec in local.codecs)
    before = replace(section, media=None if agreed is None else agreed.media, formats=formats)
    return after_our_offer(before, local, wish.key, index)
