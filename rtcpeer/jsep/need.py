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
    if wish.direction.sends and (not local.direction.sends or set(local.stream_ids) != set(wish.stream_ids)):
        return True
    if is_offerer:
        return wish.direction not in {local.direction, remote.direction.reversed}
    return local.direction is not wish.direction & remote.direction.reversed
