"""DTLS 1.2 record and handshake headers (RFC 6347 sections 4.1, 4.2.2), and what is let through to OpenSSL."""

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

__all__ = ["ContentType", "DTLS_1_2", "MessageType", "Record", "first_message", "handshake_is_sound", "split_records"]

DTLS_1_0: Final = 0xFEFF
DTLS_1_2: Final = 0xFEFD

# type(1) version(2) epoch(2) sequence_number(6) length(2)
HEADER: Final = Struct(">BHQH")
HEADER_LENGTH: Final = 13
MAX_BODY: Final = 16384 + 2048  # RFC 5246 section 6.2.3

SEQUENCE_BITS: Final = 48
SEQUENCE_MASK: Final = (1 << SEQUENCE_BITS) - 1
EPOCH_1: Final = 1 << SEQUENCE_BITS

# msg_type(1) length(3) message_seq(2) fragment_offset(3) fragment_length(3)
MESSAGE_HEADER_LENGTH: Final = 12
MAX_MESSAGE: Final = 32768  # a chain of a few certificates; what announces more is not worth its memory


class ContentType(IntEnum):
    """RFC 5246 section 6.2.1."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


class MessageType(IntEnum):
    """Handshake messages (RFC 6347 section 4.3.2)."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    HELLO_VERIFY_REQUEST = 3
    NEW_SESSION_TICKET = 4
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20


FROM_CLIENT: Final = frozenset(
    {
        MessageType.CLIENT_HELLO,
        MessageType.CERTIFICATE,
        MessageType.CLIENT_KEY_EXCHANGE,
        MessageType.CERTIFICATE_VERIFY,
    }
)
FROM_SERVER: Final = frozenset(
    {
        MessageType.SERVER_HELLO,
        MessageType.HELLO_VERIFY_REQUEST,
        MessageType.NEW_SESSION_TICKET,
        MessageType.CERTIFICATE,
        MessageType.SERVER_KEY_EXCHANGE,
        MessageType.CERTIFICATE_REQUEST,
        MessageType.SERVER_HELLO_DONE,
    }
)


class Record(NamedTuple):
    """One record of a datagram; ``raw`` includes the header."""

    content_type: int
    numbers: int  # epoch << 48 | sequence_number
    raw: bytes

    @property
    def epoch(self) -> int:
        """Which keys it is protected with; 0 for none."""
        return self.numbers >> SEQUENCE_BITS

    @property
    def body(self) -> bytes:
        """All after the header."""
        return self.raw[HEADER_LENGTH:]


class Message(NamedTuple):
    """The header of a handshake message fragment."""

    message_type: int
    sequence: int
    offset: int
    length: int  # of the fragment


def split_records(data: bytes) -> tuple[list[Record], bool]:
    """Cut a datagram at its record boundaries; False when something in it was not a record, which is left out.

    RFC 6347 section 4.1.2.7: invalid records are silently discarded. After a bad length nothing can be found any more.
    """
    records: list[Record] = []
    offset = 0
    is_sound = True
    while offset < len(data):
        if len(data) - offset < HEADER_LENGTH:
            return records, False
        content_type, version, numbers, length = HEADER.unpack_from(data, offset)
        end = offset + HEADER_LENGTH + length
        if end > len(data) or length > MAX_BODY:
            return records, False
        # A ClientHello may come with the oldest version in its record header (RFC 6347 section 4.2.1).
        version_fits = version == DTLS_1_2 or (version == DTLS_1_0 and numbers < EPOCH_1)
        if 20 <= content_type <= 23 and version_fits and numbers < EPOCH_1 << 1 and length:
            records.append(Record(content_type, numbers, data[offset:end]))
        else:
            is_sound = False
        offset = end
    return records, is_sound


def first_message(body: bytes) -> Message | None:
    """The first handshake header in a record's plaintext; None when it does not fit."""
    if len(body) < MESSAGE_HEADER_LENGTH:
        return None
    total = int.from_bytes(body[1:4], "big")
    offset = int.from_bytes(body[6:9], "big")
    length = int.from_bytes(body[9:12], "big")
    if offset + length > total or total > MAX_MESSAGE or MESSAGE_HEADER_LENGTH + length > len(body):
        return None
    return Message(body[0], int.from_bytes(body[4:6], "big"), offset, length)


def handshake_is_sound(record: Record, expected: frozenset[MessageType]) -> bool:
    """Whether a plaintext handshake or ChangeCipherSpec record may be shown to OpenSSL.

    OpenSSL ends a handshake over lengths that do not add up; we drop such records, as RFC 6347 section 4.1.2.7 wants.
    A Finished in plaintext is never right, and neither is a message of the wrong side.
    """
    body = record.body
    if record.content_type == ContentType.CHANGE_CIPHER_SPEC:
        return body == b"\x01"
    while body:
        message = first_message(body)
        if message is None or message.message_type not in expected:
            return False
        body = body[MESSAGE_HEADER_LENGTH + message.length :]
    return True
