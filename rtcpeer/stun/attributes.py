"""STUN attributes: the registry (RFC 8489 section 18.3 and its extensions) and the formats of values (section 14).

Values are plain bytes on a message; the functions here turn them into addresses, error codes and lists and back.
"""

import ipaddress
from enum import IntEnum
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.wire import Reader

__all__ = [
    "Attribute",
    "AttributeType",
    "ErrorCode",
    "MAGIC_COOKIE",
    "decode_address",
    "decode_error",
    "decode_type_list",
    "encode_address",
    "encode_error",
    "encode_type_list",
    "is_comprehension_required",
    "reason_phrase",
]

MAGIC_COOKIE = 0x2112A442
_ADDRESS_HEADER = Struct("!xBH")  # zero, family, port; the address follows
_FAMILY_IPV4 = 0x01
_FAMILY_IPV6 = 0x02
_COOKIE_BYTES = MAGIC_COOKIE.to_bytes(4, "big")
_MAX_REASON_CHARACTERS = 127  # section 14.8
_CACHED_ADDRESSES = 4096


class AttributeType(IntEnum):
    """The attributes that this codec knows by name; others pass through as numbers."""

    MAPPED_ADDRESS = 0x0001
    CHANGE_REQUEST = 0x0003  # RFC 5780
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    CHANNEL_NUMBER = 0x000C  # RFC 8656, as are the other TURN attributes
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_ADDRESS_FAMILY = 0x0017
    EVEN_PORT = 0x0018
    REQUESTED_TRANSPORT = 0x0019
    DONT_FRAGMENT = 0x001A
    MESSAGE_INTEGRITY_SHA256 = 0x001C
    PASSWORD_ALGORITHM = 0x001D
    USERHASH = 0x001E
    XOR_MAPPED_ADDRESS = 0x0020
    RESERVATION_TOKEN = 0x0022
    PRIORITY = 0x0024  # RFC 8445
    USE_CANDIDATE = 0x0025  # RFC 8445
    CONNECTION_ID = 0x002A  # RFC 6062
    NOMINATION_OF_PION = 0x0030  # the same as NOMINATION; not at IANA
    ADDITIONAL_ADDRESS_FAMILY = 0x8000
    ADDRESS_ERROR_CODE = 0x8001
    PASSWORD_ALGORITHMS = 0x8002
    ALTERNATE_DOMAIN = 0x8003
    ICMP = 0x8004
    SOFTWARE = 0x8022
    ALTERNATE_SERVER = 0x8023
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029  # RFC 8445
    ICE_CONTROLLING = 0x802A  # RFC 8445
    RESPONSE_ORIGIN = 0x802B  # RFC 5780
    OTHER_ADDRESS = 0x802C  # RFC 5780
    NOMINATION = 0xC001  # renomination, as libwebrtc numbers it; not at IANA


class ErrorCode(IntEnum):
    """Codes of ERROR-CODE (RFC 8489 section 14.8, RFC 8445 section 7.3.1.1, RFC 8656 section 19)."""

    TRY_ALTERNATE = 300
    BAD_REQUEST = 400
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    UNKNOWN_ATTRIBUTE = 420
    ALLOCATION_MISMATCH = 437
    STALE_NONCE = 438
    ADDRESS_FAMILY_NOT_SUPPORTED = 440
    WRONG_CREDENTIALS = 441
    UNSUPPORTED_TRANSPORT = 442
    PEER_ADDRESS_FAMILY_MISMATCH = 443
    ALLOCATION_QUOTA_REACHED = 486
    ROLE_CONFLICT = 487
    SERVER_ERROR = 500
    INSUFFICIENT_CAPACITY = 508


_PHRASES: dict[int, str] = {code.value: code.name.replace("_", " ").title() for code in ErrorCode}


class Attribute(NamedTuple):
    """One attribute as it stands in a message, without its padding."""

    type: int
    value: bytes


def is_comprehension_required(attribute_type: int) -> bool:
    """Whether an agent that does not know the attribute must reject the message (section 14)."""
    return attribute_type < 0x8000


def encode_address(address: TransportAddress, xor_with: bytes | None = None) -> bytes:
    """MAPPED-ADDRESS's format (section 14.1), or XOR-MAPPED-ADDRESS's (14.2) with the transaction id to XOR with."""
    packed = _packed(address.host)
    family = _FAMILY_IPV4 if len(packed) == 4 else _FAMILY_IPV6
    port = address.port
    if xor_with is not None:
        packed = _xor(packed, _COOKIE_BYTES + xor_with)
        port ^= MAGIC_COOKIE >> 16
    return _ADDRESS_HEADER.pack(family, port) + packed


def decode_address(value: bytes, xor_with: bytes | None = None) -> TransportAddress:
    """The inverse of `encode_address`; the protocol is taken to be UDP."""
    if len(value) < _ADDRESS_HEADER.size:
        raise MalformedPacketError(f"address of {len(value)} bytes")
    family, port = _ADDRESS_HEADER.unpack_from(value)
    packed = value[_ADDRESS_HEADER.size :]
    if (family, len(packed)) not in {(_FAMILY_IPV4, 4), (_FAMILY_IPV6, 16)}:
        raise MalformedPacketError(f"address of family {family} with {len(packed)} bytes")
    if xor_with is not None:
        packed = _xor(packed, _COOKIE_BYTES + xor_with)
        port ^= MAGIC_COOKIE >> 16
    return TransportAddress(_host(packed), port)


def encode_error(code: int, reason: str) -> bytes:
    """ERROR-CODE's format (section 14.8)."""
    if not 300 <= code <= 699:
        raise ValueError(f"STUN error code {code} is not between 300 and 699")
    return bytes((0, 0, code // 100, code % 100)) + reason[:_MAX_REASON_CHARACTERS].encode()


def reason_phrase(code: int) -> str:
    """The recommended phrase for a code; empty for one we do not know."""
    return _PHRASES.get(code, "")


def decode_error(value: bytes) -> tuple[int, str]:
    """Code and reason phrase of an ERROR-CODE; a phrase that is not UTF-8 is repaired, for it only informs people."""
    reader = Reader(value)
    reader.uint16()
    hundreds = reader.uint8() & 0x07
    number = reader.uint8()
    if not 3 <= hundreds <= 6 or number > 99:
        raise MalformedPacketError(f"error class {hundreds}, number {number}")
    return hundreds * 100 + number, reader.rest().decode(errors="replace")


def encode_type_list(types: list[int]) -> bytes:
    """UNKNOWN-ATTRIBUTES's format (section 14.13)."""
    return b"".join(attribute_type.to_bytes(2, "big") for attribute_type in types)


def decode_type_list(value: bytes) -> list[int]:
    """The attribute types in an UNKNOWN-ATTRIBUTES."""
    if len(value) % 2:
        raise MalformedPacketError(f"UNKNOWN-ATTRIBUTES with {len(value)} bytes")
    return [int.from_bytes(value[index : index + 2], "big") for index in range(0, len(value), 2)]


def _xor(data: bytes, mask: bytes) -> bytes:
    return (int.from_bytes(data, "big") ^ int.from_bytes(mask[: len(data)], "big")).to_bytes(len(data), "big")


# Keepalives are about the same few addresses for hours.
@lru_cache(_CACHED_ADDRESSES)
def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host).packed


@lru_cache(_CACHED_ADDRESSES)
def _host(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))
