"""Parameters and error causes: the type-length-value lists inside control chunks (RFC 9260 section 3.2.1)."""

from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from struct import Struct

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.events import ErrorCause

__all__ = [
    "CauseCode",
    "ParameterType",
    "is_reported_when_unknown",
    "is_skipped_when_unknown",
    "iterate_parameters",
    "pack_cause",
    "pack_parameter",
    "parse_causes",
]

_TLV = Struct(">HH")  # type, length (with this header, without padding)


class ParameterType(IntEnum):
    """Parameters of INIT, INIT ACK, HEARTBEAT and RE-CONFIG."""

    HEARTBEAT_INFO = 1
    IPV4_ADDRESS = 5
    IPV6_ADDRESS = 6
    STATE_COOKIE = 7
    UNRECOGNIZED_PARAMETER = 8
    COOKIE_PRESERVATIVE = 9
    HOST_NAME = 11
    SUPPORTED_ADDRESS_TYPES = 12
    OUTGOING_RESET_REQUEST = 13  # RFC 6525 section 4.1
    INCOMING_RESET_REQUEST = 14
    SSN_TSN_RESET_REQUEST = 15
    RECONFIG_RESPONSE = 16
    ADD_OUTGOING_STREAMS = 17
    ADD_INCOMING_STREAMS = 18
    SUPPORTED_EXTENSIONS = 0x8008  # RFC 5061 section 4.2.7
    FORWARD_TSN_SUPPORTED = 0xC000  # RFC 3758 section 3.1


class CauseCode(IntEnum):
    """RFC 9260 section 3.3.10."""

    INVALID_STREAM_IDENTIFIER = 1
    MISSING_MANDATORY_PARAMETER = 2
    STALE_COOKIE = 3
    OUT_OF_RESOURCE = 4
    UNRESOLVABLE_ADDRESS = 5
    UNRECOGNIZED_CHUNK_TYPE = 6
    INVALID_MANDATORY_PARAMETER = 7
    UNRECOGNIZED_PARAMETERS = 8
    NO_USER_DATA = 9
    COOKIE_RECEIVED_WHILE_SHUTTING_DOWN = 10
    RESTART_WITH_NEW_ADDRESSES = 11
    USER_INITIATED_ABORT = 12
    PROTOCOL_VIOLATION = 13


def pack_parameter(kind: int, value: bytes) -> bytes:
    """One parameter, padded to four bytes."""
    return _TLV.pack(kind, 4 + len(value)) + value + bytes(-len(value) % 4)


def iterate_parameters(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Type and value of every parameter from ``offset`` on; `MalformedPacketError` where a length runs out."""
    end = len(data)
    while offset < end:
        if offset + 4 > end:
            raise MalformedPacketError(f"{end - offset} bytes can not hold a parameter header")
        kind, length = _TLV.unpack_from(data, offset)
        if length < 4 or offset + length > end:
            raise MalformedPacketError(f"parameter {kind:#06x} claims {length} bytes, {end - offset} are left")
        yield kind, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def is_skipped_when_unknown(kind: int) -> bool:
    """Whether processing goes on behind an unknown parameter: its highest bit (section 3.2.1)."""
    return bool(kind & 0x8000)


def is_reported_when_unknown(kind: int) -> bool:
    """Whether an unknown parameter is reported to the sender: its second highest bit (section 3.2.1)."""
    return bool(kind & 0x4000)


def pack_cause(code: int, value: bytes = b"") -> bytes:
    """One error cause; it is laid out as a parameter."""
    return pack_parameter(code, value)


def parse_causes(data: bytes) -> tuple[ErrorCause, ...]:
    """The causes of an ABORT or ERROR; what is malformed ends the list, because the report itself still counts."""
    causes: list[ErrorCause] = []
    with suppress(MalformedPacketError):
        for code, value in iterate_parameters(data):
            causes.append(ErrorCause(code, value))
    return tuple(causes)
