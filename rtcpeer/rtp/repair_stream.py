"""The stream in which packets are sent again, and padding goes (RFC 4588)."""

from collections.abc import Mapping
from struct import Struct
from typing import TYPE_CHECKING, Final

from rtcpeer.rtp.bandwidth.pacer import Priority
from rtcpeer.rtp.extension_writer import ExtensionWriter
from rtcpeer.rtp.header import EXTENSION_BIT, FIXED, FIXED_HEADER_SIZE, MARKER_BIT, PADDING_BIT, VERSION_2
from rtcpeer.rtp.outgoing import OutgoingPacket

if TYPE_CHECKING:  # it owns this
    from rtcpeer.rtp.outbound_stream import OutboundStream

__all__ = ["RepairStream"]

SEQUENCE_NUMBER: Final = Struct(">H")


class RepairStream:
    """Under an SSRC and numbers of its own."""

    def __init__(self, ssrc: int, first_number: int) -> None:
        self.ssrc = ssrc
        self._number = first_number
        self._payload_types: Mapping[int, int] = {}
        self._writer = ExtensionWriter((), None, None, None)

    def configure(self, payload_types: Mapping[int, int], writer: ExtensionWriter) -> None:
        """``payload_types`` of repair by those of media; the numbering goes on."""
        self._payload_types = payload_types
        self._writer = writer

    @property
    def is_usable(self) -> bool:
        """Whether it was agreed on."""
        return bool(self._payload_types)

    def again(self, packet: OutgoingPacket, now: float) -> OutgoingPacket | None:
        """A packet of media once more; None where its payload type has no repair."""
        first, second, number, timestamp, _ = FIXED.unpack_from(packet.head)
        payload_type = self._payload_types.get(second & 0x7F)
        if payload_type is None:
            return None
        before, after = self._writer.write(packet.elements)
        csrcs = packet.head[FIXED_HEADER_SIZE : FIXED_HEADER_SIZE + 4 * (first & 0x0F)]
        first = first & ~EXTENSION_BIT | (EXTENSION_BIT if before else 0)
        payload = SEQUENCE_NUMBER.pack(number) + packet.payload
        head = self._head(first, payload_type | second & MARKER_BIT, timestamp) + csrcs + before
        return self._packet(packet.stream, head, after + payload, payload, Priority.RETRANSMISSION, now)

    def padding(
        self, stream: "OutboundStream", media_type: int, timestamp: int, size: int, now: float
    ) -> OutgoingPacket | None:
        """A packet of nothing but ``size`` bytes of padding, for the stream that is repaired here."""
        payload_type = self._payload_types.get(media_type)
        if payload_type is None:
            return None
        before, after = self._writer.write(b"")
        first = VERSION_2 | PADDING_BIT | (EXTENSION_BIT if before else 0)
        head = self._head(first, payload_type, timestamp) + before
        return self._packet(stream, head, after + bytes(size - 1) + bytes((size,)), b"", Priority.PADDING, now)

    def _packet(
        self, stream: "OutboundStream", head: bytes, tail: bytes, payload: bytes, priority: Priority, now: float
    ) -> OutgoingPacket:
        packet = OutgoingPacket(stream, head, tail, payload, priority, now)
        packet.departure = self._writer.departure
        return packet

    def _head(self, first: int, second: int, timestamp: int) -> bytes:
        number = self._number
        self._number = (number + 1) & 0xFFFF
        return FIXED.pack(first, second, number, timestamp, self.ssrc)
