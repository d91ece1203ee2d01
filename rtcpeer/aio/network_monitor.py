"""Interfaces that come and go: one look for all connections of an event loop.

On Linux the kernel tells that something has changed (rtnetlink, RFC 3549); what has changed is then read as always.
Beside that, and everywhere else, the interfaces are read again every few seconds.
"""

import asyncio
import contextlib
import socket
import sys
import weakref
from collections.abc import Callable

from rtcpeer.aio.interfaces import Interface, list_interfaces

__all__ = ["NetworkMonitor", "monitor_of"]

# linux/rtnetlink.h
RTMGRP_LINK = 0x1
RTMGRP_IPV4_IFADDR = 0x10
RTMGRP_IPV6_IFADDR = 0x100

# An interface that comes up gets its addresses one by one, each with a message of its own: they are read once.
SETTLING_TIME = 0.05

_MESSAGES_AT_ONCE = 64


class NetworkMonitor:
    """Calls its subscribers whenever the interfaces or their addresses are others than before.

    It costs nothing without subscribers. Not for use from other threads than the event loop's.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, interfaces: Callable[[], list[Interface]], *, has_netlink: bool
    ) -> None:
        self._loop = loop
        self._read = interfaces
        self._has_netlink = has_netlink
        self._intervals: dict[object, float] = {}
        self._callbacks: dict[object, Callable[[], None]] = {}
        self._known: list[Interface] = []
        self._timer: asyncio.TimerHandle | None = None
        self._netlink: socket.socket | None = None

    def subscribe(self, interval: float, on_change: Callable[[], None]) -> Callable[[], None]:
        """Look at least every ``interval`` seconds; what this returns ends the subscription."""
        key = object()
        is_first = not self._callbacks
        self._callbacks[key] = on_change
        self._intervals[key] = interval
        if is_first:
            self._known = self._look()
            self._netlink = self._listen()
        self._schedule(min(self._intervals.values()))
        return lambda: self._unsubscribe(key)

    def _unsubscribe(self, key: object) -> None:
        if self._callbacks.pop(key, None) is None:
            return
        del self._intervals[key]
        if not self._callbacks:
            self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._netlink is not None:
            self._loop.remove_reader(self._netlink)
            self._netlink.close()
            self._netlink = None

    def _schedule(self, delay: float) -> None:
        when = self._loop.time() + delay
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._compare)

    def _compare(self) -> None:
        self._timer = None
        self._schedule(min(self._intervals.values()))
        found = self._look()
        if found == self._known:
            return
        self._known = found
        for key, callback in list(self._callbacks.items()):
            if key in self._callbacks:  # an earlier one may have ended it
                callback()

    def _look(self) -> list[Interface]:
        try:
            return self._read()
        except OSError:
            return []

    def _listen(self) -> socket.socket | None:
        if not self._has_netlink:
            return None
        netlink: socket.socket | None = None
        try:
            netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
            netlink.setblocking(False)
            netlink.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
            self._loop.add_reader(netlink, self._on_message, netlink)
        except (OSError, NotImplementedError):  # a sandbox may forbid the one, a loop lack the other
            if netlink is not None:
                netlink.close()
            return None
        return netlink

    def _on_message(self, netlink: socket.socket) -> None:
        # ENOBUFS tells of lost messages, which is a change as well; the bound keeps a storm from holding up the loop.
        with contextlib.suppress(OSError):
            for _ in range(_MESSAGES_AT_ONCE):
                netlink.recv(65536)
        self._schedule(SETTLING_TIME)


_monitors: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, NetworkMonitor] = weakref.WeakKeyDictionary()


def monitor_of(loop: asyncio.AbstractEventLoop) -> NetworkMonitor:
    """The monitor of the machine's network that all of a loop share."""
    monitor = _monitors.get(loop)
    if monitor is None:
        monitor = _monitors[loop] = NetworkMonitor(
            weakref.proxy(loop), list_interfaces, has_netlink=sys.platform == "linux"
        )
    return monitor
