"""Reading files, streams and devices with FFmpeg. All of it blocks: it belongs into a thread."""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator
from enum import Enum
from fractions import Fraction
from typing import IO, Any, cast

import av
from av.stream import Disposition

from rtcpeer.media.frames import MediaFrame, Packet

__all__ = ["LIVE_FORMATS", "Ended", "MediaFile"]

logger = logging.getLogger(__name__)

# What a player gives as sound, whatever is in the file: what encoders and most programs work with.
AUDIO_RATE = 48000
AUDIO_SAMPLES = AUDIO_RATE // 50

# Demuxers of devices and of protocols that deliver at the pace of the world.
LIVE_FORMATS = frozenset({
    "alsa", "android_camera", "avfoundation", "bktr", "decklink", "dshow", "fbdev", "gdigrab", "iec61883", "jack",
    "kmsgrab", "libdc1394", "openal", "oss", "pulse", "rtp", "rtsp", "sap", "sndio", "v4l2", "vfwcap", "video4linux2",
    "x11grab", "xcbgrab",
})  # fmt: skip
LIVE_SCHEMES = ("rtmp:", "rtp:", "rtsp:", "rtsps:", "srt:", "tcp:", "udp:")

# FFmpeg's names of the codecs that WebRTC has (RFC 7742, RFC 7874 and what browsers add).
WEBRTC_CODECS = frozenset({"opus", "pcm_mulaw", "pcm_alaw", "adpcm_g722", "h264", "vp8", "vp9", "av1"})

# How much of one stream is kept while only the other is read: some seconds.
MAX_PACKETS = 500
MAX_BYTES = 16 << 20


class Ended(Enum):
    """Why there is no frame."""

    FOR_GOOD = 1
    FOR_NOW = 2  # reading on would lose what another reader has not taken yet


