"""Frames made by hand: silence, black, and copies."""

from fractions import Fraction

import av
from av.audio.format import AudioFormat
from av.audio.layout import AudioLayout

__all__ = ["black_picture", "copy_of", "silence"]


def silence(
    samples: int,
    rate: int,
    layout: AudioLayout | str = "mono",
    sample_format: AudioFormat | str = "s16",
    pts: int | None = None,
    time_base: Fraction | None = None,
) -> av.AudioFrame:
    """Silence of this many samples; its time base is that of its samples unless said."""
    layout = layout if isinstance(layout, str) else layout.name
    sample_format = sample_format if isinstance(sample_format, str) else sample_format.name
    frame = av.AudioFrame(format=sample_format, layout=layout, samples=samples)
    rest = b"\x80" if sample_format in {"u8", "u8p"} else b"\x00"  # unsigned samples rest in the middle
    for plane in frame.planes:
        plane.update(rest * plane.buffer_size)
    frame.sample_rate = rate
    frame.time_base = time_base or Fraction(1, rate)
    frame.pts = pts
    return frame


def black_picture(like: av.VideoFrame) -> av.VideoFrame:
    """A black picture of the size, time and rotation of another."""
    frame = av.VideoFrame(like.width, like.height, "yuv420p")
    luma, *chroma = frame.planes
    luma.update(b"\x10" * luma.buffer_size)  # black of limited range (BT.601)
    for plane in chroma:
        plane.update(b"\x80" * plane.buffer_size)
    frame.pts = like.pts
    if like.time_base is not None:
        frame.time_base = like.time_base
    return frame


def copy_of(frame: av.VideoFrame) -> av.VideoFrame:
    """The same picture with its own memory, so that its time may be changed; without its time."""
    copy = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for source, target in zip(frame.planes, copy.planes, strict=True):
        if source.line_size == target.line_size:
            size = min(source.buffer_size, target.buffer_size)
            memoryview(target)[:size] = memoryview(source)[:size]
            continue
        width = min(source.line_size, target.line_size)
        rows, copied = memoryview(source), memoryview(target)
        for row in range(source.height):
            start, to = row * source.line_size, row * target.line_size
            copied[to : to + width] = rows[start : start + width]
    return copy
