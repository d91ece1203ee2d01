"""Alerts: two bytes that say why a connection ends (RFC 5246 section 7.2)."""

from enum import IntEnum
from typing import NamedTuple

__all__ = ["Alert", "AlertDescription", "AlertLevel", "CLOSE_NOTIFY", "parse_alert"]


class AlertLevel(IntEnum):
    """RFC 5246 section 7.2."""

    WARNING = 1
    FATAL = 2


class AlertDescription(IntEnum):
    """The TLS alert registry, as far as DTLS 1.2 uses it."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    BAD_RECORD_MAC = 20
    DECRYPTION_FAILED = 21
    RECORD_OVERFLOW = 22
    DECOMPRESSION_FAILURE = 30
    HANDSHAKE_FAILURE = 40
    NO_CERTIFICATE = 41
    BAD_CERTIFICATE = 42
    UNSUPPORTED_CERTIFICATE = 43
    CERTIFICATE_REVOKED = 44
    CERTIFICATE_EXPIRED = 45
    CERTIFICATE_UNKNOWN = 46
    ILLEGAL_PARAMETER = 47
    UNKNOWN_CA = 48
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    DECRYPT_ERROR = 51
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    INAPPROPRIATE_FALLBACK = 86
    USER_CANCELED = 90
    NO_RENEGOTIATION = 100
    MISSING_EXTENSION = 109
    UNSUPPORTED_EXTENSION = 110
    UNRECOGNIZED_NAME = 112
    CERTIFICATE_REQUIRED = 116
    NO_APPLICATION_PROTOCOL = 120


class Alert(NamedTuple):
    """One alert; the numbers are kept as they came, since a peer may use some that are not in the registry."""

    level: int
    description: int

    @property
    def is_fatal(self) -> bool:
        """Whether the connection is over; an unknown level is taken for fatal."""
        return self.level != AlertLevel.WARNING

    @property
    def is_close(self) -> bool:
        """Whether it is close_notify, at whatever level."""
        return self.description == AlertDescription.CLOSE_NOTIFY

    @property
    def name(self) -> str:
        """The description as RFC 5246 writes it, such as ``bad_certificate``."""
        try:
            return AlertDescription(self.description).name.lower()
        except ValueError:
            return f"alert_{self.description}"

    def __str__(self) -> str:
        return f"{self.name} ({'fatal' if self.is_fatal else 'warning'})"


CLOSE_NOTIFY = Alert(AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY)


def parse_alert(body: bytes) -> Alert | None:
    """The alert of a record's plaintext; None when it is not one."""
    if len(body) != 2 or body[0] not in {1, 2}:
        return None
    return Alert(body[0], body[1])
