"""Drives one core in virtual time: events until empty, packets until empty, next deadline."""

from collections.abc import Callable
from typing import Generic, TypeVar

from rtcpeer.core import Core
from tests.sim.clock import SpinError, Timeline

PacketT = TypeVar("PacketT")
EventT = TypeVar("EventT")

# A core builds a bounded burst a pull; so many bursts without an end are a fault.
MAX_PULLS = 10_000


class Driven(Generic[PacketT, EventT]):
    """A core with its timer; ``events`` collects all it said, oldest first.

    `on_event` may be set to react at once, as an application does. Call `flush` after a command to the core.
    """

    def __init__(
        self, core: Core[PacketT, EventT], timeline: Timeline, send: Callable[[PacketT], object], name: str = "core"
    ) -> None:
        self.core = core
        self.name = name
        self.events: list[EventT] = []
        self.on_event: Callable[[EventT], object] | None = None
        self.is_stopped = False
        self._timeline = timeline
        self._send = send
        self._is_flush_waiting = False
        self._timer: float | None = None

    def events_of(self, *kinds: type) -> list[EventT]:
        """What it said of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]

    def receive(self, packet: PacketT) -> None:
        """Hand over a packet; the core is drained once all that arrives at this instant has been handed over."""
        if not self.is_stopped:
            self.core.receive(packet, self._timeline.time())
            self.flush()

    def flush(self) -> None:
        """Drain the core at this instant."""
        if not self._is_flush_waiting:
            self._is_flush_waiting = True
            self._timeline.call_soon(self._drain)

    def stop(self) -> None:
        """Fall silent, as a process that is killed."""
        self.is_stopped = True

    def _drain(self) -> None:
        self._is_flush_waiting = False
        if self.is_stopped:
            return
        now = self._timeline.time()
        for _ in range(MAX_PULLS):
            self._poll()
            packets = self.core.packets_to_send(now)
            if not packets:
                break
            for packet in packets:
                self._send(packet)
        else:
            raise SpinError(f"t={now:.6f}: {self.name} has packets to send without end")
        self._poll()
        self._schedule(now)

    def _poll(self) -> None:
        while events := self.core.poll_events():
            self.events.extend(events)
            if self.on_event is not None:
                for event in events:
                    self.on_event(event)

    def _schedule(self, now: float) -> None:
        when = self.core.next_timeout()
        # A timer that moved to later stays where it is, and looks again when it fires.
        if when is not None and (self._timer is None or when < self._timer):
            self._timer = max(when, now)
            self._timeline.call_at(self._timer, self._fire, self._timer)

    def _fire(self, scheduled: float) -> None:
        if self.is_stopped or scheduled != self._timer:
            return
        self._timer = None
        now = self._timeline.time()
        when = self.core.next_timeout()
        if when is not None and when <= now:
            self.core.handle_timeout(now)
            self.flush()
        else:
            self._schedule(now)
