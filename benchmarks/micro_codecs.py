"""What codecs cost, beside aiortc's: the same pictures and the same sound at the same bitrate, in one process.

Run: ``python -m benchmarks.micro_codecs``. Milliseconds of processor time are for a picture of 640x480, or for 20 ms
of sound; PSNR compares what is decoded with what was encoded.
"""

import asyncio
import math
import time
from array import array
from collections.abc import Callable
from fractions import Fraction

import av
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder, vp8_depayload
from aiortc.jitterbuffer import JitterFrame
from av.filter import Graph

from rtcpeer.media.codecs import create_decoder, create_encoder
from rtcpeer.media.sending import TrackEncoder
from rtcpeer.media.settings import CodecSettings
from rtcpeer.media.track import MediaStreamError, MediaStreamTrack
from rtcpeer.rtp.parameters import CodecParameters

WIDTH, HEIGHT, COUNT, ROUNDS = 640, 480, 150, 5
BITRATES = {"testsrc2": 500_000, "mandelbrot with noise": 1_000_000}
SOURCES = {
    "testsrc2": ("testsrc2", f"size={WIDTH}x{HEIGHT}:rate=30", None),
    "mandelbrot with noise": ("mandelbrot", f"size={WIDTH}x{HEIGHT}:rate=30:end_pts=400", "alls=3:allf=t"),
}
VP8 = CodecParameters("video", "VP8", 96, 90000)
OPUS = CodecParameters("audio", "opus", 111, 48000, 2, (("stereo", "1"),))
OPUS_BITRATE = 96_000  # aiortc's


def pictures(name: str) -> list[av.VideoFrame]:
    source, arguments, noise = SOURCES[name]
    graph = Graph()
    nodes = [graph.add(source, arguments), graph.add("format", "pix_fmts=yuv420p")]
    if noise:
        nodes.append(graph.add("noise", noise))
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    found = [graph.vpull() for _ in range(COUNT)]
    for index, picture in enumerate(found):
        picture.pts, picture.time_base, picture.pict_type = index * 3000, Fraction(1, 90000), 0
    return found


