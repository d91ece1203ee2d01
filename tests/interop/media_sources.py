"""Pictures that carry their number through a codec, and tones that can be told by their frequency."""

import asyncio
import math
from array import array
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av

from rtcpeer import AudioStreamTrack, MediaStreamError, MediaStreamTrack, VideoStreamTrack

WIDTH, HEIGHT = 320, 240
COLUMNS, ROWS = 8, 2  # the number's bits, in the lower half
RATE = 48000


class NumberedVideo(VideoStreamTrack):
    """30 pictures a second: a plain colour above, and below the picture's number in black and white blocks."""

    def __init__(self, *, blue: int = 128, red: int = 128, width: int = WIDTH, height: int = HEIGHT) -> None:
        super().__init__()
        self._blue, self._red = blue, red
        self._size = (width, height)
        self.count = 0

    async def recv(self) -> Any:
        pts, time_base = await self.next_timestamp()
        frame = numbered_picture(self.count, self._blue, self._red, *self._size)
        frame.pts, frame.time_base = pts, time_base
        self.count += 1
        return frame


def numbered_picture(number: int, blue: int, red: int, width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    luma, *chroma = frame.planes
    stride, block_width, block_height = luma.line_size, width // COLUMNS, height // 2 // ROWS
    rows = [bytes([120]) * stride] * (height // 2)
    for row in range(ROWS):
        bits = [number >> (row * COLUMNS + column) & 1 for column in range(COLUMNS)]
        line = b"".join(bytes([235 if bit else 16]) * block_width for bit in bits).ljust(stride, b"\x10")
        rows += [line] * block_height
    luma.update(b"".join(rows).ljust(luma.buffer_size, b"\x10"))
    for plane, value in zip(chroma, (blue, red), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return frame


def number_in(frame: av.VideoFrame) -> int:
    """The number of a decoded picture, of any size."""
    frame = frame.reformat(format="yuv420p")
    luma = frame.planes[0]
    data, stride = bytes(luma), luma.line_size
    number = 0
    for row in range(ROWS):
        y = int(frame.height / 2 + (row + 0.5) * frame.height / 2 / ROWS)
        for column in range(COLUMNS):
            x = int((column + 0.5) * frame.width / COLUMNS)
            number |= (data[y * stride + x] > 125) << (row * COLUMNS + column)
    return number


def colour_of(frame: av.VideoFrame) -> tuple[int, int]:
    """Blue and red difference in the upper half."""
    planes = frame.reformat(format="yuv420p").planes[1:]
    place = (frame.height // 8) * planes[0].line_size + frame.width // 4
    blue, red = (bytes(plane)[place] for plane in planes)
    return blue, red


class Tone(AudioStreamTrack):
    """A sine of one frequency, 20 ms a frame."""

    def __init__(self, frequency: float = 440.0) -> None:
        super().__init__()
        self._frequency = frequency
        self._position = 0

    async def recv(self) -> Any:
        silent: Any = await super().recv()
        step = 2 * math.pi * self._frequency / RATE
        samples = (round(12000 * math.sin(step * (self._position + index))) for index in range(silent.samples))
        frame = av.AudioFrame(format="s16", layout="mono", samples=silent.samples)
        frame.planes[0].update(array("h", samples).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = RATE, silent.pts, Fraction(1, RATE)
        self._position += silent.samples
        return frame


async def frequency_of(track: MediaStreamTrack, seconds: float = 1.0) -> float:
    """What is heard there, after the first half second, by its upward crossings of zero."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    samples = array("h")
    while len(samples) < RATE * (seconds + 0.5):
        frame: Any = await track.recv()
        for part in resampler.resample(frame):
            samples.frombytes(bytes(part.planes[0])[: part.samples * 2])
    heard = samples[RATE // 2 :]
    crossings = sum(1 for before, after in pairwise(heard) if before < 0 <= after)
    return crossings / (len(heard) / RATE)


class Numbers:
    """Reads a video track in a task and keeps the numbers of its pictures."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self.numbers: list[int] = []
        self.last: av.VideoFrame | None = None
        self.task = asyncio.create_task(self._run(track))

    async def _run(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame: Any = await track.recv()
                self.last = frame
                self.numbers.append(number_in(frame))
        except MediaStreamError:
            pass
