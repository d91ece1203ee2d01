"""All data channels of one association (RFC 8831 sections 6.4 to 6.7, RFC 8832 section 6)."""

from contextlib import suppress
from dataclasses import dataclass

from rtcpeer.core import earliest
from rtcpeer.datachannel.channel import Channel, ChannelState
from rtcpeer.datachannel.closing import ClosingProcedure, StreamsReset
from rtcpeer.datachannel.dcep import (
    ACK,
    MessageType,
    OpenMessage,
    Ppid,
    Priority,
    usv_string,
)
from rtcpeer.datachannel.events import (
    ChannelAnnounced,
    ChannelBufferedAmountLow,
    ChannelEvent,
    ChannelMessage,
    ChannelOpened,
)
from rtcpeer.datachannel.settings import MAX_STREAM_ID, DataChannelSettings
from rtcpeer.datachannel.streams import EarlyMessages
from rtcpeer.datachannel.table import ChannelTable
from rtcpeer.errors import InvalidStateError, MalformedPacketError, OperationError
from rtcpeer.sctp.association import Association
from rtcpeer.sctp.events import (
    AssociationClosed,
    AssociationEstablished,
    BufferedAmountLow,
    IncomingStreamsAdded,
    IncomingStreamsReset,
    MessageReceived,
    OutgoingStreamsReset,
    PeerAnswered,
    SctpEvent,
    StreamResetFailed,
    StreamsRefused,
)

__all__ = ["Channel", "ChannelState", "DataChannelStatistics", "DataChannels"]

_OPEN = ChannelState.OPEN
_STRING, _BINARY = int(Ppid.STRING), int(Ppid.BINARY)
_DEFAULT_SETTINGS = DataChannelSettings()


@dataclass(frozen=True, slots=True)
class DataChannelStatistics:
    """A snapshot; counters only grow."""

    channels_opened: int  # W3C's dataChannelsOpened: those that reached OPEN
    channels_closed: int  # W3C's dataChannelsClosed: those that left it
    opens_refused: int  # DATA_CHANNEL_OPEN that broke a rule; each stream was reset
    dcep_malformed: int
    messages_dropped: int  # on a stream without a channel and beyond the bound, on one that closes, or of unknown kind


