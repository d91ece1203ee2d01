"""How a channel closes: both sides reset their streams (RFC 8831 section 6.7)."""

from contextlib import suppress

from rtcpeer.datachannel.channel import Channel, ChannelState
from rtcpeer.datachannel.events import ChannelClosed, ChannelClosing, ChannelEvent
from rtcpeer.datachannel.settings import DataChannelSettings
from rtcpeer.datachannel.table import ChannelTable
from rtcpeer.errors import InvalidStateError
from rtcpeer.sctp.association import Association
from rtcpeer.sctp.events import (
    AssociationClosed,
    CloseReason,
    IncomingStreamsReset,
    OutgoingStreamsReset,
    StreamResetFailed,
)
from rtcpeer.sctp.parameters import CauseCode

__all__ = ["ClosingProcedure", "StreamsReset"]

StreamsReset = IncomingStreamsReset | OutgoingStreamsReset | StreamResetFailed


class ClosingProcedure:
    """Takes the channels of a table from OPEN to CLOSED, and says so in ``events``, which belongs to the owner."""

    def __init__(
        self, association: Association, table: ChannelTable, settings: DataChannelSettings, events: list[ChannelEvent]
    ) -> None:
        self.channels_closed = 0  # those that have left OPEN
        self._association = association
        self._table = table
        self._timeout = settings.closing_timeout
        self._events = events
        self._is_established = False
        self.unstamped: list[Channel] = []  # wait for the peer's reset from the next pull on
        self.waiting: dict[Channel, float] = {}  # for the peer's reset until then, in order

    def established(self) -> None:
        """Streams can be reset now: do what has waited for this."""
        self._is_established = True
        for stream_id, channel in self._table.by_stream.items():
            if channel.state is ChannelState.CLOSING:
                self._reset(stream_id)

    def stamp(self, now: float) -> None:
        """The clock of those that have begun to wait for the peer starts; to be called with every pull."""
        self.waiting.update(dict.fromkeys(self.unstamped, now + self._timeout))
        self.unstamped.clear()

    def handle_timeout(self, now: float) -> None:
        """Close what the peer should have closed by now; its stream is used again only when the peer resets it."""
        while self.waiting and (deadline := self.next_timeout()) is not None and now >= deadline:
            self.finish(next(iter(self.waiting)), None, is_reset=False)

    def next_timeout(self) -> float | None:
        """When the first of the peer's resets is overdue."""
        return next(iter(self.waiting.values()), None)

    def close(self, channel: Channel) -> None:
        """The application closes the channel."""
        if channel.stream_id is None:
            self.finish(channel, None)
        else:
            self.start(channel)

    def start(self, channel: Channel) -> None:
        """After what is queued, reset our stream; the peer then resets its own."""
        assert channel.stream_id is not None
        self.channels_closed += channel.state is ChannelState.OPEN
        channel.state = ChannelState.CLOSING
        if self._is_established:
            self._reset(channel.stream_id)

    def close_for_peer(self, channel: Channel) -> None:
        """The peer closes the channel; so do we, once."""
        if channel.state in {ChannelState.CONNECTING, ChannelState.OPEN}:
            self.start(channel)
            self._events.append(ChannelClosing(channel))

    def take(self, event: StreamsReset, channel: Channel) -> bool:
        """What has become of one of the channel's streams; True when it is free for another channel now."""
        match event:
            case IncomingStreamsReset():
                channel.is_incoming_reset = True
                self.close_for_peer(channel)
            case OutgoingStreamsReset():
                channel.is_outgoing_reset = True
            case StreamResetFailed():
                self.finish(channel, f"the peer did not reset the stream: {event.reason}", is_reset=False)
                return False
        if channel.is_incoming_reset and channel.is_outgoing_reset:
            self.finish(channel, None)
            return True
        if channel.is_outgoing_reset and channel.state is ChannelState.CLOSING:
            self.unstamped.append(channel)
        return False

    def finish(
        self,
        channel: Channel,
        error: str | None,
        *,
        cause: AssociationClosed | None = None,
        is_reset: bool = True,
    ) -> None:
        """The channel is closed; its stream is free, unless it was not reset."""
        self.waiting.pop(channel, None)
        if channel.state is not ChannelState.CLOSED:
            self.channels_closed += channel.state is ChannelState.OPEN
            channel.finish()
            if not channel.is_silent:
                self._events.append(ChannelClosed(channel, error, cause))
        if is_reset:
            self._table.remove(channel)

    def end(self, event: AssociationClosed | None) -> None:
        """The association is over, and with it every channel."""
        error = _error_of(event) if event else None
        cause = event if error else None
        for channel in [*self._table.by_stream.values(), *self._table.channels]:
            if channel.state is not ChannelState.CLOSED:
                self.finish(channel, error, cause=cause)
        self._table.by_stream.clear()
        self.unstamped.clear()
        self.waiting.clear()

    def _reset(self, stream_id: int) -> None:
        """Reset our stream; if the association has ended, its event, still to come, closes the channel."""
        with suppress(InvalidStateError):
            self._association.reset_streams([stream_id])


def _error_of(event: AssociationClosed) -> str | None:
    if event.reason in {CloseReason.SHUTDOWN, CloseReason.ABORTED_LOCALLY}:
        return None
    for code, reason in event.causes:
        if code == CauseCode.USER_INITIATED_ABORT:
            # Chrome's words: programs compare them, to tell a peer that has closed its connection from a failure.
            return f"User-Initiated Abort, reason={reason.decode('utf-8', 'replace')}"
    return f"the association ended: {event.reason.value}" + (f" ({event.message})" if event.message else "")
