"""SRTP: one session per transport, under the keys that DTLS has exported (RFC 3711, RFC 5764, RFC 7714)."""

from rtcpeer.srtp.session import (
    MAX_PACKET,
    MAX_PLAIN_RTCP,
    MAX_PLAIN_RTP,
    DropReason,
    SrtpProfile,
    SrtpSession,
    SrtpStatistics,
)
from rtcpeer.srtp.settings import SrtpSettings

__all__ = [
    "MAX_PACKET",
    "MAX_PLAIN_RTCP",
    "MAX_PLAIN_RTP",
    "DropReason",
    "SrtpProfile",
    "SrtpSession",
    "SrtpSettings",
    "SrtpStatistics",
]
