"""Small media for tests: frames that say which they are, tracks that give them, files with them."""

import asyncio
from fractions import Fraction

import av

from rtcpeer.media.track import MediaStreamError, MediaStreamTrack

RATE = 48000
VIDEO_RATE = 25


def picture(number=0, *, width=64, height=48, pts=None, time_base=Fraction(1, 90000)):
    """A grey picture whose brightness is its number, times 8."""
    frame = av.VideoFrame(width, height, "yuv420p")
    luma, *chroma = frame.planes
    luma.update(bytes([16 + number * 8 % 216]) * luma.buffer_size)
    for plane in chroma:
        plane.update(b"\x80" * plane.buffer_size)
    frame.pts = pts
    frame.time_base = time_base
    return frame


def number_of(frame):
    """What `picture` was given, after any codec."""
    grey = frame.reformat(format="rgb24").planes[0]
    brightness = memoryview(grey)[grey.line_size * (frame.height // 2) + frame.width // 2 * 3]
    return round(brightness * 219 / 255 / 8)


def sound(samples=960, *, level=0, rate=RATE, layout="mono", pts=None):
    """Samples that are all the same."""
    frame = av.AudioFrame("s16", layout, samples)
    for plane in frame.planes:
        plane.update(level.to_bytes(2, "little", signed=True) * (plane.buffer_size // 2))
    frame.sample_rate = rate
    frame.time_base = Fraction(1, rate)
    frame.pts = pts
    return frame


def levels(frames):
    """The first channel of all frames, as numbers."""
    out = []
    for frame in frames:
        channels = frame.layout.nb_channels if frame.format.is_packed else 1
        out += memoryview(bytes(frame.planes[0])[: frame.samples * channels * 2]).cast("h")[::channels].tolist()
    return out


def tone(second, *, rate=RATE, layout="stereo"):
    """20 ms of a sawtooth, the ``second``-th such."""
    frame = av.AudioFrame("s16", layout, rate // 50)
    channels = frame.layout.nb_channels
    frame.planes[0].update(b"".join((i % 100 * 100).to_bytes(2, "little") * channels for i in range(frame.samples)))
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), second * frame.samples
    return frame


class ListTrack(MediaStreamTrack):
    """Gives these frames, each after so many seconds; then it has ended, or raises what is last in the list."""

    def __init__(self, kind, frames, interval=0.0):
        super().__init__()
        self.kind = kind
        self.frames = list(frames)
        self.interval = interval
        self.given = 0

    async def recv(self):
        if self.interval:
            await asyncio.sleep(self.interval)
        if not self.frames or self.readyState == "ended":
            self.stop()
            raise MediaStreamError
        frame = self.frames.pop(0)
        if isinstance(frame, Exception):
            raise frame
        self.given += 1
        return frame


def write_file(path, *, audio=0.0, video=0.0, audio_codec="aac", video_codec="libx264", keyframe_interval=10, **kwargs):
    """A file with so many seconds of audio (a tone) and of video (pictures that count)."""
    with av.open(str(path), "w", **kwargs) as container:
        streams = []
        if audio:
            stream = container.add_stream(audio_codec, rate=RATE, layout="stereo")
            streams.append((stream, [tone(i) for i in range(round(audio * 50))]))
        if video:
            options = {"preset": "ultrafast", "tune": "zerolatency", "threads": "1"} if video_codec == "libx264" else {}
            stream = container.add_stream(video_codec, rate=VIDEO_RATE, options=options)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.gop_size = keyframe_interval
            count = round(video * VIDEO_RATE)
            streams.append((stream, [picture(i, pts=i, time_base=Fraction(1, VIDEO_RATE)) for i in range(count)]))
        packets = [packet for stream, frames in streams for frame in [*frames, None] for packet in stream.encode(frame)]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return str(path)


async def read_all(track):
    """All frames up to the end."""
    frames = []
    try:
        while True:
            frames.append(await track.recv())
    except MediaStreamError:
        return frames
