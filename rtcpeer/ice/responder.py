"""The peer's checks: which are believed, and what is answered (RFC 8445 section 7.3, RFC 8489 section 9.1)."""

from dataclasses import dataclass

from rtcpeer.ice.pair import Path
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.renomination import read_nomination
from rtcpeer.stun import AttributeType, ErrorCode, StunMessage

__all__ = ["KNOWN_ATTRIBUTES", "PeerCheck", "accept_request", "answer", "refuse"]

KNOWN_ATTRIBUTES = frozenset(
    {
        AttributeType.USERNAME,
        AttributeType.PRIORITY,
        AttributeType.USE_CANDIDATE,
        AttributeType.NOMINATION,
        AttributeType.NOMINATION_OF_PION,
        AttributeType.XOR_MAPPED_ADDRESS,
        AttributeType.MAPPED_ADDRESS,
        AttributeType.ERROR_CODE,
        AttributeType.UNKNOWN_ATTRIBUTES,
        AttributeType.REALM,
        AttributeType.NONCE,
    }
)


@dataclass(frozen=True, slots=True)
class PeerCheck:
    """A check of the peer that proved that it knows our password."""

    path: Path
    message: StunMessage
    username_fragment: str  # the peer's own
    priority: int
    use_candidate: bool
    nomination: int | None = None  # the number that renomination gives it


def accept_request(message: StunMessage, path: Path, local: IceParameters) -> PeerCheck | bytes:
    """The check, or the error response that it deserves. Nothing is changed by a request that is refused.

    Raises `MalformedPacketError` where an attribute breaks its format.
    """
    username = message.text(AttributeType.USERNAME)
    # Deviation: RFC 8445 section 7.3 wants FINGERPRINT too; a check without it that has integrity harms nobody.
    if username is None or not message.has_integrity:
        return refuse(message, ErrorCode.BAD_REQUEST)
    ours, _, theirs = username.partition(":")
    key = local.integrity_key
    # The names are no secret, the password is: only the latter needs constant time.
    if ours != local.username_fragment or not message.verify_integrity(key):
        return refuse(message, ErrorCode.UNAUTHENTICATED)
    unknown = message.unknown_required(KNOWN_ATTRIBUTES)
    if unknown:
        response = message.error_response(ErrorCode.UNKNOWN_ATTRIBUTE)
        response.add_unknown_attributes(unknown)
        return _seal(response, message, key)
    priority = message.uint32(AttributeType.PRIORITY)
    if priority is None:
        return refuse(message, ErrorCode.BAD_REQUEST, key)
    # Numbers of a wrong length raise here, before anything has changed.
    message.uint64(AttributeType.ICE_CONTROLLING)
    message.uint64(AttributeType.ICE_CONTROLLED)
    nomination = read_nomination(message)
    # libwebrtc sends one or the other, Pion both.
    use_candidate = nomination is not None or AttributeType.USE_CANDIDATE in message
    return PeerCheck(path, message, theirs, priority, use_candidate, nomination)


def answer(check: PeerCheck, local: IceParameters) -> bytes:
    """The success response (RFC 8445 section 7.3.1.2)."""
    response = check.message.success_response()
    response.add_address(AttributeType.XOR_MAPPED_ADDRESS, check.path[1])
    return _seal(response, check.message, local.integrity_key)


def refuse(message: StunMessage, code: ErrorCode, key: bytes | None = None) -> bytes:
    """An error response; with integrity where the request has earned it (RFC 8489 section 9.1.3)."""
    return _seal(message.error_response(code), message, key)


def _seal(response: StunMessage, request: StunMessage, key: bytes | None) -> bytes:
    # RFC 8489 section 9.1.3: with the same of the two attributes as the request, and never with both.
    if request.has_sha256_integrity:
        return response.serialize(sha256_key=key, fingerprint=True)
    return response.serialize(key, fingerprint=True)
