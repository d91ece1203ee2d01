"""Lost packets: which to ask for and when (RFC 4585 section 6.2.1), and which to send again (RFC 4588)."""

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

from rtcpeer.rtp.timestamps import Unwrapper

__all__ = ["LossSettings", "NackGenerator", "RetransmissionHistory"]

PacketT = TypeVar("PacketT")

MAX_JUMP = 3000  # RFC 3550 section A.1, MAX_DROPOUT: more is no loss but a source that has started again


@dataclass(frozen=True, slots=True)
class LossSettings:
    """Asking and answering; RFC 4585 and 4588 leave these to the implementation. Times in seconds, sizes in bytes."""

    reordering_wait: float = 0.01  # ours: what comes so much later was overtaken, not lost
    retry_factor: float = 1.25  # ours: of the round trip; an answer has to have had its chance
    retry_min: float = 0.02  # browsers look every 20 ms
    max_requests: int = 10  # browsers
    max_wait: float = 1.0  # ours: later nobody can use it; the jitter buffer gives up then, too
    max_missing: int = 1000  # browsers: more than this at once, and only a keyframe helps

    history_bytes: int = 1 << 20  # ours: a second of 8 Mbit/s
    history_packets: int = 2048  # ours: below half of the sequence numbers
    history_age: float = 2.0  # ours: RFC 4588 section 8.6 has rtx-time for it, which browsers leave out
    # Of the media's bitrate: answering every request of a lossy path makes it lossier.
    retransmission_share: float = 0.5
    retransmission_burst: float = 0.5  # seconds of that share that may be sent at once

    def __post_init__(self) -> None:
        for name in ("reordering_wait", "retry_min"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        for name in ("retry_factor", "max_wait", "history_bytes", "history_age", "retransmission_burst"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
        if self.max_requests < 1:
            raise ValueError("max_requests must be at least 1")
        if not 1 <= self.max_missing <= MAX_JUMP:
            raise ValueError(f"max_missing must be within 1 and {MAX_JUMP}")
        if not 1 <= self.history_packets < 1 << 15:
            raise ValueError("history_packets must be within 1 and 32767")
        if not 0 < self.retransmission_share <= 1:
            raise ValueError("retransmission_share must be above 0 and at most 1")


class _Missing:
    __slots__ = ("due", "requests", "since")

    def __init__(self, since: float, due: float) -> None:
        self.since = since
        self.due = due
        self.requests = 0


class NackGenerator:
    """Watches the sequence numbers of one source and says which to ask for."""

    def __init__(self, settings: LossSettings) -> None:
        self._settings = settings
        self._unwrapper = Unwrapper()
        self._missing: dict[int, _Missing] = {}  # in ascending order
        self._retry_after = 0.1
        self.requested = 0
        self.recovered = 0
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._missing)

    def receive(self, sequence_number: int, now: float) -> None:
        """A packet arrived, in whatever way (also as a retransmission)."""
        newest = self._unwrapper.newest
        number = self._unwrapper.unwrap(sequence_number)
        if newest is None or number == newest + 1:
            return
        if number <= newest:
            self.recovered += self._missing.pop(number, None) is not None
            return
        if number - newest > MAX_JUMP:
            self._give_up(list(self._missing))
            return
        due = now + self._settings.reordering_wait
        first = max(newest + 1, number - self._settings.max_missing)
        self.given_up += first - newest - 1
        for lost in range(first, number):
            self._missing[lost] = _Missing(now, due)
        excess = len(self._missing) - self._settings.max_missing
        if excess > 0:
            self._give_up(list(self._missing)[:excess])

    def set_round_trip_time(self, round_trip_time: float) -> None:
        """How long an answer takes."""
        self._retry_after = max(round_trip_time * self._settings.retry_factor, self._settings.retry_min)

    def forget_before(self, sequence_number: int) -> None:
        """The jitter buffer goes on from here; nobody waits for what is older."""
        if self._unwrapper.newest is not None:
            first = self._unwrapper.peek(sequence_number)
            self._give_up([number for number in self._missing if number < first])

    def requests(self, now: float) -> list[int]:
        """The sequence numbers (16 bits) to ask for now, oldest first; empty afterwards."""
        settings = self._settings
        due, hopeless = [], []
        for number, missing in self._missing.items():
            # The comparison is the one of `next_timeout`, float for float.
            is_due = missing.due <= now
            if now >= missing.since + settings.max_wait or (is_due and missing.requests >= settings.max_requests):
                hopeless.append(number)
            elif is_due:
                missing.requests += 1
                missing.due = now + self._retry_after
                due.append(number & 0xFFFF)
        self._give_up(hopeless)
        self.requested += len(due)
        return due

    def next_timeout(self) -> float | None:
        """When `requests` has something to do; None: nothing is missing."""
        max_wait = self._settings.max_wait
        return min((min(one.due, one.since + max_wait) for one in self._missing.values()), default=None)

    def _give_up(self, numbers: list[int]) -> None:
        for number in numbers:
            del self._missing[number]
        self.given_up += len(numbers)


class _Kept(Generic[PacketT]):
    __slots__ = ("packet", "resent_at", "sent_at", "size")

    def __init__(self, packet: PacketT, size: int, sent_at: float) -> None:
        self.packet = packet
        self.size = size
        self.sent_at = sent_at
        self.resent_at = -math.inf


class RetransmissionHistory(Generic[PacketT]):
    """Keeps what one source has sent, and decides what is sent again."""

    def __init__(self, settings: LossSettings, target_bitrate: int) -> None:
        self._settings = settings
        self._unwrapper = Unwrapper()
        self._kept: dict[int, _Kept[PacketT]] = {}  # in the order of sending
        self._round_trip_time = 0.1
        self._budget = math.inf  # bytes; filled to its limit at the first look
        self._budget_at = -math.inf
        self._rate = 0.0
        self.set_bitrate(target_bitrate)
        self.kept_bytes = 0
        self.resent = 0
        self.refused = 0  # asked for again too soon, or beyond the rate
        self.unknown = 0  # never sent, or no longer there

    def __len__(self) -> int:
        return len(self._kept)

    def set_bitrate(self, target_bitrate: int) -> None:
        """What the media may take; retransmissions get a share of it."""
        self._rate = max(target_bitrate, 1) / 8 * self._settings.retransmission_share

    def set_round_trip_time(self, round_trip_time: float) -> None:
        """The same packet is sent again once in that time at most: what was sent may still be on its way."""
        self._round_trip_time = round_trip_time

    def add(self, sequence_number: int, packet: PacketT, size: int, now: float) -> None:
        """A packet leaves now for the first time."""
        number = self._unwrapper.unwrap(sequence_number)
        kept, settings = self._kept, self._settings
        if number in kept:
            self._drop(number)
        kept[number] = _Kept(packet, size, now)
        self.kept_bytes += size
        oldest_sent_at = now - settings.history_age
        for oldest in kept.values():
            is_too_much = self.kept_bytes > settings.history_bytes or len(kept) > settings.history_packets
            if not is_too_much and oldest.sent_at >= oldest_sent_at:
                return
            break
        self._drop_oldest(oldest_sent_at)

    def packet(self, sequence_number: int, now: float) -> PacketT | None:
        """The peer asks for a packet: what to send again, or None."""
        kept = self._kept.get(self._unwrapper.peek(sequence_number))
        if kept is None or kept.sent_at < now - self._settings.history_age:
            self.unknown += 1
            return None
        limit = self._rate * self._settings.retransmission_burst
        self._budget = min(self._budget + max(now - self._budget_at, 0.0) * self._rate, limit)
        self._budget_at = now
        if now - kept.resent_at < self._round_trip_time or self._budget <= 0:
            self.refused += 1
            return None
        # It may go below zero by one packet, so that a low rate resends large packets, too.
        self._budget -= kept.size
        kept.resent_at = now
        self.resent += 1
        return kept.packet

    def _drop_oldest(self, sent_before: float) -> None:
        settings = self._settings
        while self._kept:
            oldest = next(iter(self._kept))
            is_too_much = self.kept_bytes > settings.history_bytes or len(self._kept) > settings.history_packets
            if not is_too_much and self._kept[oldest].sent_at >= sent_before:
                return
            self._drop(oldest)

    def _drop(self, number: int) -> None:
        kept = self._kept.pop(number, None)
        if kept is not None:
            self.kept_bytes -= kept.size
