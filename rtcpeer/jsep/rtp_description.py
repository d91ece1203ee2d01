"""What one side says about an m-section of audio or video, as a value (RFC 9429 section 5.2.1)."""

from dataclasses import dataclass

from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters, Kind
from rtcpeer.sdp.media import HeaderExtension
from rtcpeer.sdp.transport import Direction

__all__ = ["RtpDescription"]


@dataclass(frozen=True, slots=True)
class RtpDescription:
    """Ours or the peer's; every direction is seen from the side that says this."""

    kind: Kind
    direction: Direction = Direction.SENDRECV
    codecs: tuple[CodecParameters, ...] = ()  # in the order of the m-line
    extensions: tuple[HeaderExtension, ...] = ()
    stream_ids: tuple[str, ...] = ()  # a=msid
    track_id: str | None = None
    ssrcs: tuple[int, ...] = ()  # announced, without those of repair
    repairs: tuple[tuple[int, int], ...] = ()  # SSRC of repair and that of its media
    cname: str | None = None
    send_rids: tuple[str, ...] = ()  # simulcast
    receive_rids: tuple[str, ...] = ()
    is_rtcp_multiplexed: bool = True
    is_reduced_size: bool = True
    allows_mixed_extensions: bool = True  # a=extmap-allow-mixed (RFC 8285 section 6)
    max_bitrate: int | None = None  # bits/s
    packet_time_ms: int | None = None
    encodings: tuple[EncodingParameters, ...] = ()  # ours alone: what is sent, under which SSRCs
