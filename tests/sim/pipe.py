"""Two byte cores, connected by a link each way, in virtual time.

pipe = Pipe(client, server, LinkSettings(delay=0.025, loss=0.02), seed=7)
client.connect()
pipe.run(lambda: client.state is State.ESTABLISHED)
"""

import random
from collections.abc import Callable
from typing import Generic, TypeVar

from rtcpeer.core import Core
from tests.sim.clock import Clock
from tests.sim.driven import Driven
from tests.sim.link import IDEAL, Link, LinkSettings

__all__ = ["IDEAL", "Filter", "LinkSettings", "Pipe"]

EventA = TypeVar("EventA")
EventB = TypeVar("EventB")

Filter = Callable[[bytes], bytes | None]
"""Looks at each packet before its link: returns it, another one, or None to lose it."""

EVENTS_SHOWN = 8


class Pipe(Generic[EventA, EventB]):
    """Drives both cores until a condition holds; ``link_ba`` is as ``link_ab`` unless given.

    ``a`` and ``b`` are `Driven`: their ``core`` and the ``events`` so far. ``link_ab`` and ``link_ba`` are `Link`:
    replace their ``settings`` to change the weather. ``filter_ab`` and ``filter_ba`` see every packet. Commands may be
    given between two calls of `run`, or from ``a.on_event``.
    """

    def __init__(
        self,
        a: Core[bytes, EventA],
        b: Core[bytes, EventB],
        link_ab: LinkSettings = IDEAL,
        link_ba: LinkSettings | None = None,
        seed: int | str = 0,
        *,
        start: float = 0.0,
    ) -> None:
        self.clock = Clock(start)
        self.link_ab = Link(link_ab, random.Random(f"{seed}/ab"))
        self.link_ba = Link(link_ab if link_ba is None else link_ba, random.Random(f"{seed}/ba"))
        self.filter_ab: Filter | None = None
        self.filter_ba: Filter | None = None
        self.a: Driven[bytes, EventA] = Driven(a, self.clock, self._send_ab, "a")
        self.b: Driven[bytes, EventB] = Driven(b, self.clock, self._send_ba, "b")

    @property
    def now(self) -> float:
        """The simulated time."""
        return self.clock.time()

    def run(self, until: Callable[[], bool], timeout: float = 60.0) -> None:
        """Let time pass until the condition holds; `StuckError` or `DeadlineError` when it will not."""
        self.flush()
        self.clock.run(until, timeout, describe=self.describe)

    def run_for(self, seconds: float) -> None:
        """Let so many seconds pass, whatever happens in them."""
        self.flush()
        self.clock.run_for(seconds)

    def flush(self) -> None:
        """Drain both cores at this instant, once time goes on; needed only after commands given in a callback."""
        self.a.flush()
        self.b.flush()

    def describe(self) -> str:
        """Where both sides stand, for the message of a failure."""
        lines = [f"  a->b {self.link_ab}", f"  b->a {self.link_ba}"]
        sides: tuple[Driven[bytes, EventA] | Driven[bytes, EventB], ...] = (self.a, self.b)
        for side in sides:
            state = getattr(side.core, "state", None)
            lines.append(f"  {side.name}: {type(side.core).__name__} state={state} timeout={side.core.next_timeout()}")
            lines += [f"    {event!r:.160}" for event in side.events[-EVENTS_SHOWN:]]
        return "\n".join(lines)

    def _send_ab(self, packet: bytes) -> None:
        self._transmit(packet, self.link_ab, self.filter_ab, self.b.receive)

    def _send_ba(self, packet: bytes) -> None:
        self._transmit(packet, self.link_ba, self.filter_ba, self.a.receive)

    def _transmit(self, packet: bytes, link: Link, look: Filter | None, deliver: Callable[[bytes], object]) -> None:
        seen = packet if look is None else look(packet)
        if seen is None:
            return
        for arrival, packets in link.transmit([seen], self.clock.time()):
            for arriving in packets:
                self.clock.call_at(arrival, deliver, arriving)
