"""What gives way where the bitrate is too low for the pictures: their number, their size, or both.

A picture needs some bits for each pixel, fewer with a newer codec; below that it falls apart whatever the encoder does.
Where much moves it needs more: that shows when the encoder, at its coarsest, exceeds the bitrate.
As the W3C has it (mst-content-hint section 4, RTCDegradationPreference): ``maintain-framerate`` makes the pictures
smaller, ``maintain-resolution`` makes them fewer, ``balanced`` does both in turns, ``disabled`` does nothing.
"""

import math
import sys
from dataclasses import dataclass

from rtcpeer.media.settings import DegradationPreference

__all__ = ["FULL_QUALITY", "Adaptation", "Quality", "RateLimiter"]

# Bits for each pixel below which quality gives way. 640x480 at 30 pictures a second needs 180 kbit/s of VP8 so.
_MIN_BITS_PER_PIXEL = {"vp8": 0.02, "h264": 0.02, "vp9": 0.014, "av1": 0.012}
_DEFAULT_BITS_PER_PIXEL = 0.02
_UP_MARGIN = 1.5  # a better quality has to fit so many times
_DOWN_AFTER, _UP_AFTER = 1.0, 4.0  # seconds for which it has to be so: each change of size costs a keyframe
_COLLAPSE = 0.4  # with less than this share of what is needed it gives way at once
_MIN_FRAMERATE = 5.0
_WATCHED = 1.0  # seconds over which the encoder's output is compared with what it was told
_FALLEN, _SETTLING = 0.9, 1.0  # a bitrate lower by that is followed within a second
_EXCESS = 1.25  # times the bitrate: more than rate control explains
_FORGETTING = 0.95  # of what was learned about the content, each time it has kept to the bitrate


@dataclass(frozen=True, slots=True)
class Quality:
    """How much of the pictures is sent."""

    scale: float = 1.0  # width and height are divided by it
    framerate_share: float = 1.0

    @property
    def cost(self) -> float:
        """Pixels a second, as a share of all."""
        return self.framerate_share / self.scale**2


FULL_QUALITY = Quality()
_LADDERS: dict[DegradationPreference, tuple[Quality, ...]] = {
    "maintain-framerate": tuple(Quality(scale) for scale in (1, 4 / 3, 2, 8 / 3, 4, 16 / 3)),
    "maintain-resolution": tuple(Quality(1, share) for share in (1, 2 / 3, 1 / 2, 1 / 3, 1 / 4, 1 / 6)),
    "balanced": (
        FULL_QUALITY,
        Quality(1, 2 / 3),
        Quality(4 / 3, 2 / 3),
        Quality(4 / 3, 1 / 2),
        Quality(2, 1 / 2),
        Quality(8 / 3, 1 / 2),
        Quality(4, 1 / 2),
        Quality(4, 1 / 3),
        Quality(16 / 3, 1 / 3),
    ),
    "disabled": (FULL_QUALITY,),
}


@dataclass(slots=True)
class _Watch:
    """What an encoder made in some seconds, keyframes left out."""

    since: float
    bitrate: int
    bits: int = 0
    budget: float = 0.0  # bits
    pixels: int = 0


class Adaptation:
    """Decides by bitrate and picture; time is that of the pictures, in seconds."""

    def __init__(self, codec_name: str, preference: DegradationPreference) -> None:
        self._least = _MIN_BITS_PER_PIXEL.get(codec_name.lower(), _DEFAULT_BITS_PER_PIXEL)
        self._bits_per_pixel = self._least
        self._watch = _Watch(math.inf, sys.maxsize)  # of any bitrate it has fallen
        self._now = -math.inf
        self._ladder = _LADDERS[preference]
        self._step = 0
        self._since: float | None = None  # since when another step would be right
        self._wants_better = False

    @property
    def quality(self) -> Quality:
        """What holds now."""
        return self._ladder[self._step]

    def set_preference(self, preference: DegradationPreference) -> None:
        """Another order of what gives way; it begins again with full quality."""
        if self._ladder is not _LADDERS[preference]:
            self._ladder = _LADDERS[preference]
            self._step = 0
            self._since = None

    def update(self, pixels: int, framerate: float, bitrate: int, now: float) -> Quality:
        """What holds for the next picture: ``pixels`` and ``framerate`` are those of full quality."""
        self._learn(bitrate, now)
        affordable = bitrate / (self._bits_per_pixel * max(pixels * framerate, 1))
        wanted = self._wanted(affordable, framerate)
        if wanted == self._step:
            self._since = None
            return self.quality
        is_better = wanted < self._step
        if self._since is None or is_better is not self._wants_better:
            self._since, self._wants_better = now, is_better
        after = _UP_AFTER if is_better else _DOWN_AFTER
        if now - self._since >= after or affordable < _COLLAPSE * self.quality.cost:
            self._step = wanted
            self._since = None
        return self.quality

    def encoded(self, size: int, budget: float, pixels: int) -> None:
        """A picture that is no keyframe has become so many bytes; ``budget`` is its share of the bitrate, in bits."""
        watch = self._watch
        if self._now >= watch.since:
            watch.bits += 8 * size
            watch.budget += budget
            watch.pixels += pixels

    def _learn(self, bitrate: int, now: float) -> None:
        """How many bits the pixels of this content take."""
        watch = self._watch
        self._now = now
        if bitrate < _FALLEN * watch.bitrate:
            self._watch = _Watch(now + _SETTLING, bitrate)
        elif now - watch.since >= _WATCHED and watch.pixels:
            if watch.bits > _EXCESS * watch.budget:
                self._bits_per_pixel = max(watch.bits / watch.pixels, self._least)
                self._since, self._wants_better = -math.inf, False  # it has been so for long enough
            else:
                self._bits_per_pixel = max(self._bits_per_pixel * _FORGETTING, self._least)
            self._watch = _Watch(now, bitrate)

    def _wanted(self, affordable: float, framerate: float) -> int:
        """The best step that can be afforded, and a better one than now only if that is so by a margin."""
        last = 0
        for step, quality in enumerate(self._ladder):
            if step and framerate * quality.framerate_share < _MIN_FRAMERATE:
                continue
            last = step
            margin = _UP_MARGIN if step < self._step else 1.0
            if quality.cost * margin <= affordable:
                return step
        return last


class RateLimiter:
    """Lets so many pictures a second pass, evenly, by their timestamps in seconds."""

    _EARLY = 0.25  # of an interval: cameras are not punctual

    def __init__(self) -> None:
        self._due: float | None = None

    def takes(self, at: float, max_framerate: float | None) -> bool:
        """Whether the picture of this time passes."""
        if max_framerate is None:
            self._due = None
            return True
        if max_framerate <= 0:
            return False
        interval = 1 / max_framerate
        if self._due is None:
            self._due = at
        if at < self._due - self._EARLY * interval:
            return False
        self._due = max(self._due, at - interval) + interval
        return True
