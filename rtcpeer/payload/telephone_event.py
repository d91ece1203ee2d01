"""DTMF and other tones as events (RFC 4733)."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from rtcpeer.errors import MalformedPacketError

__all__ = ["DTMF_DIGITS", "TelephoneEvent", "ToneUpdate", "tone_updates"]

DTMF_DIGITS = "0123456789*#ABCD"  # RFC 4733 section 3.2: the place in this string is the event code

# RFC 4733 section 2.3: event, end | reserved | volume, duration
_EVENT = Struct("!BBH")
_END = 0x80
_MAX_DURATION = 0xFFFF
_MAX_VOLUME = 63
_END_COUNT = 3  # section 2.5.1.4: the final packet is sent three times


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """What a packet says of a tone: so long it lasts since the packet's timestamp, and whether that is all."""

    event: int
    is_end: bool
    volume: int  # the power as dBm0 with the sign dropped: 0 is loud, 63 is quiet
    duration_ticks: int

    @property
    def digit(self) -> str | None:
        """The key of a telephone, None for other events."""
        return DTMF_DIGITS[self.event] if self.event < len(DTMF_DIGITS) else None

    def serialize(self) -> bytes:
        """The payload; `ValueError` where a number does not fit."""
        if not (
            0 <= self.event <= 255 and 0 <= self.volume <= _MAX_VOLUME and 0 <= self.duration_ticks <= _MAX_DURATION
        ):
            raise ValueError(f"{self} does not fit its fields")
        return _EVENT.pack(self.event, (_END if self.is_end else 0) | self.volume, self.duration_ticks)

    @classmethod
    def parse(cls, payload: bytes) -> "TelephoneEvent":
        """Read a payload; `MalformedPacketError` when it is too short. What follows the event is ignored."""
        if len(payload) < _EVENT.size:
            raise MalformedPacketError(f"a telephone event of {len(payload)} bytes, {_EVENT.size} expected")
        event, flags, duration = _EVENT.unpack_from(payload)
        return cls(event, bool(flags & _END), flags & _MAX_VOLUME, duration)


@dataclass(frozen=True, slots=True)
class ToneUpdate:
    """One packet of a tone."""

    due_ticks: int  # since the tone began; repetitions of the last packet are due together
    timestamp_offset: int  # added to the RTP timestamp at which the tone began
    marker: bool
    event: TelephoneEvent


def tone_updates(event: int, duration_ticks: int, interval_ticks: int, volume: int = 10) -> Iterator[ToneUpdate]:
    """The packets of one tone: an update at each interval, and its end three times (RFC 4733 section 2.5.1).

    A tone that lasts longer than the duration field can say goes in segments (section 2.5.1.3): each begins at the
    timestamp where the one before it ended, and only the last has an end.
    """
    if duration_ticks < 1 or not 1 <= interval_ticks <= _MAX_DURATION:
        raise ValueError(f"a tone of {duration_ticks} ticks, told every {interval_ticks}")
    segment, elapsed = 0, 0
    while elapsed < duration_ticks:
        due = min(elapsed + interval_ticks, segment + _MAX_DURATION, duration_ticks)
        is_end = due == duration_ticks
        told = TelephoneEvent(event, is_end, volume, due - segment)
        yield ToneUpdate(due, segment, elapsed == 0, told)
        if is_end:
            yield from [ToneUpdate(due, segment, marker=False, event=told)] * (_END_COUNT - 1)
        if due - segment == _MAX_DURATION:
            segment = due
        elapsed = due
