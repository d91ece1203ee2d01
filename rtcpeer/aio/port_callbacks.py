"""Whom the sockets of one agent deliver to."""

from collections.abc import Callable
from dataclasses import dataclass

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.events import FilterFailed

__all__ = ["PortCallbacks"]


@dataclass(frozen=True, slots=True)
class PortCallbacks:
    """All of them are called from the event loop."""

    on_datagrams: Callable[[Datagrams], None]
    on_writable: Callable[[], None]
    on_drained: Callable[[], None]
    on_refused: Callable[[TransportAddress, TransportAddress, int], None]
    on_change: Callable[[], None]  # there is something new to flush
    on_failed_filter: Callable[[FilterFailed], None]
