"""One BUNDLE group (RFC 9143): every protocol that shares one ICE path, as one core.

The way in: socket → `receive` → `Connectivity` (STUN stays there) → DTLS | RTP by first byte → SCTP → data channels |
media. The way out is the same, reversed: `packets_to_send` asks media and the channels, seals what they give, and puts
it on ICE's path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtcpeer.core import Datagrams, earliest
from rtcpeer.datachannel.channels import DataChannels
from rtcpeer.datachannel.events import ChannelEvent
from rtcpeer.dtls.certificate import Fingerprint
from rtcpeer.dtls.endpoint import DtlsEndpoint, DtlsRole
from rtcpeer.dtls.events import DtlsEvent, EarlyDataAllowed, EndpointClosed, HandshakeCompleted, HandshakeFailed
from rtcpeer.rtp.events import RtpEvent
from rtcpeer.stack.connectivity import Connectivity, ConnectivityEvent, Path
from rtcpeer.stack.demux import PacketKind, packet_kind

if TYPE_CHECKING:  # who adds media has imported it: a program that needs data channels alone starts without
    from rtcpeer.stack.media import Media

__all__ = ["Bundle", "BundleEvent", "BundleStatistics"]

DTLS = PacketKind.DTLS  # the enum's attribute costs a lookup in its class for each packet

BundleEvent = ConnectivityEvent | DtlsEvent | ChannelEvent | RtpEvent


@dataclass(frozen=True, slots=True)
class BundleStatistics:
    """What the bundle itself dropped, by reason."""

    packets_of_unknown_kind: int
    packets_without_owner: int  # RTP where there is no media


class Bundle:
    """Core[Datagrams, BundleEvent] over an ICE path that `Connectivity` finds and keeps."""

    def __init__(
        self, connectivity: Connectivity, dtls: DtlsEndpoint, channels: DataChannels, media: "Media | None" = None
    ) -> None:
        self.connectivity = connectivity
        self.dtls = dtls
        self.channels = channels
        self.media = media  # see `add_media`
        self.dtls_end: HandshakeFailed | EndpointClosed | None = None  # how the encryption ended, once it has
        self._events: list[BundleEvent] = []
        self._is_sctp_wanted = False
        self._is_dtls_up = False
        self._farewell_path: Path | None = None
        self._unknown_packets = 0
        self._ownerless_packets = 0

    def receive(self, packet: Datagrams, now: float) -> None:
        """Take a run of datagrams; what belongs to nobody is counted and dropped."""
        payloads = self.connectivity.sift(packet, now)
        if not payloads:
            return
        dtls = self.dtls
        rtp: list[bytes] | None = None
        for payload in payloads:
            kind = packet_kind(payload)
            if kind is DTLS:
                dtls.receive(payload, now)
            elif kind is PacketKind.RTP:
                if rtp is None:
                    rtp = []
                rtp.append(payload)
            else:
                self._unknown_packets += 1
        if not self._is_dtls_up:
            self._follow_dtls()
        if rtp is not None:
            self._receive_rtp(rtp, now)
        channels = self.channels
        for data in dtls.take_data():
            channels.receive(data, now)
        self._follow_dtls()  # last: what came before a close_notify still counts

    def handle_timeout(self, now: float) -> None:
        """Do what is due; without a path the upper protocols' clocks stand, so that a restart finds them alive."""
        self.connectivity.handle_timeout(now)
        if self.connectivity.send_path() is not None:
            self.dtls.handle_timeout(now)
            self._follow_dtls()
            if self.media is not None:
                self._tell_round_trip_time(self.media)
                self.media.handle_timeout(now)
            self.channels.handle_timeout(now)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """Connectivity's own packets, then what DTLS and the channels want to say over the chosen path."""
        if self._farewell_path is not None:
            return self._farewell(self._farewell_path, now)
        packets = self.connectivity.packets_to_send(now)
        path = self.connectivity.send_path()
        if path is not None:
            payloads = self.dtls.packets_to_send(now)
            if payloads:
                self._follow_dtls()  # INIT may ride behind the client's last flight
            if self.media is not None:
                payloads = payloads + self.media.packets_to_send(now)
            if self._is_dtls_up:
                data = self.channels.packets_to_send(now)
                if data:
                    payloads = payloads + self.dtls.seal_many(data)
            if payloads:
                packets += self.connectivity.carry(Datagrams(path[0], path[1], payloads), now)
        return packets

    def poll_events(self) -> list[BundleEvent]:
        """Events from the path upwards: connectivity's, then DTLS's, then media's and the channels'."""
        events: list[BundleEvent] = list(self.connectivity.poll_events())
        if self._events:
            events += self._events
            self._events.clear()
        if self.media is not None:
            events += self.media.poll_events()
        events += self.channels.poll_events()
        return events

    def next_timeout(self) -> float | None:
        """The earliest deadline of all parts that run."""
        own = self.connectivity.next_timeout()
        if self.connectivity.send_path() is None:
            return own
        if self.media is not None:
            own = earliest(own, self.media.next_timeout())
        return earliest(own, self.dtls.next_timeout(), self.channels.next_timeout() if self._is_dtls_up else None)

    def start_dtls(self, role: DtlsRole, remote_fingerprints: Sequence[Fingerprint]) -> None:
        """Begin the handshake as soon as there is a path."""
        self.channels.set_role(is_dtls_client=role is DtlsRole.CLIENT)
        self.dtls.start(role, remote_fingerprints)
        self._follow_dtls()

    def add_media(self, media: "Media") -> None:
        """Carry media from now on, or from when the handshake is done; a connection without it has no work with it."""
        self.media = media
        media.set_keys(self.dtls.srtp_keys() if self.dtls_end is None else None)

    def swap_channels(self, other: "Bundle") -> None:
        """Exchange the data channels, of which there are those of no other bundle, before `start_sctp`."""
        self.channels, other.channels = other.channels, self.channels
        for bundle in (self, other):
            if bundle.dtls.role is not None:
                bundle.channels.set_role(is_dtls_client=bundle.dtls.role is DtlsRole.CLIENT)

    def start_sctp(self, remote_port: int, max_message_size: int) -> None:
        """Set up the association as soon as DTLS stands; ``max_message_size`` is the peer's, 0 for no limit."""
        self.channels.association.set_remote_port(remote_port)
        self.channels.association.set_max_message_size(max_message_size)
        self._is_sctp_wanted = True
        self._connect_sctp()

    def close(self) -> None:
        """Abort the association and say goodbye to the peer; the next pull gives the last packets."""
        if self._farewell_path is None:
            self._farewell_path = self.connectivity.send_path()
        self.channels.abort()
        if self._farewell_path is None:
            self.dtls.close()
            self._follow_dtls()
            self.connectivity.close()

    def statistics(self) -> BundleStatistics:
        """A snapshot of the counters."""
        return BundleStatistics(self._unknown_packets, self._ownerless_packets)

    def _receive_rtp(self, packets: list[bytes], now: float) -> None:
        if self.media is None:
            self._ownerless_packets += len(packets)
        else:
            if self.media.path_round_trip_time is None:
                self._tell_round_trip_time(self.media)
            self.media.receive(packets, now)

    def _tell_round_trip_time(self, media: "Media") -> None:
        """ICE's checks have measured what RTCP tells only later, or never to who does not send."""
        pair = self.connectivity.agent.selected_pair
        if pair is not None:
            media.path_round_trip_time = pair.smoothed_round_trip_time

    def _follow_dtls(self) -> None:
        """Bring the association and media up after the handshake and down with the endpoint."""
        for event in self.dtls.poll_events():
            match event:
                case HandshakeCompleted() | EarlyDataAllowed():
                    self._is_dtls_up = True
                    self._connect_sctp()
                    if self.media is not None:
                        self.media.set_keys(self.dtls.srtp_keys())
                case HandshakeFailed() | EndpointClosed():
                    self.dtls_end = event
                    self._is_dtls_up = False
                    self.channels.abort()
                    if self.media is not None:
                        self.media.set_keys(None)
                case _:
                    pass
            self._events.append(event)

    def _connect_sctp(self) -> None:
        if self._is_sctp_wanted and self._is_dtls_up:
            self.channels.connect()

    def _farewell(self, path: Path, now: float) -> list[Datagrams]:
        payloads = self.media.leave(now) if self.media is not None else []
        payloads += self.dtls.seal_many(self.channels.packets_to_send(now)) if self._is_dtls_up else []
        self._is_dtls_up = False
        self.dtls.close()
        self._follow_dtls()
        payloads += self.dtls.packets_to_send(now)
        packets = self.connectivity.carry(Datagrams(path[0], path[1], payloads), now) if payloads else []
        self.connectivity.close()
        self._farewell_path = None
        return packets + self.connectivity.packets_to_send(now)
