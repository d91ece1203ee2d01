"""What the sender may send: the smallest of what delay, loss and the peer allow (draft-ietf-rmcat-gcc-02)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rtcpeer.rtp.bandwidth.arrival_groups import ArrivalGroups
from rtcpeer.rtp.bandwidth.events import BandwidthEvent, TargetBitrateChanged
from rtcpeer.rtp.bandwidth.feedback import PacketResult
from rtcpeer.rtp.bandwidth.loss_based import LossControl
from rtcpeer.rtp.bandwidth.overuse import OveruseDetector, Usage
from rtcpeer.rtp.bandwidth.probing import Prober
from rtcpeer.rtp.bandwidth.queue_delay import QueueDelay
from rtcpeer.rtp.bandwidth.rate_control import RateControl
from rtcpeer.rtp.bandwidth.settings import BandwidthSettings
from rtcpeer.rtp.bandwidth.throughput import ThroughputMeter
from rtcpeer.rtp.bandwidth.trendline import Trendline

__all__ = ["BandwidthEstimator", "BandwidthStatistics"]

INITIAL_ROUND_TRIP_TIME = 0.2
# A change of less than this share is not worth an event: encoders do not follow it.
SMALL_CHANGE = 0.01


@dataclass(frozen=True, slots=True)
class BandwidthStatistics:
    """The present state; bitrates in bits a second."""

    target_bitrate: int
    delay_based_bitrate: int
    loss_based_bitrate: int | None  # None: no bound
    remote_bitrate: int | None  # REMB; None: no bound
    acknowledged_bitrate: int | None
    loss: float  # share of packets
    round_trip_time: float
    queue_delay: float
    usage: Usage
    overuses: int
    probes: int


class BandwidthEstimator:
    """Takes what became of our packets, says how much to send and when to probe.

    Call `start` when packets may flow, `note_sent` with each packet, `receive_feedback` with what
    `SentPackets.resolve` returns.
    """

    def __init__(self, settings: BandwidthSettings) -> None:
        self._settings = settings
        self._groups = ArrivalGroups(settings)
        self._trendline = Trendline(settings)
        self._detector = OveruseDetector(settings)
        self._rate = RateControl(settings)
        self._loss = LossControl(settings)
        self._meter = ThroughputMeter(settings.bitrate_window)
        self._queue = QueueDelay(settings)
        self._prober = Prober(settings)
        self._remote = math.inf
        self._max = settings.max_bitrate
        self._round_trip_time = INITIAL_ROUND_TRIP_TIME
        self._overuses = 0
        self._probes = 0
        self._is_started = False
        self._unanswered_since: float | None = None  # when the first packet left that nothing has been heard since
        self._before_outage: float | None = None
        self._told = 0
        self._events: list[BandwidthEvent] = []

    def start(self, now: float) -> None:
        """The path is there: say the first target and probe."""
        if not self._is_started:
            self._is_started = True
            self._tell()
            self._probe(now)

    def note_sent(self, now: float) -> None:
        """A packet was sent that will be answered."""
        if self._unanswered_since is None:
            self._unanswered_since = now

    def receive_feedback(self, results: Sequence[PacketResult], now: float) -> None:
        """Take what the peer says of our packets, in the order in which they were sent."""
        if not results:
            return
        self._unanswered_since = None
        received = [packet for packet in results if packet.arrived_at is not None]
        before = self.target
        if received:
            self._measure_round_trip(received[-1], now)
        usage = self._detect(received)
        self._rate.update(usage, self._meter.bitrate, self._round_trip_time, now)
        self._loss.update(len(received), len(results) - len(received), self._rate.bitrate, now)
        if usage is Usage.OVERUSE:
            self._overuses += 1
            self._prober.overused(before, self.target, now)
        if received and self._before_outage is not None:
            self._prober.recovered(self._before_outage, now)
            self._before_outage = None
        self._take_probe_results(received, now)
        self._probe(now)
        self._tell()

    def receive_remote_bitrate(self, bitrate: int, now: float) -> None:
        """The peer wants no more than this (REMB); 0 and less is not taken seriously."""
        if bitrate > 0:
            self._remote = bitrate
            self._probe(now)
            self._tell()

    def limit(self, max_bitrate: int, now: float) -> None:
        """Our media has a use for so much at most, as from ``maxBitrate`` of its encodings."""
        self._max = min(max(max_bitrate, self._settings.min_bitrate), self._settings.max_bitrate)
        self._probe(now)
        self._tell()

    def handle_timeout(self, now: float) -> None:
        """Back off where feedback stays away; probe when it is time."""
        silent_since = self._unanswered_since
        if silent_since is not None and now >= silent_since + self._patience:
            if self._before_outage is None:
                self._before_outage = self.target
            self._loss.feedback_timed_out(self.target)
            self._unanswered_since = None  # what is sent next will show whether it goes on
        self._probe(now)
        self._tell()

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, absolute; None before `start`."""
        if not self._is_started:
            return None
        probe = math.inf if self._is_in_outage else self._prober.next_timeout()
        silence = math.inf if self._unanswered_since is None else self._unanswered_since + self._patience
        due = min(probe, silence)
        return None if due == math.inf else due

    def poll_events(self) -> list[BandwidthEvent]:
        """Hand over what happened, oldest first; empty afterwards."""
        events, self._events = self._events, []
        return events

    @property
    def target(self) -> float:
        """What all of our media together should take, in bits a second."""
        bitrate = min(self._rate.bitrate * self._queue.drain_factor, self._loss.bitrate, self._remote, self._max)
        return max(bitrate, float(self._settings.min_bitrate))

    def statistics(self) -> BandwidthStatistics:
        """A snapshot."""
        meter = self._meter.bitrate
        return BandwidthStatistics(
            target_bitrate=round(self.target),
            delay_based_bitrate=round(self._rate.bitrate),
            loss_based_bitrate=None if self._loss.bitrate == math.inf else round(self._loss.bitrate),
            remote_bitrate=None if self._remote == math.inf else round(self._remote),
            acknowledged_bitrate=None if meter is None else round(meter),
            loss=self._loss.loss,
            round_trip_time=self._round_trip_time,
            queue_delay=self._queue.seconds,
            usage=self._detector.usage,
            overuses=self._overuses,
            probes=self._probes,
        )

    @property
    def _is_in_outage(self) -> bool:
        return self._before_outage is not None

    @property
    def _patience(self) -> float:
        return self._settings.feedback_timeout + self._round_trip_time

    def _measure_round_trip(self, newest: PacketResult, now: float) -> None:
        # With the time that the peer has kept the feedback, which is the delay that the control loop has.
        sample = min(max(now - newest.sent_at, 0.0), self._settings.feedback_timeout)
        self._round_trip_time += 0.125 * (sample - self._round_trip_time)

    def _detect(self, received: Sequence[PacketResult]) -> Usage:
        verdict: Usage | None = None
        for packet in received:
            assert packet.arrived_at is not None
            self._meter.add(packet.arrived_at, packet.size)
            self._queue.add(packet.sent_at, packet.arrived_at)
            group = self._groups.add(packet)
            if group is None:
                continue
            self._trendline.add(group)
            usage = self._detector.update(self._trendline.trend, group.departure_delta, group.arrival_delta)
            # One feedback has several groups; what over-use any of them showed counts.
            verdict = usage if verdict is not Usage.OVERUSE else verdict
        return self._detector.usage if verdict is None else verdict

    def _take_probe_results(self, received: Sequence[PacketResult], now: float) -> None:
        for packet in received:
            if packet.probe_id is None:
                continue
            bitrate = self._prober.result(packet, now)
            # Less than the present rate was only a burst that met others in the queue.
            if bitrate is not None and bitrate > self.target:
                self._rate.probed(min(bitrate, self._settings.max_bitrate))
                self._loss.probed(bitrate)
                # What arrived before says nothing about the new rate, and a decrease must not fall back to it.
                self._meter.reset()

    def _probe(self, now: float) -> None:
        if not self._is_started or self._is_in_outage:
            return
        probe = self._prober.request(self.target, min(self._max, self._remote), now)
        if probe is not None:
            self._probes += 1
            self._events.append(probe)

    def _tell(self) -> None:
        target = round(self.target)
        if self._is_started and abs(target - self._told) > SMALL_CHANGE * self._told:
            self._told = target
            self._events.append(TargetBitrateChanged(target))
