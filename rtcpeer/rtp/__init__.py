"""RTP: packets, header extensions, RTCP, retransmission, whom packets belong to (RFC 3550, RFC 8285, RFC 9143)."""

from rtcpeer.rtp.extension_values import (
    AbsoluteCaptureTime,
    AudioLevel,
    ExtensionUri,
    PlayoutDelay,
    VideoOrientation,
    absolute_send_time,
)
from rtcpeer.rtp.extensions import ExtensionMap, HeaderExtensions
from rtcpeer.rtp.header import RtpHeader, RtpPacket, is_rtcp, parse_header, parse_packet, replace_fixed
from rtcpeer.rtp.router import (
    IncomingStream,
    ReceiveSection,
    Router,
    RouterSettings,
    RouterStatistics,
    RtcpTargets,
    UnsignalledPolicy,
)

__all__ = [
    # Packets
    "RtpHeader",
    "RtpPacket",
    "is_rtcp",
    "parse_header",
    "parse_packet",
    "replace_fixed",
    # Header extensions
    "AbsoluteCaptureTime",
    "AudioLevel",
    "ExtensionMap",
    "ExtensionUri",
    "HeaderExtensions",
    "PlayoutDelay",
    "VideoOrientation",
    "absolute_send_time",
    # Routing
    "IncomingStream",
    "ReceiveSection",
    "Router",
    "RouterSettings",
    "RouterStatistics",
    "RtcpTargets",
    "UnsignalledPolicy",
]
