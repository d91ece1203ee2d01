"""The contract that every sans-I/O core keeps, and the few types that cross all of them.

A core is told the time, given packets and asked for packets. It owns no clock, no socket, no task and no source of
randomness. Whoever changes a core drains it afterwards: events until empty, packets, next deadline.
`rtcpeer.aio.driver` does that on an event loop; `tests.sim` does it in virtual time.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

__all__ = ["Core", "Datagrams", "Entropy", "TransportAddress", "earliest"]

Entropy = Callable[[int], bytes]
"""Gives that many random bytes; `os.urandom` in production, a seeded generator in the simulator."""

PacketT = TypeVar("PacketT")
EventT = TypeVar("EventT")


class Core(Protocol[PacketT, EventT]):
    """One protocol as a state machine. ``now`` is seconds on any monotonic clock; no core stores it as "the time"."""

    def receive(self, packet: PacketT, now: float) -> None:
        """Take what came from the network; what is malformed is dropped and counted, never raised."""

    def handle_timeout(self, now: float) -> None:
        """Do what is due; harmless when nothing is."""

    def packets_to_send(self, now: float) -> list[PacketT]:
        """Build what may be sent now; built when pulled, empty afterwards.

        Where that is more than a core builds at once, `next_timeout` is minus infinity until the rest has been pulled.
        """

    def poll_events(self) -> list[EventT]:
        """Hand over what happened, oldest first; empty afterwards."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, absolute; None: never, minus infinity: at once. Only looks."""


class TransportAddress(NamedTuple):
    """An IP address with a port of a transport protocol (RFC 8445 section 4)."""

    host: str  # numeric, IPv6 without brackets or zone
    port: int
    protocol: str = "udp"  # or "tcp"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.protocol == "udp" else f"{host}:{self.port}/{self.protocol}"


class Datagrams(NamedTuple):
    """A run of datagrams over one path, in order: the unit between cores and sockets, so that a burst is one call."""

    local: TransportAddress  # the base: where our socket is bound (or a relayed address)
    remote: TransportAddress
    payloads: list[bytes]


def earliest(*deadlines: float | None) -> float | None:
    """The first of several deadlines, of which any may be none."""
    first: float | None = None
    for deadline in deadlines:
        if deadline is not None and (first is None or deadline < first):
            first = deadline
    return first
