"""Creating offers (RFC 9429 section 5.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rtcpeer.jsep.association import after_our_offer
from rtcpeer.jsep.bundling import fresh_keys, living_transports
from rtcpeer.jsep.facts import LocalTransport, Section, Session, TransceiverWish, Wanted
from rtcpeer.jsep.numbers import Numbers
from rtcpeer.jsep.rtp_wishes import is_offerable, offered_rtp, wish_for
from rtcpeer.jsep.sections import assemble, described_media
from rtcpeer.jsep.settings import BundlePolicy, NegotiationSettings
from rtcpeer.sdp.model import SessionDescription
from rtcpeer.sdp.transport import Setup

__all__ = ["build_offer", "offered_sections"]


def build_offer(
    sections: tuple[Section, ...], local: Mapping[int, LocalTransport], settings: NegotiationSettings
) -> SessionDescription:
    """An offer of these sections, those of `offered_sections`; transports by their keys."""
    # RFC 9429 section 5.2.2: always actpass; the answerer keeps the role that it has.
    setups = dict.fromkeys(local, Setup.ACTPASS)
    media = tuple(described_media(section, local, setups, settings, is_offer=True) for section in sections)
    return assemble(sections, media, next(iter(local.values())))


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
    return _with_transports(places.sections, settled, settings.bundle_policy)


def _with_transports(sections: Sequence[Section], settled: Session, policy: BundlePolicy) -> tuple[Section, ...]:
    """The sections with transports and groups: as settled, and new ones with the first group that there is.

    Not even "max-compat" offers a transport beside the group's to a peer that has bundled: it is known to.
    """
    known = living_transports(settled)
    settled_groups = {section.mid: section.group for section in settled.sections if section.mid in known}
    is_parted = len(set(known.values())) > 1
    has_bundled = len(known) > len(set(known.values()))
    fresh = fresh_keys(settled)
    shared = next((key for mid, key in known.items() if not is_parted or settled_groups[mid] is not None), None)
    placed: list[Section] = []
    for section in sections:
        if section.is_rejected:
            placed.append(section)
            continue
        is_new, key, group = section.mid not in known, known.get(section.mid), shared
        if key is None:
            # A peer of which nothing is bundled will not bundle this either.
            is_alone = is_parted and shared is None
            key = shared if shared is not None and (policy != "max-compat" or has_bundled) else next(fresh)
            if shared is None and not is_alone:
                shared = group = key
        elif is_parted:
            group = settled_groups[section.mid]
        placed.append(
            replace(
                section,
                transport=key,
                # Everything is offered bundled, except to a peer that has no mids to name the members by.
                group=group if section.is_mid_signalled else None,
                is_bundle_only=policy == "max-bundle"
                and is_new
                and key in {each.transport for each in placed if not each.is_rejected},
            )
        )
    return tuple(placed)


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
