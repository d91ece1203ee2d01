"""Whether something is left to negotiate (W3C webrtc-pc section 4.7.3)."""

from rtcpeer.jsep.capabilities import MediaCapabilities
from rtcpeer.jsep.facts import Description, Section, Session, TransceiverWish, Wanted
from rtcpeer.jsep.rtp_wishes import is_offerable
from rtcpeer.jsep.signaling import DescriptionType

__all__ = ["is_needed"]


def is_needed(
    wanted: Wanted,
    settled: Session,
    current_local: Description | None,
    capabilities: MediaCapabilities,
) -> bool:
    """Whether an offer would ask for more than the current descriptions say."""
    if wanted.data_channel and settled.data_section is None:
        return True
    sections = {section.transceiver: section for section in settled.sections}
    is_offerer = current_local is not None and current_local.type is DescriptionType.OFFER
    return any(
        _is_needed_for(wish, sections.get(wish.key), is_offerer=is_offerer)
        for wish in wanted.transceivers
        if is_offerable(wish, capabilities)
    )


def _is_needed_for(wish: TransceiverWish, section: Section | None, *, is_offerer: bool) -> bool:
    if section is None or section.local is None or section.remote is None:
        return not wish.is_stopped
    if wish.is_stopped:
        return True
    local, remote = section.local, section.remote
    if is_offerer:
        possible = wish.direction
        is_direction_said = wish.direction in {local.direction, remote.direction.reversed}
    else:
        possible = wish.direction & remote.direction.reversed
        is_direction_said = local.direction is possible
    # Deviation: an answer that can not send has no msid, and section 4.7.3 would have us offer what it lacks. Two sides
    # that both have a track which the other does not want would take turns with offers for ever.
    is_stream_said = not possible.sends or (local.direction.sends and set(local.stream_ids) == set(wish.stream_ids))
    return not is_direction_said or not is_stream_said
