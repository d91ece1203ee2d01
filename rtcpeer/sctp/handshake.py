"""Opening an association: INIT, the signed state cookie, and what both sides agree on (RFC 9260 section 5)."""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.parameters import (
    ParameterType,
    is_reported_when_unknown,
    is_skipped_when_unknown,
    iterate_parameters,
    pack_parameter,
)

__all__ = ["Capabilities", "Cookie", "CookieJar", "Init", "pack_init", "parse_init"]

_INIT = Struct(">IIHHI")  # initiate tag, advertised receive window, outbound streams, inbound streams, initial TSN
# Creation time, our tag, the peer's tag, our initial TSN, the peer's, its window, outbound and inbound streams,
# capabilities, tie tags (ours, the peer's).
_COOKIE = Struct(">dIIIIIHHBII")
_SIGNATURE_SIZE = 32

_KNOWN_BUT_UNUSED = frozenset(
    (
        ParameterType.IPV4_ADDRESS,  # RFC 8261 section 5: over DTLS there is one path, whatever is listed
        ParameterType.IPV6_ADDRESS,
        ParameterType.COOKIE_PRESERVATIVE,
        ParameterType.SUPPORTED_ADDRESS_TYPES,
        ParameterType.UNRECOGNIZED_PARAMETER,
    )
)


class Capabilities(NamedTuple):
    """What a peer announced beyond RFC 9260."""

    has_partial_reliability: bool = False
    has_reconfiguration: bool = False


NO_CAPABILITIES = Capabilities()


@dataclass(frozen=True, slots=True)
class Init:
    """The contents of an INIT or INIT ACK."""

    tag: int
    receive_window: int
    outbound_streams: int
    inbound_streams: int
    initial_tsn: int
    capabilities: Capabilities = NO_CAPABILITIES
    cookie: bytes | None = None
    unrecognized: tuple[bytes, ...] = ()  # whole parameters to report to the sender


class Cookie(NamedTuple):
    """What the answerer of an INIT needs to remember, and lets the other side carry (section 5.1.3)."""

    created_at: float
    local_tag: int
    peer_tag: int
    local_initial_tsn: int
    peer_initial_tsn: int
    peer_window: int
    outbound_streams: int
    inbound_streams: int
    capabilities: int
    local_tie_tag: int
    peer_tie_tag: int


class CookieJar:
    """Signs cookies and recognizes its own."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, cookie: Cookie) -> bytes:
        """The cookie as bytes with their HMAC."""
        packed = _COOKIE.pack(*cookie)
        return packed + self._signature(packed)

    def open(self, sealed: bytes) -> Cookie | None:
        """The cookie, if we made it."""
        if len(sealed) != _COOKIE.size + _SIGNATURE_SIZE:
            return None
        packed = sealed[: _COOKIE.size]
        if not hmac.compare_digest(self._signature(packed), sealed[_COOKIE.size :]):
            return None
        return Cookie(*_COOKIE.unpack(packed))

    def _signature(self, packed: bytes) -> bytes:
        return hmac.digest(self._key, packed, sha256)


def pack_init(kind: ChunkType, init: Init) -> bytes:
    """A whole INIT or INIT ACK chunk."""
    parameters = [pack_parameter(ParameterType.FORWARD_TSN_SUPPORTED, b"")]
    extensions = bytes((ChunkType.RECONFIG, ChunkType.FORWARD_TSN))
    parameters.append(pack_parameter(ParameterType.SUPPORTED_EXTENSIONS, extensions))
    if init.cookie is not None:
        parameters.append(pack_parameter(ParameterType.STATE_COOKIE, init.cookie))
    parameters += [pack_parameter(ParameterType.UNRECOGNIZED_PARAMETER, raw) for raw in init.unrecognized]
    fixed = _INIT.pack(init.tag, init.receive_window, init.outbound_streams, init.inbound_streams, init.initial_tsn)
    return pack_chunk(kind, fixed + b"".join(parameters))


def parse_init(value: bytes) -> Init:
    """The value of an INIT or INIT ACK chunk; `MalformedPacketError` when it is broken."""
    if len(value) < _INIT.size:
        raise MalformedPacketError("INIT is too short")
    tag, window, outbound, inbound, tsn = _INIT.unpack_from(value)
    cookie = None
    has_partial = has_reconfiguration = False
    unrecognized = []
    for kind, content in iterate_parameters(value, _INIT.size):
        if kind == ParameterType.STATE_COOKIE:
            cookie = content
        elif kind == ParameterType.FORWARD_TSN_SUPPORTED:
            has_partial = True
        elif kind == ParameterType.SUPPORTED_EXTENSIONS:
            has_partial = has_partial or ChunkType.FORWARD_TSN in content
            has_reconfiguration = ChunkType.RECONFIG in content
        elif kind not in _KNOWN_BUT_UNUSED:
            if is_reported_when_unknown(kind):
                unrecognized.append(pack_parameter(kind, content))
            if not is_skipped_when_unknown(kind):
                break
    capabilities = Capabilities(has_partial, has_reconfiguration)
    return Init(tag, window, outbound, inbound, tsn, capabilities, cookie, tuple(unrecognized))
