"""Writing files with FFmpeg. All of it blocks: it belongs into a thread."""

from collections import deque
from fractions import Fraction
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import IO, Any, Protocol

import av
from av.audio.fifo import AudioFifo

from rtcpeer.media.frame_making import copy_of, silence
from rtcpeer.media.frames import Packet, RawFrame

__all__ = ["Recording", "RecordingInput"]

# Audio and video codec of a container; of others, what FFmpeg thinks best. A player anywhere can play these.
CODECS: dict[str, tuple[str | None, str | None]] = {
    "mp4": ("aac", "libx264"),
    "mov": ("aac", "libx264"),
    "hls": ("aac", "libx264"),
    "mpegts": ("aac", "libx264"),
    "flv": ("aac", "libx264"),
    "matroska": ("libopus", "libx264"),
    "webm": ("libopus", "libvpx"),
    "ogg": ("libopus", None),
    "opus": ("libopus", None),
    "wav": ("pcm_s16le", None),
    "mp3": ("libmp3lame", None),
    "flac": ("flac", None),
    "image2": (None, "png"),
}
PICTURE_CODECS = {".jpg": "mjpeg", ".jpeg": "mjpeg", ".bmp": "bmp", ".webp": "libwebp"}  # of image sequences

# Encoding has to keep up with what comes; what an encoder does not know it ignores.
ENCODER_OPTIONS: dict[str, dict[str, str]] = {
    # Pictures in their order can be sent again as they are; a keyframe every 60 is where HLS can cut.
    "libx264": {"preset": "veryfast", "crf": "23", "bf": "0", "g": "60"},
    "libvpx": {"deadline": "realtime", "cpu-used": "5", "crf": "20"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "6", "crf": "32"},
}
LIBVPX_BITRATE = 2_000_000  # at most: libvpx takes its quality (crf) only below a bitrate

VIDEO_TIME_BASE = Fraction(1, 60000)  # divides by the usual frame rates and by milliseconds, and MPEG-4 could hold it
DEFAULT_RATE = 48000
DEFAULT_SIZE = (640, 480)
MAX_WAIT = 10.0  # seconds of media after which a track without frames is written as if it had some, of default format
GAP = 0.08  # seconds by which audio may be early or late without being mended


class RecordingInput(Protocol):
    """One track's way into the file."""

    @property
    def is_open(self) -> bool:
        """Whether its format is known."""
        ...

    def open(self, frame: Any) -> None:
        """Fix the format by the first frame; None: a default."""

    def encode(self, frame: Any, time: float) -> list[Packet]:
        """Encode a frame that belongs ``time`` seconds after the beginning."""

    def flush(self) -> list[Packet]:
        """What the encoder still holds."""


