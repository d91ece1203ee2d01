"""SCTP over DTLS as one sans-I/O core (RFC 9260, RFC 3758, RFC 6525, RFC 8261)."""

from rtcpeer.sctp.association import Association
from rtcpeer.sctp.settings import SctpSettings

__all__ = ["Association", "SctpSettings"]
