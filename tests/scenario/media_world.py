"""Senders of synthetic video over one bottleneck: source, pacer, estimator, link, feedback, all in virtual time."""

import random
from collections import deque

from rtcpeer.rtp.bandwidth import (
    BandwidthEstimator,
    BandwidthSettings,
    Pacer,
    PacerSettings,
    Priority,
    ProbeRequested,
    SentPackets,
    TargetBitrateChanged,
)
from tests.sim.clock import Clock
from tests.sim.link import Link, LinkSettings

FRAME_INTERVAL = 1 / 30
PACKET_SIZE = 1200
FEEDBACK_INTERVAL = 0.05


class Bottleneck:
    """One direction of a link that flows share; its rate is told in bits a second."""

    def __init__(self, clock: Clock, seed: int, bitrate: float, **settings) -> None:
        self.clock = clock
        self._settings = {"delay": 0.025, "queue_limit": 100_000, **settings}
        self.link = Link(LinkSettings(rate=bitrate / 8, **self._settings), random.Random(f"{seed}/bottleneck"))

    def change(self, bitrate: float | None = None, **settings) -> None:
        self._settings |= settings
        rate = self.link.settings.rate if bitrate is None else bitrate / 8
        self.link.settings = LinkSettings(rate=rate, **self._settings)

    def transmit(self, size: int, deliver, *arguments) -> None:
        for arrival, _ in self.link.transmit([bytes(size)], self.clock.time()):
            self.clock.call_at(arrival, deliver, *arguments)


class Flow:
    """One sender with its receiver; the peer's clock is another one than ours."""

    def __init__(self, clock: Clock, path: Bottleneck, seed: int, settings=None, *, wants=None) -> None:
        self.clock = clock
        self.path = path
        self.dice = random.Random(f"{seed}/flow")
        self.estimator = BandwidthEstimator(settings or BandwidthSettings(max_bitrate=4_000_000))
        self.pacer = Pacer(PacerSettings(), 300_000)
        self.sent = SentPackets()
        self.wants = wants  # bits a second that the source never exceeds
        self.target = 0
        self.deliveries: list[tuple[float, float, int]] = []  # (time, one-way delay, size)
        self._their_clock = self.dice.uniform(-1000, 1000)
        self._arrived: dict[int, float] = {}
        self._expected: deque[int] = deque()
        self._timer: float | None = None

    def begin(self) -> None:
        self.estimator.start(self.clock.time())
        self._drain()
        self._frame()
        self.clock.call_later(FEEDBACK_INTERVAL, self._feedback)

    def rate(self, start: float, end: float) -> float:
        return sum(size for time, _, size in self.deliveries if start <= time < end) * 8 / (end - start)

    def delays(self, start: float, end: float) -> list[float]:
        """One-way delays without the path's own, in order of size."""
        own = self.path.link.settings.delay
        return sorted(delay - own for time, delay, _ in self.deliveries if start <= time < end)

    def _frame(self) -> None:
        now = self.clock.time()
        bitrate = self.target if self.wants is None else min(self.target, self.wants)
        # Encoders hit their target on average, and not frame by frame.
        size = int(bitrate * FRAME_INTERVAL / 8 * self.dice.uniform(0.7, 1.3))
        while size > 0:
            packet = min(size, PACKET_SIZE)
            self.pacer.enqueue(None, max(packet, 50), Priority.VIDEO, now)
            size -= packet
        self._drain()
        self.clock.call_later(FRAME_INTERVAL, self._frame)

    def _drain(self) -> None:
        now = self.clock.time()
        for event in self.estimator.poll_events():
            match event:
                case TargetBitrateChanged(bitrate):
                    self.target = bitrate
                    self.pacer.set_bitrate(bitrate, now)
                case ProbeRequested():
                    self.pacer.start_probe(event)
        for paced in self.pacer.packets_to_send(now):
            number = self.sent.add(paced.size, now, paced.probe_id)
            self.estimator.note_sent(now)
            self._expected.append(number)
            self.path.transmit(paced.size, self._deliver, number, now, paced.size)
        self._schedule()

    def _schedule(self) -> None:
        dues = [due for due in (self.pacer.next_timeout(), self.estimator.next_timeout()) if due is not None]
        if dues and (self._timer is None or min(dues) < self._timer):
            self._timer = max(min(dues), self.clock.time())
            self.clock.call_at(self._timer, self._fire, self._timer)

    def _fire(self, due: float) -> None:
        if due == self._timer:
            self._timer = None
            self.estimator.handle_timeout(self.clock.time())
            self._drain()

    def _deliver(self, number: int, sent_at: float, size: int) -> None:
        now = self.clock.time()
        self._arrived[number] = now + self._their_clock
        self.deliveries.append((now, now - sent_at, size))

    def _feedback(self) -> None:
        """Everything up to the newest that arrived, with what is missing as lost; the way back is the same length."""
        self.clock.call_later(FEEDBACK_INTERVAL, self._feedback)
        if not self._arrived:
            return
        newest = list(self._arrived)[-1]
        report: list[tuple[int, float | None]] = []
        while True:
            number = self._expected.popleft()
            # The wire format counts in steps of 0.25 ms.
            arrived = self._arrived.pop(number, None)
            report.append((number, None if arrived is None else round(arrived * 4000) / 4000))
            if number == newest:
                break
        late = list(self._arrived.items())
        self._arrived.clear()
        self.clock.call_later(self.path.link.settings.delay, self._receive, report + late)

    def _receive(self, report: list[tuple[int, float | None]]) -> None:
        if self.path.link.settings.loss < 1:
            self.estimator.receive_feedback(self.sent.resolve(report), self.clock.time())
            self._drain()
