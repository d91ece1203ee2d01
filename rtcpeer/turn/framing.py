"""ChannelData (RFC 8656 section 12.4), and the cutting of a TCP or TLS stream into messages (sections 12.5, 12.6)."""

from struct import Struct

from rtcpeer.errors import MalformedPacketError

__all__ = [
    "CHANNEL_HEADER",
    "FIRST_CHANNEL",
    "LAST_CHANNEL",
    "StreamFramer",
    "encode_channel_data",
    "is_channel_data",
]

CHANNEL_HEADER = Struct("!HH")  # channel number, length of the data without padding
FIRST_CHANNEL = 0x4000
LAST_CHANNEL = 0x4FFF

_STUN_HEADER_BYTES = 20
_COOKIE_BYTES = bytes.fromhex("2112a442")
_PADDING = (b"", b"\x00", b"\x00\x00", b"\x00\x00\x00")


def is_channel_data(packet: bytes) -> bool:
    """Whether a packet from the server is ChannelData, by its first byte (section 12.4)."""
    return len(packet) >= 4 and 0x40 <= packet[0] <= 0x4F


def encode_channel_data(number: int, payload: bytes, *, is_padded: bool) -> bytes:
    """One ChannelData message; over a stream it is padded to a multiple of four bytes (section 12.5).

    Raises:
        ValueError: the payload has more than 65,535 bytes.
    """
    if len(payload) > 0xFFFF:
        raise ValueError(f"{len(payload)} bytes do not fit into one datagram")
    message = CHANNEL_HEADER.pack(number, len(payload)) + payload
    return message + _PADDING[-len(payload) & 3] if is_padded else message


class StreamFramer:
    """Cuts a byte stream from a server into STUN messages and ChannelData; keeps at most one incomplete message.

    ChannelData keeps its padding. Once the stream is broken it stays so: there is nothing to find a boundary by.
    """

    __slots__ = ("_buffer", "_is_broken")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_broken = False

    @property
    def buffered(self) -> int:
        """Bytes of the message that is not complete yet."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages that are complete now.

        Raises:
            MalformedPacketError: what comes next is neither STUN nor ChannelData. The messages before it are lost,
                as is the stream.
        """
        if self._is_broken:
            raise MalformedPacketError("the stream was broken before")
        buffer = self._buffer
        buffer += chunk
        messages: list[bytes] = []
        offset, available = 0, len(buffer)
        while available - offset >= 4:
            size = self._message_size(offset)
            if available - offset < size:
                break
            messages.append(bytes(buffer[offset : offset + size]))
            offset += size
        if offset:
            del buffer[:offset]
        return messages

    def _message_size(self, offset: int) -> int:
        buffer = self._buffer
        first = buffer[offset] << 8 | buffer[offset + 1]
        length = buffer[offset + 2] << 8 | buffer[offset + 3]
        if FIRST_CHANNEL <= first <= LAST_CHANNEL:
            return 4 + (length + 3 & ~3)
        cookie = buffer[offset + 4 : offset + 8]
        if first & 0xC000 or length % 4 or cookie != _COOKIE_BYTES[: len(cookie)]:
            self._is_broken = True
            self._buffer = bytearray()
            raise MalformedPacketError(f"{first:#06x} begins neither a STUN message nor ChannelData")
        return _STUN_HEADER_BYTES + length
