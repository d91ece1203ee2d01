"""A packet between the stream that made it and the transport that sends it."""

from typing import TYPE_CHECKING

from rtcpeer.rtp.bandwidth.pacer import Priority
from rtcpeer.rtp.extension_writer import Departure

if TYPE_CHECKING:  # it makes these
    from rtcpeer.rtp.outbound_stream import OutboundStream

__all__ = ["OutgoingPacket"]


class OutgoingPacket:
    """In two parts, between which goes what is known only when it leaves."""

    __slots__ = ("departure", "elements", "head", "payload", "priority", "protected", "queued_at", "sequence_number",
                 "size", "stream", "tail")  # fmt: skip

    def __init__(
        self, stream: "OutboundStream", head: bytes, tail: bytes, payload: bytes, priority: Priority, now: float
    ) -> None:
        self.stream = stream
        self.head = head
        self.tail = tail  # with the payload
        self.payload = payload
        self.priority = priority
        self.queued_at = now
        self.size = len(head) + len(tail)
        self.sequence_number: int | None = None  # for the history; None: sent again, or padding
        self.elements = b""  # of the header extension, of this packet alone
        self.departure: Departure | None = None
        self.protected: bytes | None = None  # as SRTP, where it will be sent again as it is
