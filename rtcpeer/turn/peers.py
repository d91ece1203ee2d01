"""Permissions and channels of one allocation: which there are, and when each is due (RFC 8656 sections 9 and 12)."""

import ipaddress
import math
from collections.abc import Iterable
from enum import Enum

from rtcpeer.core import TransportAddress
from rtcpeer.turn.events import (
    NO_ANSWER,
    ChannelBound,
    ChannelRefused,
    PermissionCreated,
    PermissionRefused,
    TurnEvent,
)
from rtcpeer.turn.framing import FIRST_CHANNEL, LAST_CHANNEL
from rtcpeer.turn.settings import TurnSettings
from rtcpeer.turn.tasks import Bind, Permit, Task, is_ipv6

__all__ = ["ChannelState", "Peer", "PeerTable", "Permission", "PermissionState", "canonical"]

_FAMILY_MISMATCH = 443  # PEER_ADDRESS_FAMILY_MISMATCH, which the server would answer


class PermissionState(Enum):
    """A permission from our side; the server's expires by itself."""

    WANTED = "wanted"
    INSTALLED = "installed"
    REFUSED = "refused"


class ChannelState(Enum):
    """A channel from our side."""

    NONE = "none"
    WANTED = "wanted"
    BOUND = "bound"
    REFUSED = "refused"


class Permission:
    """A host that may send to the relayed address: permissions are per address, whatever the port (section 9)."""

    __slots__ = ("due_at", "host", "is_alone", "is_asked", "lasts_until", "peers", "state")

    def __init__(self, host: str) -> None:
        self.host = host
        self.peers: list[Peer] = []
        self.state = PermissionState.WANTED
        self.is_asked = False
        self.is_alone = False  # asked for in a request of its own, because a shared one was refused
        self.due_at = -math.inf
        self.lasts_until = -math.inf


class Peer:
    """A transport address that we exchange data with."""

    __slots__ = ("address", "due_at", "indications_sent", "is_asked", "lasts_until", "permission", "queue", "state")

    def __init__(self, address: TransportAddress, permission: Permission) -> None:
        self.address = address
        self.permission = permission
        self.state = ChannelState.NONE
        self.is_asked = False
        self.due_at = math.inf
        self.lasts_until = -math.inf
        self.indications_sent = 0
        self.queue: list[bytes] = []  # until the permission is there


