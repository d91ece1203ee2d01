"""A server that is reached over DTLS, with a certificate of its own authority; OpenSSL does all of it."""

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from rtcpeer.dtls.records import split_records

NOW = dt.datetime.now(dt.UTC)  # OpenSSL looks at the real clock
DAY = dt.timedelta(days=1)


class Authority:
    """Signs certificates for servers."""

    def __init__(self, name: str = "authority") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key.public_key(), NOW + DAY, ca=True).sign(self.key, hashes.SHA256())

    def _sign(
        self, name: str, key: ec.EllipticCurvePublicKey, until: dt.datetime, *, ca: bool
    ) -> x509.CertificateBuilder:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer = subject if ca else self.certificate.subject
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(until - 10 * DAY)
        return builder.not_valid_after(until).add_extension(x509.BasicConstraints(ca, None), critical=True)

    def issue(
        self, names: Iterable[str], *, until: dt.datetime = NOW + DAY
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A certificate for these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._sign("server", key.public_key(), until, ca=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), False)
        return builder.sign(self.key, hashes.SHA256()), key

    def write(self, directory: Path) -> str:
        """The file that `TrustStore` reads."""
        path = directory / "authority.pem"
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return str(path)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class DtlsServer:
    """The server's end of one association; ``answer`` makes of a request what is sent back."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.asked_for: bytes | None = None  # the name in the ClientHello
        self.answer: Callable[[bytes], list[bytes]] = lambda _request: []
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_tlsext_servername_callback(self._note_name)
        self._connection = SSL.Connection(context, None)
        self._connection.set_ciphertext_mtu(1200)
        self._connection.set_accept_state()

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take a datagram; returns those that go back."""
        self._connection.bio_write(datagram)
        try:
            while data := self._connection.recv(65536):
                for answer in self.answer(data):
                    self._connection.send(answer)
        except SSL.Error:
            pass
        return self.output()

    def output(self) -> list[bytes]:
        try:
            return [record.raw for record in split_records(self._connection.bio_read(65536))[0]]
        except SSL.Error:
            return []

    def close(self) -> list[bytes]:
        self._connection.shutdown()
        return self.output()

    @property
    def is_left(self) -> bool:
        """Whether the client has said goodbye."""
        return bool(self._connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN)

    def _note_name(self, connection: SSL.Connection) -> None:
        self.asked_for = connection.get_servername()