class DataChannels:
    """Owns the association from here on: only this drives it, and its events come through `poll_events`."""

    def __init__(self, association: Association, settings: DataChannelSettings = _DEFAULT_SETTINGS) -> None:
        self.association = association
        self._settings = settings
        self._table = ChannelTable(settings)
        self._by_stream = self._table.by_stream
        self._early = EarlyMessages(settings)
        self._opening: list[Channel] = []  # to be announced as open at the next poll
        self._can_send = False  # the peer has answered: what is sent now rides with the COOKIE ECHO at the latest
        self._is_closed = False
        self._events: list[ChannelEvent] = []  # always this list, which is the closing procedure's, too
        self._closing = ClosingProcedure(association, self._table, settings, self._events)
        self._channels_opened = 0
        self._opens_refused = self._dcep_malformed = self._messages_dropped = 0

    def receive(self, packet: bytes, now: float) -> None:
        """Take an SCTP packet."""
        self.association.receive(packet, now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self.association.handle_timeout(now)
        self._closing.handle_timeout(now)

    def packets_to_send(self, now: float) -> list[bytes]:
        """SCTP packets, a bounded burst a pull."""
        if self._closing.unstamped:
            self._closing.stamp(now)
        return self.association.packets_to_send(now)

    def poll_events(self) -> list[ChannelEvent]:
        """What happened. A channel that we opened becomes OPEN here, together with its `ChannelOpened`."""
        if self._opening:
            self._announce_open()
        by_stream, append = self._by_stream, self._events.append
        for event in self.association.poll_events():
            if type(event) is not MessageReceived:
                self._handle(event)
                continue
            stream_id, ppid, data = event
            channel = by_stream.get(stream_id)
            if channel is None or channel.state is not _OPEN or channel.partial:
                self._receive_rare(stream_id, ppid, data)
                continue
            # Browsers show bytes that are no UTF-8 as U+FFFD rather than close the channel.
            if ppid == _STRING:
                append(ChannelMessage(channel, data.decode("utf-8", "replace")))
            elif ppid == _BINARY:
                append(ChannelMessage(channel, data))
            else:
                self._receive_rare(stream_id, ppid, data)
                continue
            channel.messages_received += 1
            channel.bytes_received += len(data)
            channel.sends_ordered = channel.is_ordered
        events = self._events[:]
        self._events.clear()
        return events

    def next_timeout(self) -> float | None:
        """The association's, or that of a channel whose peer does not close it."""
        own = self.association.next_timeout()
        return earliest(own, self._closing.next_timeout()) if self._closing.waiting else own

    def connect(self) -> None:
        """Set up the association."""
        self.association.connect()

    def set_role(self, *, is_dtls_client: bool) -> None:
        """Tell which streams are ours; the first call counts. Channels opened before get theirs now."""
        for channel in self._table.set_role(is_dtls_client=is_dtls_client):
            try:
                self._begin(channel, self._table.free_stream() or 0)  # the role is known, so there is a number
            except OperationError as error:
                self._closing.finish(channel, str(error))

    def open(
        self,
        label: str,
        *,
        protocol: str = "",
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_packet_life_time_ms: int | None = None,
        negotiated: bool = False,
        stream_id: int | None = None,
        priority: int = Priority.NORMAL,
    ) -> Channel:
        """Open a channel; `ChannelOpened` comes once the association is up, without waiting for the peer's ACK.

        ``stream_id`` counts only for negotiated channels, which both applications open under the same one. Raises
        TypeError for parameters that can not be, OperationError when the stream or all streams are taken, and
        InvalidStateError when the association has ended.
        """
        if self._is_closed:
            raise InvalidStateError("the association has ended; open channels on a new connection")
        label, protocol = usv_string(label), usv_string(protocol)
        parameters = OpenMessage(label, protocol, ordered, max_retransmits, max_packet_life_time_ms, priority)
        parameters.check()
        stream = self._table.negotiated_stream(stream_id) if negotiated else self._table.free_stream()
        channel = Channel(self.association, parameters, self._closing.close, negotiated=negotiated)
        if stream is None:
            self._table.wait(channel)
        else:
            self._begin(channel, stream)
        return channel

    def shutdown(self) -> None:
        """End the association once everything queued has arrived."""
        self.association.shutdown()

    def abort(self, reason: str = "") -> None:
        """End the association and all channels now."""
        # What has come before counts before: a peer that has ended the association already has given its reason.
        self._events[:] = self.poll_events()
        # In this order: the channels' buffered amounts are read while there still are any.
        self._end()
        self.association.abort(reason)

    def channel(self, stream_id: int) -> Channel | None:
        """The channel on a stream, while it has one."""
        return next((channel for channel in self._table.channels if channel.stream_id == stream_id), None)

    @property
    def channels(self) -> list[Channel]:
        """All channels that are not closed."""
        return self._table.channels

    def statistics(self) -> DataChannelStatistics:
        """The counters now."""
        return DataChannelStatistics(
            channels_opened=self._channels_opened,
            channels_closed=self._closing.channels_closed,
            opens_refused=self._opens_refused,
            dcep_malformed=self._dcep_malformed,
            messages_dropped=self._messages_dropped + self._early.refused,
        )

    def _begin(self, channel: Channel, stream_id: int) -> None:
        """A channel that we open gets its stream, and the peer is told."""
        channel.assign(stream_id)
        self._by_stream[stream_id] = channel
        if not channel.negotiated:
            # What the peer sent on a stream that it had not been given is for nobody.
            self._messages_dropped += len(self._early.take(stream_id))
            # Queued even before the association is up: so it travels with the COOKIE ECHO.
            self.association.send(stream_id, Ppid.DCEP, channel.parameters.serialize())
        if self._can_send:
            self._opening.append(channel)

    def _announce_open(self) -> None:
        opening, self._opening = self._opening, []
        for channel in opening:
            if channel.state is ChannelState.CONNECTING:
                self._set_open(channel)
                self._replay(channel.stream_id)

    def _set_open(self, channel: Channel) -> None:
        channel.state = ChannelState.OPEN
        self._channels_opened += 1
        self._events.append(ChannelOpened(channel))

    def _replay(self, stream_id: int | None) -> None:
        """Messages that came before their channel."""
        if stream_id is not None:
            for ppid, data in self._early.take(stream_id):
                self._receive_rare(stream_id, ppid, data)

    def _handle(self, event: SctpEvent) -> None:
        """Everything but plain messages on an open channel, which `poll_events` takes itself."""
        match event:
            case MessageReceived():
                self._receive_rare(*event)
            case BufferedAmountLow(stream_id):
                channel = self._by_stream.get(stream_id)
                if channel is not None and channel.take_low():
                    self._events.append(ChannelBufferedAmountLow(channel))
            case IncomingStreamsReset() | OutgoingStreamsReset() | StreamResetFailed():
                self._handle_reset(event)
            case PeerAnswered():
                # Half a round trip before the association is up here, a whole one where our DTLS handshake ended
                # first; and what the application sends upon opening leaves at once.
                self._admit(event.inbound_streams, event.outbound_streams)
                self._announce_open()
            case AssociationEstablished():
                self._events.append(event)
                self._admit(event.inbound_streams, event.outbound_streams)
                self._closing.established()
                self._announce_open()
            case IncomingStreamsAdded():
                self._set_limit(event.inbound_streams, self.association.outbound_streams)
            case StreamsRefused():
                pass  # `_admit` ends the channels of these streams
            case AssociationClosed():
                self._end(event)
                self._events.append(event)

    def _handle_reset(self, event: StreamsReset) -> None:
        for stream_id in event.stream_ids or tuple(self._by_stream):  # none named: all (RFC 6525 section 4.1)
            channel = self._by_stream.get(stream_id)
            if channel is None:
                self._messages_dropped += len(self._early.take(stream_id))
                continue
            if self._closing.take(event, channel):
                self._replay(stream_id)

    def _admit(self, inbound_streams: int, outbound_streams: int) -> None:
        """The peer's limits are known: end the channels beyond them, let the others open."""
        self._can_send = True
        limit = self._set_limit(inbound_streams, outbound_streams)
        for stream_id, channel in list(self._by_stream.items()):
            if stream_id >= limit:
                self._closing.finish(channel, f"the association has {limit} streams; {stream_id} is none of them")
            else:
                self._opening.append(channel)

    def _set_limit(self, inbound_streams: int, outbound_streams: int) -> int:
        limit = self._table.stream_limit = min(inbound_streams, outbound_streams, MAX_STREAM_ID + 1)
        return limit

    def _receive_rare(self, stream_id: int, ppid: int, data: bytes) -> None:
        channel = self._by_stream.get(stream_id)
        if channel is not None and channel.is_incoming_reset:
            # The peer's side of this channel is over: what comes now is of the next one, which has to wait for the
            # answer to our own reset.
            self._early.keep(stream_id, ppid, data)
        elif ppid == Ppid.DCEP:
            self._receive_dcep(channel, stream_id, data)
        elif channel is None:
            self._early.keep(stream_id, ppid, data)
        elif channel.state is not _OPEN:
            # W3C webrtc-pc section 6.2: a channel that is not open takes no messages.
            self._messages_dropped += 1
        else:
            self._receive_message(channel, ppid, data)

    def _receive_message(self, channel: Channel, ppid: int, data: bytes) -> None:
        channel.sends_ordered = channel.is_ordered
        try:
            message = channel.assemble(ppid, data, self._settings.max_partial_size)
        except MalformedPacketError:
            self._messages_dropped += 1
            return
        if message is not None:
            self._events.append(ChannelMessage(channel, message))

    def _receive_dcep(self, channel: Channel | None, stream_id: int, data: bytes) -> None:
        message_type = data[0] if data else None
        if message_type == MessageType.OPEN:
            self._receive_open(channel, stream_id, data)
        elif message_type != MessageType.ACK:
            self._dcep_malformed += 1
        elif channel is not None:
            channel.sends_ordered = channel.is_ordered

    def _receive_open(self, channel: Channel | None, stream_id: int, data: bytes) -> None:
        try:
            parameters = OpenMessage.parse(data)
        except MalformedPacketError:
            self._dcep_malformed += 1
            self._refuse(channel, stream_id)
            return
        if self._table.is_open_to_peer(stream_id):
            self._accept(stream_id, parameters)
        else:
            self._refuse(channel, stream_id)

    def _accept(self, stream_id: int, parameters: OpenMessage) -> None:
        channel = Channel(self.association, parameters, self._closing.close)
        channel.assign(stream_id)
        channel.sends_ordered = parameters.ordered
        self._by_stream[stream_id] = channel
        with suppress(InvalidStateError):  # the association may have ended in the same batch of packets
            self.association.send(stream_id, Ppid.DCEP, ACK)
        self._events.append(ChannelAnnounced(channel))
        self._set_open(channel)
        self._replay(stream_id)

    def _refuse(self, channel: Channel | None, stream_id: int) -> None:
        """An OPEN that breaks a rule: no ACK, and the stream is reset (RFC 8832 section 6)."""
        self._opens_refused += 1
        if channel is not None:
            # The section has the channel closed that is there already: its two ends no longer agree on what it is.
            self._closing.close_for_peer(channel)
        elif stream_id < self._table.stream_limit:
            self._messages_dropped += len(self._early.take(stream_id))
            refused = Channel(self.association, OpenMessage(""), self._closing.close)
            refused.is_silent = True
            refused.assign(stream_id)
            self._by_stream[stream_id] = refused
            self._closing.start(refused)

    def _end(self, event: AssociationClosed | None = None) -> None:
        """The association is over, and with it every channel."""
        self._is_closed = True
        self._early.clear()
        self._opening.clear()
        self._closing.end(event)
