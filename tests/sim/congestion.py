"""A call over a bottleneck whose rate changes, with what of it was used and how long packets queued; for plots, too.

run = Congestion(((0.0, 300_000), (20.0, 1_000_000)), end=40.0, loss=0.02)
run.samples(0.5)  # rows of (time, capacity, bits a second that passed, target, 95th percentile of the queueing delay)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.sim.link import Link, LinkSettings
from tests.sim.media import AudioSource, Call, VideoSource, opus, vp8

__all__ = ["Congestion", "Phase", "Usage"]

DELAY = 0.025


@dataclass(frozen=True)
class Phase:
    """A time of constant capacity."""

    start: float
    end: float
    capacity: float


@dataclass(frozen=True)
class Usage:
    """Of a span of time."""

    bitrate: float
    share: float  # of the capacity
    delay_95: float  # seconds in the queue


class Congestion:
    """Runs as it is made; ``steps`` are (time, bits a second), and ``queue`` how many bytes the bottleneck holds."""

    def __init__(
        self, steps: Sequence[tuple[float, float]], *, end: float, loss: float = 0.0, seed: int = 0, queue: int = 50_000
    ) -> None:
        self.steps = steps
        self.end = end
        self.arrivals: list[tuple[float, float, int]] = []  # (time of sending, queueing delay, size)
        self._link = {"delay": DELAY, "loss": loss, "queue_limit": queue}
        self.call = Call(self._settings(steps[0][1]), LinkSettings(delay=DELAY, loss=loss), seed=seed)
        self.call.lines([opus(), vp8()])
        self.call.connect()
        self._began = self.call.now
        self.call.links[0] = _Watched(self.call.links[0], self._note)
        AudioSource(self.call, self.call.a, self.call.a.lines[0])
        self.video = VideoSource(self.call, self.call.a, self.call.a.lines[1], bitrate=None)
        for phase in self.phases():
            self.call.links[0].settings = self._settings(phase.capacity)
            self.call.run_for(phase.end - phase.start)

    def phases(self) -> list[Phase]:
        """The steps with their ends."""
        ends = [*(start for start, _ in self.steps[1:]), self.end]
        return [Phase(start, end, capacity) for (start, capacity), end in zip(self.steps, ends, strict=True)]

    def usage(self, start: float, end: float) -> Usage:
        """What passed in that time, which has one capacity."""
        passed = [(delay, size) for time, delay, size in self.arrivals if start <= time < end]
        bitrate = sum(size for _, size in passed) * 8 / (end - start)
        capacity = next(phase.capacity for phase in reversed(self.phases()) if phase.start <= start)
        delays = sorted(delay for delay, _ in passed)
        return Usage(bitrate, bitrate / capacity, delays[int(0.95 * len(delays))] if delays else 0.0)

    def samples(self, interval: float) -> list[tuple[float, float, float, float, float]]:
        """The whole run in steps of ``interval`` seconds."""
        rows = []
        sender = self.video.sender
        targets = [(time - self._began, bitrate) for time, who, bitrate in self.call.a.targets if who is sender]
        for phase in self.phases():
            for index in range(round((phase.end - phase.start) / interval)):
                start = phase.start + index * interval
                used = self.usage(start, start + interval)
                target = next((bitrate for time, bitrate in reversed(targets) if time <= start), 0)
                rows.append((start, phase.capacity, used.bitrate, float(target), used.delay_95))
        return rows

    def _settings(self, capacity: float) -> LinkSettings:
        return LinkSettings(rate=capacity / 8, **self._link)

    def _note(self, sent_at: float, arrival: float, size: int) -> None:
        self.arrivals.append((sent_at - self._began, arrival - sent_at - DELAY, size))


class _Watched(Link):
    """A link that tells of each packet that arrives."""

    def __init__(self, link: Link, note) -> None:
        super().__init__(link.settings, link._rng)
        self._note = note

    def transmit(self, payloads, now):
        runs = super().transmit(payloads, now)
        for arrival, arriving in runs:
            for payload in arriving:
                self._note(now, arrival, len(payload))
        return runs
