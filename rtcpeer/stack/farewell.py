"""The last words to TURN servers (RFC 8656 section 8): an allocation is given back, and that is heard."""

from dataclasses import dataclass

from rtcpeer.core import Datagrams
from rtcpeer.stack.relays import Relays

__all__ = ["AllocationsReturned", "Farewell"]


@dataclass(frozen=True, slots=True)
class AllocationsReturned:
    """Nothing is left to be said."""


class Farewell:
    """Core[Datagrams, AllocationsReturned]: what the relays of a connection that is closed still have to say."""

    def __init__(self, relays: Relays) -> None:
        self._relays = relays
        self._is_over = False

    def receive(self, packet: Datagrams, now: float) -> None:
        """Take a server's answer; data is for nobody any more."""
        self._relays.receive(packet, now)

    def handle_timeout(self, now: float) -> None:
        """Repeat what was not answered."""
        self._relays.handle_timeout(now)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """Refresh requests with a lifetime of 0, and what comes after their answers."""
        return self._relays.packets_to_send(now)

    def poll_events(self) -> list[AllocationsReturned]:
        """One, as soon as no server is waited for."""
        self._relays.poll_events()
        if self._is_over or self._relays.leaving:
            return []
        self._is_over = True
        return [AllocationsReturned()]

    def next_timeout(self) -> float | None:
        """When to repeat."""
        return self._relays.next_timeout()
