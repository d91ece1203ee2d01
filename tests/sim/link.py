"""One direction of a link: delay, jitter, loss in bursts, duplication, reordering, a rate with a queue, an MTU."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """One direction; the default is a wire that delivers everything at once."""

    delay: float = 0.0  # seconds one way
    jitter: float = 0.0  # up to so many seconds more; keeps the order
    loss: float = 0.0  # the share of packets lost, in the long run
    loss_burst: float = 1.0  # mean length of a run of losses, in packets; 1 is independent loss
    duplication: float = 0.0  # the share of packets that arrive twice
    reordering: float = 0.0  # the share of packets that are held back and overtaken
    reordering_delay: float = 0.01  # up to so many seconds they are held back
    rate: float | None = None  # bytes a second
    queue_limit: int = 256 * 1024  # bytes that wait for the rate; more is dropped at the tail
    mtu: int | None = None  # payload bytes; longer datagrams vanish, as with a broken path MTU discovery

    def __post_init__(self) -> None:
        for name in ("loss", "duplication", "reordering"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a share between 0 and 1")
        if self.delay < 0 or self.jitter < 0:
            raise ValueError("delay and jitter are not negative")
        if self.loss_burst < 1.0:
            raise ValueError("loss_burst is at least one packet")
        if self.rate is not None and self.rate <= 0:
            raise ValueError("rate is positive; use loss=1.0 for a dead link")


class Link:
    """Says when each packet arrives; ``settings`` may be replaced while packets are under way."""

    def __init__(self, settings: LinkSettings, rng: random.Random) -> None:
        self.settings = settings
        self.sent = 0
        self.lost = 0
        self.overflowed = 0
        self.too_long = 0
        self.delivered_bytes = 0
        self._rng = rng
        self._in_burst = False
        self._free_at = 0.0  # when the rate has let everything queued so far pass
        self._last_arrival = 0.0

    def __repr__(self) -> str:
        return (
            f"Link(sent={self.sent}, lost={self.lost}, overflowed={self.overflowed}, "
            f"too_long={self.too_long}, bytes={self.delivered_bytes})"
        )

    @property
    def is_ideal(self) -> bool:
        """Whether everything passes in no time, so that a router may hand on directly."""
        return self.settings == IDEAL

    def transmit(self, payloads: Sequence[bytes], now: float) -> list[tuple[float, list[bytes]]]:
        """When what arrives: runs of payloads with the same time of arrival, in the order of sending."""
        runs: list[tuple[float, list[bytes]]] = []
        for payload in payloads:
            for arrival in self._arrivals(len(payload), now):
                if runs and runs[-1][0] == arrival:
                    runs[-1][1].append(payload)
                else:
                    runs.append((arrival, [payload]))
        return runs

    def _arrivals(self, size: int, now: float) -> list[float]:
        settings = self.settings
        self.sent += 1
        if settings.mtu is not None and size > settings.mtu:
            self.too_long += 1
            return []
        leaves = self._leaves_queue(size, now)
        if leaves is None:
            self.overflowed += 1
            return []
        if settings.loss and self._loses():
            self.lost += 1
            return []
        arrivals = [self._arrival(leaves)]
        if settings.duplication and self._rng.random() < settings.duplication:
            arrivals.append(self._arrival(leaves))
        self.delivered_bytes += size
        return arrivals

    def _leaves_queue(self, size: int, now: float) -> float | None:
        rate = self.settings.rate
        if rate is None:
            return now
        starts = max(now, self._free_at)
        if (starts - now) * rate + size > self.settings.queue_limit:
            return None
        self._free_at = starts + size / rate
        return self._free_at

    def _loses(self) -> bool:
        # Gilbert's model: a burst ends with probability 1/length, and begins just often enough for the share to hold.
        loss, burst = self.settings.loss, self.settings.loss_burst
        if loss >= 1.0:
            return True
        if burst == 1.0:
            return self._rng.random() < loss
        if self._in_burst:
            self._in_burst = self._rng.random() >= 1.0 / burst
        else:
            self._in_burst = self._rng.random() < loss / (burst * (1.0 - loss))
        return self._in_burst

    def _arrival(self, leaves: float) -> float:
        settings = self.settings
        arrival = leaves + settings.delay
        if settings.jitter:
            arrival += self._rng.random() * settings.jitter
        # Jitter alone keeps the order, as a queue does; reordering is asked for by name.
        arrival = max(arrival, self._last_arrival)
        if settings.reordering and self._rng.random() < settings.reordering:
            return arrival + self._rng.random() * settings.reordering_delay
        self._last_arrival = arrival
        return arrival


IDEAL = LinkSettings()
