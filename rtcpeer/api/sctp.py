"""RTCSctpTransport (W3C webrtc-pc section 6.1)."""

from typing import Literal

from rtcpeer.api.data_channel import RTCDataChannel
from rtcpeer.api.dtls import RTCDtlsTransport
from rtcpeer.api.events import EventTarget, event_handler
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

    def start(self, remotePort: int = 5000, maxMessageSize: int = 65536) -> None:
        """Set up the association as soon as DTLS stands (`maxMessageSize` 0: the peer takes any size)."""
        self._max_message_size = maxMessageSize
        self._transport._bundle.start_sctp(remotePort, maxMessageSize)  # noqa: SLF001
        self._transport._wake()  # noqa: SLF001

    def _close(self) -> None:
        """End all channels at once (W3C section 4.4.1.1); their applications hear of it."""
        self._channels.abort()
        for event in self._channels.poll_events():
            self._handle(event)
        self._state = "closed"

    def _open(self, label: str, **parameters: object) -> RTCDataChannel:
        channel = self._channels.open(label, **parameters)  # type: ignore[arg-type]  # createDataChannel() has them typed
        self._transport._wake()  # noqa: SLF001
        return self._adopt(channel)

    def _adopt(self, channel: Channel) -> RTCDataChannel:
        data_channel = RTCDataChannel(channel, self._transport._wake)  # noqa: SLF001
        self._data_channels[channel] = data_channel
        return data_channel

    def _handle(self, event: ChannelEvent) -> None:
        match event:
            case ChannelMessage(channel, data):
                self._data_channels[channel].emit("message", data)
            case ChannelBufferedAmountLow(channel):
                self._data_channels[channel].emit("bufferedamountlow")
            case ChannelAnnounced(channel):
                self.emit("datachannel", self._adopt(channel))
            case ChannelOpened(channel):
                self._data_channels[channel].emit("open")
            case ChannelClosing(channel):
                self._data_channels[channel].emit("closing")
            case ChannelClosed(channel, error):
                self._close_channel(self._data_channels.pop(channel), error)
            case AssociationEstablished():
                self._set_state("connected")
            case AssociationClosed():
                self._set_state("closed")

    def _close_channel(self, data_channel: RTCDataChannel, reason: str | None) -> None:
        if reason is not None and data_channel.listeners("error"):
            data_channel.emit("error", RTCError(reason, errorDetail="data-channel-failure"))
        data_channel.emit("close")
        data_channel.remove_all_listeners()

    def _set_state(self, state: RTCSctpTransportState) -> None:
        if state != self._state:
            self._state = state
            self.emit("statechange")
