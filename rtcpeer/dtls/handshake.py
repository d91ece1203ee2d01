"""One DTLS 1.2 handshake in the time it is given (RFC 6347 section 4.2).

OpenSSL makes and checks the messages (`tls`). When they are sent, sent again and under which record numbers is decided
here, because OpenSSL's timer reads the real clock. What it repeats by itself is known by its message_seq and dropped.

What survives: records that are cut short, of a wrong version, epoch, length or type, replayed or forged in epoch 1, and
messages of the wrong side. What does not: a plaintext handshake message whose contents were changed on the way, since
nothing authenticates it before the Finished; OpenSSL then ends the handshake, as TLS demands.
"""

from collections.abc import Sequence
from typing import Final

from rtcpeer.core import Entropy
from rtcpeer.dtls.alerts import Alert, AlertDescription, AlertLevel
from rtcpeer.dtls.certificate import Certificate, Fingerprint, matches_any
from rtcpeer.dtls.flight import Flight, FlightRecord, RetransmissionTimer, Sender
from rtcpeer.dtls.keys import aead_suite, record_keys
from rtcpeer.dtls.protection import AeadProtection
from rtcpeer.dtls.records import (
    FROM_CLIENT,
    FROM_SERVER,
    ContentType,
    MessageType,
    Record,
    handshake_is_sound,
)
from rtcpeer.dtls.server_identity import ServerIdentity, names_host
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.dtls.tls import TlsError, TlsMachine

__all__ = ["Handshake", "HandshakeError"]

# OpenSSL takes all that it was shown at a time for one datagram, and drops a record that runs out of its buffer.
MAX_SHOWN: Final = 1 << 13

BAD_CERTIFICATE: Final = Alert(AlertLevel.FATAL, AlertDescription.BAD_CERTIFICATE)

# What the peer's last flight consists of, by our role and whether we are done: seeing it again means ours got lost.
REPEATED_HELLO: Final = frozenset({MessageType.CLIENT_HELLO})
REPEATED_BY_CLIENT: Final = FROM_CLIENT - REPEATED_HELLO
REPEATED_BY_SERVER: Final = FROM_SERVER - {MessageType.HELLO_VERIFY_REQUEST}


