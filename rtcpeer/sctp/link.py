"""What exists once both verification tags are known."""

from rtcpeer.core import Entropy
from rtcpeer.sctp.chunks import Sack
from rtcpeer.sctp.congestion import LossBasedController
from rtcpeer.sctp.handshake import Capabilities
from rtcpeer.sctp.heartbeat import Heartbeat
from rtcpeer.sctp.outstanding import Outstanding
from rtcpeer.sctp.packet import HEADER_SIZE, Envelope
from rtcpeer.sctp.receiver import Receiver
from rtcpeer.sctp.rto import RetransmissionTimeout
from rtcpeer.sctp.send_queue import SendQueue
from rtcpeer.sctp.sender import Sender
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.sctp.stream_reset import OutgoingResets

__all__ = ["Link", "Terms"]


class Terms:
    """What the two sides agreed on in the handshake."""

    __slots__ = (
        "capabilities",
        "inbound_streams",
        "local_initial_tsn",
        "outbound_streams",
        "peer_initial_tsn",
        "peer_tag",
        "peer_window",
    )

    def __init__(
        self,
        *,
        peer_tag: int,
        local_initial_tsn: int,
        peer_initial_tsn: int,
        peer_window: int,
        outbound_streams: int,
        inbound_streams: int,
        capabilities: Capabilities,
    ) -> None:
        self.peer_tag = peer_tag
        self.local_initial_tsn = local_initial_tsn
        self.peer_initial_tsn = peer_initial_tsn
        self.peer_window = peer_window
        self.outbound_streams = outbound_streams
        self.inbound_streams = inbound_streams
        self.capabilities = capabilities


class Link:
    """Both halves, the path between them and the two envelopes' outgoing one."""

    def __init__(
        self,
        settings: SctpSettings,
        remote_port: int,
        terms: Terms,
        queue: SendQueue,
        entropy: Entropy,
        outstanding: Outstanding | None = None,
    ) -> None:
        self.terms = terms
        self.envelope = Envelope(settings.local_port, remote_port, terms.peer_tag)
        self.rto = RetransmissionTimeout(settings)
        controller = LossBasedController(
            settings.max_packet_size - HEADER_SIZE, settings.initial_window_packets, terms.peer_window
        )
        if outstanding is None:
            outstanding = Outstanding(terms.local_initial_tsn)
        self.sender = Sender(settings, queue, controller, self.rto, outstanding, terms.peer_window)
        self.sender.abandonment.is_supported = terms.capabilities.has_partial_reliability
        # What we announced bounds the peer, not what it has opened so far: Firefox begins with 256 and adds more.
        self.receiver = Receiver(settings, terms.peer_initial_tsn, settings.inbound_streams)
        self.heartbeat = Heartbeat(settings.heartbeat_interval, entropy)
        # RFC 6525 section 4.1: request numbers start with the initial TSN.
        self.resets = OutgoingResets(terms.local_initial_tsn, settings.max_packet_size - HEADER_SIZE)
        self.errors = 0  # retransmissions in a row that nothing answered (section 8.1)
        self.late_sack: tuple[Sack, float] | None = None  # with the moment at which it came
        self.is_sack_passed = False  # a pull has gone before it

    def take_sack(self, sack: Sack, now: float) -> None:
        """Take a SACK, or put it off until the next pull is over.

        Where requests and answers take turns, what comes bears both a message and a plain SACK; the answer need not
        wait until that has been taken.
        """
        self.settle_sack()
        self.late_sack = (sack, now)
        if sack.blocks:
            self.settle_sack()

    def settle_sack(self) -> None:
        """Take the SACK that was put off, if any."""
        if self.late_sack is not None:
            sack, came_at = self.late_sack
            self.late_sack, self.is_sack_passed = None, False
            if self.sender.take_sack(sack, came_at):
                self.errors = 0
