"""Pictures and sounds that still say which they are once a codec has had them: the counterpart of peers/media_peer.js.

A picture has two rows of eight blocks, black or white: sixteen bits, of which the last four check the twelve of the
frame's number. Below stand four blocks of colour. A block covers many macroblocks, so that it survives 100 kbit/s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

COLUMNS = 8
NUMBERS = 1 << 12  # then they begin again
COLORS = {"red": (224, 32, 32), "green": (32, 176, 48), "blue": (40, 64, 224), "yellow": (232, 216, 40)}
DARK, BRIGHT = 96, 160  # what lies between is neither a zero nor a one
FULL_SCALE = 32767


@dataclass(frozen=True)
class Mark:
    """What was read from a picture."""

    number: int | None  # None: not readable
    colors: tuple[str, ...]  # from the left, "?" for one that is none of ours


def picture(number: int, *, width: int = 320, height: int = 240) -> av.VideoFrame:
    """The picture with this number, in the format that encoders take."""
    pixels = np.zeros((height, width, 3), np.uint8)
    bits = _encode(number % NUMBERS)
    for index in range(16):
        row, column = divmod(index, COLUMNS)
        top, bottom, left, right = _block(row / 4, (row + 1) / 4, column / 8, (column + 1) / 8, width, height)
        pixels[top:bottom, left:right] = 255 if bits >> (15 - index) & 1 else 0
    for index, color in enumerate(COLORS.values()):
        top, bottom, left, right = _block(1 / 2, 1, index / 4, (index + 1) / 4, width, height)
        pixels[top:bottom, left:right] = color
    return av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")


def read(frame: av.VideoFrame) -> Mark:
    """What stands on a picture, whatever its size."""
    pixels = frame.to_ndarray(format="rgb24").astype(np.float32)
    height, width, _ = pixels.shape
    bits = 0
    is_clear = True
    for index in range(16):
        row, column = divmod(index, COLUMNS)
        value = _middle(pixels, _block(row / 4, (row + 1) / 4, column / 8, (column + 1) / 8, width, height)).mean()
        is_clear &= not DARK < value < BRIGHT
        bits = bits << 1 | int(value >= BRIGHT)
    number = bits >> 4
    colors = [
        _middle(pixels, _block(1 / 2, 1, index / 4, (index + 1) / 4, width, height)) for index in range(len(COLORS))
    ]
    return Mark(
        number if is_clear and _encode(number) == bits else None,
        tuple(_color_name(color.mean(axis=(0, 1))) for color in colors),
    )


def tone(hertz: float, start: int, *, samples: int = 960, rate: int = 48000, volume: float = 0.5) -> av.AudioFrame:
    """Twenty milliseconds of a sine, mono; `start` counts samples from its beginning."""
    times = (start + np.arange(samples)) / rate
    values = (np.sin(2 * np.pi * hertz * times) * volume * FULL_SCALE).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(values.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    frame.pts = start
    frame.time_base = Fraction(1, rate)
    return frame


def pitch(frames: Sequence[av.AudioFrame]) -> float:
    """The strongest frequency in these frames, in hertz; 0 for silence, or nearly so."""
    return pitch_of(np.concatenate([_mono(frame) for frame in frames]), frames[0].sample_rate)


def pitch_of(values: NDArray[np.float64], rate: int) -> float:
    """The strongest frequency in samples between -1 and 1."""
    if len(values) == 0 or np.sqrt((values**2).mean()) < 0.001:
        return 0.0
    spectrum = np.abs(np.fft.rfft(values * np.hanning(len(values))))
    peak = int(spectrum[:-1].argmax())
    if peak == 0:
        return 0.0
    # The top of the parabola through the peak and its neighbours, as it lies between two frequencies of the transform.
    left, top, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)
    offset = 0.5 * (left - right) / (left - 2 * top + right)
    return float((peak + offset) * rate / len(values))


def _encode(number: int) -> int:
    """The number and its check: no two neighbouring pictures mixed by a codec give a third one's."""
    check = (number ^ number >> 4 ^ number >> 8) & 0xF ^ 0b1010
    return number << 4 | check


def _block(top: float, bottom: float, left: float, right: float, width: int, height: int) -> tuple[int, int, int, int]:
    return round(top * height), round(bottom * height), round(left * width), round(right * width)


def _middle(pixels: NDArray[np.float32], block: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """The half of a block around its centre, away from edges that codecs blur."""
    top, bottom, left, right = block
    high, wide = (bottom - top) // 4, (right - left) // 4
    return pixels[top + high : bottom - high, left + wide : right - wide]


def _color_name(color: NDArray[np.float32]) -> str:
    distances = {name: float(np.abs(color - np.array(wanted)).max()) for name, wanted in COLORS.items()}
    nearest = min(distances, key=lambda name: distances[name])
    return nearest if distances[nearest] < 80 else "?"


def _mono(frame: av.AudioFrame) -> NDArray[np.float64]:
    """The first channel, from -1 to 1."""
    values = frame.to_ndarray()
    channels = len(frame.layout.channels)
    first = values[0] if frame.format.is_planar else values.reshape(-1)[::channels]
    return first.astype(np.float64) / (1.0 if first.dtype.kind == "f" else FULL_SCALE + 1.0)
