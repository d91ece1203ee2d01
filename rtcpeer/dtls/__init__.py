"""DTLS 1.2 for WebRTC as a sans-I/O core (RFC 6347, RFC 5764, RFC 8122, RFC 8827 section 6.5)."""

from rtcpeer.dtls.alerts import Alert, AlertDescription, AlertLevel
from rtcpeer.dtls.certificate import Certificate, Fingerprint, KeyType, fingerprint_of
from rtcpeer.dtls.contexts import TrustStore
from rtcpeer.dtls.endpoint import DtlsEndpoint, DtlsRole, DtlsState, DtlsStatistics
from rtcpeer.dtls.events import (
    AlertReceived,
    CloseReason,
    DtlsEvent,
    EarlyDataAllowed,
    EndpointClosed,
    HandshakeCompleted,
    HandshakeFailed,
)
from rtcpeer.dtls.keys import SrtpKeys
from rtcpeer.dtls.server_identity import ServerIdentity
from rtcpeer.dtls.settings import DtlsSettings

__all__ = [
    "DtlsEndpoint",
    "DtlsRole",
    "DtlsSettings",
    "DtlsState",
    "DtlsStatistics",
    "Certificate",
    "Fingerprint",
    "KeyType",
    "fingerprint_of",
    "SrtpKeys",
    "ServerIdentity",
    "TrustStore",
    "Alert",
    "AlertDescription",
    "AlertLevel",
    "AlertReceived",
    "CloseReason",
    "DtlsEvent",
    "EarlyDataAllowed",
    "EndpointClosed",
    "HandshakeCompleted",
    "HandshakeFailed",
]
