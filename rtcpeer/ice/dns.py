"""DNS messages (RFC 1035 section 4) as far as Multicast DNS (RFC 6762 section 18) needs them.

Names are strings in lower case without the final dot. Record data is left as it is except for addresses: records of
other types may hold compressed names, and nobody here has to understand them.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from rtcpeer.errors import MalformedPacketError
from rtcpeer.wire import Reader

__all__ = [
    "MAX_MESSAGE_SIZE",
    "DnsMessage",
    "Question",
    "Record",
    "RecordType",
    "address_record",
    "encode_name",
    "is_response",
    "nsec_record",
]

MAX_MESSAGE_SIZE = 9000  # RFC 6762 section 17
_MAX_NAME_BYTES = 255  # RFC 1035 section 2.3.4
_MAX_LABEL_BYTES = 63
# What a host says about itself takes one or two. Without a bound, 9,000 bytes can ask for a million steps.
_MAX_POINTERS = 8
_MAX_ENTRIES = 256
_MAX_LABELS = 1024  # of all names of a message, which may point to the same long one

_POINTER = 0xC0
_RESPONSE = 0x8000  # QR
_AUTHORITATIVE = 0x0400  # AA
_OPCODE_AND_RCODE = 0x780F
_CLASS_INTERNET = 1
_CLASS_ANY = 255
_TOP_BIT = 0x8000  # of a class: "answer by unicast" in a question, "flush your cache" in a record (RFC 6762 section 18)


class RecordType(IntEnum):
    """The types that are read or written here (RFC 1035, 3596, 4034)."""

    A = 1
    AAAA = 28
    NSEC = 47
    ANY = 255  # in questions only


class Question(NamedTuple):
    """What is asked; of class internet."""

    name: str
    type: int
    wants_unicast: bool = False


class Record(NamedTuple):
    """A resource record of class internet; ``data`` is the record data as it stands in the message."""

    name: str
    type: int
    data: bytes
    ttl: int
    is_flush: bool = False  # the sender knows all records of this name and type

    @property
    def address(self) -> str | None:
        """The IP address in an A or AAAA record; None for other types, and for data of another length."""
        if (self.type, len(self.data)) in {(RecordType.A, 4), (RecordType.AAAA, 16)}:
            return str(ipaddress.ip_address(self.data))
        return None


@dataclass(frozen=True, slots=True)
class DnsMessage:
    """A query or a response. Entries of other classes are left out when a message is read."""

    is_response: bool = False
    questions: tuple[Question, ...] = ()
    answers: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    id: int = 0

    @classmethod
    def parse(cls, data: bytes) -> "DnsMessage":
        """Read a whole message; `MalformedPacketError` where it breaks the format or the bounds."""
        if len(data) > MAX_MESSAGE_SIZE:
            raise MalformedPacketError(f"a DNS message of {len(data)} bytes")
        message = _MessageReader(data)
        identifier, flags, *counts = (message.uint16() for _ in range(6))
        if flags & _OPCODE_AND_RCODE:
            # RFC 6762 sections 18.3 and 18.11: such messages are to be ignored.
            raise MalformedPacketError(f"a DNS message with flags 0x{flags:04x}")
        if sum(counts) > _MAX_ENTRIES:
            raise MalformedPacketError(f"a DNS message with {sum(counts)} entries")
        questions = [message.question() for _ in range(counts[0])]
        answers, _, additional = ([message.record() for _ in range(count)] for count in counts[1:])
        return cls(
            bool(flags & _RESPONSE),
            tuple(question for question in questions if question is not None),
            tuple(record for record in answers if record is not None),
            tuple(record for record in additional if record is not None),
            identifier,
        )

    def serialize(self) -> bytes:
        """The message, its names uncompressed: ours are few, and not every reader follows pointers."""
        flags = _RESPONSE | _AUTHORITATIVE if self.is_response else 0
        counts = (len(self.questions), len(self.answers), 0, len(self.additional))
        parts = [value.to_bytes(2, "big") for value in (self.id, flags, *counts)]
        for question in self.questions:
            kind = _CLASS_INTERNET | _TOP_BIT * question.wants_unicast
            parts += (encode_name(question.name), question.type.to_bytes(2, "big"), kind.to_bytes(2, "big"))
        for record in (*self.answers, *self.additional):
            kind = _CLASS_INTERNET | _TOP_BIT * record.is_flush
            parts += (encode_name(record.name), record.type.to_bytes(2, "big"), kind.to_bytes(2, "big"))
            parts += (record.ttl.to_bytes(4, "big"), len(record.data).to_bytes(2, "big"), record.data)
        return b"".join(parts)


def is_response(data: bytes) -> bool:
    """Whether a message answers rather than asks, from its first bytes alone."""
    return len(data) > 2 and bool(data[2] & _RESPONSE >> 8)


def encode_name(name: str) -> bytes:
    """The labels of a name; `ValueError` for what is none (RFC 1035 section 3.1)."""
    labels = [label.encode("latin-1") for label in name.split(".")]
    if not all(0 < len(label) <= _MAX_LABEL_BYTES for label in labels):
        raise ValueError(f"{name!r} is no DNS name: each label has 1 to 63 characters")
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(encoded) > _MAX_NAME_BYTES:
        raise ValueError(f"{name!r} is no DNS name: it takes more than 255 bytes")
    return encoded


def address_record(name: str, address: str, ttl: int) -> Record:
    """An A or AAAA record that replaces what others had cached; `ValueError` where ``address`` is no IP address."""
    ip = ipaddress.ip_address(address)
    return Record(name, RecordType.A if ip.version == 4 else RecordType.AAAA, ip.packed, ttl, is_flush=True)


def nsec_record(name: str, types: Iterable[int], ttl: int) -> Record:
    """That a name has records of these types and no others (RFC 6762 section 6.1); types up to 255."""
    bitmap = bytearray(32)
    for number in types:
        bitmap[number >> 3] |= 0x80 >> (number & 7)
    window = bytes(bitmap).rstrip(b"\0")
    return Record(name, RecordType.NSEC, encode_name(name) + bytes([0, len(window)]) + window, ttl, is_flush=True)


class _MessageReader(Reader):
    """Reads the entries of a message, whose names may point back into it."""

    __slots__ = ("_labels", "_message")

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._message = data
        self._labels = 0

    def question(self) -> Question | None:
        """The next question; None where it is of another class."""
        name, number, kind = self._name(), self.uint16(), self.uint16()
        if kind & ~_TOP_BIT not in {_CLASS_INTERNET, _CLASS_ANY}:
            return None
        return Question(name, number, wants_unicast=bool(kind & _TOP_BIT))

    def record(self) -> Record | None:
        """The next record; None where it is of another class."""
        name, number, kind, ttl = self._name(), self.uint16(), self.uint16(), self.uint32()
        data = self.take(self.uint16())
        if kind & ~_TOP_BIT != _CLASS_INTERNET:
            return None
        return Record(name, number, data, ttl, is_flush=bool(kind & _TOP_BIT))

    def _name(self) -> str:
        """A name, which ends with an empty label or with a pointer to where it goes on (RFC 1035 section 4.1.4)."""
        labels: list[bytes] = []
        size = 1
        reader: Reader = self
        limit = len(self._message) - self.remaining
        pointers = 0
        while length := reader.uint8():
            if length & _POINTER == _POINTER:
                target = (length & ~_POINTER) << 8 | reader.uint8()
                pointers += 1
                # "A prior occurrence": each lies before the last, so that none can lead in a circle.
                if target >= limit or pointers > _MAX_POINTERS:
                    raise MalformedPacketError(f"a DNS name points to offset {target}")
                limit = target
                reader = Reader(memoryview(self._message)[target:])
                continue
            if length > _MAX_LABEL_BYTES:
                raise MalformedPacketError(f"a DNS label of type 0x{length:02x}")
            size += length + 1
            if size > _MAX_NAME_BYTES:
                raise MalformedPacketError("a DNS name of more than 255 bytes")
            labels.append(reader.take(length))
        self._labels += len(labels)
        if self._labels > _MAX_LABELS:
            raise MalformedPacketError(f"a DNS message with more than {_MAX_LABELS} labels")
        # A dot within a label must not be taken for one between labels; nobody whom we ask for has such a name.
        return ".".join(label.decode("latin-1").replace(".", "\\.") for label in labels).lower()
