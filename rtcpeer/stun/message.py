"""STUN messages (RFC 8489 sections 5, 6 and 14): parsing, building, integrity and fingerprint."""

import hmac
import zlib
from collections.abc import Container
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Self

from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun.attributes import (
    MAGIC_COOKIE,
    Attribute,
    AttributeType,
    decode_address,
    decode_error,
    decode_type_list,
    encode_address,
    encode_error,
    encode_type_list,
    is_comprehension_required,
    reason_phrase,
)

__all__ = ["MessageClass", "Method", "StunMessage", "is_stun"]

_HEADER = Struct("!HHI12s")  # type, length of what follows the header, magic cookie, transaction id
_ATTRIBUTE_HEADER = Struct("!HH")  # type, length of the value without padding
_LENGTH = Struct("!H")
_COOKIE_BYTES = MAGIC_COOKIE.to_bytes(4, "big")
_FINGERPRINT_XOR = 0x5354554E  # section 14.7
_SHA1_BYTES = 20
_SHA256_BYTES = 32
_SHA256_MIN_BYTES = 16  # section 14.6: a truncation keeps at least that much
_FINGERPRINT_BYTES = 4
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")  # by size modulo 4

# Section 14.5 and 14.6: what may still count behind each of them.
_ALLOWED_BEHIND: dict[int, frozenset[int]] = {
    AttributeType.MESSAGE_INTEGRITY: frozenset({AttributeType.MESSAGE_INTEGRITY_SHA256, AttributeType.FINGERPRINT}),
    AttributeType.MESSAGE_INTEGRITY_SHA256: frozenset({AttributeType.FINGERPRINT}),
}
_SHA1_HEADER = _ATTRIBUTE_HEADER.pack(AttributeType.MESSAGE_INTEGRITY, _SHA1_BYTES)
_SHA256_HEADER = _ATTRIBUTE_HEADER.pack(AttributeType.MESSAGE_INTEGRITY_SHA256, _SHA256_BYTES)
_FINGERPRINT_HEADER = _ATTRIBUTE_HEADER.pack(AttributeType.FINGERPRINT, _FINGERPRINT_BYTES)
_PROTECTIONS = frozenset({*_ALLOWED_BEHIND, AttributeType.FINGERPRINT})
_XOR_TYPES = frozenset(
    {
        AttributeType.XOR_MAPPED_ADDRESS,
        AttributeType.XOR_PEER_ADDRESS,
        AttributeType.XOR_RELAYED_ADDRESS,
    }
)


class MessageClass(IntEnum):
    """The two class bits (section 5)."""

    REQUEST = 0b00
    INDICATION = 0b01
    SUCCESS = 0b10
    ERROR = 0b11


class Method(IntEnum):
    """The methods that this package knows by name; a message may carry any 12-bit number."""

    BINDING = 0x001
    ALLOCATE = 0x003  # RFC 8656, as are the following
    REFRESH = 0x004
    SEND = 0x006
    DATA = 0x007
    CREATE_PERMISSION = 0x008
    CHANNEL_BIND = 0x009


_CLASSES = tuple(MessageClass)


def is_stun(data: bytes | memoryview) -> bool:
    """Whether a datagram looks like STUN: first byte 0 to 3 (RFC 7983), magic cookie, sane length. Cheap."""
    return len(data) >= 20 and data[0] < 4 and data[4:8] == _COOKIE_BYTES and not data[3] & 0x03


