"""Spreads packets over time, so that a video frame is no burst (draft-ietf-rmcat-gcc-02 section 4)."""

import math
from collections import deque
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from rtcpeer.rtp.bandwidth.events import ProbeRequested
from rtcpeer.rtp.bandwidth.settings import PacerSettings

__all__ = ["PacedPacket", "Pacer", "Priority"]

PacketT = TypeVar("PacketT")

# Times are floats: what is due but for so many bytes is due, or the owner would be woken again at the same instant.
TOLERANCE = 0.01
SMALL_PADDING = 1
# A named tuple without the Python function that its constructor is.
make_tuple = tuple.__new__
# Seconds of an owner's lateness that are made good at once.
MAX_LATENESS = 0.25
# Probes that a pacer remembers while one is under way; the estimator asks for one at a time.
MAX_PROBES = 4


class Priority(IntEnum):
    """Who goes first; within one, the order of `Pacer.enqueue` holds."""

    AUDIO = 0
    RETRANSMISSION = 1
    VIDEO = 2
    PADDING = 3


class PacedPacket(NamedTuple, Generic[PacketT]):
    """What may leave now."""

    packet: PacketT | None  # None: ``size`` bytes of padding, for the caller to make
    size: int
    priority: Priority
    probe_id: int | None  # for `SentPackets.add`


class _Queued(NamedTuple, Generic[PacketT]):
    packet: PacketT
    size: int
    queued_at: float


class Pacer(Generic[PacketT]):
    """Queues by priority; audio leaves at once and counts, everything else at the target times a factor.

    There is nothing for a `handle_timeout` to do: pull `packets_to_send` when `next_timeout` has come.
    """

    def __init__(self, settings: PacerSettings, target_bitrate: int) -> None:
        self._settings = settings
        self._target = target_bitrate
        self._queues: tuple[deque[_Queued[PacketT]], ...] = tuple(deque() for _ in Priority)
        self._queued_bytes = 0
        self._queued_packets = 0
        self._debt = 0.0  # bytes sent that the rate has not yet allowed for
        self._gift = settings.initial_burst  # bytes that still make no debt
        self._debt_at = -math.inf
        self._probes: deque[ProbeRequested] = deque()
        self._probe_began: float | None = None
        self._probe_packets = 0
        self._probe_bytes = 0
        self.dropped = 0  # waited too long, or found the queue full

    def set_bitrate(self, target_bitrate: int, now: float) -> None:
        """The estimator's target; what has been sent so far was at the rate before."""
        self._pay(now)
        self._target = max(target_bitrate, 1)

    def start_probe(self, probe: ProbeRequested) -> None:
        """Send a burst as the estimator asked, with padding where there is not enough to send."""
        if len(self._probes) < MAX_PROBES:
            self._probes.append(probe)

    def enqueue(self, packet: PacketT, size: int, priority: Priority, now: float) -> None:
        """A packet of so many bytes wants to be sent."""
        if self._queued_packets >= self._settings.max_queued_packets:
            self._drop_expired(now)
            if self._queued_packets >= self._settings.max_queued_packets:
                self.dropped += 1
                return
        self._pay(now)
        self._queues[priority].append(make_tuple(_Queued, (packet, size, now)))
        self._queued_bytes += size
        self._queued_packets += 1

    def packets_to_send(self, now: float) -> list[PacedPacket[PacketT]]:
        """What may leave now, in order; empty afterwards."""
        if not self._queued_packets and not self._probes:
            return []
        self._drop_expired(now)
        self._pay(now)
        packets: list[PacedPacket[PacketT]] = []
        audio = self._queues[Priority.AUDIO]
        while audio:
            packets.append(self._take(Priority.AUDIO, None))
        while self._probes and self._fill_probe(packets, now):
            pass
        if not self._probes:
            allowed = self._allowance()
            while self._queued_packets and self._debt <= allowed:
                packets.append(self._take(self._next_priority(), None))
        return packets

    def next_timeout(self) -> float | None:
        """When there will be something to send; minus infinity: at once, None: never."""
        if self._queues[Priority.AUDIO]:
            return -math.inf
        if self._probes:
            return -math.inf if self._probe_began is None else self._probe_due(self._probe_began)
        if not self._queued_packets:
            return None
        excess = self._debt - self._allowance()
        return self._debt_at + max(excess + TOLERANCE / 2, 0.0) / self._rate() if excess > 0 else -math.inf

    @property
    def queued_bytes(self) -> int:
        """What waits."""
        return self._queued_bytes

    @property
    def queue_time(self) -> float:
        """How long what waits would take at the present rate."""
        return self._queued_bytes / self._rate()

    def _rate(self) -> float:
        """Bytes a second."""
        settings = self._settings
        return max(self._target * settings.pacing_factor / 8, self._queued_bytes / settings.max_queue_time)

    def _allowance(self) -> float:
        return self._rate() * self._settings.burst_time + TOLERANCE

    def _pay(self, now: float) -> None:
        if now > self._debt_at:
            # Who waits while the owner comes late leaves when it comes: the path has carried nothing meanwhile. Without
            # that, a busy event loop would send a burst of 5 ms a turn, however long its turns are.
            rate = self._rate()
            least = -MAX_LATENESS * rate if self._queued_packets else 0.0
            self._debt = max(least, self._debt - (now - self._debt_at) * rate)
            self._debt_at = now

    def _next_priority(self) -> Priority:
        return next(priority for priority in Priority if self._queues[priority])

    def _take(self, priority: Priority, probe_id: int | None) -> PacedPacket[PacketT]:
        packet, size, _ = self._queues[priority].popleft()
        self._queued_bytes -= size
        self._queued_packets -= 1
        if self._gift:
            given = min(self._gift, size)
            self._gift -= given
            self._debt += size - given
        else:
            self._debt += size
        return make_tuple(PacedPacket, (packet, size, priority, probe_id))

    def _fill_probe(self, packets: list[PacedPacket[PacketT]], now: float) -> bool:
        """Send what is due of the first probe; whether that was all of it."""
        probe = self._probes[0]
        if self._probe_began is None:
            self._probe_began = now
            # What a probe shows is what arrives after its first packet: a large one would hide most of a short probe.
            packets.append(PacedPacket(None, SMALL_PADDING, Priority.PADDING, probe.probe_id))
        while self._probe_due(self._probe_began) <= now:
            if self._queued_packets:
                packet = self._take(self._next_priority(), probe.probe_id)
            else:
                packet = PacedPacket(None, self._settings.padding_size, Priority.PADDING, probe.probe_id)
            packets.append(packet)
            self._probe_packets += 1
            self._probe_bytes += packet.size
            if self._probe_packets >= probe.min_packets and self._probe_bytes >= probe.min_bytes:
                self._probes.popleft()
                self._probe_began = None
                self._probe_packets = self._probe_bytes = 0
                return True
        return False

    def _probe_due(self, began: float) -> float:
        return began + max(self._probe_bytes - TOLERANCE, 0.0) * 8 / self._probes[0].bitrate

    def _drop_expired(self, now: float) -> None:
        oldest = now - self._settings.max_age
        for queue in self._queues:
            while queue and queue[0].queued_at < oldest:
                self._queued_bytes -= queue.popleft().size
                self._queued_packets -= 1
                self.dropped += 1
