"""Short bursts that find out whether more would pass: when to send one, and what it has shown.

draft-ietf-rmcat-gcc-02 is silent about probes. Ours start at a multiple of the first rate and double as long as they
come through; later there is one whenever nothing was over-used for a while. That finds new capacity, and works when the
source sends less than it may, so that its own packets can not show what the path carries.
"""

import math

from rtcpeer.rtp.bandwidth.events import ProbeRequested
from rtcpeer.rtp.bandwidth.feedback import PacketResult
from rtcpeer.rtp.bandwidth.settings import BandwidthSettings

__all__ = ["Prober"]

SUCCESS = 0.7  # of the probe's rate arrived: there may be still more
COMPLETE = 0.8  # of the packets acknowledged are enough
SATURATED = 0.9  # less than this share of what was sent arrived: the probe has filled the path
SATURATED_FACTOR = 0.95  # stay a little below what a full path has shown
MAX_RATIO = 2.0  # arriving so much faster than sent is no measurement
DEEP_DROP = 0.66  # a rate that fell below this share of what it was is worth an earlier look


class Prober:
    """One probe at a time; `request` says when to send one, `result` takes what became of its packets."""

    def __init__(self, settings: BandwidthSettings) -> None:
        self._settings = settings
        self._next_id = 1
        self._measurement: _Measurement | None = None
        self._expires = math.inf
        self._due = -math.inf
        self._wanted: float | None = settings.start_bitrate * settings.probe_factors[0]

    def next_timeout(self) -> float:
        """When `request` may have something to say."""
        return self._due if self._measurement is None else self._expires

    def request(self, target: float, max_bitrate: float, now: float) -> ProbeRequested | None:
        """The next probe, if one is due."""
        if self._measurement is not None and now >= self._expires:
            self._finish(now)
        if self._measurement is not None or now < self._due:
            return None
        wanted, self._wanted = self._wanted, None
        bitrate = min(target * self._settings.probe_factors[1] if wanted is None else wanted, max_bitrate)
        if bitrate <= target:
            self._due = now + self._settings.probe_interval
            return None
        min_bytes = math.ceil(bitrate * self._settings.probe_min_duration / 8)
        probe = ProbeRequested(self._next_id, round(bitrate), self._settings.probe_min_packets, min_bytes)
        self._next_id += 1
        self._measurement = _Measurement(probe)
        self._expires = now + self._settings.probe_timeout
        return probe

    def result(self, packet: PacketResult, now: float) -> float | None:
        """Take a packet of a probe; the bitrate that it has shown once enough of them are there."""
        measurement = self._measurement
        if measurement is None or packet.probe_id != measurement.probe.probe_id:
            return None
        measurement.add(packet)
        if not measurement.is_complete:
            return None
        bitrate = measurement.bitrate()
        self._finish(now)
        if bitrate is not None and bitrate >= SUCCESS * measurement.probe.bitrate:
            self._wanted = bitrate * self._settings.probe_factors[1]
            self._due = now
        return bitrate

    def overused(self, before: float, target: float, now: float) -> None:
        """The path is full: wait before trying for more, less so after a deep drop."""
        interval = self._settings.probe_interval
        is_deep = target < DEEP_DROP * before
        self._due = now + (interval / 2 if is_deep else interval)
        self._wanted = None

    def recovered(self, before: float, now: float) -> None:
        """Feedback is back after an outage: look at once whether the path is what it was."""
        self._measurement = None
        self._wanted = before * self._settings.decrease_factor
        self._due = now

    def _finish(self, now: float) -> None:
        self._measurement = None
        self._due = now + self._settings.probe_interval


class _Measurement:
    """The packets of one probe that have arrived."""

    def __init__(self, probe: ProbeRequested) -> None:
        self.probe = probe
        self._packets: dict[int, tuple[float, float, int]] = {}
        self._bytes = 0

    def add(self, packet: PacketResult) -> None:
        if packet.arrived_at is not None and packet.sequence_number not in self._packets:
            self._packets[packet.sequence_number] = (packet.sent_at, packet.arrived_at, packet.size)
            self._bytes += packet.size

    @property
    def is_complete(self) -> bool:
        return (
            len(self._packets) >= COMPLETE * self.probe.min_packets and self._bytes >= COMPLETE * self.probe.min_bytes
        )

    def bitrate(self) -> float | None:
        """The smaller of the rates at which it was sent and has arrived; None where the times make no sense."""
        sent = sorted((sent_at, size) for sent_at, _, size in self._packets.values())
        arrived = sorted((arrived_at, size) for _, arrived_at, size in self._packets.values())
        send_time = sent[-1][0] - sent[0][0]
        arrival_time = arrived[-1][0] - arrived[0][0]
        if send_time <= 0 or arrival_time <= 0:
            return None
        # The last packet's own time is after the measured span when sending, the first one's before it when arriving.
        send_rate = (self._bytes - sent[-1][1]) * 8 / send_time
        arrival_rate = (self._bytes - arrived[0][1]) * 8 / arrival_time
        if arrival_rate > MAX_RATIO * send_rate:
            return None
        if arrival_rate < SATURATED * send_rate:
            return SATURATED_FACTOR * arrival_rate
        return min(send_rate, arrival_rate)
