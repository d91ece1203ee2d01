"""The way out of media: paced by what the path carries, numbered for the peer's feedback, protected as SRTP."""

from collections.abc import Callable, Iterable, Sequence

from rtcpeer.core import earliest
from rtcpeer.rtp.bandwidth import (
    BandwidthEstimator,
    Pacer,
    ProbeRequested,
    SentPackets,
    TargetBitrateChanged,
)
from rtcpeer.rtp.bandwidth.estimator import BandwidthStatistics
from rtcpeer.rtp.bandwidth.report_based import ReportBasedRate
from rtcpeer.rtp.events import RtpEvent
from rtcpeer.rtp.extension_values import absolute_send_time
from rtcpeer.rtp.outbound_stream import OutboundStream
from rtcpeer.rtp.outgoing import OutgoingPacket
from rtcpeer.rtp.rtcp import TransportWideFeedback
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.srtp.session import SrtpSession

__all__ = ["Egress"]

TICK = 1 / 4000  # of transport-wide feedback
MAX_STATUSES = 8192  # what `SentPackets` remembers: no more than that can be news


class Egress:
    """The `Outlet` of all senders of one transport. ``on_target`` is told when they may send more or less."""

    def __init__(self, settings: MediaSettings, wall_clock_offset: float, on_target: Callable[[int], None]) -> None:
        self.wall_clock_offset = wall_clock_offset
        self.events: list[RtpEvent] = []
        self.session: SrtpSession | None = None
        self.is_limits_changed = False
        self.is_estimating = False  # the peer tells when packets arrive
        self.streams: Sequence[OutboundStream] = ()
        self.target = settings.bandwidth.start_bitrate  # bits a second for all senders together
        self._on_target = on_target
        self._pacer: Pacer[OutgoingPacket] = Pacer(settings.pacer, settings.bandwidth.start_bitrate)
        self._sent = SentPackets()
        self._estimator = BandwidthEstimator(settings.bandwidth)
        self._is_start_due = False
        self._by_reports = ReportBasedRate(settings.bandwidth)

    @property
    def is_open(self) -> bool:
        """Whether there are keys."""
        return self.session is not None

    def enqueue(self, packets: Iterable[OutgoingPacket], now: float) -> None:
        """Take packets of a frame, of repair or of tones."""
        pacer = self._pacer
        for packet in packets:
            pacer.enqueue(packet, packet.size, packet.priority, now)

    def limits_changed(self) -> None:
        """Have the bitrate shared anew at the next pull."""
        self.is_limits_changed = True

    def limit(self, max_bitrate: int, now: float) -> None:
        """What all senders together have a use for."""
        self._estimator.limit(max_bitrate, now)
        self._by_reports.limit(max_bitrate)
        self._follow(now)

    def packets_to_send(self, now: float) -> list[bytes]:
        """What may leave now, as SRTP."""
        session = self.session
        if session is None:
            return []
        datagrams: list[bytes] = []
        for queued, size, _, probe_id in self._pacer.packets_to_send(now):
            packet = queued if queued is not None else self._padding(size, now)
            if packet is None:
                continue
            protected = packet.protected or session.protect_rtp(self._plain(packet, probe_id, now))
            if protected is not None:
                packet.stream.note_left(packet, protected, now)
                datagrams.append(protected)
        if datagrams and self._is_start_due:
            self._begin(now)
        return datagrams

    def handle_timeout(self, now: float) -> None:
        """Probe, or give way where feedback stays away."""
        due = self._estimator.next_timeout()
        if due is not None and due <= now:
            self._estimator.handle_timeout(now)
            self._follow(now)

    def next_timeout(self) -> float | None:
        """When something may leave, or is to be looked at."""
        return earliest(self._pacer.next_timeout(), self._estimator.next_timeout())

    def receive_feedback(self, feedback: TransportWideFeedback, now: float) -> None:
        """The peer says when our packets arrived."""
        arrived = {arrival.sequence_number: arrival.time * TICK for arrival in feedback.arrivals}
        base, count = feedback.base_sequence_number, min(feedback.status_count, MAX_STATUSES)
        numbers = ((base + index) & 0xFFFF for index in range(count))
        results = self._sent.resolve((number, arrived.get(number)) for number in numbers)
        self._estimator.receive_feedback(results, now)
        self._follow(now)

    def receive_remote_bitrate(self, bitrate: int, now: float) -> None:
        """The peer wants no more than this (REMB)."""
        self._estimator.receive_remote_bitrate(bitrate, now)
        self._by_reports.receive_remote_bitrate(bitrate)
        self._follow(now)

    def receive_loss(self, share: float, now: float) -> None:
        """The peer reports the share of packets that it has lost."""
        if not self.is_estimating:
            self._by_reports.receive_loss(share, now)
            self._follow(now)

    def start(self, now: float) -> None:
        """Video may be sent: look how much the path carries as soon as it is, so that padding can follow it."""
        self._is_start_due = self.is_estimating
        self._begin(now)

    def statistics(self) -> BandwidthStatistics:
        """What is known of the path."""
        return self._estimator.statistics()

    @property
    def queue_time(self) -> float:
        """Seconds that what waits takes to leave."""
        return self._pacer.queue_time

    def _begin(self, now: float) -> None:
        if self._is_start_due and any(stream.has_left for stream in self.streams):
            self._is_start_due = False
            self._estimator.start(now)
            self._follow(now)

    def _plain(self, packet: OutgoingPacket, probe_id: int | None, now: float) -> bytes:
        departure = packet.departure
        if departure is None:
            return packet.head + packet.tail
        if departure.is_sequence_number:
            number = self._sent.add(packet.size, now, probe_id)
            if self.is_estimating:
                self._estimator.note_sent(now)
            return b"".join((packet.head, number.to_bytes(2, "big"), packet.tail))
        return b"".join((packet.head, absolute_send_time(now).to_bytes(3, "big"), packet.tail))

    def _padding(self, size: int, now: float) -> OutgoingPacket | None:
        stream = next((stream for stream in self.streams if stream.can_pad), None)
        return None if stream is None else stream.padding(size, now)

    def _follow(self, now: float) -> None:
        for event in self._estimator.poll_events():
            match event:
                case TargetBitrateChanged(bitrate=bitrate):
                    self._aim_at(bitrate, now)
                case ProbeRequested():
                    if any(stream.can_pad for stream in self.streams) or self._pacer.queued_bytes:
                        self._pacer.start_probe(event)
        if not self.is_estimating and self.target != self._by_reports.bitrate:
            self._aim_at(self._by_reports.bitrate, now)

    def _aim_at(self, bitrate: int, now: float) -> None:
        self.target = bitrate
        self._pacer.set_bitrate(bitrate, now)
        self._on_target(bitrate)
