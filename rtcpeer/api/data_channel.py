"""RTCDataChannel (W3C webrtc-pc section 6.2)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from rtcpeer.api.events import EventTarget, Handler, event_handler
from rtcpeer.datachannel.channels import Channel, ChannelState

if TYPE_CHECKING:  # it makes these channels
    from rtcpeer.api.sctp import RTCSctpTransport

__all__ = ["RTCDataChannel", "RTCDataChannelState"]

RTCDataChannelState = Literal["connecting", "open", "closing", "closed"]

_READY_STATES: dict[ChannelState, RTCDataChannelState] = {
    ChannelState.CONNECTING: "connecting",
    ChannelState.OPEN: "open",
    ChannelState.CLOSING: "closing",
    ChannelState.CLOSED: "closed",
}


class RTCDataChannel(EventTarget):
    """A bidirectional channel of messages; made by `RTCPeerConnection.createDataChannel` or announced by the peer.

    Events: ``open``, ``message`` (the ``str`` or ``bytes``), ``bufferedamountlow``, ``closing``, ``close``, and
    ``error`` (an `RTCError`) before ``close`` when the channel ends because something failed or, with ``errorDetail``
    ``"sctp-failure"`` and ``sctpCauseCode`` 12, because the peer closed the whole connection.
    """

    onopen = event_handler("open")
    onmessage = event_handler("message")
    onbufferedamountlow = event_handler("bufferedamountlow")
    onclosing = event_handler("closing")
    onclose = event_handler("close")
    onerror = event_handler("error")

    def __init__(self, channel: Channel, transport: "RTCSctpTransport", wake: Callable[[], None]) -> None:
        super().__init__()
        self._channel = channel
        self._transport = transport
        self._wake = wake  # tells the driver that the core has something to do
        self._is_closed_here = False  # then what still arrives is for nobody
        channel.tells_low = False  # until somebody listens
        self.binaryType: Literal["arraybuffer"] = "arraybuffer"  # bytes are bytes; here for programs that set it

    @property
    def transport(self) -> "RTCSctpTransport":
        """What carries the messages; aiortc's, the W3C has it as ``pc.sctp`` alone."""
        return self._transport

    @property
    def label(self) -> str:
        """What the channel was called by the side that made it; not necessarily unique."""
        return self._channel.label

    @property
    def protocol(self) -> str:
        """The subprotocol, for the application's own use."""
        return self._channel.protocol

    @property
    def ordered(self) -> bool:
        """Whether messages arrive in the order in which they were sent."""
        return self._channel.ordered

    @property
    def maxPacketLifeTime(self) -> int | None:
        """Milliseconds during which a message may be (re)transmitted; None for no limit."""
        return self._channel.max_packet_life_time_ms

    @property
    def maxRetransmits(self) -> int | None:
        """How often a message may be retransmitted; None for no limit."""
        return self._channel.max_retransmits

    @property
    def negotiated(self) -> bool:
        """Whether both applications made this channel under an agreed id."""
        return self._channel.negotiated

    @property
    def id(self) -> int | None:
        """The SCTP stream; None until the DTLS roles are known."""
        return self._channel.stream_id

    @property
    def readyState(self) -> RTCDataChannelState:
        """``"connecting"``, ``"open"``, ``"closing"`` or ``"closed"``."""
        return _READY_STATES[self._channel.state]

    @property
    def bufferedAmount(self) -> int:
        """Bytes given to `send` that have not gone out to the network yet."""
        return self._channel.buffered_amount

    @property
    def bufferedAmountLowThreshold(self) -> int:
        """``bufferedamountlow`` fires when `bufferedAmount` falls to this or below."""
        return self._channel.buffered_amount_low_threshold

    @bufferedAmountLowThreshold.setter
    def bufferedAmountLowThreshold(self, value: int) -> None:
        if not 0 <= value <= 0xFFFFFFFF:
            raise ValueError("bufferedAmountLowThreshold is an unsigned 32-bit number")
        self._channel.buffered_amount_low_threshold = value

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Queue one message; a ``str`` arrives as text, anything else as binary.

        Raises:
            InvalidStateError: the channel is not open.
            TypeError: the message is larger than the peer takes, or of no type that can be sent.
        """
        self._channel.send(data)
        self._wake()

    def _add_event_handler(self, event: str, k: Handler, v: Handler) -> None:
        if event == "bufferedamountlow":
            self._channel.tells_low = True
        super()._add_event_handler(event, k, v)

    def close(self) -> None:
        """Close the channel once what was sent before has gone out; harmless when repeated."""
        self._is_closed_here = True
        self._channel.close()
        self._wake()
