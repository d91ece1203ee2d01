"""One data channel: a pair of SCTP streams with the same number (RFC 8831 section 6)."""

from collections.abc import Callable
from enum import Enum
from typing import Final

from rtcpeer.datachannel.dcep import OpenMessage, Ppid, usv_string
from rtcpeer.errors import InvalidStateError, MalformedPacketError
from rtcpeer.sctp.association import Association

__all__ = ["Channel", "ChannelState"]


class ChannelState(Enum):
    """W3C webrtc-pc section 6.2.1, RTCDataChannelState."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


# The enum's attribute costs a lookup in its class for each message.
_OPEN: Final = ChannelState.OPEN
_STRING, _BINARY = int(Ppid.STRING), int(Ppid.BINARY)


class Channel:
    """Made by `DataChannels.open` or announced by the peer.

    The attributes are for reading, except ``buffered_amount_low_threshold``; `DataChannels` keeps them. Counters are
    those of W3C's RTCDataChannelStats: user messages, and bytes without those that stand for an empty message.
    """

    __slots__ = (
        "_association",
        "_lifetime",
        "_low_threshold",
        "_max_retransmits",
        "_on_close",
        "_residue",
        "_send",
        "_tells_low",
        "_told_low",
        "bytes_received",
        "bytes_sent",
        "is_incoming_reset",
        "is_ordered",
        "is_outgoing_reset",
        "is_silent",
        "messages_received",
        "messages_sent",
        "negotiated",
        "parameters",
        "partial",
        "sends_ordered",
        "state",
        "stream_id",
    )

    def __init__(
        self,
        association: Association,
        parameters: OpenMessage,
        on_close: "Callable[[Channel], None]",
        *,
        negotiated: bool = False,
    ) -> None:
        self.parameters = parameters
        self.negotiated = negotiated
        self.stream_id: int | None = None  # until the DTLS role is known; kept when the channel is closed
        self.state = ChannelState.CONNECTING
        self.messages_sent = self.bytes_sent = 0
        self.messages_received = self.bytes_received = 0
        self.is_ordered = parameters.ordered
        # RFC 8832 section 6: whatever the channel's order, until something has come back on it. A negotiated channel
        # has no OPEN that could be overtaken.
        self.sends_ordered = parameters.ordered or not negotiated
        self.partial: list[bytes] = []  # the beginning of a message in deprecated partial messages
        self.is_outgoing_reset = self.is_incoming_reset = False
        self.is_silent = False  # an OPEN that was refused: it closes like a channel, and nobody hears of it
        self._association = association
        self._send = association.send
        self._on_close = on_close
        self._max_retransmits = parameters.max_retransmits
        life_time_ms = parameters.max_packet_life_time_ms
        self._lifetime = None if life_time_ms is None else life_time_ms / 1000
        self._low_threshold = 0
        self._tells_low = True
        self._told_low: tuple[int, int] | None = None  # messages and threshold when the fall was told last
        self._residue = 0

    def __repr__(self) -> str:
        return f"Channel({self.label!r}, id={self.stream_id}, {self.state.value})"

    @property
    def label(self) -> str:
        """What its creator called it; need not be unique."""
        return self.parameters.label

    @property
    def protocol(self) -> str:
        """The subprotocol, for the application's use."""
        return self.parameters.protocol

    @property
    def ordered(self) -> bool:
        """Whether messages arrive in the order of sending."""
        return self.parameters.ordered

    @property
    def max_retransmits(self) -> int | None:
        """How often a message is retransmitted at most; None for no limit."""
        return self.parameters.max_retransmits

    @property
    def max_packet_life_time_ms(self) -> int | None:
        """How long a message is transmitted at most, in milliseconds; None for no limit."""
        return self.parameters.max_packet_life_time_ms

    @property
    def priority(self) -> int:
        """What was asked for in DCEP (RFC 8831 section 6.4); it does not change the order of sending."""
        return self.parameters.priority

    @property
    def buffered_amount(self) -> int:
        """Bytes of messages that have not gone out to the network yet; what never will stays after the close."""
        if self.state is ChannelState.CLOSED:
            return self._residue
        if self.stream_id is None:
            return 0
        # The stream carries DCEP messages too, always before the first of ours.
        return min(self._association.buffered_amount(self.stream_id), self.bytes_sent)

    @property
    def buffered_amount_low_threshold(self) -> int:
        """`ChannelBufferedAmountLow` comes when `buffered_amount` falls to this or below."""
        return self._low_threshold

    @buffered_amount_low_threshold.setter
    def buffered_amount_low_threshold(self, value: int) -> None:
        if value < 0:
            raise ValueError("buffered_amount_low_threshold must not be negative")
        self._low_threshold = value
        self._set_stream_threshold()

    @property
    def tells_low(self) -> bool:
        """Whether `ChannelBufferedAmountLow` comes at all: there would be one for each lone message."""
        return self._tells_low

    @tells_low.setter
    def tells_low(self, value: bool) -> None:
        self._tells_low = value
        self._set_stream_threshold()

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Queue one message. `InvalidStateError` unless open; `TypeError` when the peer does not take so much."""
        if self.state is not _OPEN:
            raise InvalidStateError(f"the channel {self.label!r} is {self.state.value}; only an open one sends")
        if type(data) is bytes:
            payload, ppid = data, _BINARY
        elif type(data) is str:
            ppid = _STRING
            try:
                payload = data.encode()
            except UnicodeEncodeError:
                payload = usv_string(data).encode()
        else:
            payload, ppid = _convert(data)
        size = len(payload)
        if not size:
            # RFC 8831 section 6.6: one zero byte, under a number of its own.
            payload, ppid = b"\0", (Ppid.STRING_EMPTY if ppid == _STRING else Ppid.BINARY_EMPTY)
        try:
            self._send(
                self.stream_id,  # type: ignore[arg-type]  # an open channel has one
                ppid,
                payload,
                ordered=self.sends_ordered,
                max_retransmits=self._max_retransmits,
                lifetime=self._lifetime,
            )
        except ValueError as error:
            raise TypeError(f"a message of {size} bytes is larger than the peer takes: {error}") from error
        self.messages_sent += 1
        self.bytes_sent += size

    def close(self) -> None:
        """Close once what was sent has gone out; harmless when repeated. `ChannelClosed` tells when it is done."""
        if self.state is ChannelState.CONNECTING or self.state is ChannelState.OPEN:
            self._on_close(self)

    def assign(self, stream_id: int) -> None:
        """The core's: the stream is known now."""
        self.stream_id = stream_id
        # Even if it is zero: the stream may have had another channel before.
        self._set_stream_threshold()

    def take_low(self) -> bool:
        """The core's: whether a fall of what is queued on the stream is news to the application.

        The stream carries DCEP messages too, and the news may have waited for the COOKIE ACK while more was sent.
        """
        now = (self.messages_sent, self._low_threshold)
        if not self.buffered_amount <= self._low_threshold < self.bytes_sent or now == self._told_low:
            return False
        self._told_low = now
        return True

    def assemble(self, ppid: int, data: bytes, max_partial_size: int) -> str | bytes | None:
        """The core's: the message that ends with this one; None for a deprecated partial one that goes on.

        `MalformedPacketError` for what is no message of the application, or grew beyond the limit.
        """
        match ppid:
            case Ppid.STRING_PARTIAL | Ppid.BINARY_PARTIAL:
                self.partial.append(data)
                if sum(map(len, self.partial)) > max_partial_size:
                    self.partial.clear()
                    raise MalformedPacketError(f"partial messages beyond {max_partial_size} bytes")
                return None
            case Ppid.STRING | Ppid.BINARY:
                data = b"".join([*self.partial, data])
                self.partial.clear()
            case Ppid.STRING_EMPTY | Ppid.BINARY_EMPTY:
                data = b""
            case _:
                raise MalformedPacketError(f"unknown payload protocol identifier {ppid}")
        self.messages_received += 1
        self.bytes_received += len(data)
        return data.decode("utf-8", "replace") if ppid in {Ppid.STRING, Ppid.STRING_EMPTY} else data

    def finish(self) -> None:
        """The core's: the channel is closed, and its stream may soon be another's."""
        self._residue = self.buffered_amount
        self.state = ChannelState.CLOSED
        self.partial.clear()

    def _set_stream_threshold(self) -> None:
        if self.stream_id is not None and self.state is not ChannelState.CLOSED:
            threshold = self._low_threshold if self._tells_low else None
            self._association.set_buffered_amount_low_threshold(self.stream_id, threshold)


def _convert(data: object) -> tuple[bytes, int]:
    """What `Channel.send` takes beside exact `str` and `bytes`: their subclasses and other buffers."""
    if isinstance(data, str):
        return usv_string(data).encode(), _STRING
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data), _BINARY
    raise TypeError(f"a channel sends str or bytes, not {type(data).__name__}")
