"""What happened to a DTLS endpoint. Application data is no event: it is fetched with `DtlsEndpoint.take_data`."""

from dataclasses import dataclass
from enum import Enum

from rtcpeer.dtls.alerts import Alert

__all__ = [
    "AlertReceived",
    "CloseReason",
    "DtlsEvent",
    "EarlyDataAllowed",
    "EndpointClosed",
    "HandshakeCompleted",
    "HandshakeFailed",
]


class CloseReason(Enum):
    """Why an established connection ended."""

    LOCAL = "closed here"
    REMOTE = "the peer sent close_notify"
    FATAL_ALERT = "the peer sent a fatal alert"


@dataclass(frozen=True, slots=True)
class HandshakeCompleted:
    """The peer proved that it owns the certificate whose fingerprint was signalled; data may flow both ways."""

    cipher_suite: str
    srtp_profile: str | None


@dataclass(frozen=True, slots=True)
class EarlyDataAllowed:
    """The client may seal data already: the server is authenticated, only its Finished is outstanding (RFC 7918)."""


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """There is no connection and there will be none; ``reason`` is a sentence for a person."""

    reason: str
    sent_alert: Alert | None = None
    received_alert: Alert | None = None
    is_fingerprint_mismatch: bool = False


@dataclass(frozen=True, slots=True)
class AlertReceived:
    """The peer sent an alert; a fatal one is followed by `HandshakeFailed` or `EndpointClosed`."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class EndpointClosed:
    """An established connection ended; what was received before can still be taken."""

    reason: CloseReason
    alert: Alert | None = None


DtlsEvent = HandshakeCompleted | EarlyDataAllowed | HandshakeFailed | AlertReceived | EndpointClosed
