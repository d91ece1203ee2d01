"""Pictures, sound and codec parameters for the tests of encoders and decoders."""

import math
from array import array
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise

import av
from av.filter import Graph
from av.video.frame import PictureType

from rtcpeer.rtp.parameters import CodecParameters

__all__ = ["brightness", "codec", "frequency", "pictures", "tone"]

H264 = {"profile-level-id": "42e01f", "packetization-mode": "1"}
CLOCK_RATES = {"opus": 48000, "PCMU": 8000, "PCMA": 8000, "G722": 8000}


def codec(name: str, **parameters: str) -> CodecParameters:
    """What was negotiated; parameters with underscores instead of hyphens."""
    if name == "H264":
        parameters = H264 | {key.replace("_", "-"): value for key, value in parameters.items()}
    found = tuple((key.replace("_", "-"), value) for key, value in parameters.items())
    if name in CLOCK_RATES:
        return CodecParameters("audio", name, 111, CLOCK_RATES[name], 2 if name == "opus" else 1, found)
    return CodecParameters("video", name, 96, 90000, parameters=found)


@cache
def _test_pictures(count: int, width: int, height: int) -> tuple[av.VideoFrame, ...]:
    graph = Graph()
    source = graph.add("testsrc2", f"size={width}x{height}:rate=30:duration={count / 30}")
    form = graph.add("format", "pix_fmts=yuv420p")
    source.link_to(form)
    form.link_to(graph.add("buffersink"))
    graph.configure()
    return tuple(graph.vpull() for _ in range(count))


def pictures(count: int, width: int = 160, height: int = 120, pixel_format: str = "yuv420p") -> Iterator[av.VideoFrame]:
    """Moving pictures, 30 a second."""
    for index, picture in enumerate(_test_pictures(count, width, height)):
        own = picture.reformat(format=pixel_format)
        own.pts, own.time_base = index * 3000, Fraction(1, 90000)
        own.pict_type = PictureType.NONE
        yield own


def brightness(picture: av.VideoFrame) -> float:
    """The mean of the luma."""
    plane = picture.reformat(format="yuv420p").planes[0]
    data = bytes(plane)
    lines = [data[line * plane.line_size :][: plane.width] for line in range(plane.height)]
    return sum(map(sum, lines)) / (plane.width * plane.height)


def tone(
    count: int,
    *,
    hz: float = 440.0,
    rate: int = 48000,
    layout: str = "mono",
    samples: int = 960,
    loudness: float = 0.3,
    first: int = 0,
) -> Iterator[av.AudioFrame]:
    """A tone in frames of so many samples."""
    channels = 2 if layout == "stereo" else 1
    for index in range(first, first + count):
        values = array("h")
        for position in range(index * samples, (index + 1) * samples):
            values.extend([round(32767 * loudness * math.sin(2 * math.pi * hz * position / rate))] * channels)
        frame = av.AudioFrame("s16", layout, samples)
        frame.planes[0].update(values.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = rate, index * samples, Fraction(1, rate)
        yield frame


def frequency(sound: list[av.AudioFrame]) -> float:
    """Of a tone, by its zero crossings."""
    values: list[int] = []
    for frame in sound:
        channels = len(frame.layout.channels)
        values += array("h", bytes(frame.planes[0])[: 2 * channels * frame.samples])[::channels]
    crossings = sum(1 for one, other in pairwise(values) if one < 0 <= other)
    return crossings * sound[0].sample_rate / len(values)
