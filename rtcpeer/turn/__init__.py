"""Traversal Using Relays around NAT (RFC 8656): the client, as a sans-I/O core."""

from rtcpeer.turn.client import TurnClient, TurnState
from rtcpeer.turn.credentials import Credentials, time_limited_credentials
from rtcpeer.turn.events import (
    NO_ANSWER,
    Allocated,
    AllocationFailed,
    AllocationLost,
    ChannelBound,
    ChannelRefused,
    ClientClosed,
    PeerData,
    PermissionCreated,
    PermissionRefused,
    Redirected,
    RefreshRefused,
    TurnEvent,
)
from rtcpeer.turn.framing import StreamFramer, is_channel_data
from rtcpeer.turn.paths import TurnOverStream, TurnOverUdp
from rtcpeer.turn.settings import TurnSettings
from rtcpeer.turn.statistics import TurnStatistics
from rtcpeer.turn.tasks import AddressFamily

__all__ = [
    "TurnClient",
    "TurnState",
    "TurnSettings",
    "TurnStatistics",
    "AddressFamily",
    "Credentials",
    "time_limited_credentials",
    "TurnOverUdp",
    "TurnOverStream",
    "StreamFramer",
    "is_channel_data",
    "PeerData",
    "TurnEvent",
    "Allocated",
    "AllocationFailed",
    "AllocationLost",
    "RefreshRefused",
    "PermissionCreated",
    "PermissionRefused",
    "ChannelBound",
    "ChannelRefused",
    "Redirected",
    "ClientClosed",
    "NO_ANSWER",
]
