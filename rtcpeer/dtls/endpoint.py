"""A DTLS 1.2 endpoint for WebRTC (RFC 6347, RFC 5764, RFC 8122, RFC 8827 section 6.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NoReturn

from rtcpeer.core import Entropy
from rtcpeer.dtls.alerts import CLOSE_NOTIFY, Alert, AlertDescription, AlertLevel, parse_alert
from rtcpeer.dtls.certificate import Certificate, Fingerprint
from rtcpeer.dtls.events import (
    AlertReceived,
    CloseReason,
    DtlsEvent,
    EarlyDataAllowed,
    EndpointClosed,
    HandshakeCompleted,
    HandshakeFailed,
)
from rtcpeer.dtls.flight import pack_datagrams
from rtcpeer.dtls.handshake import Handshake, HandshakeError
from rtcpeer.dtls.held import Held
from rtcpeer.dtls.keys import SrtpKeys
from rtcpeer.dtls.outgoing import OutgoingAlerts
from rtcpeer.dtls.protection import ApplicationRecords
from rtcpeer.dtls.records import ContentType, MessageType, Record, split_records
from rtcpeer.dtls.server_identity import ServerIdentity
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.dtls.tls import OpenSslRecords
from rtcpeer.errors import InvalidStateError

__all__ = ["DtlsEndpoint", "DtlsRole", "DtlsState", "DtlsStatistics"]

NO_RENEGOTIATION: Final = Alert(AlertLevel.WARNING, AlertDescription.NO_RENEGOTIATION)


class DtlsRole(Enum):
    """Who begins: ``a=setup:active`` is the client (RFC 8842 section 5)."""

    CLIENT = "client"
    SERVER = "server"


class DtlsState(Enum):
    """W3C's RTCDtlsTransportState."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"
    FAILED = "failed"


_CONNECTED: Final = DtlsState.CONNECTED  # the enum's attribute costs a lookup in its class for each pull


@dataclass(frozen=True, slots=True)
class DtlsStatistics:
    """A snapshot; records are those with application data unless said."""

    records_received: int
    dropped_malformed: int  # not a record, or one that has no place where it came
    dropped_replayed: int
    dropped_unauthenticated: int
    dropped_early: int  # overtook the handshake, and there was no room to keep them
    flight_retransmissions: int


