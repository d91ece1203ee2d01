"""Which transceiver a section belongs to (RFC 9429 section 5.10), and what is known of it then."""

from collections.abc import Sequence
from dataclasses import replace

from rtcpeer.jsep.agreement import agreed_direction, agreement, early_receive
from rtcpeer.jsep.facts import MediaFacts, Section, Session, TransceiverWish
from rtcpeer.jsep.rtp_description import RtpDescription

__all__ = ["after_answer", "after_our_offer", "associated"]


def associated(
    sections: Sequence[Section], before: Session, pending: Session, wishes: Sequence[TransceiverWish], last_key: int
) -> tuple[tuple[Section, ...], frozenset[int]]:
    """The sections of a remote offer with their transceivers, and the keys of those that it makes.

    ``before`` is what is settled and ``pending`` what an earlier version of the offer has led to; ``last_key`` is the
    one given last to such a transceiver.
    """
    known = _keys(pending) | _keys(before)
    taken = before.transceivers | {known[place] for section in sections if (place := _place(section)) in known}
    free = [wish for wish in wishes if wish.is_from_add_track and not wish.is_stopped and wish.key not in taken]
    settled = {section.mid: section for section in before.sections if section.transceiver is not None}
    made: list[int] = []
    found: list[Section] = []
    for index, section in enumerate(sections):
        offer = section.remote
        if offer is None:
            found.append(section)
            continue
        key = known.get(_place(section))
        if key is None and offer.direction.receives:
            key = next((wish.key for wish in free if wish.kind == offer.kind), None)
            free = [wish for wish in free if wish.key != key]
        if key is None:
            last_key -= 1
            key = last_key
            made.append(key)
        elif key in pending.made:
            made.append(key)
        found.append(_offered(section, offer, key, index, settled.get(section.mid)))
    return tuple(found), frozenset(made)


def after_our_offer(section: Section, local: RtpDescription, key: int, index: int) -> Section:
    """The section with our offer for a transceiver."""
    facts = section.media or MediaFacts(key, local.kind, section.mid, index)
    mid = section.mid if section.is_mid_signalled else None
    facts = replace(facts, receive=early_receive(mid, local, facts.receive))
    return replace(section, local=local, media=facts)


def after_answer(section: Section, *, is_local_offer: bool) -> Section:
    """The section once both sides have spoken; without codecs in common, and so with `receive.codecs` empty, too."""
    local, remote = section.local, section.remote
    assert section.media is not None
    assert local is not None
    assert remote is not None
    mid = section.mid if section.is_mid_signalled else None
    send, receive = agreement(mid, local, remote, is_local_offer=is_local_offer)
    facts = replace(
        _told(section.media, remote), current_direction=agreed_direction(local, remote), send=send, receive=receive
    )
    return replace(section, media=facts)


def _place(section: Section) -> tuple[str, str]:
    return section.mid, section.kind


def _keys(session: Session) -> dict[tuple[str, str], int]:
    """The transceivers by mid and kind."""
    return {_place(section): section.transceiver for section in session.sections if section.transceiver is not None}


def _offered(section: Section, offer: RtpDescription, key: int, index: int, before: Section | None) -> Section:
    """The section of a remote offer; until it is answered, what was agreed on before goes on."""
    if before is None or before.media is None or before.transceiver != key:
        before = Section(section.mid, section.kind, section.protocol, section.formats)
    facts = before.media or MediaFacts(key, offer.kind, section.mid, index)
    facts = replace(_told(facts, offer), requested_rids=offer.receive_rids)
    return replace(section, media=facts, local=before.local)


def _told(facts: MediaFacts, remote: RtpDescription) -> MediaFacts:
    """The facts with what the peer says about its track."""
    sends = remote.direction.sends
    return replace(
        facts,
        remote_direction=remote.direction.reversed,
        remote_stream_ids=remote.stream_ids if sends else (),
        remote_track_id=remote.track_id if sends else None,
        requested_rids=(),
    )
