"""What tests of media's parts share: sending streams, and an SRTP session that protects nothing."""

import random

from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.outbound_stream import OutboundStream
from rtcpeer.rtp.parameters import EncodingParameters, SendParameters
from rtcpeer.rtp.settings import MediaSettings
from tests.sim.media import vp8

IDS = ((ExtensionUri.MID, 1), (ExtensionUri.TRANSPORT_WIDE_CC, 4))
WALL = 1_790_000_000.0


class PlainSession:
    """In place of `SrtpSession`: what leaves can be read."""

    def protect_rtp(self, packet):
        return packet

    def protect_rtcp(self, packet):
        return packet


def video_stream(ssrc=10, ids=IDS, requests=None):
    stream = OutboundStream(
        "video",
        EncodingParameters(ssrc, ssrc + 1),
        MediaSettings(),
        random.Random(ssrc).randbytes,
        (requests if requests is not None else []).append,
    )
    stream.configure_extensions(SendParameters("0", vp8(), ids, (EncodingParameters(ssrc, ssrc + 1),), "us"))
    return stream


def packets_of(stream, now, size=500, timestamp=0):
    codec = vp8()[0]
    return stream.packetize(EncodedFrame(bytes(size), timestamp, True, codec), codec, now, WALL)
