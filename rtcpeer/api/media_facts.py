"""The facts about the media of one peer connection, for `rtcpeer.stack.media_diagnosis`."""

from collections.abc import Iterable

from rtcpeer.api.rtp_receiver import RTCRtpReceiver
from rtcpeer.api.rtp_sender import RTCRtpSender
from rtcpeer.api.transceiver import RTCRtpTransceiver
from rtcpeer.errors import SdpSyntaxError
from rtcpeer.jsep.facts import Section
from rtcpeer.jsep.negotiation import Negotiation
from rtcpeer.jsep.signaling import DescriptionType
from rtcpeer.sdp.media import rtp_maps
from rtcpeer.sdp.model import MediaSection
from rtcpeer.sdp.transport import Direction
from rtcpeer.stack.media import MediaStatistics
from rtcpeer.stack.media_facts import (
    DescribedDirections,
    MediaFacts,
    ReceivingFacts,
    Rejection,
    SendingFacts,
    TransceiverFacts,
)

__all__ = ["media_facts"]

_LIMITATIONS = ("cpu", "bandwidth", "other", "none")  # the worst first
_AUXILIARY = {"rtx", "red", "ulpfec", "flexfec-03", "telephone-event", "cn"}  # repair and the like


def media_facts(
    transceivers: Iterable[RTCRtpTransceiver], negotiation: Negotiation, transport: MediaStatistics | None
) -> MediaFacts:
    """A snapshot of all that concerns audio and video."""
    sections = {section.transceiver: section for section in negotiation.settled.sections}
    local = negotiation.current_local
    is_ours_offer = local is not None and local.type is DescriptionType.OFFER
    return MediaFacts(
        tuple(
            _transceiver_facts(each, sections.get(each._key), is_ours_offer=is_ours_offer)  # noqa: SLF001
            for each in transceivers
            if not each.stopped
        ),
        tuple(_rejections(negotiation, is_ours_offer=is_ours_offer)),
        transport,
    )


def _transceiver_facts(
    transceiver: RTCRtpTransceiver, section: Section | None, *, is_ours_offer: bool
) -> TransceiverFacts:
    negotiated = transceiver._facts  # noqa: SLF001
    described = None
    if section is not None and section.local is not None and section.remote is not None:
        described = DescribedDirections(section.local.direction, section.remote.direction, is_ours_offer)
    return TransceiverFacts(
        kind=transceiver._kind,  # noqa: SLF001
        mid=transceiver.mid,
        wanted=Direction(transceiver.direction),
        current=None if negotiated is None else negotiated.current_direction,
        since=transceiver._directed_at,  # noqa: SLF001
        described=described,
        sending=_sending_facts(transceiver.sender, has_sent=transceiver._has_sent),  # noqa: SLF001
        receiving=_receiving_facts(transceiver.receiver),
    )


def _sending_facts(sender: RTCRtpSender, *, has_sent: bool) -> SendingFacts:
    track, encoder = sender.track, sender._encoder  # noqa: SLF001
    source = encoder.source_statistics()
    reasons = [one.quality_limitation_reason for one in encoder.statistics()]
    return SendingFacts(
        has_track=track is not None,
        is_track_live=track is not None and track.readyState == "live",
        frames=0 if source is None else source.frames,
        has_sent=has_sent,
        limitation=min(reasons, key=_LIMITATIONS.index, default="none"),
        streams=tuple(sender._core.statistics()),  # noqa: SLF001
    )


def _receiving_facts(receiver: RTCRtpReceiver) -> ReceivingFacts:
    core, decoder = receiver._core, receiver._decoder  # noqa: SLF001
    known = None if decoder is None else decoder.statistics()
    return ReceivingFacts(
        is_wanted=receiver.track.readyState == "live",
        is_read=core.is_read,
        frames_decoded=0 if known is None else known.frames_decoded,
        frames_failed=0 if known is None else known.frames_failed,
        streams=tuple(core.statistics()),
    )


def _rejections(negotiation: Negotiation, *, is_ours_offer: bool) -> Iterable[Rejection]:
    """Sections of audio and video that one side has offered and the other has not taken."""
    local, remote = negotiation.current_local, negotiation.current_remote
    if local is None or remote is None:
        return
    offer, answer = (local.sdp, remote.sdp) if is_ours_offer else (remote.sdp, local.sdp)
    for index, (offered, answered) in enumerate(zip(offer.media, answer.media, strict=False)):
        is_wanted = offered.port != 0 or offered.attributes.has("bundle-only")  # RFC 9143 section 6
        if offered.kind not in {"audio", "video"} or not is_wanted or answered.port != 0:
            continue
        mid = offered.attributes.first("mid")
        yield Rejection(
            f"{offered.kind} (section {index})" if mid is None else f"{offered.kind} (mid {mid.value})",
            is_by_peer=is_ours_offer,
            our_codecs=_codec_names(offered) if is_ours_offer else _capabilities(negotiation, offered.kind),
            their_codecs=_codec_names(answered if is_ours_offer else offered),
        )


def _capabilities(negotiation: Negotiation, kind: str) -> tuple[str, ...]:
    codecs = negotiation.settings.capabilities.codecs
    return _names(codec.name for codec in codecs if codec.kind == kind)


def _codec_names(section: MediaSection) -> tuple[str, ...]:
    """Those of payload types that the section explains; a rejected one need not make sense in any other way."""
    try:
        return _names(each.encoding for each in rtp_maps(section) if str(each.payload_type) in section.formats)
    except SdpSyntaxError:
        return ()


def _names(codecs: Iterable[str]) -> tuple[str, ...]:
    """Those that carry media, each once."""
    return tuple(name for name in dict.fromkeys(codecs) if name.lower() not in _AUXILIARY)