class Recording:
    """A file that is being written.

    Its header names the format of every track, so encoded packets are held until each has had its first frame, ended,
    or kept the others waiting for too long.
    """

    def __init__(
        self, file: str | PathLike[str] | IO[bytes], container_format: str | None, options: dict[str, str]
    ) -> None:
        self._name = fspath(file) if isinstance(file, PathLike) else file
        _require_folder(self._name)
        self._container = av.open(self._name, "w", format=container_format, options=options)
        self._inputs: list[RecordingInput] = []
        self._held: deque[Packet] | None = deque()  # until the header is written

    @property
    def takes_tracks(self) -> bool:
        """Whether the header is still to be written."""
        return self._held is not None

    def add_input(self, kind: str) -> RecordingInput:
        """A track of this kind; raises `ValueError` where the container has no place for it."""
        codec = self._codec(kind)
        entry: RecordingInput = (
            AudioInput(self._container, codec) if kind == "audio" else VideoInput(self._container, codec)
        )
        self._inputs.append(entry)
        return entry

    def write(self, entry: RecordingInput, frame: RawFrame, time: float) -> None:
        """Encode and write a frame that belongs ``time`` seconds after the beginning."""
        if not entry.is_open:
            entry.open(frame)
        self._write(entry.encode(frame, time), must_begin=time > MAX_WAIT)

    def leave(self, entry: RecordingInput) -> None:
        """The track is over; when it has had no frame, it is not in the file."""
        if not entry.is_open and self.takes_tracks:
            self._inputs.remove(entry)
            self._write([], must_begin=False)

    def finish(self) -> None:
        """Write what is left and close the file. Without a single frame there is none."""
        self._inputs = [entry for entry in self._inputs if entry.is_open]
        try:
            for entry in self._inputs:
                self._write(entry.flush(), must_begin=True)
        finally:
            self._container.close()

    def abort(self) -> None:
        """Close the file after an error, whatever is in it."""
        self._container.close()

    def _write(self, packets: list[Packet], *, must_begin: bool) -> None:
        if self._held is not None:
            self._held.extend(packets)
            if not self._held or not (must_begin or all(entry.is_open for entry in self._inputs)):
                return
            for entry in self._inputs:
                if not entry.is_open:
                    entry.open(None)
            packets = sorted(self._held, key=_decoding_time)
            self._held = None
        for packet in packets:
            self._container.mux(packet)

    def _codec(self, kind: str) -> str:
        container = self._container.format.name
        defaults = (self._container.default_audio_codec, self._container.default_video_codec)
        codec = CODECS.get(container, defaults)[kind == "video"]
        if container == "image2" and kind == "video":
            codec = PICTURE_CODECS.get(PurePath(str(self._name)).suffix.lower(), codec)
        if codec is None or codec == "none":
            raise ValueError(f'A file of the format "{container}" can not hold {kind}')
        return codec


