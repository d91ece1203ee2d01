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
    "IncomingStreamsAdded",
    "IncomingStreamsReset",
    "MessageReceived",
    "OutgoingStreamsReset",
    "PeerAnswered",
    "SctpEvent",
    "StreamResetFailed",
    "StreamsRefused",
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
class PeerAnswered:
    """The peer has answered our INIT: what is sent now rides with COOKIE ECHO (RFC 9260 section 5.1 C).

    A packet's worth of it arrives a round trip before `AssociationEstablished` could be acted upon; the rest follows
    the peer's answer. It does not come to a side that only answers, and comes again when a stale cookie is replaced.
    """

    inbound_streams: int
    outbound_streams: int


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
    """The peer will send on these streams from sequence number 0 again; all it sent before has been delivered.

    None named means all of its streams (RFC 6525 section 4.1).
    """

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
class IncomingStreamsAdded:
    """The peer may now send on more streams (RFC 6525 section 5.2.5)."""

    inbound_streams: int


@dataclass(frozen=True, slots=True)
class StreamsRefused:
    """The peer admits fewer streams: what was queued on these before the handshake has been dropped."""

    stream_ids: tuple[int, ...]


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
    | PeerAnswered
    | AssociationEstablished
    | IncomingStreamsAdded
    | IncomingStreamsReset
    | OutgoingStreamsReset
    | StreamResetFailed
    | StreamsRefused
    | BufferedAmountLow
    | AssociationClosed
)