@dataclass(slots=True)
class StunMessage:
    """One message. Attributes keep their order; of several of the same type the first counts (section 14).

    The typed accessors raise `MalformedPacketError` where the value on the wire breaks its format, and give None where
    there is no such attribute.
    """

    method: int
    message_class: MessageClass
    transaction_id: bytes
    attributes: list[Attribute] = field(default_factory=list)
    _raw: bytes = field(default=b"", repr=False, compare=False)  # as received; integrity is computed over it
    _integrity_offsets: dict[int, int] = field(default_factory=dict, repr=False, compare=False)
    has_fingerprint: bool = field(default=False, compare=False)

    @classmethod
    def request(cls, method: int, entropy: Entropy) -> Self:
        """A request with a fresh transaction id."""
        return cls(method, MessageClass.REQUEST, entropy(12))

    @classmethod
    def indication(cls, method: int, entropy: Entropy) -> Self:
        """An indication with a fresh transaction id."""
        return cls(method, MessageClass.INDICATION, entropy(12))

    def success_response(self) -> "StunMessage":
        """An empty success response to this request."""
        return StunMessage(self.method, MessageClass.SUCCESS, self.transaction_id)

    def error_response(self, code: int, reason: str | None = None) -> "StunMessage":
        """An error response to this request; the recommended reason phrase unless one is given."""
        response = StunMessage(self.method, MessageClass.ERROR, self.transaction_id)
        if reason is None:
            reason = reason_phrase(code)
        response.add(AttributeType.ERROR_CODE, encode_error(code, reason))
        return response

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read one whole message; `MalformedPacketError` where it breaks its format or its fingerprint is wrong."""
        raw = bytes(data)
        if len(raw) < _HEADER.size:
            raise MalformedPacketError(f"STUN message of {len(raw)} bytes")
        message_type, length, cookie, transaction_id = _HEADER.unpack_from(raw)
        if message_type & 0xC000 or cookie != MAGIC_COOKIE:
            raise MalformedPacketError("not a STUN message")
        if length % 4 or len(raw) != _HEADER.size + length:
            raise MalformedPacketError(f"STUN length {length}, {len(raw) - _HEADER.size} bytes follow the header")
        message_class = _CLASSES[(message_type >> 7) & 0b10 | (message_type >> 4) & 0b01]
        method = (message_type >> 2) & 0xF80 | (message_type >> 1) & 0x70 | message_type & 0x0F
        message = cls(method, message_class, transaction_id, _raw=raw)
        message._parse_attributes()
        return message

    def serialize(
        self, key: bytes | None = None, *, sha256_key: bytes | None = None, fingerprint: bool = False
    ) -> bytes:
        """The message as bytes, followed by MESSAGE-INTEGRITY, -SHA256 and FINGERPRINT where asked for."""
        body = b"".join(
            [
                _ATTRIBUTE_HEADER.pack(attribute_type, len(value)) + value + _PADDING[len(value) & 3]
                for attribute_type, value in self.attributes
            ]
        )
        # Each of these covers what is before it, and a length that includes itself (sections 14.5 to 14.7).
        if key is not None:
            covered = self._header(len(body) + 4 + _SHA1_BYTES) + body
            body += _SHA1_HEADER + hmac.digest(key, covered, "sha1")
        if sha256_key is not None:
            covered = self._header(len(body) + 4 + _SHA256_BYTES) + body
            body += _SHA256_HEADER + hmac.digest(sha256_key, covered, "sha256")
        if fingerprint:
            covered = self._header(len(body) + 4 + _FINGERPRINT_BYTES) + body
            return covered + _FINGERPRINT_HEADER + (zlib.crc32(covered) ^ _FINGERPRINT_XOR).to_bytes(4, "big")
        return self._header(len(body)) + body

    @property
    def has_integrity(self) -> bool:
        """Whether a message that was received carries either MESSAGE-INTEGRITY."""
        return bool(self._integrity_offsets)

    @property
    def has_sha256_integrity(self) -> bool:
        """Whether a message that was received carries MESSAGE-INTEGRITY-SHA256."""
        return AttributeType.MESSAGE_INTEGRITY_SHA256 in self._integrity_offsets

    def verify_integrity(self, key: bytes) -> bool:
        """Whether a received message was made by someone who has the key; False without any integrity attribute.

        Where both attributes are there, the stronger decides. Compared in constant time.
        """
        strong = self._integrity_offsets.get(AttributeType.MESSAGE_INTEGRITY_SHA256)
        if strong is not None:
            return self._verify(key, strong, "sha256")
        weak = self._integrity_offsets.get(AttributeType.MESSAGE_INTEGRITY)
        return weak is not None and self._verify(key, weak, "sha1")

    def unknown_required(self, known: Container[int]) -> list[int]:
        """The comprehension-required attributes that are not among ``known``, each once, in order (section 6.3.1)."""
        unknown = [each.type for each in self.attributes if each.type not in known]
        return list(dict.fromkeys(filter(is_comprehension_required, unknown))) if unknown else unknown

    def add(self, attribute_type: int, value: bytes = b"") -> None:
        """Append an attribute whose value is made already."""
        self.attributes.append(Attribute(attribute_type, value))

    def add_text(self, attribute_type: int, text: str) -> None:
        """Append USERNAME, REALM, NONCE, SOFTWARE or another attribute that holds UTF-8."""
        self.add(attribute_type, text.encode())

    def add_uint32(self, attribute_type: int, number: int) -> None:
        """Append PRIORITY, LIFETIME, NOMINATION, CHANGE-REQUEST or another attribute that holds 32 bits."""
        self.add(attribute_type, number.to_bytes(4, "big"))

    def add_uint64(self, attribute_type: int, number: int) -> None:
        """Append ICE-CONTROLLED or ICE-CONTROLLING."""
        self.add(attribute_type, number.to_bytes(8, "big"))

    def add_address(self, attribute_type: int, address: TransportAddress) -> None:
        """Append an address, in the XOR form where the attribute has it."""
        self.add(attribute_type, encode_address(address, self._mask(attribute_type)))

    def add_unknown_attributes(self, types: list[int]) -> None:
        """Append UNKNOWN-ATTRIBUTES, which belongs into every 420."""
        self.add(AttributeType.UNKNOWN_ATTRIBUTES, encode_type_list(types))

    def __contains__(self, attribute_type: int) -> bool:
        return self.value(attribute_type) is not None

    def value(self, attribute_type: int) -> bytes | None:
        """The raw value of the first attribute of that type."""
        for attribute in self.attributes:
            if attribute.type == attribute_type:
                return attribute.value
        return None

    def text(self, attribute_type: int) -> str | None:
        """An attribute that holds UTF-8."""
        value = self.value(attribute_type)
        try:
            return None if value is None else value.decode()
        except UnicodeDecodeError as error:
            raise MalformedPacketError(f"attribute {attribute_type:#06x} is not UTF-8") from error

    def uint32(self, attribute_type: int) -> int | None:
        """An attribute that holds 32 bits."""
        return self._number(attribute_type, 4)

    def uint64(self, attribute_type: int) -> int | None:
        """An attribute that holds 64 bits."""
        return self._number(attribute_type, 8)

    def address(self, attribute_type: int) -> TransportAddress | None:
        """An attribute that holds an address, in whichever form its type has."""
        value = self.value(attribute_type)
        return None if value is None else decode_address(value, self._mask(attribute_type))

    @property
    def mapped_address(self) -> TransportAddress | None:
        """Where the other side saw the request come from: XOR-MAPPED-ADDRESS, else what RFC 3489 servers send."""
        return self.address(AttributeType.XOR_MAPPED_ADDRESS) or self.address(AttributeType.MAPPED_ADDRESS)

    @property
    def error(self) -> tuple[int, str] | None:
        """Code and reason phrase of ERROR-CODE."""
        value = self.value(AttributeType.ERROR_CODE)
        return None if value is None else decode_error(value)

    @property
    def unknown_attributes(self) -> list[int]:
        """The types listed in UNKNOWN-ATTRIBUTES."""
        return decode_type_list(self.value(AttributeType.UNKNOWN_ATTRIBUTES) or b"")

    def _header(self, length: int) -> bytes:
        method, bits = self.method, self.message_class
        message_type = (method & 0xF80) << 2 | (method & 0x70) << 1 | method & 0x0F
        message_type |= (bits & 0b10) << 7 | (bits & 0b01) << 4
        return _HEADER.pack(message_type, length, MAGIC_COOKIE, self.transaction_id)

    def _mask(self, attribute_type: int) -> bytes | None:
        return self.transaction_id if attribute_type in _XOR_TYPES else None

    def _number(self, attribute_type: int, size: int) -> int | None:
        value = self.value(attribute_type)
        if value is None:
            return None
        if len(value) != size:
            raise MalformedPacketError(f"attribute {attribute_type:#06x} has {len(value)} bytes, not {size}")
        return int.from_bytes(value, "big")

    def _parse_attributes(self) -> None:
        raw, offset = self._raw, _HEADER.size
        end_of_message = len(raw)
        allowed: frozenset[int] | None = None
        while offset < end_of_message:
            if self.has_fingerprint:
                raise MalformedPacketError("attributes behind FINGERPRINT")
            # The length of the message is a multiple of four, so that a header always fits.
            attribute_type, length = _ATTRIBUTE_HEADER.unpack_from(raw, offset)
            start, end = offset + 4, offset + 4 + length
            if end > end_of_message:
                raise MalformedPacketError(f"attribute {attribute_type:#06x} runs past the end of the message")
            if attribute_type in _PROTECTIONS:
                if allowed is None or attribute_type in allowed:
                    self._accept_protection(attribute_type, raw[start:end], offset)
                    allowed = _ALLOWED_BEHIND.get(attribute_type, allowed)
            elif allowed is None:
                self.attributes.append(Attribute(attribute_type, raw[start:end]))
            offset = end + -length % 4

    def _accept_protection(self, attribute_type: int, value: bytes, offset: int) -> None:
        match attribute_type:
            case AttributeType.MESSAGE_INTEGRITY:
                if len(value) != _SHA1_BYTES:
                    raise MalformedPacketError(f"MESSAGE-INTEGRITY with {len(value)} bytes")
                self._integrity_offsets[attribute_type] = offset
            case AttributeType.MESSAGE_INTEGRITY_SHA256:
                if not _SHA256_MIN_BYTES <= len(value) <= _SHA256_BYTES or len(value) % 4:
                    raise MalformedPacketError(f"MESSAGE-INTEGRITY-SHA256 with {len(value)} bytes")
                self._integrity_offsets[attribute_type] = offset
            case _:  # FINGERPRINT
                expected = zlib.crc32(self._raw[:offset]) ^ _FINGERPRINT_XOR
                if value != expected.to_bytes(4, "big"):
                    raise MalformedPacketError("wrong FINGERPRINT")
                self.has_fingerprint = True

    def _verify(self, key: bytes, offset: int, algorithm: str) -> bool:
        length = _LENGTH.unpack_from(self._raw, offset + 2)[0]
        received = self._raw[offset + 4 : offset + 4 + length]
        # Sections 14.5 and 14.6: as if the message ended with this attribute.
        covered_length = _LENGTH.pack(offset + 4 + length - _HEADER.size)
        computed = hmac.digest(key, self._raw[:2] + covered_length + self._raw[4:offset], algorithm)
        return hmac.compare_digest(computed[:length], received)
