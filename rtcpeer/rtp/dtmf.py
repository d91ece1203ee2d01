"""Tones as telephone events in an audio stream: when which packet is due (RFC 4733, W3C's RTCDTMFSender)."""

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from rtcpeer.payload.telephone_event import DTMF_DIGITS, ToneUpdate, tone_updates

__all__ = ["DueTone", "TonePlayer"]

PAUSE: Final = ","
PAUSE_TIME: Final = 2.0  # W3C webrtc-pc section 7.2
UPDATE_INTERVAL: Final = 0.05  # RFC 4733 section 2.5.1.2
DURATION: Final = (0.04, 6.0)  # W3C webrtc-pc section 7.2, as is the least gap
MIN_GAP: Final = 0.03


class DueTone(NamedTuple):
    """What is to be done now: ``tone`` begins (empty: all have been played), or ``update`` is to be sent."""

    tone: str | None
    update: ToneUpdate | None


class TonePlayer:
    """Plays one tone after another; pull `due` when `next_timeout` has come."""

    def __init__(self) -> None:
        self.tones = ""  # still to be played
        self.began_at = 0.0  # the tone that sounds
        self._duration = 0.0
        self._gap = 0.0
        self._clock_rate = 8000
        self._next_at: float | None = None
        self._updates: Iterator[ToneUpdate] | None = None
        self._update: ToneUpdate | None = None

    @property
    def is_sounding(self) -> bool:
        """Whether a tone is being sent; audio keeps silent then."""
        return self._update is not None

    def play(self, tones: str, duration: float, gap: float, clock_rate: int) -> None:
        """Instead of what is still to be played; a tone that sounds goes on to its end.

        `ValueError` for a character that is no tone.
        """
        tones = tones.upper()
        wrong = set(tones) - set(DTMF_DIGITS) - {PAUSE}
        if wrong:
            raise ValueError(f"{''.join(sorted(wrong))!r} can not be played: tones are 0-9, A-D, *, # and a comma")
        self.tones = tones
        self._duration = min(max(duration, DURATION[0]), DURATION[1])
        self._gap = max(gap, MIN_GAP)
        self._clock_rate = clock_rate
        if self._next_at is None and tones:
            self._next_at = -math.inf

    def next_timeout(self) -> float | None:
        """When something is due; minus infinity: at once."""
        return self._next_at

    def due(self, now: float) -> list[DueTone]:
        """What is due now, in order."""
        done: list[DueTone] = []
        while self._next_at is not None and self._next_at <= now:
            if self._update is not None:
                self._go_on(self._update, done)
            else:
                self._begin(done, now)
        return done

    def _begin(self, done: list[DueTone], now: float) -> None:
        tone, self.tones = self.tones[:1], self.tones[1:]
        done.append(DueTone(tone, None))
        if not tone:
            self._next_at = None
        elif tone == PAUSE:
            self._next_at = now + PAUSE_TIME
        else:
            self.began_at = now
            ticks = round(self._duration * self._clock_rate)
            self._updates = tone_updates(DTMF_DIGITS.index(tone), ticks, round(UPDATE_INTERVAL * self._clock_rate))
            self._update = next(self._updates)
            self._next_at = self._due_at(self._update)

    def _go_on(self, update: ToneUpdate, done: list[DueTone]) -> None:
        assert self._updates is not None
        done.append(DueTone(None, update))
        self._update = next(self._updates, None)
        self._next_at = self._due_at(update) + self._gap if self._update is None else self._due_at(self._update)

    def _due_at(self, update: ToneUpdate) -> float:
        return self.began_at + update.due_ticks / self._clock_rate
