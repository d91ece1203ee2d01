"""Pictures and sound that are the same in every run, made before anything is measured; neither needs NumPy.

A camera pans over a textured background, and a patch of another texture crosses it: enough detail for an encoder to use
any bitrate between 200 kbit/s and 3 Mbit/s, and motion of the kind that encoders are made for.
"""

import math
import random
from array import array
from fractions import Fraction

from av import AudioFrame, VideoFrame

SEED = 20
PICTURES_PER_SECOND = 30
SAMPLE_RATE = 48000
SAMPLES_PER_FRAME = 960  # 20 ms

_GRAIN = 8  # pixels between two random values; between them the texture is interpolated
_NOISE = 10
_TONE = 440  # Hz


def moving_pictures(width: int, height: int, count: int) -> list[VideoFrame]:
    """Pictures in yuv420p whose end fits to their beginning."""
    rng = random.Random(SEED)
    margin = 64
    background = _texture(rng, width + 2 * margin, height + 2 * margin)
    patch = _texture(rng, width // 4, height // 4)
    pictures = []
    for number in range(count):
        angle = 2 * math.pi * number / count
        x, y = (margin + round(margin * f(angle)) for f in (math.cos, math.sin))
        rows = [bytearray(row[x : x + width]) for row in background[y : y + height]]
        left, top = number * (width - len(patch[0])) // count & ~1, (height - len(patch)) // 2 & ~1
        for row, line in zip(rows[top:], patch, strict=False):
            row[left : left + len(line)] = line
        pictures.append(_picture(b"".join(rows), width, height, number))
    return pictures


def tone_frames(count: int) -> list[AudioFrame]:
    """Stereo frames of 20 ms: a tone with some noise, so that the encoder has to work as for speech."""
    rng = random.Random(SEED)
    frames = []
    for number in range(count):
        samples = array("h")
        for index in range(number * SAMPLES_PER_FRAME, (number + 1) * SAMPLES_PER_FRAME):
            value = round(8000 * math.sin(2 * math.pi * _TONE * index / SAMPLE_RATE)) + rng.randint(-2000, 2000)
            samples.extend((value, value // 2))
        frame = AudioFrame(format="s16", layout="stereo", samples=SAMPLES_PER_FRAME)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frames.append(frame)
    return frames


def _texture(rng: random.Random, width: int, height: int) -> list[bytes]:
    """Rows of luma: smooth hills with fine noise on them."""
    columns, lines = width // _GRAIN + 2, height // _GRAIN + 2
    hills = [[rng.randint(40, 210) for _ in range(columns)] for _ in range(lines)]
    rows = []
    for y in range(height):
        line, dy = divmod(y, _GRAIN)
        between = [(a * (_GRAIN - dy) + b * dy) / _GRAIN for a, b in zip(hills[line], hills[line + 1], strict=True)]
        row = bytearray()
        for x in range(width):
            column, dx = divmod(x, _GRAIN)
            value = (between[column] * (_GRAIN - dx) + between[column + 1] * dx) / _GRAIN
            row.append(min(235, max(16, int(value) + rng.randint(-_NOISE, _NOISE))))
        rows.append(bytes(row))
    return rows


def _picture(luma: bytes, width: int, height: int, number: int) -> VideoFrame:
    frame = VideoFrame(width, height, "yuv420p")
    chroma = bytes([96 + number % 64]) * (width // 2 * (height // 2))
    for plane, data in zip(frame.planes, (luma, chroma, chroma), strict=True):
        row = len(data) // plane.height
        gap = bytes(plane.line_size - row)
        plane.update(b"".join(data[at : at + row] + gap for at in range(0, len(data), row)))
    return frame
