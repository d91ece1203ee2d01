"""What an association tells its owner, oldest first."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

__all__ = [
    "AssociationClosed",
    "AssociationEstablished",
    "BufferedAmountLow",
    "CloseReason",
    "ErrorCause",
    "IncomingStreamsReset",
    "MessageReceived",
    "OutgoingStreamsReset",
    "SctpEvent",
    "StreamResetFailed",
]


class CloseReason(Enum):
    """Why an association ended."""

    SHUTDOWN = "shutdown"  # both sides agreed (RFC 9260 section 9.2)
    ABORTED_LOCALLY = "aborted locally"
    ABORTED_BY_PEER = "aborted by the peer"
    HANDSHAKE_TIMEOUT = "handshake timeout"
    PATH_FAILURE = "path failure"  # too many retransmissions without an answer
    PROTOCOL_VIOLATION = "protocol violation"
    OUT_OF_RESOURCE = "out of resource"  # a message of the peer outgrew the receive window


class ErrorCause(NamedTuple):
    """One error cause of an ABORT or ERROR chunk (RFC 9260 section 3.3.10)."""

    code: int
    value: bytes


@dataclass(frozen=True, slots=True)
class AssociationEstablished:
    """Both ends know each other; queued messages flow.

    It comes a second time when the peer lost its state and began anew (RFC 9260 section 5.2.4.1): all that was queued
    or in flight is gone, and every stream starts again.
    """

    inbound_streams: int
    outbound_streams: int
    is_restart: bool = False


class MessageReceived(NamedTuple):
    """A whole message arrived."""

    stream_id: int
    ppid: int
    data: bytes


@dataclass(frozen=True, slots=True)
class IncomingStreamsReset:
    """The peer will send on these streams from sequence number 0 again; all it sent before has been delivered."""

    stream_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OutgoingStreamsReset:
    """The peer has accepted our reset of these streams."""

    stream_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StreamResetFailed:
    """The peer refused to reset these streams, or does not know how."""

    stream_ids: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class BufferedAmountLow:
    """What is queued on the stream fell from above its threshold to it or below."""

    stream_id: int


@dataclass(frozen=True, slots=True)
class AssociationClosed:
    """The association ended; nothing follows this event."""

    reason: CloseReason
    causes: tuple[ErrorCause, ...] = ()
    message: str = ""


SctpEvent = (
    MessageReceived
    | AssociationEstablished
    | IncomingStreamsReset
    | OutgoingStreamsReset
    | StreamResetFailed
    | BufferedAmountLow
    | AssociationClosed
)
