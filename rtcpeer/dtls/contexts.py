"""What OpenSSL is told before a handshake: how peers are met, and how servers are."""

from typing import Final

from OpenSSL import SSL

from rtcpeer.dtls.alerts import Alert
from rtcpeer.dtls.certificate import Certificate
from rtcpeer.dtls.records import DTLS_1_2
from rtcpeer.dtls.settings import CIPHER_SUITES, DtlsSettings

__all__ = ["HandshakeLog", "TrustStore", "peer_context"]

OPTIONS: Final = (
    SSL.OP_NO_QUERY_MTU  # a memory BIO has no path to ask
    | SSL.OP_NO_TICKET  # a WebRTC connection is never resumed
    | SSL.OP_NO_RENEGOTIATION  # RFC 8827 section 6.5 has no use for it
    | SSL.OP_NO_COMPRESSION
    | SSL.OP_CIPHER_SERVER_PREFERENCE
)

# OpenSSL's x509_vfy.h; any other error is told by its number.
CHAIN_PROBLEMS: Final = {
    7: "its signature is wrong",
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "its chain ends at somebody who is not trusted",
    20: "it was issued by somebody who is not trusted",
    21: "it was issued by somebody who is not trusted",
    26: "it is not for servers",
}


class HandshakeLog:
    """What OpenSSL's callbacks tell of one connection, as whose ``app_data`` they find it."""

    def __init__(self) -> None:
        self.sent: Alert | None = None  # the last alert each way
        self.received: Alert | None = None
        self.chain_problem: str | None = None  # what is wrong with a server's certificate


class TrustStore:
    """Whose signature makes a server's certificate believable; shared by any number of connections."""

    def __init__(self, ca_file: str | None = None) -> None:
        """Read the certificates of a PEM file, or those that the system trusts: nothing else here reads files.

        Raises `OSError` when there is no such file, or no certificate in it.
        """
        self.context = _context(CIPHER_SUITES)
        try:
            if ca_file is None:
                self.context.set_default_verify_paths()
            else:
                self.context.load_verify_locations(ca_file)
        except SSL.Error as error:
            raise OSError(f"no certificates can be read from {ca_file}") from error
        self.context.set_verify(SSL.VERIFY_PEER, _note_chain)


def peer_context(certificate: Certificate, settings: DtlsSettings) -> SSL.Context:
    """For a peer, who is known by a fingerprint and knows us by one."""
    context = _context(settings.cipher_suites)
    # RFC 8827 section 6.5: both sides must show a certificate.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _accept_any)
    if settings.srtp_profiles:
        context.set_tlsext_use_srtp(":".join(settings.srtp_profiles).encode())
    context.use_certificate(certificate.x509)
    context.use_privatekey(certificate.private_key)
    return context


def _context(cipher_suites: tuple[str, ...]) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_min_proto_version(DTLS_1_2)
    context.set_max_proto_version(DTLS_1_2)
    context.set_options(OPTIONS)
    context.set_info_callback(_note_alert)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(":".join(cipher_suites).encode())
    return context


# Functions, not methods of the connection's owner: the context would keep it alive in a cycle.
def _note_alert(connection: SSL.Connection, where: int, value: int) -> None:
    """Take OpenSSL's report: level << 8 | description."""
    log = connection.get_app_data()
    if where & SSL.SSL_CB_ALERT and isinstance(log, HandshakeLog):
        alert = Alert(value >> 8, value & 0xFF)
        if where & SSL.SSL_CB_READ:
            log.received = alert
        else:
            log.sent = alert


def _note_chain(connection: SSL.Connection, _certificate: object, error: int, _depth: int, is_fine: int) -> bool:
    """Keep the reason why OpenSSL does not believe a chain, which ends the handshake."""
    log = connection.get_app_data()
    if not is_fine and isinstance(log, HandshakeLog) and log.chain_problem is None:
        log.chain_problem = CHAIN_PROBLEMS.get(error, f"OpenSSL's error {error}")
    return bool(is_fine)


def _accept_any(_connection: SSL.Connection, _certificate: object, _error: int, _depth: int, _ok: int) -> bool:
    """Let self-signed certificates pass: the fingerprint decides, before anything is sent or accepted."""
    return True
