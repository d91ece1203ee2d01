"""All media over one transport: SRTP, RTCP, congestion control and pacing around senders and receivers.

The way in: SRTP → RTP → `Router` → `RtpReceiver` → jitter buffer → frames. The way out: frames → `RtpSender` → pacer →
SRTP. RTCP goes beside both, one flush a pull.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rtcpeer.core import Entropy, earliest
from rtcpeer.dtls.keys import SrtpKeys
from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp.bandwidth.estimator import BandwidthStatistics
from rtcpeer.rtp.events import RtpEvent
from rtcpeer.rtp.extensions import STOP_ID, ExtensionMap
from rtcpeer.rtp.header import is_rtcp, parse_packet
from rtcpeer.rtp.inbound_stream import InboundStream
from rtcpeer.rtp.lip_sync import synchronize
from rtcpeer.rtp.parameters import ReceiveParameters, SendParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.router import ReceiveSection, Router, RouterStatistics
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.srtp.session import SrtpProfile, SrtpSession, SrtpStatistics
from rtcpeer.srtp.settings import SrtpSettings
from rtcpeer.stack.media_control import Control
from rtcpeer.stack.media_egress import Egress
from rtcpeer.stack.media_intake import ControlIntake
from rtcpeer.stack.media_rates import demands, share_bitrate

__all__ = ["Media", "MediaLine", "MediaStatistics"]

MAX_EXTENSION_ID: Final = 255
NO_EXTENSIONS: Final[dict[str, int]] = {}
CARE_INTERVAL: Final = 1.0


@dataclass(frozen=True, slots=True)
class MediaLine:
    """A negotiated m= section: its two halves, and what each may do; None: it has no such half, or not yet."""

    sender: RtpSender | None
    send: SendParameters | None
    receiver: RtpReceiver | None
    receive: ReceiveParameters | None


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """A snapshot of what senders and receivers do not count themselves."""

    malformed_rtp: int
    malformed_rtcp: int
    without_keys: int  # came before the handshake was done
    without_stream: int  # feedback on streams that we do not send
    queue_time: float  # seconds that what waits takes to leave
    routes: RouterStatistics
    bandwidth: BandwidthStatistics
    srtp: SrtpStatistics | None  # None before there are keys


class Media:
    """``Core`` for lists of SRTP and SRTCP packets; `stack.bundle.Bundle` owns and drains it."""

    def __init__(
        self,
        settings: MediaSettings,
        entropy: Entropy,
        wall_clock_offset: float,  # seconds since 1970 minus ``now``
        srtp: SrtpSettings = SrtpSettings(),  # noqa: B008  (frozen)
    ) -> None:
        self._settings = settings
        self._srtp = srtp
        self._egress = Egress(settings, wall_clock_offset, self._share)
        self._control = Control(settings, entropy, wall_clock_offset)
        self._router: Router[RtpReceiver, RtpSender] = Router(settings.router)
        self._intake = ControlIntake(self._egress, self._router)
        self._extensions = ExtensionMap(NO_EXTENSIONS)
        self._senders: list[RtpSender] = []
        self._receivers: list[RtpReceiver] = []
        self._touched: dict[InboundStream, RtpReceiver] = {}
        self._streams_due: float | None = None
        self._care_due: float | None = None
        self._is_begin_due = False
        self.path_round_trip_time: float | None = None  # as the path's owner has measured it
        self._events = self._egress.events
        self._malformed = self._without_keys = 0

    def receive(self, packets: Sequence[bytes], now: float) -> None:
        """Take SRTP and SRTCP as they came; what is malformed or belongs to nobody is counted and dropped."""
        session = self._egress.session
        if session is None:
            self._without_keys += len(packets)
            return
        for packet in packets:
            if is_rtcp(packet):
                plain = session.unprotect_rtcp(packet)
                if plain is not None:
                    self._intake.receive(plain, now)
            else:
                plain = session.unprotect_rtp(packet)
                if plain is not None:
                    self._receive_rtp(plain, now)
        self._collect(now)

    def handle_timeout(self, now: float) -> None:
        """Play what is due, give up what is lost, probe."""
        if self._egress.session is None:
            return
        self._egress.handle_timeout(now)
        if self._streams_due is not None and self._streams_due <= now:
            for receiver in self._receivers:
                for stream in receiver.streams.values():
                    if stream.deadline is not None and stream.deadline <= now:
                        self._touched[stream] = receiver
            self._collect(now)
        if self._care_due is not None and self._care_due <= now:
            self._look_after_streams(now)

    def packets_to_send(self, now: float) -> list[bytes]:
        """RTCP, then what the pacer lets go; nothing before there are keys."""
        session = self._egress.session
        if session is None:
            return []
        if self._is_begin_due:
            self._begin(now)
        for sender in self._senders:
            due = sender.next_timeout()
            if due is not None and due <= now:
                sender.handle_timeout(now)
        if self._egress.is_limits_changed:
            self._limit(now)
        packets = self._egress.packets_to_send(now)
        if (
            _is_due(self._streams_due, now)
            or self._control.is_due(now)
            or any(receiver.has_requests for receiver in self._receivers)
        ):
            plain = self._control_packets(now)
            # Before the media: what the peer waits for is there.
            packets[:0] = [packet for each in plain if (packet := session.protect_rtcp(each)) is not None]
        return packets

    def poll_events(self) -> list[RtpEvent]:
        """Hand over what happened, oldest first; empty afterwards."""
        events = self._events
        if not events:
            return []
        told = events.copy()
        events.clear()
        return told

    def next_timeout(self) -> float | None:
        """The earliest deadline of all parts; None before there are keys."""
        if self._egress.session is None:
            return None
        due = earliest(self._egress.next_timeout(), self._control.next_timeout(), self._streams_due, self._care_due)
        for sender in self._senders:
            due = earliest(due, sender.next_timeout())
        return due

    def set_keys(self, keys: SrtpKeys | None) -> None:
        """The handshake has given keys: packets flow from now on. None: no more."""
        if keys is None:
            self._egress.session = None
        elif self._egress.session is None:
            profile = SrtpProfile(keys.profile)
            directions = (keys.local_key, keys.local_salt, keys.remote_key, keys.remote_salt)
            self._egress.session = SrtpSession(profile, *directions, self._srtp)
            self._is_begin_due = True
            for sender in self._senders:
                sender.became_able()

    def configure(self, lines: Sequence[MediaLine], now: float) -> None:
        """All lines there are now, after each step of negotiation; who is no longer among them says BYE."""
        self._configure_senders(lines)
        self._configure_receivers(lines, now)
        sends = [line.send for line in lines if line.send is not None]
        receives = [line.receive for line in lines if line.receive is not None]
        if sends:
            self._control.cname = sends[0].cname
        parameters: list[SendParameters | ReceiveParameters] = [*sends, *receives]
        self._control.is_reduced_size = bool(parameters) and all(each.is_reduced_size for each in parameters)
        self._egress.is_estimating = any(
            send.is_sending and any("transport-cc" in codec.feedback for codec in send.codecs) for send in sends
        )
        self._begin(now)
        self._limit(now)

    def leave(self, now: float) -> list[bytes]:
        """The last packets: a BYE for each of our sources."""
        self._control.leave([stream.ssrc for stream in self._intake.outbound.values() if stream.has_left])
        for sender in self._senders:
            sender.configure(None, None)
        return self.packets_to_send(now)

    def statistics(self) -> MediaStatistics:
        """A snapshot."""
        session = self._egress.session
        return MediaStatistics(
            malformed_rtp=self._malformed,
            malformed_rtcp=self._intake.malformed,
            without_keys=self._without_keys,
            without_stream=self._intake.without_stream,
            queue_time=self._egress.queue_time,
            routes=self._router.statistics(),
            bandwidth=self._egress.statistics(),
            srtp=None if session is None else session.statistics(),
        )

    def _receive_rtp(self, plain: bytes, now: float) -> None:
        """Take a packet to its stream (hot path)."""
        try:
            packet = parse_packet(plain)
            header = packet[0]
            extensions = self._extensions.decode(header)
        except MalformedPacketError:
            self._malformed += 1
            return
        number = extensions.transport_sequence_number
        if number is not None:
            self._control.note_arrival(number, header[3], len(plain), now)
        source = self._router.route(header, extensions)
        if source is None:
            return
        receiver = source.section.receiver
        if source.is_repair:
            stream = receiver.receive_repair(source, self._router.repaired(source), packet, extensions, now)
        else:
            stream = receiver.receive(source, packet, extensions, now)
        if stream is not None:
            self._touched[stream] = receiver

    def _collect(self, now: float) -> None:
        """Take the frames of the streams that have something new."""
        if not self._touched:
            return
        for stream, receiver in self._touched.items():
            receiver.collect(stream, now)
        self._touched.clear()
        self._find_deadline()
        if self._care_due is None:
            self._care_due = now
            self._control.start_reports(now)

    def _control_packets(self, now: float) -> list[bytes]:
        """What is to be said in RTCP, one flush for all streams."""
        inbound = [stream for receiver in self._receivers for stream in receiver.streams.values()]
        asking = [stream for stream in inbound if stream.keyframes.is_wanted or _is_due(stream.deadline, now)]
        compounds = self._control.compounds(inbound, asking, self._egress.target, now)
        for receiver in self._receivers:
            receiver.has_requests = False
        self._find_deadline()
        return compounds

    def _find_deadline(self) -> None:
        self._streams_due = earliest(
            *[
                earliest(stream.deadline, stream.keyframes.due)
                for receiver in self._receivers
                for stream in receiver.streams.values()
            ]
        )

    def _look_after_streams(self, now: float) -> None:
        """Once a second: end what is silent, and keep together what belongs together."""
        for receiver in self._receivers:
            for ssrc in receiver.end_silent(now):
                self._router.forget(ssrc)
        if self.path_round_trip_time is not None and not self._intake.has_round_trip_time:
            for receiver in self._receivers:
                receiver.set_round_trip_time(self.path_round_trip_time)
        synchronize(stream for receiver in self._receivers for stream in receiver.streams.values())
        has_streams = any(receiver.streams for receiver in self._receivers)
        self._care_due = now + CARE_INTERVAL if has_streams else None
        self._find_deadline()

    def _configure_senders(self, lines: Sequence[MediaLine]) -> None:
        senders = [line.sender for line in lines if line.sender is not None]
        for gone in self._senders:
            if gone not in senders:
                self._control.leave(gone.configure(None, None))
        for line in lines:
            if line.sender is not None:
                self._control.leave(line.sender.configure(line.send, self._egress))
        self._senders = senders
        streams = [stream for sender in senders for stream in sender.streams]
        self._intake.outbound = {stream.ssrc: stream for stream in streams}
        self._egress.streams = [
            stream
            for sender in senders
            if sender.kind == "video" and sender.parameters is not None and sender.parameters.is_sending
            for stream in sender.streams
        ]
        self._control.configure(streams)
        self._control.mids = {
            stream.ssrc: sender.parameters.mid
            for sender in senders
            if sender.parameters is not None and sender.parameters.mid is not None
            for stream in sender.streams
        }

    def _configure_receivers(self, lines: Sequence[MediaLine], now: float) -> None:
        receivers = [line.receiver for line in lines if line.receiver is not None]
        for gone in self._receivers:
            if gone not in receivers:
                gone.configure(None, now)
        self._receivers = self._intake.receivers = receivers
        sections = []
        ids: dict[int, str] = {}
        for line in lines:
            if line.receiver is None:
                continue
            if line.receiver.events is not self._events:
                self._events += line.receiver.events
                line.receiver.events = self._events
            line.receiver.configure(line.receive, now)
            if line.receive is None or not line.receive.is_receiving:
                continue
            ids |= {number: uri for uri, number in line.receive.extensions}
            sections.append(_section(line.receiver, line.receive))
        usable = {uri: number for number, uri in ids.items() if 0 < number <= MAX_EXTENSION_ID and number != STOP_ID}
        self._extensions = ExtensionMap(usable, allow_two_byte=True)
        self._router.configure(sections, {})
        self._find_deadline()

    def _begin(self, now: float) -> None:
        """Reports and probes begin once there are both keys and something to send."""
        if self._egress.session is None or not any(sender.can_send for sender in self._senders):
            return
        self._is_begin_due = False
        self._control.start_reports(now)
        if any(sender.can_send and sender.kind == "video" for sender in self._senders):
            self._egress.start(now)

    def _limit(self, now: float) -> None:
        """Tell the estimator what there is a use for, and share what there is."""
        self._egress.is_limits_changed = False
        wanted = sum(demand.maximum for sender in self._senders for demand in demands(sender, self._settings))
        if wanted:
            self._egress.limit(wanted, now)
        self._share(self._egress.target)

    def _share(self, bitrate: int) -> None:
        share_bitrate(self._senders, bitrate, self._settings)


def _is_due(deadline: float | None, now: float) -> bool:
    return deadline is not None and deadline <= now


def _section(receiver: RtpReceiver, parameters: ReceiveParameters) -> ReceiveSection[RtpReceiver]:
    repairs = frozenset(codec.payload_type for codec in parameters.codecs if codec.is_rtx)
    return ReceiveSection(
        receiver,
        frozenset(codec.payload_type for codec in parameters.codecs),
        parameters.mid,
        repairs,
        frozenset(parameters.ssrcs),
        dict(parameters.repairs),
        frozenset(parameters.rids),
    )
