"""Encoded frames to pictures."""

import time
from fractions import Fraction

import av

from rtcpeer.media.codec_contract import CodecError, DecoderStatistics, RawFrame
from rtcpeer.media.frame_rate import FrameRate
from rtcpeer.media.orientation import PictureTurner
from rtcpeer.media.video_implementations import available_cores
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["VideoDecoder"]

# FFmpeg's decoders, the best first. Its own one for VP8 needs less time than libvpx's.
_DECODERS = {"vp8": ("vp8", "libvpx"), "vp9": ("vp9", "libvpx-vp9"), "h264": ("h264",), "av1": ("libdav1d", "av1")}
# Each picture at once, instead of some in parallel, or after those that might still have to be shown before it.
_OPTIONS = {"libdav1d": {"max_frame_delay": "1"}, "h264": {"flags": "low_delay"}}
_MAX_PIXELS = 8192 * 4352  # of a picture: a few bytes can claim a size that takes hundreds of megabytes


class VideoDecoder:
    """Decodes one stream. After a loss or a failure it drops everything up to the next keyframe."""

    def __init__(self, codec: CodecParameters) -> None:
        self._codec = codec
        self._name, self._context = _open(codec)
        self._time_base = Fraction(1, codec.clock_rate)
        self._turner = PictureTurner()
        self.needs_keyframe = True
        self._decoded = self._key_frames = self._dropped = self._failed = 0
        self._decode_time = 0.0
        self._size: tuple[int, int] | None = None
        self._rate = FrameRate()

    def decode(self, frame: EncodedFrame) -> list[RawFrame]:
        """See `Decoder.decode`; pts is the frame's timestamp."""
        if frame.lost_before and not frame.is_keyframe:
            self.needs_keyframe = True
        if self.needs_keyframe and not frame.is_keyframe:
            self._dropped += 1
            return []
        started = time.perf_counter()
        pictures = self._decode(frame)
        self._decode_time += time.perf_counter() - started
        return pictures

    def statistics(self) -> DecoderStatistics:
        """A snapshot."""
        width, height = self._size or (None, None)
        return DecoderStatistics(
            decoder_implementation=self._name,
            power_efficient_decoder=False,
            frames_decoded=self._decoded,
            key_frames_decoded=self._key_frames,
            frames_dropped=self._dropped,
            frames_failed=self._failed,
            total_decode_time=self._decode_time,
            frame_width=width,
            frame_height=height,
            frames_per_second=self._rate.frames_per_second(),
        )

    def close(self) -> None:
        """Free the decoder; what comes later is dropped."""
        self._context = None
        self.needs_keyframe = True

    def _decode(self, frame: EncodedFrame) -> list[RawFrame]:
        packet = av.Packet(frame.data)
        packet.pts = packet.dts = frame.timestamp
        packet.time_base = self._time_base
        pictures: list[av.VideoFrame] = []
        if self._context is None or not frame.data:
            self._fail()
            return []
        try:
            pictures = self._context.decode(packet)
        except (av.FFmpegError, ValueError):
            self._fail()
            return []
        if any(picture.is_corrupt for picture in pictures):
            self._fail()
            return []
        self.needs_keyframe = False
        self._decoded += len(pictures)
        self._key_frames += frame.is_keyframe
        for picture in pictures:
            picture.time_base = self._time_base
            self._size = (picture.width, picture.height)
            self._rate.note()
        degrees = frame.orientation.rotation if frame.orientation else 0
        return [self._turner.turned(picture, degrees) for picture in pictures]

    def _fail(self) -> None:
        """Begin afresh: what the decoder remembers may be what it fails at."""
        self._failed += 1
        self.needs_keyframe = True
        if self._context is not None:
            self._context = None
            self._name, self._context = _open(self._codec)


def _open(codec: CodecParameters) -> tuple[str, av.VideoCodecContext | None]:
    for name in _DECODERS.get(codec.name.lower(), ()):
        try:
            context = av.CodecContext.create(name, "r")
        except ValueError:  # not in this FFmpeg
            continue
        assert isinstance(context, av.VideoCodecContext)
        # Threads of FFmpeg's decoders work on pictures in parallel, each thread a picture of delay.
        context.thread_count = 2 if name == "libdav1d" and available_cores() >= 4 else 1
        context.options = {"max_pixels": str(_MAX_PIXELS)} | _OPTIONS.get(name, {})
        return name, context
    raise CodecError(f"no decoder for {codec.mime_type}")