class MediaFile:
    """The first audio and the first video stream of a file, URL or device, as frames whose time begins at 0.

    Raises what PyAV raises where it can not be opened (`FileNotFoundError`, `av.FFmpegError`, ...), and `ValueError`
    where nothing in it can be played.
    """

    def __init__(
        self,
        file: str | IO[bytes],
        container_format: str | None = None,
        options: dict[str, str] | None = None,
        timeout: float | None = None,
        *,
        is_looping: bool = False,
        is_decoding: bool = True,
    ) -> None:
        self._container = av.open(file, mode="r", format=container_format, options=dict(options or {}), timeout=timeout)
        self.is_live = _is_live(file, container_format, self._container.format.name)
        self._is_looping = is_looping and not self.is_live
        self._feeds = {feed.kind: feed for feed in self._choose_streams(is_decoding)}
        if not self._feeds:
            self._container.close()
            usable = "neither audio nor video" if is_decoding else "no audio or video that can be sent without decoding"
            raise ValueError(f"There is {usable} in {file}")
        start = cast("int | None", self._container.start_time)
        self._origin: Fraction | None = None if start is None else Fraction(start, av.time_base)
        self._shift = Fraction(0)  # by which a repetition is later than what stands in the file
        self._end = Fraction(0)  # of all that was read, shifted
        self._packets: Iterator[Packet] | None = self._demux()
        self._must_rewind = False
        self._has_read = False  # anything since the beginning or the last repetition

    @property
    def kinds(self) -> Collection[str]:
        """``"audio"``, ``"video"`` or both."""
        return self._feeds.keys()

    @property
    def name(self) -> str:
        """The file's name or URL."""
        return str(self._container.name)

    def next_frame(self, kind: str, others: Collection[str] = ()) -> MediaFrame | Ended:
        """The next frame of one stream.

        ``others`` are kinds that are being read too, for which everything is kept. Of those that nobody reads, only the
        last few seconds are, from a keyframe on.
        """
        feed = self._feeds[kind]
        others = [other for other in others if other in self._feeds]
        while not feed.frames:
            if feed.packets:
                feed.decode_next()
            elif self._must_rewind:
                # What others have not decoded yet would be lost; it is due before what begins then.
                if any(self._feeds[other].packets for other in others):
                    return Ended.FOR_NOW
                self._rewind()
            elif self._packets is None:
                return Ended.FOR_GOOD
            elif not self.is_live and any(self._feeds[other].is_full for other in others):
                return Ended.FOR_NOW
            else:
                self._read()
        return feed.frames.popleft()

    def close(self) -> None:
        """Let go of the file or device."""
        self._packets = None
        for feed in self._feeds.values():
            feed.packets.clear()
            feed.frames.clear()
        self._container.close()

    def _choose_streams(self, is_decoding: bool) -> "Iterator[_Feed]":
        chosen: set[str] = set()
        for stream in self._container.streams:
            kind = stream.type
            if kind not in {"audio", "video"} or kind in chosen or stream.disposition & Disposition.attached_pic:
                continue
            if not is_decoding and stream.codec_context.name not in WEBRTC_CODECS:
                logger.warning(
                    "%s: %s has to be decoded to be sent, it is left out", self.name, stream.codec_context.name
                )
                continue
            chosen.add(kind)
            yield _Feed(stream, is_decoding)

    def _demux(self) -> "Iterator[Packet]":
        return self._container.demux([feed.stream for feed in self._feeds.values()])

    def _read(self) -> None:
        """One packet into the queue of its stream; at the end of the file begin again, or say so."""
        assert self._packets is not None
        try:
            packet = next(self._packets)
        except (StopIteration, av.FFmpegError) as error:
            self._come_to_the_end(error)
            return
        if packet.size == 0:  # PyAV's sign that decoders are to give what they hold
            return
        feed = self._feeds[packet.stream.type]
        time = feed.place(packet)
        if self._origin is None:
            self._origin = time
        self._has_read = True
        feed.shift(packet, self._shift - self._origin)
        self._end = max(self._end, feed.end)
        feed.add(packet)

    def _come_to_the_end(self, error: Exception) -> None:
        is_regular = isinstance(error, StopIteration | EOFError)
        if not is_regular:
            logger.warning("%s: reading failed: %s", self.name, error)
        self._packets = None
        for feed in self._feeds.values():
            feed.packets.append(None)
        self._must_rewind = is_regular and self._is_looping and self._has_read

    def _rewind(self) -> None:
        """Begin again. PyAV empties the decoders at that, so they have given what they had."""
        self._must_rewind = False
        try:
            self._container.seek(self._container.start_time or 0)
        except av.FFmpegError as error:
            logger.warning("%s can not be repeated: %s", self.name, error)
            return
        self._packets, self._has_read, self._shift = self._demux(), False, self._end
        for feed in self._feeds.values():
            feed.begin_anew()
            feed.expected = None