class PeerTable:
    """All peers of one allocation. What is due comes out as tasks; how they ended comes back in."""

    def __init__(self, settings: TurnSettings) -> None:
        self.numbers: dict[TransportAddress, int] = {}  # channels that data may be sent over
        self.channels: dict[int, TransportAddress] = {}  # channels that data may come over
        self.ready: list[Peer] = []  # permitted since the last look, with data in their queues
        self.dropped_datagrams = 0  # of peers that were refused
        self._settings = settings
        self._events: list[TurnEvent] = []
        self._peers: dict[TransportAddress, Peer] = {}
        self._permissions: dict[str, Permission] = {}
        self._numbers_used: dict[TransportAddress, int] = {}
        self._families: frozenset[bool] = frozenset()  # of the relayed addresses: whether IPv6
        self._due_at: float | None = math.inf  # None: to be computed again

    def open(self, relayed: Iterable[TransportAddress]) -> None:
        """There is an allocation with these addresses; peers wanted before it are asked for now."""
        self._families = frozenset(is_ipv6(address.host) for address in relayed)
        for peer in list(self._peers.values()):
            self._refuse_family(peer)

    def clear(self) -> None:
        """The allocation is gone, and everything with it."""
        for table in (self.numbers, self.channels, self._peers, self._permissions, self._numbers_used):
            table.clear()
        self.ready.clear()
        self._families = frozenset()
        self._due_at = math.inf

    def poll_events(self) -> list[TurnEvent]:
        """What happened, oldest first."""
        events, self._events = self._events, []
        return events

    def find(self, address: TransportAddress) -> Peer | None:
        """The peer with that address, if it is known."""
        return self._peers.get(address)

    def permits(self, host: str) -> bool:
        """Whether that host is one that we let in; it may send before the server's answer has come."""
        permission = self._permissions.get(host)
        return permission is not None and permission.state is not PermissionState.REFUSED

    def want(self, address: TransportAddress, *, again: bool = False) -> Peer | None:
        """The peer with that address, newly made if need be; None when there are too many.

        ``again`` asks once more for a permission that was refused.
        """
        peer = self._peers.get(address)
        if peer is None:
            if len(self._peers) >= self._settings.max_peers:
                return None
            permission = self._permissions.get(address.host)
            if permission is None:
                permission = self._permissions[address.host] = Permission(address.host)
            peer = self._peers[address] = Peer(address, permission)
            permission.peers.append(peer)
            self._due_at = None
            if permission.state is PermissionState.INSTALLED:
                self._events.append(PermissionCreated(address))
        if again and peer.permission.state is PermissionState.REFUSED:
            peer.permission.state = PermissionState.WANTED
            peer.permission.due_at = -math.inf
            self._due_at = None
        self._refuse_family(peer)
        return peer

    def want_channel(self, peer: Peer) -> None:
        """Bind a channel to the peer, unless there is one or it is on its way."""
        if peer.state in {ChannelState.NONE, ChannelState.REFUSED}:
            peer.state = ChannelState.WANTED
            peer.due_at = -math.inf
            self._due_at = None

    def release(self, address: TransportAddress) -> None:
        """Keep neither permission nor channel of the peer alive any longer, and send nothing to it."""
        peer = self._peers.pop(address, None)
        if peer is None:
            return
        self.dropped_datagrams += len(peer.queue)
        peer.queue.clear()
        number = self.numbers.pop(address, None)
        if number is not None:
            self.channels.pop(number, None)
        peer.permission.peers.remove(peer)
        if not peer.permission.peers:
            del self._permissions[address.host]
        self._due_at = None

    def next_timeout(self) -> float | None:
        """When the next permission or channel is due."""
        if not self._families:
            return None
        if self._due_at is None:
            waiting = [each.due_at for each in self._permissions.values() if _may_ask_permission(each)]
            waiting += [each.due_at for each in self._peers.values() if _may_ask_channel(each)]
            self._due_at = min(waiting, default=math.inf)
        return None if self._due_at == math.inf else self._due_at

    def due_tasks(self, now: float) -> list[Task]:
        """What to ask the server for now."""
        due_at = self.next_timeout()
        if due_at is None or now < due_at:
            return []
        self._due_at = None
        tasks: list[Task] = []
        shared: list[str] = []
        for permission in self._permissions.values():
            if _may_ask_permission(permission) and permission.due_at <= now:
                permission.is_asked = True
                if permission.is_alone:
                    tasks.append(Permit((permission.host,)))
                else:
                    shared.append(permission.host)
        size = self._settings.max_hosts_per_request
        tasks += [Permit(tuple(shared[start : start + size])) for start in range(0, len(shared), size)]
        for peer in list(self._peers.values()):
            if _may_ask_channel(peer) and peer.due_at <= now:
                number = self._number(peer)
                if number is not None:
                    peer.is_asked = True
                    tasks.append(Bind(peer.address, number))
        return tasks

    def permitted(self, hosts: Iterable[str], now: float) -> None:
        """The server has installed these permissions, or renewed them."""
        for host in hosts:
            permission = self._permissions.get(host)
            if permission is not None:
                self._install(permission, now)
                permission.is_asked = permission.is_alone = False
        self._due_at = None

    def permission_failed(self, hosts: tuple[str, ...], code: int, text: str, now: float) -> None:
        """The server refuses, or does not answer: then what there was counts for as long as it lasts."""
        for host in hosts:
            permission = self._permissions.get(host)
            if permission is None:
                continue
            permission.is_asked = False
            if len(hosts) > 1 and code != NO_ANSWER:
                # One of them is to blame, and the answer does not say which.
                permission.is_alone = True
                permission.due_at = now
            elif code == NO_ANSWER and now + self._settings.retry_interval < permission.lasts_until:
                permission.due_at = now + self._settings.retry_interval
            else:
                self._refuse(permission, code, text)
        self._due_at = None

    def bound(self, address: TransportAddress, number: int, now: float) -> None:
        """The channel is there for as long as the protocol says; so is the permission (section 12.2)."""
        peer = self._peers.get(address)
        if peer is None:
            return
        if peer.state is not ChannelState.BOUND:
            peer.state = ChannelState.BOUND
            self.numbers[address] = number
            self._events.append(ChannelBound(address))
        peer.is_asked = False
        peer.due_at = now + self._settings.channel_interval
        peer.lasts_until = now + self._settings.channel_lifetime
        if peer.permission.state is not PermissionState.INSTALLED:
            self._install(peer.permission, now)
        self._due_at = None

    def bind_failed(self, address: TransportAddress, code: int, text: str, now: float) -> None:
        """Send indications go on; a channel that is only not renewed yet is used for as long as it lasts."""
        peer = self._peers.get(address)
        if peer is None:
            return
        peer.is_asked = False
        self._due_at = None
        if code == NO_ANSWER and now + self._settings.retry_interval < peer.lasts_until:
            peer.due_at = now + self._settings.retry_interval
            return
        peer.state = ChannelState.REFUSED
        # The server may still hold the binding, and what comes over it is welcome.
        self.numbers.pop(address, None)
        self._events.append(ChannelRefused(address, code, text))

    def _install(self, permission: Permission, now: float) -> None:
        if permission.state is not PermissionState.INSTALLED:
            permission.state = PermissionState.INSTALLED
            for peer in permission.peers:
                self._events.append(PermissionCreated(peer.address))
                if peer.queue:
                    self.ready.append(peer)
        permission.due_at = now + self._settings.permission_interval
        permission.lasts_until = now + self._settings.permission_lifetime

    def _refuse(self, permission: Permission, code: int, text: str) -> None:
        permission.state = PermissionState.REFUSED
        for peer in permission.peers:
            self.dropped_datagrams += len(peer.queue)
            peer.queue.clear()
            self.numbers.pop(peer.address, None)
            peer.state = ChannelState.REFUSED
            self._events.append(PermissionRefused(peer.address, code, text))

    def _refuse_family(self, peer: Peer) -> None:
        if not self._families or is_ipv6(peer.address.host) in self._families:
            return
        if peer.permission.state is not PermissionState.REFUSED:
            self._refuse(peer.permission, _FAMILY_MISMATCH, "no relayed address of the peer's family")
            self._due_at = None

    def _number(self, peer: Peer) -> int | None:
        """The channel's number: the same for a peer as long as the allocation lives, and never another's (12.1)."""
        number = self._numbers_used.get(peer.address)
        if number is None:
            number = FIRST_CHANNEL + len(self._numbers_used)
            if number > LAST_CHANNEL:
                peer.state = ChannelState.REFUSED
                self._events.append(ChannelRefused(peer.address, NO_ANSWER, "all channel numbers have been used"))
                return None
            self._numbers_used[peer.address] = number
        # The server may use it before its answer has reached us.
        self.channels[number] = peer.address
        return number


def canonical(address: TransportAddress) -> TransportAddress:
    """The address as it comes back from the server.

    Raises:
        ValueError: the host is no numeric address, or the port none that one can send to.
    """
    if not 0 < address.port < 0x10000:
        raise ValueError(f"port {address.port} is none that one can send to")
    return TransportAddress(str(ipaddress.ip_address(address.host)), address.port)


def _may_ask_permission(permission: Permission) -> bool:
    return not permission.is_asked and permission.state is not PermissionState.REFUSED


def _may_ask_channel(peer: Peer) -> bool:
    return not peer.is_asked and peer.state in {ChannelState.WANTED, ChannelState.BOUND}
