"""Which channel has which stream (RFC 8832 section 6)."""

from rtcpeer.datachannel.channel import Channel, ChannelState
from rtcpeer.datachannel.settings import MAX_STREAM_ID, DataChannelSettings
from rtcpeer.datachannel.streams import StreamNumbers
from rtcpeer.errors import OperationError

__all__ = ["ChannelTable"]


class ChannelTable:
    """All channels that are not closed: without a stream until the role is known, then by their stream.

    A closed channel whose stream the peer would not reset stays in its place, so that the stream is never used again.
    """

    def __init__(self, settings: DataChannelSettings) -> None:
        self.by_stream: dict[int, Channel] = {}
        self.stream_limit = MAX_STREAM_ID + 1
        self._settings = settings
        self._waiting: list[Channel] = []
        self._numbers: StreamNumbers | None = None
        self._peer_parity: int | None = None

    @property
    def channels(self) -> list[Channel]:
        """Those that an application knows of, the ones without a stream last."""
        return [channel for channel in self.by_stream.values() if _is_visible(channel)] + self._waiting

    @property
    def is_full(self) -> bool:
        """Whether there are as many channels as the settings allow."""
        return len(self.by_stream) + len(self._waiting) >= self._settings.max_channels

    def set_role(self, *, is_dtls_client: bool) -> list[Channel]:
        """The client's streams are even, the server's odd. Returns the channels that have waited for this, once."""
        if self._numbers is None:
            self._numbers = StreamNumbers(0 if is_dtls_client else 1)
            self._peer_parity = 1 if is_dtls_client else 0
        waiting, self._waiting = self._waiting, []
        return waiting

    def free_stream(self) -> int | None:
        """A stream for a channel of ours; None while the role is not known. `OperationError` when none is left."""
        if self.is_full:
            raise OperationError(f"there are {self._settings.max_channels} channels already; close one first")
        if self._numbers is None:
            return None
        number = self._numbers.take(self.by_stream, self.stream_limit)
        if number is None:
            raise OperationError("no stream is free; close a channel first")
        return number

    def negotiated_stream(self, stream_id: int | None) -> int:
        """Check the stream that the applications agreed on. `TypeError` when it can not be one, else as above."""
        if stream_id is None or not 0 <= stream_id <= MAX_STREAM_ID:
            raise TypeError(f"a negotiated channel needs an id within 0 and {MAX_STREAM_ID}, not {stream_id}")
        if stream_id in self.by_stream:
            raise OperationError(f"the id {stream_id} is taken by {self.by_stream[stream_id]!r}")
        if stream_id >= self.stream_limit:
            raise OperationError(f"the id must be below {self.stream_limit}, the association's number of streams")
        if self.is_full:
            raise OperationError(f"there are {self._settings.max_channels} channels already; close one first")
        return stream_id

    def wait(self, channel: Channel) -> None:
        """The channel has no stream until the role is known."""
        self._waiting.append(channel)

    def is_open_to_peer(self, stream_id: int) -> bool:
        """Whether the peer may open a channel on this stream."""
        return (
            stream_id not in self.by_stream
            and stream_id < self.stream_limit
            and self._peer_parity in {None, stream_id & 1}
            and not self.is_full
        )

    def remove(self, channel: Channel) -> None:
        """The channel is closed, and its stream free for the next one."""
        if channel.stream_id is None:
            if channel in self._waiting:
                self._waiting.remove(channel)
            return
        del self.by_stream[channel.stream_id]
        if self._numbers is not None:
            self._numbers.release(channel.stream_id)


def _is_visible(channel: Channel) -> bool:
    return not channel.is_silent and channel.state is not ChannelState.CLOSED
