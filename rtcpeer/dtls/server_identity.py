"""Who a server has to be: a chain to somebody we trust, and the name we asked for (RFC 8489 section 6.2.3, RFC 9525).

Peers are told by fingerprints and have none of this; it is for servers that are reached over DTLS.
"""

import ipaddress
from dataclasses import dataclass

from cryptography import x509

from rtcpeer.dtls.contexts import TrustStore

__all__ = ["ServerIdentity", "names_host"]


# What `cryptography` says of certificates that are none, or that OpenSSL takes and it does not.
_UNREADABLE = (
    ValueError,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """The name or numeric address that the server's certificate has to prove, and who may vouch for it."""

    host: str
    trust: TrustStore

    @property
    def server_name(self) -> bytes | None:
        """What the ClientHello asks for (RFC 6066 section 3): names alone."""
        return None if _ip_address(self.host) is not None else self.host.rstrip(".").encode()


def names_host(certificate: bytes, host: str) -> bool:
    """Whether a certificate (DER) is for that host: by its subjectAltName alone (RFC 9525 section 6)."""
    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except _UNREADABLE:
        return False
    address = _ip_address(host)
    if address is not None:
        return address in names.get_values_for_type(x509.IPAddress)
    wanted = host.rstrip(".").lower()
    return any(_matches(name.lower(), wanted) for name in names.get_values_for_type(x509.DNSName))


def _matches(name: str, wanted: str) -> bool:
    """Section 6.3: a wildcard stands for the whole of the first label, and for nothing else."""
    if name.startswith("*."):
        _, dot, rest = wanted.partition(".")
        return bool(dot) and rest == name[2:]
    return name == wanted


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
