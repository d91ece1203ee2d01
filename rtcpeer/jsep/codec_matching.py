"""Which codecs are the same, and what is agreed on about them (RFC 3264 section 6.1, and each payload format's RFC)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.jsep.capabilities import CodecCapability
from rtcpeer.payload.h264_profile import DEFAULT_PROFILE_LEVEL_ID, ProfileLevelId, answered_profile_level_id
from rtcpeer.rtp.parameters import CodecParameters
from rtcpeer.sdp.transport import Direction

__all__ = ["CodecIdentity", "answered_codecs", "identity", "is_media_codec", "offered_parameters", "paired", "usable"]

# What makes formats of one name different codecs, with the values that stand for silence (RFC 9628 section 6, and the
# media type of AV1). H.264 is looked at on its own, RTX by what it repairs.
_DISCRIMINATORS = {"vp9": ("profile-id", "0"), "av1": ("profile", "0")}


class CodecIdentity(NamedTuple):
    """What two sides must have in common to understand each other; a payload type stands for one of these."""

    kind: str
    name: str  # in lower case
    clock_rate: int
    channels: int
    detail: str = ""


def identity(codec: CodecParameters | CodecCapability) -> CodecIdentity:
    """The identity of a codec; that of RTX is about the payload type that it repairs (RFC 4588 section 8)."""
    name = codec.name.lower()
    parameters = _by_name(codec.parameters)
    if name == "h264":
        detail = f"{_h264_profile(parameters)} {parameters.get('packetization-mode', '0')}"
    elif name == "rtx":
        detail = parameters.get("apt", "")
    elif name in _DISCRIMINATORS:
        detail = parameters.get(*_DISCRIMINATORS[name])
    else:
        detail = ""
    return CodecIdentity(codec.kind, name, codec.clock_rate, codec.channels, detail)


def is_media_codec(codec: CodecParameters | CodecCapability) -> bool:
    """Whether audio or video can be coded with it alone; not RTX, events and comfort noise."""
    return codec.name.lower() not in {"rtx", "telephone-event", "cn"}


def usable(
    capabilities: Sequence[CodecCapability], direction: Direction, preferences: Sequence[CodecCapability]
) -> list[CodecCapability]:
    """The codecs for a transceiver: all that work in its direction, or those of its preferences in their order."""
    known = {(identity(codec), codec.parameters): codec for codec in capabilities}
    wanted = [known.get((identity(codec), codec.parameters)) for codec in preferences] if preferences else capabilities
    return [
        codec
        for codec in wanted
        if codec is not None
        and (codec.can_send or not direction.sends)
        and (codec.can_receive or not direction.receives)
    ]


def offered_parameters(capability: CodecCapability, payload_type: int) -> CodecParameters:
    """A codec of ours under a payload type."""
    return CodecParameters(
        capability.kind,
        capability.name,
        payload_type,
        capability.clock_rate,
        capability.channels,
        capability.parameters,
        capability.feedback,
    )


def answered_codecs(
    offered: Sequence[CodecParameters], ours: Sequence[CodecCapability], *, is_ordered: bool
) -> tuple[CodecParameters, ...]:
    """What we answer to these: the peer's payload types, our parameters, in the peer's order or, ``is_ordered``, ours.

    Empty when there is nothing in common but repair and events.
    """
    known: dict[CodecIdentity, tuple[int, CodecCapability]] = {}
    for rank, capability in enumerate(ours):
        known.setdefault(identity(capability), (rank, capability))
    ranks: dict[int, int] = {}
    answers: dict[int, CodecParameters] = {}
    for codec in offered:
        found = None if codec.is_rtx else known.get(identity(codec))
        if found is not None:
            ranks[codec.payload_type], capability = found
            answers[codec.payload_type] = _answered(capability, codec)
    if not any(is_media_codec(codec) for codec in answers.values()):
        return ()
    order = [codec.payload_type for codec in offered]
    if any(capability.is_rtx for capability in ours):
        for codec in offered:
            repaired = _apt(codec)
            if codec.is_rtx and repaired in answers and "nack" in answers[repaired].feedback:
                answers[codec.payload_type] = replace(codec, feedback=frozenset())
                ranks[codec.payload_type] = ranks[repaired]
    if is_ordered:
        order.sort(key=lambda number: ranks.get(number, len(ours)))
    return tuple(answers[number] for number in order if number in answers)


def paired(
    offered: Sequence[CodecParameters], answered: Sequence[CodecParameters]
) -> list[tuple[CodecParameters, CodecParameters]]:
    """Codecs of an offer with those of its answer, in the answer's order; payload types may differ."""
    offers: dict[tuple[CodecIdentity, int | None], CodecParameters] = {}
    repairs: dict[int, CodecParameters] = {}  # RTX of the offer, by what it repairs
    for offer in offered:
        if offer.is_rtx:
            repairs[_apt(offer)] = offer
        else:
            offers[identity(offer), offer.payload_type] = offer
            offers.setdefault((identity(offer), None), offer)
    partners: dict[int, CodecParameters] = {}  # of the offer, by the answer's payload types
    for answer in answered:
        same = identity(answer)
        partner = offers.get((same, answer.payload_type)) or offers.get((same, None))
        if partner is not None:
            partners[answer.payload_type] = partner
    for answer in answered:
        repaired = partners.get(_apt(answer)) if answer.is_rtx else None
        if repaired is not None and repaired.payload_type in repairs:
            partners[answer.payload_type] = repairs[repaired.payload_type]
    return [(partners[answer.payload_type], answer) for answer in answered if answer.payload_type in partners]


def _answered(capability: CodecCapability, offered: CodecParameters) -> CodecParameters:
    """Each side's parameters are about what it takes, except those that must be the same."""
    parameters = capability.parameters
    if capability.name.lower() == "h264":
        theirs = _by_name(offered.parameters)
        level = answered_profile_level_id(_by_name(parameters), theirs)
        changed = {"profile-level-id": None if level is None else level.serialize()}
        # RFC 6184 section 8.2.2: the answer has it only when the offer had it.
        changed["level-asymmetry-allowed"] = "1" if theirs.get("level-asymmetry-allowed") == "1" else None
        pairs = ((name, changed.get(name, value)) for name, value in parameters)
        parameters = tuple((name, value) for name, value in pairs if value is not None)
    return replace(offered, parameters=parameters, feedback=offered.feedback & capability.feedback)


def _apt(codec: CodecParameters) -> int:
    """The payload type that RTX repairs; -1 where it does not say."""
    text = codec.parameter("apt") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else -1


def _h264_profile(parameters: dict[str, str]) -> str:
    text = parameters.get("profile-level-id", DEFAULT_PROFILE_LEVEL_ID)
    try:
        profile = ProfileLevelId.parse(text).profile
    except MalformedPacketError:
        profile = None
    return text if profile is None else profile.value


def _by_name(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in parameters}