class _Feed:
    """One stream between demuxer and reader."""

    def __init__(self, stream: Any, is_decoding: bool) -> None:
        self.stream = stream
        self.kind: str = stream.type
        self.packets: deque[Packet | None] = deque()  # None: a break, after which the decoder begins anew
        self.frames: deque[MediaFrame] = deque()
        self.expected: int | None = None  # where the next packet should be, for those that do not say
        self.end = Fraction(0)  # of its packets so far, as shifted
        self._lacks_durations = False
        self._bytes = 0
        self._is_cut = False  # waits for a keyframe, since packets before were left out
        self._decode: Callable[[Packet | None], list[Any]]
        if is_decoding:
            stream.thread_type = "AUTO"
            self._decode = self._decode_audio if self.kind == "audio" else self._decode_video
        else:
            self._decode = self._filter_packet
            self._filter = _annex_b_filter(stream)
        self._resampler: av.AudioResampler | None = None

    @property
    def is_full(self) -> bool:
        """Whether one more packet would push out an older one."""
        return len(self.packets) >= MAX_PACKETS or self._bytes >= MAX_BYTES

    def place(self, packet: Packet) -> Fraction:
        """Give a packet without time one after the packet before, and return its time in the file."""
        if packet.pts is None:
            packet.pts = packet.dts if packet.dts is not None else (self.expected or 0)
        self.expected = packet.pts + self._duration(packet)
        return packet.pts * packet.time_base

    def shift(self, packet: Packet, by: Fraction) -> None:
        """Move a packet in time."""
        assert packet.pts is not None
        ticks = round(by / packet.time_base)
        packet.pts += ticks
        if packet.dts is not None:
            packet.dts += ticks
        self.end = max(self.end, (packet.pts + self._duration(packet)) * packet.time_base)

    def add(self, packet: Packet) -> None:
        """Queue a packet; where the queue is full, what is in it is left out up to a keyframe."""
        if self.is_full:
            self.begin_anew()
            self._is_cut = True
        if self._is_cut and not packet.is_keyframe:
            return
        self._is_cut = False
        self.packets.append(packet)
        self._bytes += packet.size

    def begin_anew(self) -> None:
        """Forget what nobody has read."""
        self.packets.clear()
        self.packets.append(None)
        self._bytes = 0
        self._is_cut = False

    def decode_next(self) -> None:
        """Turn the oldest packet into frames, maybe none. What can not be decoded is left out."""
        packet = self.packets.popleft()
        self._bytes -= packet.size if packet is not None else 0
        try:
            self.frames.extend(self._decode(packet))
        except av.FFmpegError as error:
            logger.debug("%s: a packet could not be decoded: %s", self.kind, error)
        if packet is None:
            self.stream.codec_context.flush_buffers()
            self._resampler = None

    def _duration(self, packet: Packet) -> int:
        if packet.duration:
            return packet.duration
        self._lacks_durations = True
        rate = self.stream.average_rate if self.kind == "video" else None
        return round(1 / (rate * packet.time_base)) if rate else 0

    def _decode_video(self, packet: Packet | None) -> list[av.VideoFrame]:
        frames: list[av.VideoFrame] = self.stream.codec_context.decode(packet)
        for frame in frames:
            frame.time_base = self.stream.time_base  # PyAV leaves it out in what comes at the end
        return [frame for frame in frames if frame.pts is not None]

    def _decode_audio(self, packet: Packet | None) -> list[av.AudioFrame]:
        frames: list[av.AudioFrame | None] = [*self.stream.codec_context.decode(packet)]
        if packet is None:
            frames.append(None)  # what is short of a full frame is still in the resampler
        resampled = [out for frame in frames for out in self._resample(frame)]
        if self._lacks_durations:
            return resampled
        # Some codecs fill up their last packet beyond the end, which is where a repetition begins.
        return [out for out in resampled if out.pts is not None and out.pts < self.end * AUDIO_RATE]

    def _resample(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        if self._resampler is None:
            self._resampler = av.AudioResampler("s16", "stereo", AUDIO_RATE, frame_size=AUDIO_SAMPLES)
        return self._resampler.resample(frame)

    def _filter_packet(self, packet: Packet | None) -> list[Packet]:
        if self._filter is None:
            return [] if packet is None else [packet]
        if packet is None:
            self._filter.flush()
            return []
        time_base = packet.time_base
        filtered = self._filter.filter(packet)
        for one in filtered:
            one.time_base = time_base
        return filtered


def _annex_b_filter(stream: Any) -> av.bitstream.BitStreamFilterContext | None:
    """H.264 as in MP4 has lengths before its NAL units and its parameter sets apart; RTP's packetizer wants neither."""
    if stream.codec_context.name == "h264" and (stream.codec_context.extradata or b"")[:1] == b"\x01":
        return av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
    return None


def _is_live(file: object, container_format: str | None, found: str) -> bool:
    formats = {container_format or "", *found.split(",")}
    return bool(formats & LIVE_FORMATS) or (isinstance(file, str) and file.lower().startswith(LIVE_SCHEMES))
