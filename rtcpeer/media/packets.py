"""Packets of a demuxer as encoded frames, so that a file is sent without being encoded again."""

import time

import av
from av.bitstream import BitStreamFilterContext

from rtcpeer.media.codec_contract import CodecError, MediaPacket
from rtcpeer.media.rtp_clock import RtpClock
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["PacketReader"]

# FFmpeg's names where they are not ours
_NAMES = {"pcm_mulaw": "pcmu", "pcm_alaw": "pcma", "adpcm_g722": "g722"}
_REORDERED_BY = 1.0  # seconds that a B picture may be shown before one that is decoded earlier
_AVCC = 1  # what the configuration of H.264 in MP4 begins with: its pictures have lengths instead of start codes


class PacketReader:
    """Reads the packets of one stream of a container."""

    def __init__(self) -> None:
        self._filter: BitStreamFilterContext | None = None
        self._stream: av.stream.Stream | None = None

    def read(self, packet: MediaPacket, codec: CodecParameters, clock: RtpClock) -> list[EncodedFrame]:
        """The frames in a packet; `CodecError` where it is of another codec than the one agreed on."""
        name = _codec_name(packet)
        if name != codec.name.lower():
            raise CodecError(f"the track gives packets of {name}, and {codec.mime_type} was agreed")
        if not packet.size:  # the demuxer's end
            return []
        return [self._frame(each, codec, clock) for each in self._converted(packet)]

    def _converted(self, packet: MediaPacket) -> list[MediaPacket]:
        if packet.stream is not self._stream:
            self._stream = packet.stream
            extradata = packet.stream.codec_context.extradata
            is_avcc = _codec_name(packet) == "h264" and bool(extradata) and extradata[0] == _AVCC
            self._filter = BitStreamFilterContext("h264_mp4toannexb", packet.stream) if is_avcc else None
        return [packet] if self._filter is None else self._filter.filter(packet)

    @staticmethod
    def _frame(packet: MediaPacket, codec: CodecParameters, clock: RtpClock) -> EncodedFrame:
        timestamp = clock.timestamp(packet.pts, packet.time_base, time.monotonic(), reordered_by=_REORDERED_BY)
        return EncodedFrame(bytes(packet), timestamp, codec.kind == "audio" or packet.is_keyframe, codec)


def _codec_name(packet: MediaPacket) -> str:
    """As it is registered for RTP, in lower case."""
    if packet.stream is None:
        raise CodecError("a packet without a stream tells no codec; EncodedFrame does")
    name: str = packet.stream.codec_context.codec.canonical_name
    return _NAMES.get(name, name)