def sound() -> list[av.AudioFrame]:
    frames = []
    for index in range(COUNT):
        frame = av.AudioFrame("s16", "stereo", 960)
        times = (position / 48000 for position in range(index * 960, index * 960 + 960))
        values = [round(6000 * (math.sin(2500 * t) + math.sin(911 * t * t))) for t in times]
        frame.planes[0].update(array("h", [value for value in values for _ in range(2)]).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = 48000, index * 960, Fraction(1, 48000)
        frames.append(frame)
    return frames


def psnr(one: list[av.VideoFrame], other: list[av.VideoFrame]) -> float:
    """Of every tenth picture's luma, each eighth line."""
    error = count = 0
    for a, b in list(zip(one, other, strict=True))[::10]:
        x, y = memoryview(a.planes[0]), memoryview(b.planes[0])
        for line in range(0, HEIGHT, 8):
            begin, end = line * a.planes[0].line_size, line * b.planes[0].line_size
            error += sum((p - q) ** 2 for p, q in zip(x[begin : begin + WIDTH], y[end : end + WIDTH], strict=True))
            count += WIDTH
    return 10 * math.log10(255**2 * count / max(error, 1))


def timed(work: Callable[[], list]) -> tuple[float, list]:
    began = time.process_time()
    made = work()
    return (time.process_time() - began) / COUNT * 1e3, made


def aiortc_vp8(frames: list[av.VideoFrame], bitrate: int) -> tuple[float, float, int, list]:
    encoder, decoder = Vp8Encoder(), Vp8Decoder()
    encoder.target_bitrate = bitrate
    encoding, packets = timed(lambda: [encoder.encode(frame)[0] for frame in frames])
    data = [b"".join(map(vp8_depayload, payloads)) for payloads in packets]
    jitter = [JitterFrame(data=one, timestamp=index * 3000) for index, one in enumerate(data)]
    decoding, decoded = timed(lambda: [picture for one in jitter for picture in decoder.decode(one)])
    return encoding, decoding, sum(map(len, data)), decoded


def aiortc_opus(frames: list[av.AudioFrame], _: int) -> tuple[float, float, int, list]:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    encoding, data = timed(lambda: [payload for frame in frames for payload in encoder.encode(frame)[0]])
    jitter = [JitterFrame(data=one, timestamp=index * 960) for index, one in enumerate(data)]
    decoding, decoded = timed(lambda: [piece for one in jitter for piece in decoder.decode(one)])
    return encoding, decoding, sum(map(len, data)), decoded


def ours(frames: list, bitrate: int) -> tuple[float, float, int, list]:
    codec = VP8 if isinstance(frames[0], av.VideoFrame) else OPUS
    settings = CodecSettings(opus_bitrate=OPUS_BITRATE // 2)
    encoder, decoder = create_encoder(codec, settings, bitrate=bitrate), create_decoder(codec)
    ticks = codec.clock_rate // 50 if codec is OPUS else codec.clock_rate // 30  # aiortc's encoder overwrites pts
    encoding, encoded = timed(
        lambda: [one for index, frame in enumerate(frames) for one in encoder.encode(frame, index * ticks)]
    )
    decoding, decoded = timed(lambda: [piece for one in encoded for piece in decoder.decode(one)])
    return encoding, decoding, sum(len(one.data) for one in encoded), decoded


class Frames(MediaStreamTrack):
    def __init__(self, frames: list) -> None:
        super().__init__()
        self.kind = "video" if isinstance(frames[0], av.VideoFrame) else "audio"
        self._frames = iter(enumerate(frames))

    async def recv(self) -> object:
        await asyncio.sleep(0.005)  # so that none is dropped, and the thread wakes up for each
        for index, frame in self._frames:
            frame.pts, frame.time_base = index, Fraction(1, 30 if self.kind == "video" else 50)
            return frame
        raise MediaStreamError


def aiortc_through_a_thread(frames: list, bitrate: int) -> float:
    """Its encoder as its sender calls it."""

    async def run() -> list:
        encoder = Vp8Encoder() if isinstance(frames[0], av.VideoFrame) else OpusEncoder()
        if isinstance(encoder, Vp8Encoder):
            encoder.target_bitrate = bitrate
        track, loop = Frames(frames), asyncio.get_running_loop()
        return [await loop.run_in_executor(None, encoder.encode, await track.recv()) for _ in frames]

    return timed(lambda: asyncio.run(run()))[0]


def through_a_thread(frames: list, bitrate: int) -> float:
    """Milliseconds a frame for all from the track to the sender."""

    async def run() -> list:
        codec = VP8 if isinstance(frames[0], av.VideoFrame) else OPUS
        settings = CodecSettings(opus_bitrate=OPUS_BITRATE // 2, max_queued_pictures=COUNT)
        ended, encoded = asyncio.Event(), []
        encoder = TrackEncoder(Frames(frames), codec, encoded.append, on_end=lambda _: ended.set(), settings=settings)
        encoder.set_bitrate(bitrate)
        encoder.start()
        await ended.wait()
        await encoder.close()
        assert len(encoded) == COUNT
        return encoded

    return timed(lambda: asyncio.run(run()))[0]


def row(name: str, measure: Callable[[list, int], tuple[float, float, int, list]], frames: list, bitrate: int) -> None:
    rounds = [measure(frames, bitrate) for _ in range(ROUNDS)]
    seconds = COUNT * (1 / 30 if isinstance(frames[0], av.VideoFrame) else 0.02)
    _, _, size, decoded = rounds[0]
    quality = f"{psnr(frames, decoded):8.1f}" if isinstance(frames[0], av.VideoFrame) else f"{'':8}"
    encoding, decoding = (min(one[index] for one in rounds) for index in (0, 1))
    print(f"{name:<46}{encoding:8.3f}{decoding:8.3f}{size * 8 / seconds / 1e3:8.0f}{quality}")


def main() -> None:
    print(f"{'':<46}{'encode':>8}{'decode':>8}{'kbit/s':>8}{'PSNR':>8}")
    inputs = [(f"VP8, {name}", aiortc_vp8, pictures(name), bitrate) for name, bitrate in BITRATES.items()]
    for name, theirs, frames, bitrate in [*inputs, ("Opus, stereo", aiortc_opus, sound(), OPUS_BITRATE)]:
        row(f"{name}: aiortc", theirs, frames, bitrate)
        row(f"{name}: rtcpeer", ours, frames, bitrate)
        for who, measure in (("aiortc", aiortc_through_a_thread), ("rtcpeer", through_a_thread)):
            whole = min(measure(frames, bitrate) for _ in range(ROUNDS))
            print(f"{f'{name}: {who}, in a thread':<46}{whole:8.3f}")


if __name__ == "__main__":
    main()
