"""Tracks that the media benchmarks send and the sinks that they play into, for every stack by the same code."""

import asyncio
import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av import AudioFrame, VideoFrame

from benchmarks.peers import PEERS
from benchmarks.pictures import (
    PICTURES_PER_SECOND,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    moving_pictures,
    tone_frames,
)
from benchmarks.session import Session

WIDTH, HEIGHT = 640, 480
CODECS = {"video": "vp8", "audio": "opus"}
# The media plays in a loop of so many seconds.
LOOP = 2

VIDEO_CLOCK_RATE = 90000
# Who asks for a frame so many seconds late has missed what came before now; who is less late gets it at once.
TOO_LATE = 0.25


@dataclass(frozen=True)
class Material:
    """Frames made ahead, and how they follow each other."""

    kind: str
    frames: Sequence[VideoFrame | AudioFrame]
    ticks: int  # from one frame to the next, in the time base
    time_base: Fraction

    @property
    def interval(self) -> float:
        return float(self.ticks * self.time_base)


def material(kind: str) -> Material:
    """Two seconds of moving pictures or of sound."""
    if kind == "video":
        pictures = moving_pictures(WIDTH, HEIGHT, LOOP * PICTURES_PER_SECOND)
        return Material(kind, pictures, VIDEO_CLOCK_RATE // PICTURES_PER_SECOND, Fraction(1, VIDEO_CLOCK_RATE))
    frames = tone_frames(LOOP * SAMPLE_RATE // SAMPLES_PER_FRAME)
    return Material(kind, frames, SAMPLES_PER_FRAME, Fraction(1, SAMPLE_RATE))


def source(peer: str, what: Material, start: "asyncio.Future[float] | None" = None) -> Any:
    """A track of the stack that gives the material in real time, from now or from a monotonic time that will come."""
    return track_class(peer, Source)(what, start)


def track_class(peer: str, part: type["Track"]) -> Callable[..., Any]:
    """A track class of the stack with the members of ``part``."""
    base = importlib.import_module(PEERS[peer].package).MediaStreamTrack  # type: ignore[attr-defined]
    return type(part.__name__, (part, base), {})


def relay(peer: str) -> Any:
    """The stack's MediaRelay."""
    package = PEERS[peer].package  # type: ignore[attr-defined]
    module = "rtcpeer.contrib.media" if package == "rtcpeer" else f"{package}.contrib.media"
    return importlib.import_module(module).MediaRelay()


class Track:
    """What our sources are besides a track of a stack, whose constructor follows theirs."""

    kind: str


class Source(Track):
    """Gives material in a loop."""

    def __init__(self, what: Material, start: "asyncio.Future[float] | None") -> None:
        self.kind = what.kind
        super().__init__()
        self._what = what
        self._start = start
        self._starts_at = 0.0
        self._number = -1

    async def recv(self) -> VideoFrame | AudioFrame:
        if self._number < 0:
            self._starts_at = time.monotonic() if self._start is None else await self._start
        self._number += 1
        what, now = self._what, time.monotonic()
        if now - self._starts_at - self._number * what.interval > TOO_LATE:
            self._number = int((now - self._starts_at) / what.interval)
        delay = self._starts_at + self._number * what.interval - now
        if delay > 0:
            await asyncio.sleep(delay)
        frame = what.frames[self._number % len(what.frames)]
        frame.pts, frame.time_base = self._number * what.ticks, what.time_base
        return frame


class Sink:
    """Plays one track: takes its decoded frames and notes when each came."""

    def __init__(self, session: Session) -> None:
        self.times: list[float] = []  # monotonic
        self._session = session
        self._has_begun = asyncio.Event()

    def play(self, track: Any) -> None:
        """What an ``on("track")`` takes."""
        self._session.start(self._run(track))

    async def begun(self, timeout: float) -> None:
        """Wait for the first frame."""
        await self._session.wait(self._has_begun.wait(), timeout)

    async def _run(self, track: Any) -> None:
        while True:
            try:
                await track.recv()
            except Exception as error:
                # Each stack has a class of this name.
                if type(error).__name__ == "MediaStreamError":
                    return
                raise
            self.times.append(time.monotonic())
            self._has_begun.set()
