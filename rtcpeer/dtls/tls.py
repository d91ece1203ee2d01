"""OpenSSL through memory BIOs: with `contexts` all that knows it.

It makes and understands handshake messages. When they are sent, and under which record numbers, is not its business:
its retransmission timer reads the real clock, so what it repeats on its own is recognised and dropped by `handshake`.
"""

from typing import Final

from OpenSSL import SSL, crypto

from rtcpeer.dtls.alerts import Alert
from rtcpeer.dtls.certificate import Certificate
from rtcpeer.dtls.contexts import HandshakeLog, peer_context
from rtcpeer.dtls.keys import Secrets, SrtpKeys, srtp_keys, srtp_material_length
from rtcpeer.dtls.protection import MAX_PLAINTEXT
from rtcpeer.dtls.records import EPOCH_1, HEADER_LENGTH, ContentType, Record, split_records
from rtcpeer.dtls.server_identity import ServerIdentity
from rtcpeer.dtls.settings import DtlsSettings

__all__ = ["OpenSslRecords", "TlsError", "TlsMachine"]

READ_SIZE: Final = 65536
EXPORTER_LABEL: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2


class TlsError(Exception):
    """OpenSSL gave the handshake up; the message is its own."""

    def __init__(self, message: str, sent_alert: Alert | None, received_alert: Alert | None) -> None:
        super().__init__(message)
        self.sent_alert = sent_alert
        self.received_alert = received_alert


class TlsMachine:
    """One OpenSSL connection: records in, records out, both as OpenSSL numbers them."""

    def __init__(self, who: Certificate | ServerIdentity, settings: DtlsSettings, *, is_client: bool) -> None:
        """`who`: our certificate, towards a peer; or whom we expect, towards a server, which is shown none."""
        self._log = HandshakeLog()
        context = who.trust.context if isinstance(who, ServerIdentity) else peer_context(who, settings)
        self._connection = SSL.Connection(context, None)
        self._connection.set_app_data(self._log)
        if isinstance(who, ServerIdentity) and who.server_name is not None:
            self._connection.set_tlsext_host_name(who.server_name)
        self._connection.set_ciphertext_mtu(settings.mtu)
        self.is_client = is_client
        self.is_complete = False
        if is_client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def show(self, raw: bytes) -> None:
        """Let it see a record with the next `advance`, which costs the same however many there are."""
        self._connection.bio_write(raw)

    def advance(self, raw: bytes | None = None) -> None:
        """Take what it was shown, and this record, or begin; raises `TlsError` when that ends the handshake."""
        if raw is not None:
            self._connection.bio_write(raw)
        if self.is_complete:
            return
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            problem = self._log.chain_problem
            text = _explain(error) if problem is None else f"the server's certificate is not valid: {problem}"
            raise TlsError(text, self._log.sent, self._log.received) from error
        self.is_complete = True

    def output(self) -> list[Record]:
        """What it wants to send since the last call."""
        parts = []
        while True:
            try:
                parts.append(self._connection.bio_read(READ_SIZE))
            except SSL.Error:
                return split_records(b"".join(parts))[0]

    def handle_timeout(self) -> None:
        """Let OpenSSL's own timer, on the real clock, do what is due."""
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise TlsError(_explain(error), self._log.sent, self._log.received) from error

    def peer_certificate(self) -> bytes | None:
        """What the peer showed (DER), as soon as it did; whether it owns the key is known when the handshake ends.

        Not as an object of `cryptography`, which refuses to parse some certificates that OpenSSL takes.
        """
        certificate = self._connection.get_peer_certificate()
        return None if certificate is None else crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)

    def peer_chain(self) -> list[bytes]:
        """What the peer showed (DER), its own certificate first."""
        leaf = self.peer_certificate()
        chain = self._connection.get_peer_cert_chain() or []
        issuers = (crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in chain)
        # A server's view of the chain leaves the leaf out.
        return [] if leaf is None else [leaf, *(issuer for issuer in issuers if issuer != leaf)]

    @property
    def cipher_suite(self) -> str | None:
        """OpenSSL's name of the negotiated suite; known from the ServerHello on."""
        return self._connection.get_cipher_name()

    @property
    def srtp_profile(self) -> str | None:
        """What use_srtp agreed on (RFC 5764 section 4.1.1)."""
        return self._connection.get_selected_srtp_profile().decode() or None

    def secrets(self) -> Secrets | None:
        """What the key exchange left; None before it is done."""
        try:
            master = self._connection.master_key()
            client_random = self._connection.client_random()
            server_random = self._connection.server_random()
        except SSL.Error:  # pyOpenSSL asserts that there is a master secret
            return None
        if master is None or client_random is None or server_random is None:
            return None
        return Secrets(master, client_random, server_random)

    def export(self, label: bytes, length: int) -> bytes:
        """Keying material for another protocol (RFC 5705)."""
        return self._connection.export_keying_material(label, length)

    def srtp_keys(self) -> SrtpKeys | None:
        """Keys for SRTP (RFC 5764 section 4.2), when a profile was agreed on."""
        profile = self.srtp_profile
        if profile is None:
            return None
        material = self.export(EXPORTER_LABEL, srtp_material_length(profile))
        return srtp_keys(profile, material, is_client=self.is_client)

    def write(self, data: bytes) -> None:
        """Queue application data for `output`."""
        self._connection.send(data)

    def read(self) -> bytes | None:
        """The next application data; None when there is none, or the peer has ended the connection."""
        try:
            return self._connection.recv(MAX_PLAINTEXT)
        except SSL.Error:
            return None

    @property
    def is_closed_by_peer(self) -> bool:
        """Whether close_notify or a fatal alert arrived."""
        return bool(self._connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    @property
    def received_alert(self) -> Alert | None:
        """The last alert that OpenSSL read."""
        return self._log.received

    def shutdown(self) -> None:
        """Queue close_notify for `output`."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return  # after a fatal error there is nobody to say goodbye to


class OpenSslRecords:
    """Epoch 1 through OpenSSL whole: for the suites whose records we do not make ourselves."""

    __slots__ = ("_machine", "replayed", "unauthenticated")

    def __init__(self, machine: TlsMachine) -> None:
        self._machine = machine
        self.replayed = 0
        self.unauthenticated = 0

    def seal(self, data: bytes) -> bytes:
        """One application-data record; `ValueError` above 16384 bytes."""
        if len(data) > MAX_PLAINTEXT:
            raise ValueError(f"a record carries at most {MAX_PLAINTEXT} bytes, not {len(data)}")
        self._machine.write(data)
        return b"".join(record.raw for record in self._machine.output())

    def seal_many(self, payloads: list[bytes]) -> list[bytes]:
        """A record each, in order."""
        return [self.seal(payload) for payload in payloads]

    def open(self, datagram: bytes) -> bytes | None:
        """See `ApplicationRecords.open`; OpenSSL does not say whether it dropped a replay or a forgery."""
        if len(datagram) <= HEADER_LENGTH or datagram[0] != ContentType.APPLICATION_DATA:
            return None
        if int.from_bytes(datagram[11:13], "big") != len(datagram) - HEADER_LENGTH:
            return None
        if int.from_bytes(datagram[3:11], "big") < EPOCH_1:
            return None
        self._machine.advance(datagram)
        data = self._machine.read()
        if data is None:
            self.unauthenticated += 1
            return b""
        return data


def _explain(error: SSL.Error) -> str:
    """OpenSSL's innermost reason, which comes last in the triples that pyOpenSSL hands over."""
    details = error.args[0] if error.args else None
    if isinstance(details, list) and details:
        return str(details[0][-1])
    return str(error) or type(error).__name__
