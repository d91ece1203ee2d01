"""Payload types and extension ids: one meaning each within a BUNDLE group, and the same in every exchange.

RFC 9143 section 9.1 (payload types), RFC 8285 section 5 (ids), RFC 3264 section 8.3.2 (mappings stay).
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep.capabilities import CodecCapability, ExtensionCapability, MediaCapabilities
from rtcpeer.jsep.codec_matching import CodecIdentity, identity, offered_parameters
from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.rtp.parameters import CodecParameters
from rtcpeer.sdp.media import HeaderExtension
from rtcpeer.sdp.transport import Direction

__all__ = ["MAX_ONE_BYTE_ID", "Numbers", "check_extension_ids", "learned_extension_ids", "learned_payload_types"]

MAX_ONE_BYTE_ID = 14
# RFC 3551 section 3 leaves 96 to 127; RFC 5761 section 4 keeps 64 to 95 free for RTCP, and 35 to 63 is what remains.
_DYNAMIC = (*range(96, 128), *range(35, 64))

PayloadTypes = tuple[tuple[int, CodecIdentity], ...]
ExtensionIds = tuple[tuple[str, int], ...]


class Numbers:
    """Gives numbers to codecs and extensions of one offer; what had one keeps it."""

    def __init__(
        self, payload_types: PayloadTypes, extension_ids: ExtensionIds, living: Iterable[RtpDescription]
    ) -> None:
        self._payload_types = dict(payload_types)
        self._numbers = {codec: number for number, codec in payload_types}
        self._extension_ids = dict(extension_ids)
        self._used = {codec.payload_type for rtp in living for codec in rtp.codecs}

    def codecs(
        self, capabilities: Sequence[CodecCapability], before: Sequence[CodecParameters] = ()
    ) -> tuple[CodecParameters, ...]:
        """The codecs under their payload types, each followed by its RTX where that is among them.

        The section keeps the numbers that it had ``before``, even where a peer has used them elsewhere for others.
        """
        own = {identity(codec): codec.payload_type for codec in before}
        has_rtx = any(capability.is_rtx for capability in capabilities)
        codecs: list[CodecParameters] = []
        for capability in capabilities:
            if capability.is_rtx:
                continue
            number = self._payload_type(identity(capability), capability.payload_type, own)
            if number is None:
                continue
            codecs.append(offered_parameters(capability, number))
            if has_rtx and "nack" in capability.feedback:
                rtx = CodecParameters(
                    capability.kind, "rtx", 0, capability.clock_rate, parameters=(("apt", str(number)),)
                )
                repair = self._payload_type(identity(rtx), capability.repair_payload_type, own)
                if repair is not None:
                    codecs.append(
                        CodecParameters(rtx.kind, rtx.name, repair, rtx.clock_rate, parameters=rtx.parameters)
                    )
        return tuple(codecs)

    def extensions(self, capabilities: Sequence[ExtensionCapability]) -> tuple[HeaderExtension, ...]:
        """The extensions under their ids, as far as these fit the one-byte form."""
        found = []
        for capability in capabilities:
            number = self._extension_id(capability)
            if number is not None:
                direction = None if capability.direction is Direction.SENDRECV else capability.direction.value
                found.append(HeaderExtension(number, capability.uri, direction))
        return tuple(found)

    def _payload_type(self, codec: CodecIdentity, preferred: int | None, own: dict[CodecIdentity, int]) -> int | None:
        if codec in own:
            return own[codec]
        taken = own.values()
        known = self._numbers.get(codec)
        if known is not None and known not in taken and self._payload_types.get(known) == codec:
            return known
        places = [*([] if preferred is None else [preferred]), *_DYNAMIC]
        free = (number for number in places if number not in self._payload_types and number not in taken)
        given_up = (number for number in _DYNAMIC if number not in self._used)  # by a section that is no more
        number = next(chain(free, given_up), None)
        if number is not None:
            self._payload_types[number] = codec
            self._numbers[codec] = number
            self._used.add(number)
        return number

    def _extension_id(self, capability: ExtensionCapability) -> int | None:
        known = self._extension_ids.get(capability.uri)
        if known is not None:
            return known
        taken = set(self._extension_ids.values())
        places = (capability.id, *range(1, MAX_ONE_BYTE_ID + 1))
        number = next((number for number in places if number not in taken), None)
        if number is not None:
            self._extension_ids[capability.uri] = number
        return number


def learned_payload_types(known: PayloadTypes, descriptions: Iterable[RtpDescription]) -> PayloadTypes:
    """What payload types mean after these descriptions."""
    numbers = dict(known)
    for rtp in descriptions:
        numbers |= {codec.payload_type: identity(codec) for codec in rtp.codecs}
    return tuple(numbers.items())


def learned_extension_ids(known: ExtensionIds, descriptions: Iterable[RtpDescription]) -> ExtensionIds:
    """What ids mean after these descriptions; an id that now means something else is lost to what it meant."""
    uris = {number: uri for uri, number in known}
    for rtp in descriptions:
        for extension in rtp.extensions:
            uris = {number: uri for number, uri in uris.items() if uri != extension.uri}
            uris[extension.id] = extension.uri
    return tuple((uri, number) for number, uri in uris.items())


def check_extension_ids(descriptions: Iterable[RtpDescription], capabilities: MediaCapabilities) -> None:
    """Refuse a BUNDLE group in which an id that we use means two things (RFC 8285 section 5).

    It would be the id by which we learn what section a packet is of. What nobody here knows may mean anything.

    Raises:
        InvalidAccessError: there is one.
    """
    # Deviation: RFC 9143 section 9.1 wants the same of payload types. Firefox offers what breaks that once it has
    # answered with numbers other than its own; sections are told apart by MID and SSRC, so that it does no harm.
    uris: dict[int, str] = {}
    known = {extension.uri for extension in capabilities.extensions}
    for rtp in descriptions:
        for extension in rtp.extensions:
            if extension.uri in known and uris.setdefault(extension.id, extension.uri) != extension.uri:
                raise InvalidAccessError(
                    f"header extension {extension.id} is {uris[extension.id]} and {extension.uri} in sections of one "
                    "BUNDLE group"
                )
