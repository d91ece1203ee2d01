"""The Data Channel Establishment Protocol: its two messages and the payload protocol identifiers (RFC 8832, 8831)."""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from rtcpeer.errors import MalformedPacketError

__all__ = [
    "MAX_NAME_LENGTH",
    "MessageType",
    "OpenMessage",
    "Ppid",
    "Priority",
    "usv_string",
    "ACK",
]

MAX_NAME_LENGTH = 0xFFFF  # of a label or a protocol, in bytes of UTF-8


class Ppid(IntEnum):
    """SCTP payload protocol identifiers of WebRTC (RFC 8831 section 8)."""

    DCEP = 50
    STRING = 51
    BINARY_PARTIAL = 52  # deprecated: more of the same message follows
    BINARY = 53
    STRING_PARTIAL = 54  # deprecated
    STRING_EMPTY = 56  # SCTP has no empty messages: one byte stands for none
    BINARY_EMPTY = 57


class MessageType(IntEnum):
    """RFC 8832 section 8.2.1."""

    ACK = 0x02
    OPEN = 0x03


class Priority(IntEnum):
    """RFC 8831 section 6.4; what lies between means the next lower one."""

    BELOW_NORMAL = 128
    NORMAL = 256
    HIGH = 512
    EXTRA_HIGH = 1024


ACK = bytes([MessageType.ACK])  # RFC 8832 section 5.2: nothing but the type

# RFC 8832 section 5.1: message type, channel type, priority, reliability parameter, label length, protocol length
_OPEN = Struct("!BBHIHH")
_UNORDERED = 0x80  # of the channel type: the top bit, beside one of the three below
_RELIABLE, _REXMIT, _TIMED = 0x00, 0x01, 0x02


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """DATA_CHANNEL_OPEN; at most one of the two limits is given, and a channel without one is reliable."""

    label: str
    protocol: str = ""
    ordered: bool = True
    max_retransmits: int | None = None
    max_packet_life_time_ms: int | None = None
    priority: int = Priority.NORMAL

    def check(self) -> None:
        """Whether it can be sent: `TypeError`, as W3C's createDataChannel has it (webrtc-pc section 6.1.1.2)."""
        for name, text in (("label", self.label), ("protocol", self.protocol)):
            if len(text.encode()) > MAX_NAME_LENGTH:
                raise TypeError(f"the {name} has more than {MAX_NAME_LENGTH} bytes in UTF-8")
        if self.max_retransmits is not None and self.max_packet_life_time_ms is not None:
            raise TypeError("a channel is limited by retransmissions or by time, not by both")
        for name, limit in (
            ("max_retransmits", self.max_retransmits),
            ("max_packet_life_time_ms", self.max_packet_life_time_ms),
        ):
            if limit is not None and not 0 <= limit <= 0xFFFFFFFF:
                raise TypeError(f"{name} is an unsigned 32-bit number, not {limit}")
        if not 0 <= self.priority <= 0xFFFF:
            raise TypeError(f"priority is an unsigned 16-bit number, not {self.priority}")

    def serialize(self) -> bytes:
        """The message as its bytes; label and protocol are within `MAX_NAME_LENGTH`."""
        channel_type, reliability = _RELIABLE, 0
        if self.max_retransmits is not None:
            channel_type, reliability = _REXMIT, self.max_retransmits
        elif self.max_packet_life_time_ms is not None:
            channel_type, reliability = _TIMED, self.max_packet_life_time_ms
        if not self.ordered:
            channel_type |= _UNORDERED
        label, protocol = self.label.encode(), self.protocol.encode()
        header = _OPEN.pack(
            MessageType.OPEN, channel_type, self.priority, reliability, len(label), len(protocol)
        )  # fmt: skip
        return header + label + protocol

    @classmethod
    def parse(cls, data: bytes) -> "OpenMessage":
        """Read the message; `MalformedPacketError` when it breaks its format.

        Bytes behind the protocol are ignored: the lengths say where it ends.
        """
        if len(data) < _OPEN.size:
            raise MalformedPacketError(f"DATA_CHANNEL_OPEN of {len(data)} bytes, at least {_OPEN.size} expected")
        message_type, channel_type, priority, reliability, label_length, protocol_length = _OPEN.unpack_from(data)
        if message_type != MessageType.OPEN:
            raise MalformedPacketError(f"message type 0x{message_type:02x} is not DATA_CHANNEL_OPEN")
        kind = channel_type & ~_UNORDERED
        if kind > _TIMED:
            raise MalformedPacketError(f"unassigned channel type 0x{channel_type:02x}")
        protocol_start = _OPEN.size + label_length
        end = protocol_start + protocol_length
        if len(data) < end:
            raise MalformedPacketError(f"label and protocol end at {end}, the message at {len(data)}")
        try:
            label = str(data[_OPEN.size : protocol_start], "utf-8")
            protocol = str(data[protocol_start:end], "utf-8")
        except UnicodeDecodeError as error:
            raise MalformedPacketError("label and protocol are UTF-8") from error
        return cls(
            label=label,
            protocol=protocol,
            ordered=not channel_type & _UNORDERED,
            max_retransmits=reliability if kind == _REXMIT else None,
            max_packet_life_time_ms=reliability if kind == _TIMED else None,
            priority=priority,
        )


def usv_string(text: str) -> str:
    """The text as JavaScript would send it (WebIDL's USVString): a surrogate without its other half becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
