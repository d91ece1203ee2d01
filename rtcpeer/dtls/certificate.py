"""Self-signed certificates and their fingerprints (RFC 8122, RFC 8827 section 6.5)."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

__all__ = ["Certificate", "Fingerprint", "KeyType", "fingerprint_of", "matches_any"]

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# Deviation: RFC 8122 section 5 lets sha-1 and md5 be offered; neither proves anything any more, and none is accepted.
HASHES: Final = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}

# Peers' clocks are wrong by hours; nobody in WebRTC checks the dates, but some libraries look at them.
CLOCK_SKEW: Final = timedelta(days=1)
LIFETIME: Final = timedelta(days=30)  # W3C webrtc-pc section 4.10.2: the default of generateCertificate()


class KeyType(Enum):
    """The two that W3C's generateCertificate() must know."""

    ECDSA_P256 = "ECDSA P-256"
    RSA_2048 = "RSA 2048"


class Fingerprint(NamedTuple):
    """A certificate's hash as in SDP: ``("sha-256", "AB:CD:...")``."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"


class Certificate:
    """A private key with its certificate: who we are for the length of a peer connection."""

    def __init__(self, private_key: PrivateKey, certificate: x509.Certificate) -> None:
        self.private_key = private_key
        self.x509 = certificate

    @classmethod
    def generate(
        cls, wall_time: datetime, *, key_type: KeyType = KeyType.ECDSA_P256, lifetime: timedelta = LIFETIME
    ) -> "Certificate":
        """Make a key and sign its certificate, valid until ``wall_time`` (which needs a time zone) plus ``lifetime``.

        The key comes from OpenSSL's generator, which can not be seeded. Raises `ValueError` for a naive ``wall_time``.
        """
        if wall_time.tzinfo is None:
            raise ValueError("wall_time needs a time zone")
        private_key: PrivateKey
        if key_type is KeyType.ECDSA_P256:
            private_key = ec.generate_private_key(ec.SECP256R1())
        else:
            private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public_key = private_key.public_key()
        # A serial derived from the key is as unique as a random one, and positive within 20 bytes (RFC 5280 4.1.2.2).
        digest = hashlib.sha256(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        # The same name for everybody: RFC 8827 section 6.5 wants nothing in it that identifies a user.
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "WebRTC")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(public_key)
            .serial_number(int.from_bytes(digest[:8], "big") | 1)
            .not_valid_before(wall_time - CLOCK_SKEW)
            .not_valid_after(wall_time + lifetime)
            .sign(private_key, hashes.SHA256())
        )
        return cls(private_key, certificate)

    @classmethod
    def from_pem(cls, pem: bytes) -> "Certificate":
        """Read what `to_pem` wrote; `ValueError` when there is no EC or RSA key, or it is not the certificate's."""
        private_key = load_pem_private_key(pem, password=None)
        if not isinstance(private_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ValueError("the private key must be an EC or an RSA key")  # noqa: TRY004  (it is the file's value)
        certificate = x509.load_pem_x509_certificate(pem)
        if certificate.public_key() != private_key.public_key():
            raise ValueError("the private key does not belong to the certificate")
        return cls(private_key, certificate)

    def to_pem(self) -> bytes:
        """The unencrypted private key followed by the certificate."""
        key = self.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.x509.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate as it goes over the wire."""
        return self.x509.public_bytes(Encoding.DER)

    @property
    def expires(self) -> datetime:
        """When it stops being valid, in UTC."""
        return self.x509.not_valid_after_utc

    def fingerprint(self, algorithm: str = "sha-256") -> Fingerprint:
        """Its hash for SDP; `ValueError` for an algorithm that proves nothing or is unknown."""
        return fingerprint_of(self.der, algorithm)

    @property
    def fingerprints(self) -> list[Fingerprint]:
        """One for each algorithm we accept ourselves."""
        return [self.fingerprint(algorithm) for algorithm in HASHES]


def fingerprint_of(der: bytes, algorithm: str) -> Fingerprint:
    """The hash of a certificate, in the upper-case hex of RFC 8122 section 5."""
    digest = HASHES.get(algorithm.lower())
    if digest is None:
        raise ValueError(f"the fingerprint algorithm must be one of {', '.join(HASHES)}, not {algorithm!r}")
    return Fingerprint(algorithm.lower(), digest(der).digest().hex(":").upper())


def matches_any(der: bytes, fingerprints: Iterable[Fingerprint]) -> bool:
    """Whether the certificate has one of these fingerprints; weak and unknown algorithms never match."""
    for algorithm, value in fingerprints:
        digest = HASHES.get(algorithm.strip().lower())
        if digest is not None and digest(der).digest().hex(":") == value.strip().lower():
            return True
    return False
