"""Drains one sans-I/O core on an event loop: events, packets, deadline, once per loop turn."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Generic

from rtcpeer.core import Core, EventT, PacketT

__all__ = ["Driver"]

# Handlers may command the core, which makes more events. Two that answer each other must not hold the loop for ever.
MAX_EVENT_ROUNDS = 32
# A timer this late means that the loop was blocked, so what the peer sent meanwhile is still unread.
LATE = 0.05
# While the sink is full a core may keep asking to be called "now"; without this the loop would spin.
BLOCKED_TIMER_INTERVAL = 0.01
# uvloop rounds delays to milliseconds, down too. Asking again for the fraction that is left would spin.
CLOCK_GRAIN = 0.001
# A timer that would fire this long before there is anything to do is moved: a connection so quiet has few flushes, and
# a thousand of them should not be woken for nothing.
NEEDLESS = 1.0
# The core is told its deadline when the timer fires by less than this early, which is rounding of floats.
EARLY = 1e-6


class Driver(Generic[PacketT, EventT]):
    """Owns the timer and the flush of one core; the core itself, and what its packets go to, belong to the caller.

    ``send`` takes a list of packets and returns how many it took. When it took fewer, the driver keeps the rest,
    pulls no further packets, and waits for `writable`. ``on_event`` gets every event, oldest first, always from the
    event loop and never from inside `wake` or `received`. Its exceptions go to the loop's exception handler.
    """

    def __init__(
        self,
        core: Core[PacketT, EventT],
        send: Callable[[list[PacketT]], int],
        on_event: Callable[[EventT], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._core = core
        self._send = send
        self._on_event = on_event
        self._loop = loop
        self._unsent: list[PacketT] = []
        self._flush_handle: asyncio.Handle | None = None
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._deadline: float | None = None  # the core's, as of the last flush; whoever changes it later wakes us
        self._is_flushing = False
        self._owes_flush = False  # to what `take` was given
        self._is_closed = False

    @property
    def is_blocked(self) -> bool:
        """Whether packets wait for `writable`."""
        return bool(self._unsent)

    def wake(self) -> None:
        """Flush at the next loop turn; call it after every command. Any number of calls in one turn is one flush."""
        if self._flush_handle is None and not self._is_flushing and not self._is_closed:
            self._flush_handle = self._loop.call_soon(self._on_flush)

    def received(self, packet: PacketT) -> None:
        """Hand a packet to the core, which answers at the next flush."""
        if not self._is_closed:
            self._core.receive(packet, self._loop.time())
            self.wake()

    def take(self, packet: PacketT) -> None:
        """`received` for a caller that promises a `flush` in the same callback of the event loop.

        It saves scheduling one: on a path of two messages a round trip, that and its cancelling are 2 µs of 55 a hop.
        """
        if not self._is_closed:
            self._owes_flush = True
            self._core.receive(packet, self._loop.time())

    def flush(self) -> None:
        """Flush now what has been taken, in place of the flush that is scheduled; for the end of a loop's callback."""
        if self._is_flushing or self._is_closed:
            return
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._on_flush()
        elif self._owes_flush:
            self._flush()

    def writable(self) -> None:
        """The sink takes packets again: send what was kept, then go on pulling."""
        if self._unsent and not self._is_closed:
            unsent, self._unsent = self._unsent, []
            self._hand_over(unsent)
            self.wake()

    def close(self) -> None:
        """Cancel timer and flush and send the core's last packets, once. Its last events are not delivered."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        packets = self._unsent + self._core.packets_to_send(self._loop.time())
        self._unsent = []
        if packets:
            self._send(packets)
        # Owner and driver hold each other through these two; without them nothing is left for the cycle collector.
        self._send = _take_none
        self._on_event = _ignore

    def _on_flush(self) -> None:
        self._flush_handle = None
        self._flush()

    def _flush(self, not_before: float = -math.inf) -> None:
        """Drain the core; what becomes pending meanwhile waits for the flush of the next turn."""
        self._is_flushing = True
        self._owes_flush = False
        try:
            is_pending = self._drain(not_before)
        finally:
            self._is_flushing = False
        if self._is_closed:
            return
        if is_pending:
            self.wake()
        self._deadline = self._core.next_timeout()
        self._arm_timer(self._deadline)

    def _drain(self, not_before: float) -> bool:
        """Events, packets, and the events that both made; returns whether the core may have more to send."""
        self._deliver_events(1)  # so that what handlers answer goes out with this pull
        packets: list[PacketT] = []
        if not self._unsent and not self._is_closed:
            # A core that was told its deadline a little early is pulled as of that deadline, too: as of the loop's time
            # it would give nothing and ask for the same moment again.
            packets = self._core.packets_to_send(max(not_before, self._loop.time()))
        if packets:
            self._hand_over(packets)
        # Handlers that are called after the pull may command something.
        return self._deliver_events(MAX_EVENT_ROUNDS - 1)

    def _deliver_events(self, rounds: int) -> bool:
        """Poll until there are none, or handlers kept making new ones; returns whether there were any."""
        for done in range(rounds):
            events = [] if self._is_closed else self._core.poll_events()
            if not events:
                return done > 0
            for event in events:
                try:
                    self._on_event(event)
                except Exception as error:  # noqa: BLE001
                    self._report(error)
        return True

    def _hand_over(self, packets: list[PacketT]) -> None:
        taken = self._send(packets)
        if taken < len(packets) and not self._is_closed:
            self._unsent = packets[taken:]

    def _report(self, error: Exception) -> None:
        context: dict[str, Any] = {"message": "An event handler of rtcpeer failed", "exception": error}
        self._loop.call_exception_handler(context)

    def _arm_timer(self, deadline: float | None, not_before: float = -math.inf) -> None:
        """Make sure that a timer fires no later than ``deadline``, the core's.

        One that fires a little earlier is left alone and looks again when it does: deadlines move back with nearly
        every packet, and a cancelled handle per flush costs more than a needless firing now and then.
        """
        if deadline is None:
            return
        if self._unsent:
            not_before = self._loop.time() + BLOCKED_TIMER_INTERVAL
        elif deadline == -math.inf:
            self.wake()  # the burst was not all
            return
        deadline = max(deadline, not_before)
        if self._timer is not None:
            is_held = self._timer_at == -math.inf
            if is_held or self._timer_at <= deadline < self._timer_at + NEEDLESS:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        deadline = self._deadline
        now = self._loop.time()
        if deadline is None or deadline > now + EARLY:
            self._arm_timer(deadline, now + CLOCK_GRAIN if self._timer_at > now else -math.inf)
        elif now - deadline > LATE:
            # Our own delay is not the peer's silence: let the sockets be read before the core judges. It takes two
            # turns, because what is scheduled in this one runs before the sockets of the next are polled (asyncio
            # queues their callbacks behind it, uvloop polls after it).
            self._hold_timer(self._on_postponed_turn)
        else:
            self._time_out(max(now, deadline))

    def _on_postponed_turn(self) -> None:
        self._hold_timer(self._on_postponed)

    def _on_postponed(self) -> None:
        self._timer = None
        self._time_out(self._loop.time())

    def _hold_timer(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` next turn in the timer's place, so that flushes between do not arm another."""
        self._timer_at = -math.inf
        self._timer = self._loop.call_soon(callback)

    def _time_out(self, now: float) -> None:
        self._core.handle_timeout(now)
        self._flush(now)


def _take_none(packets: list[Any]) -> int:
    return len(packets)


def _ignore(event: object) -> None:
    pass
