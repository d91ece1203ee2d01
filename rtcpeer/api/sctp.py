"""RTCSctpTransport (W3C webrtc-pc section 6.1)."""

import asyncio
from typing import Literal

from rtcpeer.api.data_channel import RTCDataChannel
from rtcpeer.api.dtls import RTCDtlsTransport
from rtcpeer.api.events import EventTarget, event_handler
from rtcpeer.api.stats import RTCStatsReport
from rtcpeer.datachannel.channels import Channel
from rtcpeer.datachannel.events import (
    ChannelAnnounced,
    ChannelBufferedAmountLow,
    ChannelClosed,
    ChannelClosing,
    ChannelEvent,
    ChannelMessage,
    ChannelOpened,
)
from rtcpeer.errors import RTCError
from rtcpeer.sctp.events import AssociationClosed, AssociationEstablished

__all__ = ["RTCSctpTransport", "RTCSctpTransportState"]

RTCSctpTransportState = Literal["connecting", "connected", "closed"]

CLOSE_REASON = "Close called"  # what the peer's channels say when we close the connection; as Chrome words it


class RTCSctpTransport(EventTarget):
    """The SCTP association that carries the data channels.

    Events: ``statechange``; ``datachannel`` (an `RTCDataChannel` that the peer opened).
    """

    onstatechange = event_handler("statechange")

    def __init__(self, transport: RTCDtlsTransport) -> None:
        super().__init__()
        self._transport = transport
        self._channels = transport._bundle.channels  # noqa: SLF001
        self._data_channels: dict[Channel, RTCDataChannel] = {}
        self._state: RTCSctpTransportState = "connecting"
        self._max_message_size = 65536
        self._refusal: str | None = None
        self._held: list[ChannelEvent] | None = None
        transport._on_channel_event = self._handle  # noqa: SLF001

    @property
    def transport(self) -> RTCDtlsTransport:
        """What carries the packets."""
        return self._transport

    @property
    def state(self) -> RTCSctpTransportState:
        """``"connecting"``, ``"connected"`` or ``"closed"``."""
        return self._state

    @property
    def port(self) -> int:
        """Our SCTP port, which the description announces; aiortc's (``a=sctp-port``)."""
        return self._channels.association.local_port

    @property
    def maxMessageSize(self) -> float:
        """The largest message that the peer takes, in bytes; infinity when it takes any."""
        return self._max_message_size or float("inf")

    @property
    def maxChannels(self) -> int | None:
        """How many channels there can be at once; None until connected."""
        if self._state != "connected":
            return None
        association = self._channels.association
        return min(association.inbound_streams, association.outbound_streams)

    async def getStats(self) -> RTCStatsReport:
        """Statistics of the data channels and of what is below them."""
        return self._transport.iceTransport._stats.sctp()  # noqa: SLF001

    def start(self, remotePort: int = 5000, maxMessageSize: int = 65536) -> None:
        """Set up the association as soon as DTLS stands (`maxMessageSize` 0: the peer takes any size)."""
        self._max_message_size = maxMessageSize
        self._transport._bundle.start_sctp(remotePort, maxMessageSize)  # noqa: SLF001
        self._transport._wake()  # noqa: SLF001

    def _move(self, transport: RTCDtlsTransport) -> None:
        """Let another transport carry the packets; before `start`."""
        self._transport._on_channel_event = transport._on_channel_event  # noqa: SLF001
        self._transport._bundle.swap_channels(transport._bundle)  # noqa: SLF001
        transport._on_channel_event = self._handle  # noqa: SLF001
        self._transport = transport

    def _close(self) -> None:
        """End all channels at once (W3C section 4.4.1.4)."""
        # Deviation: in a browser the channels of a closed connection fire no event; programs written for aiortc wait
        # for "close".
        self._release()
        self._channels.abort(CLOSE_REASON)
        for event in self._channels.poll_events():
            self._handle(event)
        self._state = "closed"

    def _refuse(self) -> None:
        """The peer does not take data channels: those that wait for it end."""
        self._refusal = "the peer does not take data channels"
        for channel in list(self._data_channels):
            channel.close()
        self._transport._wake()  # noqa: SLF001

    def _open(self, label: str, **parameters: object) -> RTCDataChannel:
        for name in ("max_retransmits", "max_packet_life_time_ms"):
            limit = parameters.get(name)
            if isinstance(limit, int) and limit > 0xFFFF:  # DCEP has room for more, the W3C's unsigned short has not
                raise TypeError(f"{name} is 0 to 65535, not {limit}")
        channel = self._channels.open(label, **parameters)  # type: ignore[arg-type]  # createDataChannel() has them typed
        self._transport._wake()  # noqa: SLF001
        return self._adopt(channel)

    def _adopt(self, channel: Channel) -> RTCDataChannel:
        data_channel = RTCDataChannel(channel, self, self._transport._wake)  # noqa: SLF001
        self._data_channels[channel] = data_channel
        return data_channel

    def _handle(self, event: ChannelEvent) -> None:
        if self._held is not None:
            self._held.append(event)
        elif isinstance(event, ChannelMessage):  # first: there is one for each message
            data_channel = self._data_channels[event.channel]
            if not data_channel._is_closed_here:  # noqa: SLF001
                data_channel.emit("message", event.data)
        else:
            self._handle_rare(event)

    def _handle_rare(self, event: ChannelEvent) -> None:
        match event:
            case ChannelBufferedAmountLow(channel):
                self._tell_low(channel)
            case ChannelAnnounced(channel):
                self.emit("datachannel", self._adopt(channel))
                # A handler that is a coroutine runs in the next loop turn, and only then listens for the messages that
                # came together with the channel.
                self._held = []
                asyncio.get_running_loop().call_soon(self._release)
            case ChannelOpened(channel):
                if not self._data_channels[channel]._is_closed_here:  # noqa: SLF001
                    self._data_channels[channel].emit("open")
            case ChannelClosing(channel):
                self._data_channels[channel].emit("closing")
            case ChannelClosed():
                self._close_channel(event)
            case AssociationEstablished():
                self._set_state("connected")
            case AssociationClosed():
                self._set_state("closed")
            case ChannelMessage():
                pass

    def _tell_low(self, channel: Channel) -> None:
        if channel.buffered_amount <= channel.buffered_amount_low_threshold:  # a handler may have sent more meanwhile
            self._data_channels[channel].emit("bufferedamountlow")

    def _release(self) -> None:
        """Go on with what waited for the handlers of a new channel; another one makes the rest wait again."""
        held, self._held = self._held or [], None
        for event in held:
            if self._state != "closed":  # by a handler
                self._handle(event)

    def _close_channel(self, event: ChannelClosed) -> None:
        data_channel = self._data_channels.pop(event.channel)
        reason = event.error or self._refusal
        failure = self._transport._failure  # noqa: SLF001
        if failure is None and event.cause is not None:
            codes = [int(cause.code) for cause in event.cause.causes]
            failure = RTCError(reason or "", errorDetail="sctp-failure", sctpCauseCode=codes[0] if codes else None)
        elif failure is None and reason is not None:
            failure = RTCError(reason, errorDetail="data-channel-failure")
        if failure is not None:
            data_channel.emit("error", failure)
        data_channel.emit("close")
        data_channel.remove_all_listeners()

    def _set_state(self, state: RTCSctpTransportState) -> None:
        if state != self._state:
            self._state = state
            self.emit("statechange")