class HandshakeError(Exception):
    """The handshake is over; the endpoint makes an event and an alert of it."""

    def __init__(
        self,
        reason: str,
        *,
        sent_alert: Alert | None = None,
        received_alert: Alert | None = None,
        is_mismatch: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent_alert = sent_alert
        self.received_alert = received_alert
        self.is_mismatch = is_mismatch


class Handshake:
    """Drives OpenSSL through one handshake; raises `HandshakeError` from every method that can end it."""

    def __init__(
        self,
        certificate: Certificate | None,
        settings: DtlsSettings,
        entropy: Entropy,
        remote: Sequence[Fingerprint] | ServerIdentity,
        *,
        is_client: bool,
    ) -> None:
        """A server's identity in place of fingerprints needs no certificate of ours."""
        who = remote if isinstance(remote, ServerIdentity) else certificate
        if who is None:
            raise ValueError("towards a peer a certificate of our own is needed (RFC 8827 section 6.5)")
        self._settings = settings
        self._remote = remote if isinstance(remote, ServerIdentity) else tuple(remote)
        self._is_client = is_client
        self._expected = FROM_SERVER if is_client else FROM_CLIENT
        self._timer = RetransmissionTimer(settings, entropy)
        self._give_up_at: float | None = None
        self._flight: Flight | None = None
        self.is_flight_due = False
        self._last_message = -1  # message_seq of the newest message that OpenSSL made
        self._highest_read = -1  # record number of the newest plaintext record that came
        self._shown = -1  # number of the newest plaintext record that OpenSSL was shown
        self._shown_size = 0  # bytes that it has not looked at yet
        self._answered = -1  # what that was when our flight was made
        self._tls: TlsMachine | None = TlsMachine(who, settings, is_client=is_client)
        self.sender = Sender()
        self.peer_certificate: bytes | None = None  # DER, once its fingerprint or name was found right
        self.is_complete = False
        self.is_whole_openssl = False  # known to use records that only OpenSSL can make
        self.retransmissions = 0
        self.strays: list[bytes] = []  # alerts that OpenSSL made in epoch 1, where only it can

    @property
    def protection(self) -> AeadProtection | None:
        """Epoch 1, as soon as its keys are known and are ours to use."""
        return self.sender.protection

    @property
    def can_start_early(self) -> bool:
        """Whether the client has sent all it has to, to a server it has authenticated (RFC 7918 section 3).

        The suites we protect ourselves are the forward-secret AEAD ones that RFC 7918 section 5 asks for; OpenSSL has
        checked the ServerKeyExchange's signature by the certificate whose fingerprint we know.
        """
        return self._is_client and self.protection is not None and self.sender.has_sent_protected

    @property
    def tls(self) -> TlsMachine:
        """OpenSSL's part, until it is released."""
        assert self._tls is not None, "asked for OpenSSL after it was released"
        return self._tls

    def release(self) -> None:
        """Let go of OpenSSL, which is tens of kilobytes; the last flight can still be repeated."""
        self._tls = None

    def take_output(self) -> list[bytes]:
        """After the handshake, where OpenSSL makes the records: its alerts, to be sent; a repeated flight is kept."""
        self._take_flight(self.tls.output())
        strays, self.strays = self.strays, []
        return strays

    def begin(self) -> None:
        """Make the ClientHello; a server waits for it."""
        if self._is_client:
            self._advance()

    def receive(self, record: Record, now: float) -> bool:
        """Take a plaintext record, or an authentic one of epoch 1 whose plaintext is a handshake message.

        False when it does not deserve to be shown to OpenSSL. `settle` after the last one of a datagram, and before one
        of epoch 1.
        """
        if record.epoch == 0:
            if not handshake_is_sound(record, self._expected):
                return False
            is_news = record.numbers > self._highest_read
            self._highest_read = max(self._highest_read, record.numbers)
            self._answer_repetition(record, now, is_news=is_news)
        else:
            self._repeat(now, is_wanted=self.is_complete and not self._is_client)
        if not self.is_complete:
            if self._shown_size + len(record.raw) > MAX_SHOWN:
                self.settle()
            self.tls.show(self._renumbered(record))
            self._shown_size += len(record.raw)
            if record.epoch:
                self.settle()
        return True

    def settle(self) -> None:
        """Let OpenSSL draw its conclusions from what it was shown."""
        if self._shown_size:
            self._advance()

    def records_to_send(self, now: float) -> list[bytes]:
        """The current flight, when it is due."""
        if self._give_up_at is None:
            self._give_up_at = now + self._settings.handshake_timeout
        flight = self._flight
        if flight is None or not self.is_flight_due:
            return []
        self.is_flight_due = False
        flight.sent_at = now
        flight.transmissions += 1
        if flight.transmissions > 1:
            self.retransmissions += 1
        if self.is_complete:
            self._timer.stop()  # RFC 6347 figure 3: the last flight is repeated only on request
        else:
            self._timer.sent(now)
        return self.sender.flight(flight)

    def next_timeout(self) -> float | None:
        """When the flight is due again, or we give up."""
        if self.is_complete:
            return None
        deadlines = [deadline for deadline in (self._timer.deadline, self._give_up_at) if deadline is not None]
        return min(deadlines, default=None)

    def handle_timeout(self, now: float) -> None:
        """Repeat the flight, or give up."""
        if self.is_complete:
            return
        if self._give_up_at is not None and now >= self._give_up_at:
            raise HandshakeError(self._why_nothing_came())
        if self._timer.deadline is not None and now >= self._timer.deadline:
            self._timer.stop()
            self.is_flight_due = True
            if self.is_whole_openssl:
                self._let_openssl_repeat()

    def _let_openssl_repeat(self) -> None:
        """Where we do not have the keys only OpenSSL can give the Finished a fresh number, each real second at best."""
        try:
            self.tls.handle_timeout()
        except TlsError as error:
            raise HandshakeError(f"the handshake broke: {error}", sent_alert=error.sent_alert) from error
        self._take_flight(self.tls.output())

    def _why_nothing_came(self) -> str:
        patience = f"within {self._settings.handshake_timeout:g} s"
        if self._flight is None:
            return f"the peer sent no ClientHello {patience}"
        return (
            f"the peer did not answer our {self._flight.name} {patience}, sent {self._flight.transmissions} times"
            f"{'' if self._highest_read >= 0 else '; nothing came from it at all'}"
        )

    def _answer_repetition(self, record: Record, now: float, *, is_news: bool) -> None:
        """The peer repeats its flight: it has not got ours (RFC 6347 figure 3, "Read retransmit")."""
        if not is_news or record.numbers <= self._answered or record.content_type != ContentType.HANDSHAKE:
            return
        message_type = record.body[0]
        if self._is_client:
            is_repeated = not self.is_complete and self.sender.has_sent_protected and message_type in REPEATED_BY_SERVER
        elif self.is_complete:
            is_repeated = message_type in REPEATED_BY_CLIENT
        else:
            is_repeated = message_type in REPEATED_HELLO
        self._repeat(now, is_wanted=is_repeated)

    def _renumbered(self, record: Record) -> bytes:
        """The record for OpenSSL, whose replay window must not depend on numbers that nothing authenticates.

        One changed or forged plaintext record with a high number would make it drop all that follow. Repeated messages
        do no harm: it knows them by their message_seq.
        """
        if record.epoch:
            return record.raw
        self._shown += 1
        return record.raw[:3] + self._shown.to_bytes(8, "big") + record.raw[11:]

    def _repeat(self, now: float, *, is_wanted: bool) -> None:
        flight = self._flight
        if not is_wanted or flight is None or flight.sent_at is None:
            return
        # Several records of one repeated flight ask for the same thing.
        if now >= flight.sent_at + self._settings.retransmit_initial / 2:
            self.is_flight_due = True

    def _advance(self) -> None:
        tls = self.tls
        self._shown_size = 0
        try:
            tls.advance()
        except TlsError as error:
            raise HandshakeError(
                f"the handshake broke: {error}", sent_alert=error.sent_alert, received_alert=error.received_alert
            ) from error
        self._check_certificate()
        self._find_keys()
        self._take_flight(tls.output())
        if tls.is_complete and not self.is_complete:
            if self.peer_certificate is None:
                raise HandshakeError("the peer showed no certificate", sent_alert=BAD_CERTIFICATE)
            self.is_complete = True
            self._timer.stop()

    def _check_certificate(self) -> None:
        """RFC 8122 section 6.2: a certificate without a signalled fingerprint ends the session with bad_certificate.

        Of a server OpenSSL has checked the chain; the name is left to us.
        """
        if self.peer_certificate is not None:
            return
        certificate = self.tls.peer_certificate()
        if certificate is None:
            return
        remote = self._remote
        if isinstance(remote, ServerIdentity):
            if not names_host(certificate, remote.host):
                text = f"the server's certificate is not for {remote.host}"
                raise HandshakeError(text, sent_alert=BAD_CERTIFICATE)
        elif not matches_any(certificate, remote):
            raise HandshakeError(
                "the peer's certificate has none of the fingerprints that were signalled",
                sent_alert=BAD_CERTIFICATE,
                is_mismatch=True,
            )
        self.peer_certificate = certificate

    def _find_keys(self) -> None:
        if self.protection is not None or self.is_whole_openssl:
            return
        suite_name = self.tls.cipher_suite
        if suite_name is None:
            return
        suite = aead_suite(suite_name) if self._settings.own_records else None
        if suite is None:
            self.is_whole_openssl = True
            return
        secrets = self.tls.secrets()
        if secrets is None:
            return
        client, server = record_keys(secrets, suite)
        write, read = (client, server) if self._is_client else (server, client)
        self.sender.protection = AeadProtection(write, read, self._settings.replay_window)

    def _take_flight(self, output: list[Record]) -> None:
        """Make a flight of what OpenSSL made, unless it only repeats itself."""
        entries = [entry for entry in map(self._entry, output) if entry is not None]
        newest = max((entry.message_sequence for entry in entries), default=-1)
        verbatim = [entry for entry in entries if entry.verbatim]
        if newest > self._last_message:
            # What is not new was repeated by OpenSSL's own timer.
            records = [entry for entry in entries if not 0 <= entry.message_sequence <= self._last_message]
            self._last_message = newest
        elif verbatim and self._flight is not None and any(record.verbatim for record in self._flight.records):
            # Repeated by OpenSSL, and the only way to a Finished under a fresh number where we do not have its keys.
            self._flight.records = [record for record in self._flight.records if not record.verbatim] + verbatim
            self.is_flight_due = True
            return
        elif verbatim:
            records = entries
        else:
            return
        self._answered = self._highest_read
        self._flight = Flight(records)
        self.is_flight_due = True
        self._timer.restart()

    def _entry(self, record: Record) -> FlightRecord | None:
        if record.content_type not in {ContentType.HANDSHAKE, ContentType.CHANGE_CIPHER_SPEC}:
            if record.epoch and self.is_whole_openssl:
                self.strays.append(record.raw)
            return None  # else the endpoint makes the alert
        if record.epoch == 0:
            return FlightRecord(record.content_type, record.body, is_protected=False)
        protection = self.protection
        if protection is None:
            return FlightRecord(record.content_type, b"", is_protected=True, verbatim=record.raw)
        plain = protection.open_own(record)
        return None if plain is None else FlightRecord(record.content_type, plain, is_protected=True)