class AudioInput:
    """Audio: resampled to what the encoder takes, without gaps, since not every container can say that there are."""

    def __init__(self, container: Any, codec: str) -> None:
        self._container = container
        self._codec = codec
        self._stream: Any = None
        self._resampler: av.AudioResampler | None = None
        self._resampled_from: tuple[str, str, int] | None = None
        self._fifo = AudioFifo()
        self._written = 0  # samples into the queue
        self._encoded = 0  # samples out of it

    @property
    def is_open(self) -> bool:
        """Whether there is an encoder."""
        return self._stream is not None

    def open(self, frame: av.AudioFrame | None) -> None:
        """Make the encoder: the frame's rate if it can, mono or stereo."""
        codec = av.codec.Codec(self._codec, "w")
        rate = DEFAULT_RATE if frame is None else frame.sample_rate
        if codec.audio_rates and rate not in codec.audio_rates:
            rate = DEFAULT_RATE if DEFAULT_RATE in codec.audio_rates else max(codec.audio_rates)
        if self._codec == "libopus":
            rate = DEFAULT_RATE  # what every decoder of Opus gives
        self._stream = self._container.add_stream(self._codec, rate=rate)
        context = self._stream.codec_context
        context.layout = "mono" if frame is not None and frame.layout.nb_channels == 1 else "stereo"
        if codec.audio_formats:
            context.format = codec.audio_formats[0]
        context.time_base = Fraction(1, rate)
        context.open()

    def encode(self, frame: av.AudioFrame, time: float) -> list[Packet]:
        """Put it where it belongs: after silence where there is a gap, not at all where there already is sound."""
        context = self._stream.codec_context
        gap = round(time * context.sample_rate) - self._written
        if gap < -GAP * context.sample_rate:
            return []
        packets: list[Packet] = []
        if gap > GAP * context.sample_rate:
            packets += self._fill(gap)
        for resampled in self._resample(frame):
            packets += self._push(resampled)
        return packets

    def flush(self) -> list[Packet]:
        """The last samples, and what the encoder holds."""
        packets = [packet for frame in self._resample(None) for packet in self._push(frame)]
        rest = self._fifo.read(0, partial=True) if self._fifo.samples else None
        if rest is not None:
            packets += self._encode(rest)
        return packets + list(self._stream.encode(None))

    def _fill(self, samples: int) -> list[Packet]:
        context = self._stream.codec_context
        packets: list[Packet] = []
        while samples > 0:  # by seconds: a gap may be long
            part = min(samples, context.sample_rate)
            packets += self._push(silence(part, context.sample_rate, context.layout, context.format))
            samples -= part
        return packets

    def _resample(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        context = self._stream.codec_context
        if frame is not None:
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            if self._resampler is None or shape != self._resampled_from:
                self._resampler = av.AudioResampler(context.format, context.layout, context.sample_rate)
                self._resampled_from = shape
        return [] if self._resampler is None else self._resampler.resample(frame)

    def _push(self, frame: av.AudioFrame) -> list[Packet]:
        frame.pts = None  # the queue counts by itself
        self._fifo.write(frame)
        self._written += frame.samples
        size = self._stream.codec_context.frame_size or 1024
        return [packet for full in self._fifo.read_many(size) for packet in self._encode(full)]

    def _encode(self, frame: av.AudioFrame) -> list[Packet]:
        context = self._stream.codec_context
        frame.pts = self._encoded
        frame.time_base = Fraction(1, context.sample_rate)
        frame.sample_rate = context.sample_rate
        self._encoded += frame.samples
        return list(self._stream.encode(frame))


class VideoInput:
    """Video: pictures of the first one's size, at their times."""

    def __init__(self, container: Any, codec: str) -> None:
        self._container = container
        self._codec = codec
        self._stream: Any = None
        self._last = -1

    @property
    def is_open(self) -> bool:
        """Whether there is an encoder."""
        return self._stream is not None

    def open(self, frame: av.VideoFrame | None) -> None:
        """Make the encoder for pictures of this size."""
        width, height = DEFAULT_SIZE if frame is None else (frame.width, frame.height)
        self._stream = self._container.add_stream(self._codec, rate=30, options=ENCODER_OPTIONS.get(self._codec, {}))
        context = self._stream.codec_context
        context.pix_fmt = _pixel_format(self._codec)
        if context.pix_fmt == "yuv420p":  # colours are there for two pixels by two
            width, height = max(width & ~1, 2), max(height & ~1, 2)
        context.width, context.height = width, height
        context.time_base = VIDEO_TIME_BASE
        if self._codec.startswith("libvpx"):
            context.bit_rate = LIBVPX_BITRATE

    def encode(self, frame: av.VideoFrame, time: float) -> list[Packet]:
        """One of the same time as the last is left out."""
        pts = round(time / VIDEO_TIME_BASE)
        if pts <= self._last:
            return []
        self._last = pts
        context = self._stream.codec_context
        # A copy in any case: the frame is the track's, and others may read it.
        picture = frame.reformat(context.width, context.height, context.pix_fmt)
        if picture is frame:
            picture = copy_of(frame)
        picture.pts = pts
        picture.time_base = VIDEO_TIME_BASE
        picture.pict_type = av.video.frame.PictureType.NONE
        return list(self._stream.encode(picture))

    def flush(self) -> list[Packet]:
        """What the encoder holds."""
        return list(self._stream.encode(None))


def _require_folder(name: object) -> None:
    """FFmpeg opens the file with the first packet; a folder that is missing can be told at once."""
    if isinstance(name, str) and "://" not in name:
        folder = Path(name).parent
        if not folder.is_dir():
            raise FileNotFoundError(f"There is no folder {folder} to record {name} to")


def _pixel_format(codec: str) -> str:
    formats = [each.name for each in av.codec.Codec(codec, "w").video_formats or ()]
    if codec == "mjpeg":
        return "yuvj420p"  # it lists others and refuses them
    return next((name for name in ("yuv420p", "rgb24") if name in formats), formats[0])


def _decoding_time(packet: Packet) -> Fraction:
    return (packet.dts or 0) * packet.time_base
