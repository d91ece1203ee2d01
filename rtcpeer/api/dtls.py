"""RTCCertificate and RTCDtlsTransport (W3C webrtc-pc sections 4.9 and 5.5; the parameters and `start` are ORTC's)."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Self

from rtcpeer.api.events import EventTarget, event_handler
from rtcpeer.api.ice import RTCIceTransport
from rtcpeer.api.states import RTCDtlsTransportState
from rtcpeer.api.stats import RTCStatsReport
from rtcpeer.core import Entropy
from rtcpeer.datachannel.channels import DataChannels
from rtcpeer.datachannel.events import ChannelEvent, ChannelMessage
from rtcpeer.dtls.certificate import Certificate, Fingerprint, KeyType
from rtcpeer.dtls.endpoint import DtlsEndpoint, DtlsRole, DtlsState
from rtcpeer.dtls.events import (
    AlertReceived,
    DtlsEvent,
    EarlyDataAllowed,
    EndpointClosed,
    HandshakeCompleted,
    HandshakeFailed,
)
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.errors import InvalidStateError, NotSupportedError, RTCError
from rtcpeer.rtp.events import RtpEvent
from rtcpeer.sctp.association import Association
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.stack.bundle import Bundle, BundleEvent
from rtcpeer.stack.connectivity import ConnectivityEvent

__all__ = ["RTCCertificate", "RTCDtlsFingerprint", "RTCDtlsParameters", "RTCDtlsTransport"]

_STATES: dict[DtlsState, RTCDtlsTransportState] = {
    DtlsState.NEW: "new",
    DtlsState.CONNECTING: "connecting",
    DtlsState.CONNECTED: "connected",
    DtlsState.CLOSED: "closed",
    DtlsState.FAILED: "failed",
}

_KEY_TYPES = {"ECDSA": KeyType.ECDSA_P256, "RSASSA-PKCS1-v1_5": KeyType.RSA_2048}


@dataclass(frozen=True)
class RTCDtlsFingerprint:
    """A hash of a certificate as SDP writes it: ``"sha-256"`` and upper-case hex with colons."""

    algorithm: str
    value: str


@dataclass(frozen=True)
class RTCDtlsParameters:
    """What one side tells the other about its DTLS endpoint; ``role`` is ``"auto"``, ``"client"`` or ``"server"``."""

    fingerprints: Sequence[RTCDtlsFingerprint] = field(default_factory=list)
    role: Literal["auto", "client", "server"] = "auto"


class RTCCertificate:
    """A key and its self-signed certificate: who a peer connection is."""

    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate

    @classmethod
    def generateCertificate(cls, algorithm: str = "ECDSA") -> Self:
        """Make a certificate: ``"ECDSA"`` (P-256) or ``"RSASSA-PKCS1-v1_5"`` (2,048 bits).

        Raises:
            NotSupportedError: another algorithm.
        """
        if algorithm not in _KEY_TYPES:
            raise NotSupportedError(f"certificates are made with {' or '.join(_KEY_TYPES)}, not {algorithm!r}")
        return cls(Certificate.generate(datetime.now(UTC), key_type=_KEY_TYPES[algorithm]))

    @classmethod
    def fromPem(cls, pem: bytes) -> Self:
        """A certificate that `toPem` wrote, to keep a fingerprint; ValueError when malformed."""
        return cls(Certificate.from_pem(pem))

    def toPem(self) -> bytes:
        """The private key, unencrypted, and the certificate."""
        return self._certificate.to_pem()

    @property
    def expires(self) -> datetime:
        """After this moment (UTC) the certificate is not taken for a new connection."""
        return self._certificate.expires

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:
        """SHA-256 first, then the longer hashes."""
        return [RTCDtlsFingerprint(*fingerprint) for fingerprint in self._certificate.fingerprints]


class RTCDtlsTransport(EventTarget):
    """The encryption over one ICE transport, and what travels inside.

    Events: ``statechange``; ``error`` (an `RTCError`) when the handshake or the connection failed.
    """

    onstatechange = event_handler("statechange")
    onerror = event_handler("error")

    def __init__(
        self,
        transport: RTCIceTransport,
        certificate: RTCCertificate,
        *,
        settings: DtlsSettings | None = None,
        sctp_settings: SctpSettings | None = None,
        entropy: Entropy = os.urandom,
    ) -> None:
        super().__init__()
        self._transport = transport
        self._certificate = certificate
        endpoint = DtlsEndpoint(certificate._certificate, settings or DtlsSettings(), entropy)  # noqa: SLF001
        channels = DataChannels(Association(sctp_settings or SctpSettings(), entropy))
        self._bundle = Bundle(transport._agent.core, endpoint, channels)  # noqa: SLF001
        transport._stats.bundle = self._bundle  # noqa: SLF001
        self._on_channel_event: Callable[[ChannelEvent], None] = _ignore
        self._on_rtp_event: Callable[[RtpEvent], None] = _ignore
        transport._agent.drive(self._bundle, self._dispatch)  # noqa: SLF001
        self._state: RTCDtlsTransportState = "new"
        self._failure: RTCError | None = None

    @property
    def iceTransport(self) -> RTCIceTransport:
        """What carries the packets."""
        return self._transport

    @property
    def transport(self) -> RTCIceTransport:
        """`iceTransport`, as aiortc calls it."""
        return self._transport

    @property
    def state(self) -> RTCDtlsTransportState:
        """``"new"``, ``"connecting"``, ``"connected"``, ``"closed"`` or ``"failed"``."""
        return self._state

    def getLocalParameters(self) -> RTCDtlsParameters:
        """Our fingerprints."""
        return RTCDtlsParameters(fingerprints=self._certificate.getFingerprints())

    def getRemoteCertificates(self) -> list[bytes]:
        """The peer's certificates in DER, its own first; empty before the handshake."""
        return list(self._bundle.dtls.remote_certificates)

    async def getStats(self) -> RTCStatsReport:
        """Statistics of the transport, its certificates, its candidates and their pairs."""
        return self._transport._stats.transport()  # noqa: SLF001

    def start(self, remoteParameters: RTCDtlsParameters) -> None:
        """Begin the handshake as soon as ICE has a path; our role is the opposite of ``remoteParameters.role``.

        Raises:
            InvalidStateError: it was started before, or is closed.
        """
        if self._state != "new":
            raise InvalidStateError(f"a DTLS transport starts once; this one is {self._state}")
        role = DtlsRole.SERVER if remoteParameters.role == "client" else DtlsRole.CLIENT
        fingerprints = [Fingerprint(f.algorithm, f.value) for f in remoteParameters.fingerprints]
        self._bundle.start_dtls(role, fingerprints)
        self._set_state("connecting")
        self._wake()

    def _wake(self) -> None:
        self._transport._agent.wake()  # noqa: SLF001

    def _close(self) -> None:
        self._bundle.close()
        self._state = "closed"

    def _dispatch(self, event: BundleEvent) -> None:
        """Hand an event of the core to the object that it is about."""
        if isinstance(event, ChannelMessage):  # first: there is one for each message
            self._on_channel_event(event)
        elif isinstance(event, DtlsEvent):
            self._handle(event)
        elif isinstance(event, ConnectivityEvent):
            self._transport._agent.handle(event)  # noqa: SLF001
            self._transport._handle(event)  # noqa: SLF001
        elif isinstance(event, RtpEvent):
            self._on_rtp_event(event)
        else:
            self._on_channel_event(event)

    def _handle(self, event: DtlsEvent) -> None:
        match event:
            case HandshakeCompleted():
                self._set_state("connected")
            case HandshakeFailed():
                self._fail(event)
            case EndpointClosed():
                self._set_state("closed")
            case EarlyDataAllowed() | AlertReceived():
                pass

    def _fail(self, event: HandshakeFailed) -> None:
        self._failure = RTCError(
            event.reason,
            errorDetail="fingerprint-failure" if event.is_fingerprint_mismatch else "dtls-failure",
            sentAlert=event.sent_alert and event.sent_alert.description,
            receivedAlert=event.received_alert and event.received_alert.description,
        )
        self._set_state("failed")
        self.emit("error", self._failure)

    def _set_state(self, state: RTCDtlsTransportState) -> None:
        if state != self._state:
            self._state = state
            self.emit("statechange")


def _ignore(event: object) -> None:
    pass