class DtlsEndpoint:
    """One side of a DTLS 1.2 connection: ``Core[bytes, DtlsEvent]``, one datagram a packet.

    The handshake's timing depends on ``now`` alone; its key material comes from OpenSSL's generator. Application data
    goes around `packets_to_send` and events: `seal` out, `take_data` in.
    """

    def __init__(self, certificate: Certificate | None, settings: DtlsSettings, entropy: Entropy) -> None:
        self.certificate = certificate
        self._settings = settings
        self._entropy = entropy
        self._state = DtlsState.NEW
        self._role: DtlsRole | None = None
        self._handshake: Handshake | None = None
        self._application: ApplicationRecords | None = None  # while data may come in
        self._sealer: ApplicationRecords | None = None  # while data may go out
        self._counted: ApplicationRecords | None = None  # whose counters statistics() reads, also after the end
        self._data: list[bytes] = []
        self._events: list[DtlsEvent] = []
        self._before_start: Held[tuple[bytes, float]] = Held(settings.early_records)
        self._early: Held[Record] = Held(settings.early_records)  # overtook their keys, or the peer's Finished
        self._alerts = OutgoingAlerts()
        self._records_received = 0
        self._dropped_malformed = 0
        self._retransmissions = 0
        self._srtp: SrtpKeys | None = None
        self.cipher_suite: str | None = None
        self.srtp_profile: str | None = None
        self.remote_certificates: list[bytes] = []  # DER, the peer's own first

    def receive(self, packet: bytes, now: float) -> None:
        """Take a datagram; nothing of it is believed before the handshake is finished and the fingerprint is right."""
        application = self._application
        if application is not None:
            data = application.open(packet)
            if data is not None:
                if data:
                    self._records_received += 1
                    self._data.append(data)
                return
        if self._state is DtlsState.NEW:
            self._before_start.add((packet, now))
            return
        records, is_sound = split_records(packet)
        self._dropped_malformed += not is_sound
        self._receive_records(records, now)

    def handle_timeout(self, now: float) -> None:
        """Repeat a flight, or give the handshake up."""
        if self._handshake is None or self._state is not DtlsState.CONNECTING:
            return
        try:
            self._handshake.handle_timeout(now)
        except HandshakeError as failure:
            self._fail(self._handshake, failure)

    def packets_to_send(self, now: float) -> list[bytes]:
        """Handshake flights and alerts; application data is sealed by the caller."""
        handshake = self._handshake
        state = self._state
        if state is _CONNECTED and not self._alerts.records and handshake is not None and not handshake.is_flight_due:
            return []
        records: list[bytes] = []
        if handshake is not None and (state is DtlsState.CONNECTED or state is DtlsState.CONNECTING):
            records = handshake.records_to_send(now)
            self._retransmissions = handshake.retransmissions
            if state is DtlsState.CONNECTING:
                self._allow_early_data(handshake)
        records += self._alerts.take()
        return pack_datagrams(records, self._settings.mtu) if records else records

    def poll_events(self) -> list[DtlsEvent]:
        """What happened, oldest first."""
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """When a flight is due again; None outside the handshake."""
        if self._handshake is None or self._state is not DtlsState.CONNECTING:
            return None
        return self._handshake.next_timeout()

    def start(self, role: DtlsRole, remote: Sequence[Fingerprint] | ServerIdentity) -> None:
        """Begin, or let the peer begin; what came before is processed now. A client may expect a server by its name.

        Raises `InvalidStateError` when it was started or closed, `ValueError` without a fingerprint.
        """
        if self._state is not DtlsState.NEW:
            raise InvalidStateError(f"a DTLS endpoint starts once; this one is {self._state.value}")
        if not remote:
            raise ValueError("a fingerprint of the peer's certificate is needed to trust it (RFC 8122 section 5)")
        is_client = role is DtlsRole.CLIENT
        self._role = role
        self._state = DtlsState.CONNECTING
        handshake = Handshake(self.certificate, self._settings, self._entropy, remote, is_client=is_client)
        self._handshake = handshake
        try:
            handshake.begin()
        except HandshakeError as failure:
            self._fail(handshake, failure)
        for datagram, when in self._before_start.take():
            self.receive(datagram, when)

    def take_data(self) -> list[bytes]:
        """The application data of each record since the last call, oldest first."""
        data, self._data = self._data, []
        return data

    def seal(self, data: bytes) -> bytes:
        """One application-data record, to be sent as a datagram at once.

        Raises `InvalidStateError` unless connected (or `EarlyDataAllowed` came), `ValueError` above 16384 bytes.
        """
        return (self._sealer or self._refuse_to_seal()).seal(data)

    def seal_many(self, payloads: list[bytes]) -> list[bytes]:
        """`seal` for a batch."""
        return (self._sealer or self._refuse_to_seal()).seal_many(payloads)

    def close(self) -> None:
        """Say close_notify and take nothing more; harmless when it is over already."""
        if self._state in {DtlsState.CLOSED, DtlsState.FAILED}:
            return
        was_connected = self._state is DtlsState.CONNECTED
        if self._handshake is not None:
            self._alerts.queue(CLOSE_NOTIFY, self._handshake)
        self._end(DtlsState.CLOSED)
        if was_connected:
            self._events.append(EndpointClosed(CloseReason.LOCAL))

    @property
    def state(self) -> DtlsState:
        """Where it stands."""
        return self._state

    @property
    def role(self) -> DtlsRole | None:
        """What `start` was told."""
        return self._role

    @property
    def version(self) -> str | None:
        """The protocol version in the W3C's form (RTCTransportStats.tlsVersion), once connected."""
        return "FEFD" if self.cipher_suite is not None else None

    def srtp_keys(self) -> SrtpKeys | None:
        """Keys for SRTP (RFC 5764 section 4.2); None before the handshake is done or when no profile was agreed on."""
        return self._srtp

    def statistics(self) -> DtlsStatistics:
        """A snapshot of the counters."""
        protection = self._counted or (self._handshake.protection if self._handshake is not None else None)
        return DtlsStatistics(
            records_received=self._records_received,
            dropped_malformed=self._dropped_malformed,
            dropped_replayed=protection.replayed if protection is not None else 0,
            dropped_unauthenticated=protection.unauthenticated if protection is not None else 0,
            dropped_early=self._before_start.dropped + self._early.dropped,
            flight_retransmissions=self._retransmissions,
        )

    def _refuse_to_seal(self) -> NoReturn:
        raise InvalidStateError(f"application data needs a connected DTLS endpoint; this one is {self._state.value}")

    def _receive_records(self, records: list[Record], now: float) -> None:
        handshake = self._handshake
        if handshake is None:
            return  # closed before it was started
        try:
            for record in records:
                self._receive_record(handshake, record, now)
            self._follow(handshake, now)
        except HandshakeError as failure:
            self._fail(handshake, failure)

    def _receive_record(self, handshake: Handshake, record: Record, now: float) -> None:
        if record.epoch or record.content_type == ContentType.ALERT:
            self._settle(handshake)  # the keys may be in what came before, and an alert counts from here on
        if self._state not in {DtlsState.CONNECTING, DtlsState.CONNECTED}:
            self._alerts.say_again(record, handshake)
        elif record.epoch == 0:
            self._receive_plaintext(handshake, record, now)
        elif handshake.is_whole_openssl:
            self._receive_whole(handshake, record, now)
        else:
            self._receive_protected(handshake, record, now)

    def _receive_plaintext(self, handshake: Handshake, record: Record, now: float) -> None:
        is_connecting = self._state is DtlsState.CONNECTING
        if record.content_type == ContentType.ALERT and is_connecting:
            self._receive_alert(handshake, record.body)
        elif record.content_type in {ContentType.HANDSHAKE, ContentType.CHANGE_CIPHER_SPEC}:
            self._dropped_malformed += not handshake.receive(record, now)
        else:
            # Data without protection is never right, and after the handshake neither is an alert without it.
            self._dropped_malformed += 1

    def _receive_protected(self, handshake: Handshake, record: Record, now: float) -> None:
        protection = handshake.protection
        is_data = record.content_type == ContentType.APPLICATION_DATA
        if protection is None or (is_data and self._application is None):
            self._early.add(record)
            return
        plain = protection.open_record(record)
        if plain is None:
            return
        if is_data:
            self._accept_data(plain)
        elif record.content_type == ContentType.ALERT:
            self._receive_alert(handshake, plain)
        elif record.content_type == ContentType.HANDSHAKE and plain:
            if plain[0] == MessageType.FINISHED:
                handshake.receive(record, now)
                self._follow(handshake, now)
            elif self._state is DtlsState.CONNECTED:
                self._alerts.queue(NO_RENEGOTIATION, handshake)  # RFC 5246 section 7.2.2
        else:
            self._dropped_malformed += 1

    def _receive_whole(self, handshake: Handshake, record: Record, now: float) -> None:
        """A protected record that only OpenSSL can read."""
        if self._state is DtlsState.CONNECTED:
            tls = handshake.tls
            tls.advance(record.raw)
            self._accept_data(tls.read() or b"")
            self._alerts.add(handshake.take_output())
            if tls.is_closed_by_peer:
                self._receive_alert(handshake, bytes(tls.received_alert or CLOSE_NOTIFY))
        elif record.content_type == ContentType.APPLICATION_DATA:
            self._early.add(record)
        else:
            handshake.receive(record, now)
            self._follow(handshake, now)

    def _accept_data(self, data: bytes) -> None:
        if data:
            self._records_received += 1
            self._data.append(data)

    def _follow(self, handshake: Handshake, now: float) -> None:
        """The handshake may have moved: it may be complete, or have the keys for what is held."""
        self._settle(handshake)
        if handshake.protection is not None or handshake.is_whole_openssl:
            for record in self._early.take():
                self._receive_record(handshake, record, now)

    def _settle(self, handshake: Handshake) -> None:
        if self._state is DtlsState.CONNECTING:
            handshake.settle()
            if handshake.is_complete:
                self._complete(handshake)

    def _complete(self, handshake: Handshake) -> None:
        tls = handshake.tls
        self._state = DtlsState.CONNECTED
        self.cipher_suite = tls.cipher_suite
        self.remote_certificates = tls.peer_chain()
        self._srtp = tls.srtp_keys()
        self.srtp_profile = self._srtp.profile if self._srtp is not None else None
        self._application = self._sealer = self._counted = handshake.protection or OpenSslRecords(tls)
        if handshake.protection is not None:
            handshake.release()
        self._events.append(HandshakeCompleted(self.cipher_suite or "", self.srtp_profile))

    def _allow_early_data(self, handshake: Handshake) -> None:
        if self._settings.false_start and self._sealer is None and handshake.can_start_early:
            self._sealer = handshake.protection
            self._events.append(EarlyDataAllowed())

    def _receive_alert(self, handshake: Handshake, body: bytes) -> None:
        alert = parse_alert(body)
        if alert is None:
            self._dropped_malformed += 1
            return
        self._events.append(AlertReceived(alert))
        if not alert.is_fatal and not alert.is_close:
            return
        if self._state is DtlsState.CONNECTING:
            raise HandshakeError(f"the peer ended the handshake with {alert.name}", received_alert=alert)
        if alert.is_close:
            self._alerts.queue(CLOSE_NOTIFY, handshake)  # RFC 5246 section 7.2.1: answered in kind
        self._end(DtlsState.CLOSED)
        reason = CloseReason.REMOTE if alert.is_close else CloseReason.FATAL_ALERT
        self._events.append(EndpointClosed(reason, alert))

    def _fail(self, handshake: Handshake, failure: HandshakeError) -> None:
        if failure.sent_alert is not None:
            self._alerts.queue(failure.sent_alert, handshake)
        self._end(DtlsState.FAILED)
        self._events.append(
            HandshakeFailed(failure.reason, failure.sent_alert, failure.received_alert, failure.is_mismatch)
        )

    def _end(self, state: DtlsState) -> None:
        self._state = state
        if self._handshake is not None:
            self._handshake.release()
        self._application = self._sealer = None
        self._early.take()
        self._before_start.take()
