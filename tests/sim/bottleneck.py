"""One direction of a link whose capacity and loss change by a schedule, with a queue that drops at its tail.

It is told the time and knows nothing of where packets come from, so that it serves the virtual network as well as the
forwarder between real namespaces (`tests.interop.tun_forwarder`).
"""

import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

INTERVAL = 0.1  # seconds that one `Interval` is about


@dataclass(frozen=True, slots=True)
class Phase:
    """What holds for a while; the last phase of a schedule holds for ever."""

    seconds: float
    rate: float  # bits per second; 0 for no limit
    loss: float = 0.0


@dataclass(frozen=True, slots=True)
class BottleneckSettings:
    """``rate`` and ``loss`` hold until the schedule of phases begins, and for ever without one."""

    delay: float = 0.0
    rate: float = 0.0  # bits per second; 0 for no limit
    loss: float = 0.0
    queue: int = 256 * 1024  # bytes that wait for the rate
    queue_time: float = 0.0  # seconds that a packet may have to wait for the rate; 0: only `queue` counts
    phases: tuple[Phase, ...] = ()

    def phase_at(self, elapsed: float) -> Phase:
        """What holds so many seconds after the start of the schedule."""
        if not self.phases or elapsed < 0:
            return Phase(0.0, self.rate, self.loss)
        end = 0.0
        for phase in self.phases:
            end += phase.seconds
            if elapsed < end:
                return phase
        return self.phases[-1]


@dataclass(slots=True)
class Interval:
    """What happened in `INTERVAL` seconds; sizes are those of whole packets."""

    begins: float  # after the start of the schedule
    capacity: float  # bits per second at its beginning
    offered: int = 0  # bits that came
    passed: int = 0  # bits that left the queue
    lost: int = 0  # packets, by chance
    dropped: int = 0  # packets, for want of room
    waits_ms: list[float] = field(default_factory=list)  # in the queue, of each packet that left it


class Bottleneck:
    """Packets in by `take`, out by `deliver` when they have arrived."""

    def __init__(self, settings: BottleneckSettings, rng: random.Random) -> None:
        self._settings = settings
        self._random = rng
        self._starts_at = math.inf
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._backlog = 0  # bytes that wait
        self._free_at = 0.0  # when the packet that is being sent has left
        self._flying: deque[tuple[float, bytes]] = deque()
        self._interval: Interval | None = None

    def start(self, at: float) -> None:
        """Begin the schedule at this moment, and the record of it."""
        self._starts_at = at
        self._begin_interval(0.0)

    def take(self, packet: bytes, now: float, *, is_spared: bool = False) -> None:
        """A packet comes; one that is spared is never lost by chance."""
        settings = self._settings
        phase = settings.phase_at(now - self._starts_at) if settings.phases else settings
        interval = self._interval
        if interval:
            interval.offered += 8 * len(packet)
        if phase.loss and not is_spared and self._random.random() < phase.loss:
            if interval:
                interval.lost += 1
            return
        self._advance(now)
        if phase.rate and self._is_full(phase.rate, now):
            if interval:
                interval.dropped += 1
            return
        self._waiting.append((now, packet))
        self._backlog += len(packet)
        self._advance(now)

    def deliver(self, now: float) -> Iterator[bytes]:
        """What has arrived by now."""
        self._advance(now)
        while self._flying and self._flying[0][0] <= now:
            yield self._flying.popleft()[1]

    def next_event(self) -> float:
        """When `deliver` has something to do again; infinity when nothing is under way."""
        arrival = self._flying[0][0] if self._flying else float("inf")
        return min(arrival, self._free_at) if self._waiting else arrival

    def intervals(self, now: float) -> Iterator[dict[str, object]]:
        """Those that have ended since the start of the schedule; to be asked at least once in each of them."""
        self._advance(now)
        while self._interval and (end := self._interval.begins + INTERVAL) <= now - self._starts_at:
            yield asdict(self._interval)
            self._begin_interval(end)

    def _begin_interval(self, begins: float) -> None:
        self._interval = Interval(round(begins, 6), self._settings.phase_at(begins).rate)

    def _is_full(self, rate: float, now: float) -> bool:
        # What is being sent takes room, too, as far as it has not left.
        ahead = self._backlog + max(0.0, self._free_at - now) * rate / 8
        queue_time = self._settings.queue_time
        return ahead > self._settings.queue or bool(queue_time and ahead * 8 / rate > queue_time)

    def _advance(self, now: float) -> None:
        """Begin to send what can be sent: the rate of the moment at which it begins holds for the whole packet."""
        settings = self._settings
        while self._waiting:
            arrived, packet = self._waiting[0]
            starts = max(arrived, self._free_at)
            if starts > now:
                return
            self._waiting.popleft()
            self._backlog -= len(packet)
            rate = settings.phase_at(starts - self._starts_at).rate if settings.phases else settings.rate
            leaves = starts + 8 * len(packet) / rate if rate else starts
            self._free_at = leaves
            self._flying.append((leaves + settings.delay, packet))
            if self._interval:
                self._interval.passed += 8 * len(packet)
                self._interval.waits_ms.append(round((starts - arrived) * 1e3, 2))
