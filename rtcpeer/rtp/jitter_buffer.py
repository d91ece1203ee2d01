"""Puts packets into order, joins them to frames, and holds frames back for as long as the path's jitter asks.

A frame that is complete leaves when its time has come (`PlayoutClock`). Audio does not wait longer for a missing one.
Video waits for a retransmission until a keyframe makes it unnecessary or a deadline passes; then nothing is played
before a keyframe, because nothing could be decoded.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from rtcpeer.rtp.playout_clock import PlayoutClock
from rtcpeer.rtp.timestamps import Unwrapper

__all__ = [
    "Frame",
    "GapSkipped",
    "JitterBuffer",
    "JitterBufferEvent",
    "JitterBufferSettings",
    "JitterBufferStatistics",
    "KeyframeNeeded",
    "MediaKind",
]

PacketT = TypeVar("PacketT")

MAX_DROPOUT = 3000  # RFC 3550 section A.1: a jump by more is a source that has started again
# A named tuple without the Python function that its constructor is.
make_tuple = tuple.__new__
MAX_STARTUP_MISORDER = 50  # how far before the first packet that came the stream may turn out to begin


class MediaKind(Enum):
    """What the buffer does about a missing packet."""

    AUDIO = "audio"  # each packet is a frame
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class JitterBufferSettings:
    """Delays in seconds. No RFC has numbers for these: they are ours, but for what is said."""

    min_delay: float = 0.01
    # What is due so soon is handed on with what has just come: where the path has little jitter that spares a wake-up
    # for each frame, and who plays it has a queue of its own.
    play_early: float = 0.01
    max_delay: float = 1.0  # more is no conversation
    delay_quantile: float = 0.97  # browsers: so many packets come in time
    delay_samples: int = 500  # 10 s of audio
    # Video only: long enough for a few requests; then asking for a keyframe is faster.
    gap_deadline: float = 1.0
    keyframe_interval: float = 0.5  # between requests for a keyframe, as long as none comes
    max_packets: int = 2048  # 2 s of 10 Mbit/s
    max_bytes: int = 4 << 20

    def __post_init__(self) -> None:
        if not 0 <= self.min_delay <= self.max_delay:
            raise ValueError("min_delay must be within 0 and max_delay")
        if not 0 < self.delay_quantile <= 1:
            raise ValueError("delay_quantile must be above 0 and at most 1")
        if not 1 <= self.max_packets < MAX_DROPOUT:
            raise ValueError(f"max_packets must be within 1 and {MAX_DROPOUT - 1}")
        if self.play_early < 0:
            raise ValueError("play_early must not be negative")
        for name in ("delay_samples", "gap_deadline", "keyframe_interval", "max_bytes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")


class Frame(NamedTuple, Generic[PacketT]):
    """What belongs to one timestamp, whole and in order."""

    timestamp: int  # unwrapped
    packets: tuple[PacketT, ...]
    is_keyframe: bool
    lost_before: int  # packets that are missing between the frame before and this one
    due: float


@dataclass(frozen=True, slots=True)
class GapSkipped:
    """Packets were given up; whoever asks for them may stop."""

    next_sequence_number: int  # the first (16 bits) that still matters
    count: int


@dataclass(frozen=True, slots=True)
class KeyframeNeeded:
    """Video can not go on without one: send a PLI (RFC 4585 section 6.3.1). Said again until one comes."""


JitterBufferEvent = GapSkipped | KeyframeNeeded


@dataclass(frozen=True, slots=True)
class JitterBufferStatistics:
    """Counters only grow; the rest is the present state."""

    received: int
    duplicates: int
    late: int  # came after their place had been played or given up
    discarded: int  # from elsewhere in the sequence, or without the beginning of their frame
    skipped: int  # sequence numbers given up
    overflows: int  # times that everything was dropped because the buffer was full
    frames: int
    frames_dropped: int  # complete, but of no use without a keyframe
    packets: int
    bytes: int
    delay: float


class _Stored(NamedTuple, Generic[PacketT]):
    packet: PacketT
    size: int
    timestamp: int  # unwrapped
    is_first: bool | None  # of a frame; None: it does not tell
    is_last: bool
    is_empty: bool  # of no frame


class _Span(NamedTuple):
    """A whole frame in the buffer."""

    first: int
    end: int  # one after its last packet
    timestamp: int
    is_usable: bool  # it begins with a frame's first packet
    is_keyframe: bool


class JitterBuffer(Generic[PacketT]):
    """One source's packets in, frames out: pull `frames` when `next_timeout` has come."""

    def __init__(self, settings: JitterBufferSettings, kind: MediaKind, clock_rate: int) -> None:
        self._settings = settings
        self._is_audio = kind is MediaKind.AUDIO
        bounds = (settings.min_delay, settings.max_delay)
        self._clock = PlayoutClock(clock_rate, bounds, settings.delay_quantile, settings.delay_samples)
        self._unwrapper = Unwrapper()
        self._stored: dict[int, _Stored[PacketT]] = {}
        self._keyframes: set[int] = set()  # where those begin that are stored
        self._bytes = 0
        self._next: int | None = None  # the first number that has neither been played nor given up
        self._run_end = 0  # from `_next` to here nothing is missing
        self._frame_start = 0  # one after the last complete frame of the run
        self._open_at: int | None = None  # where the frame begins that is not yet complete
        self._is_continued = False  # the run has had a frame, so that another one begins where that ended
        self._ready: deque[_Span] = deque()
        self._blocked_since: float | None = None  # something waits behind a gap
        self._restart_at: int | None = None
        self._earliest = 0  # what is older than this does not begin the stream
        self._has_played = False
        self._ask_again_at = -math.inf
        self._needs_keyframe = kind is MediaKind.VIDEO
        self._lost_before = 0
        self._events: list[JitterBufferEvent] = []
        self._received = self._duplicates = self._late = self._discarded = self._skipped = 0
        self._overflows = self._frames = self._frames_dropped = 0

    def receive(
        self,
        sequence_number: int,
        timestamp: int,
        packet: PacketT,
        size: int,
        now: float,
        *,
        is_first: bool | None = True,
        is_last: bool = True,
        is_keyframe: bool = False,
        is_retransmission: bool = False,
        is_empty: bool = False,
    ) -> None:
        """Take a packet; audio needs no flags. A keyframe's first packet says that it is one.

        ``is_first`` None: the packet does not tell; it is where another frame ends before it. ``is_empty``: padding or
        the like, which is of no frame and only keeps its number from being missing.
        """
        self._received += 1
        number = self._place(sequence_number)
        if number is None:
            self._discarded += 1
            return
        if number in self._stored:
            self._duplicates += 1
            return
        is_sample = not is_retransmission and not is_empty and (self._is_audio or is_last)
        unwrapped = self._follow(timestamp, now, counts=is_sample)
        if self._next is not None and number < self._next and (self._has_played or number < self._earliest):
            self._late += 1
            return
        if self._is_beyond_bounds(number, size):
            self._overflow(number, now)
        if self._is_audio:
            is_first = is_last = True
        self._stored[number] = make_tuple(_Stored, (packet, size, unwrapped, is_first, is_last, is_empty))
        self._bytes += size
        if is_keyframe and is_first is not False:
            self._keyframes.add(number)
        if self._next is None:
            self._earliest = number - MAX_STARTUP_MISORDER
            self._begin_at(number)
        elif number < self._next:
            self._begin_at(number)
        self._extend_run(now)

    def frames(self, now: float) -> list[Frame[PacketT]]:
        """What is to be played now, oldest first; empty afterwards."""
        frames: list[Frame[PacketT]] = []
        soon = now + self._settings.play_early
        while True:
            while self._ready and self._clock.due(self._ready[0].timestamp) <= soon:
                self._play(self._ready.popleft(), frames, now)
            if self._ready or not self._skip_gap(now):
                return frames

    def next_timeout(self) -> float | None:
        """When `frames` may have something; None: not before something arrives."""
        if self._ready:
            return self._clock.due(self._ready[0].timestamp)
        if self._blocked_since is None:
            return None
        target = self._beyond_gap()
        due = math.inf if target is None else self._skip_due(target)
        return due if self._is_audio else min(due, self._blocked_since + self._settings.gap_deadline)

    def poll_events(self) -> list[JitterBufferEvent]:
        """Hand over what happened, oldest first; empty afterwards."""
        events, self._events = self._events, []
        return events

    def set_target_delay(self, seconds: float) -> None:
        """At least this delay, as W3C's ``jitterBufferTarget``; 0: what the path asks for."""
        self._clock.asked = seconds

    @property
    def clock(self) -> PlayoutClock:
        """When frames are played; for what keeps several streams together."""
        return self._clock

    def missing(self) -> list[int]:
        """The sequence numbers (16 bits) that are waited for, oldest first."""
        if self._blocked_since is None:
            return []
        return [number & 0xFFFF for number in range(self._run_end, max(self._stored)) if number not in self._stored]

    def statistics(self) -> JitterBufferStatistics:
        """A snapshot."""
        return JitterBufferStatistics(
            received=self._received,
            duplicates=self._duplicates,
            late=self._late,
            discarded=self._discarded,
            skipped=self._skipped,
            overflows=self._overflows,
            frames=self._frames,
            frames_dropped=self._frames_dropped,
            packets=len(self._stored),
            bytes=self._bytes,
            delay=self._clock.delay,
        )

    def _place(self, sequence_number: int) -> int | None:
        """The unwrapped number; None for one from nowhere near, until a second one follows it."""
        newest = self._unwrapper.newest
        if newest is not None and sequence_number == (newest + 1) & 0xFFFF:
            self._restart_at = None
            self._unwrapper.newest = newest + 1
            return newest + 1
        if newest is not None and abs(self._unwrapper.peek(sequence_number) - newest) >= MAX_DROPOUT:
            if sequence_number != self._restart_at:
                self._restart_at = (sequence_number + 1) & 0xFFFF
                return None
            self._forget()
            self._unwrapper = Unwrapper()
        self._restart_at = None
        return self._unwrapper.unwrap(sequence_number)

    def _follow(self, timestamp: int, now: float, *, counts: bool) -> int:
        epoch = self._clock.epoch
        unwrapped = self._clock.arrived(timestamp, now, counts=counts)
        if self._clock.epoch != epoch:
            self._discarded += len(self._stored)
            self._forget()
        return unwrapped

    def _is_beyond_bounds(self, number: int, size: int) -> bool:
        settings = self._settings
        is_far = self._next is not None and number - self._next >= MAX_DROPOUT
        return is_far or len(self._stored) >= settings.max_packets or self._bytes + size > settings.max_bytes

    def _begin_at(self, number: int) -> None:
        self._next = self._run_end = self._frame_start = number
        self._open_at = None
        self._is_continued = False
        self._ready.clear()

    def _extend_run(self, now: float) -> None:
        while (stored := self._stored.get(self._run_end)) is not None:
            if stored.is_empty:
                self._run_end += 1
                continue
            if self._open_at is not None and stored.timestamp != self._stored[self._open_at].timestamp:
                # The marker got lost on the way through somebody's hands; a new timestamp says the same.
                self._complete(self._run_end)
            if self._open_at is None:
                self._open_at = self._run_end
            self._run_end += 1
            if stored.is_last:
                self._complete(self._run_end)
        assert self._next is not None
        if self._run_end - self._next >= len(self._stored):
            self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = now

    def _complete(self, end: int) -> None:
        assert self._open_at is not None
        start = self._stored[self._open_at]
        is_keyframe = self._open_at in self._keyframes
        is_first = start.is_first
        if is_first is None:
            is_first = self._is_continued or is_keyframe
        self._ready.append(_Span(self._frame_start, end, start.timestamp, is_first, is_keyframe))
        self._frame_start = end
        self._open_at = None
        self._is_continued = True

    def _play(self, span: _Span, frames: list[Frame[PacketT]], now: float) -> None:
        taken = [self._take(number) for number in range(span.first, span.end)]
        packets = tuple([stored.packet for stored in taken if not stored.is_empty])
        self._next = span.end
        self._has_played = True
        if not span.is_usable:
            self._discarded += len(packets)
            self._need_keyframe(now)
            return
        if self._needs_keyframe and not span.is_keyframe:
            self._frames_dropped += 1
            self._need_keyframe(now)
            return
        self._needs_keyframe = False
        self._ask_again_at = -math.inf
        self._frames += 1
        due = self._clock.due(span.timestamp)
        frames.append(Frame(span.timestamp, packets, span.is_keyframe, self._lost_before, due))
        self._lost_before = 0

    def _take(self, number: int) -> _Stored[PacketT]:
        stored = self._stored.pop(number)
        self._keyframes.discard(number)
        self._bytes -= stored.size
        return stored

    def _beyond_gap(self) -> int | None:
        """Where to go on if what is missing is given up: for video the next whole keyframe."""
        if self._is_audio:
            return min(number for number in self._stored if number > self._run_end)
        beyond = sorted(number for number in self._keyframes if number > self._run_end)
        return next((number for number in beyond if self._is_whole(number)), None)

    def _is_whole(self, number: int) -> bool:
        timestamp = self._stored[number].timestamp
        while (stored := self._stored.get(number)) and (stored.is_empty or stored.timestamp == timestamp):
            if stored.is_last and not stored.is_empty:
                return True
            number += 1
        return False

    def _skip_due(self, target: int) -> float:
        return self._clock.due(self._stored[target].timestamp)

    def _skip_gap(self, now: float) -> bool:
        """Give up what is missing, if it is time to."""
        if self._blocked_since is None:
            return False
        target = self._beyond_gap()
        if target is not None and self._skip_due(target) <= now:
            self._go_on_at(target, now)
            return True
        if self._is_audio or now < self._blocked_since + self._settings.gap_deadline:
            return False
        beginnings = (number for number, stored in self._stored.items() if number > self._run_end and stored.is_first)
        self._go_on_at(min(beginnings, default=max(self._stored) + 1), now)
        self._need_keyframe(now)
        return True

    def _go_on_at(self, target: int, now: float) -> None:
        assert self._next is not None
        lost = sum(number not in self._stored for number in range(self._next, target))
        for number in range(self._next, target):
            if number in self._stored:
                self._take(number)
                self._discarded += 1
        self._skipped += lost
        self._lost_before += lost
        self._has_played = True
        self._events.append(GapSkipped(target & 0xFFFF, lost))
        self._begin_at(target)
        self._blocked_since = None
        self._extend_run(now)

    def _need_keyframe(self, now: float) -> None:
        if self._is_audio:
            return
        self._needs_keyframe = True
        # Requests get lost, too.
        if now >= self._ask_again_at:
            self._ask_again_at = now + self._settings.keyframe_interval
            self._events.append(KeyframeNeeded())

    def _overflow(self, number: int, now: float) -> None:
        assert self._next is not None
        self._overflows += 1
        self._discarded += len(self._stored)
        missing = max(number - self._next - len(self._stored), 0)
        self._skipped += missing
        self._forget()
        self._events.append(GapSkipped(number & 0xFFFF, missing))
        self._need_keyframe(now)

    def _forget(self) -> None:
        self._stored.clear()
        self._keyframes.clear()
        self._bytes = 0
        self._ready.clear()
        self._next = None
        self._has_played = False
        self._blocked_since = None
