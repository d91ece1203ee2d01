"""What the data channels of an association tell their owner, oldest first."""

from dataclasses import dataclass
from typing import NamedTuple

from rtcpeer.datachannel.channel import Channel
from rtcpeer.sctp.events import AssociationClosed, AssociationEstablished

__all__ = [
    "AssociationClosed",
    "AssociationEstablished",
    "ChannelAnnounced",
    "ChannelBufferedAmountLow",
    "ChannelClosed",
    "ChannelClosing",
    "ChannelEvent",
    "ChannelMessage",
    "ChannelOpened",
]


@dataclass(frozen=True, slots=True)
class ChannelAnnounced:
    """The peer opened a channel; its `ChannelOpened` follows, and then its messages."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """Messages may be sent now."""

    channel: Channel


class ChannelMessage(NamedTuple):
    """A whole message arrived: text as `str`, binary as `bytes`."""

    channel: Channel
    data: str | bytes


class ChannelBufferedAmountLow(NamedTuple):
    """The channel's buffered amount fell to its low threshold or below."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelClosing:
    """The peer closes the channel: all that it sent has been delivered, and what we sent still goes out."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelClosed:
    """Nothing more happens on the channel; ``error`` says why if neither side closed it.

    ``cause`` is the end of the whole association, if it was that which failed.
    """

    channel: Channel
    error: str | None
    cause: AssociationClosed | None = None


ChannelEvent = (
    ChannelMessage
    | ChannelAnnounced
    | ChannelOpened
    | ChannelBufferedAmountLow
    | ChannelClosing
    | ChannelClosed
    | AssociationEstablished
    | AssociationClosed
)
