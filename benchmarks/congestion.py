"""Video over a link whose capacity changes: how soon and how well each stack follows, and what the player sees.

The forwarder between the two namespaces judges, not the stacks: it has noted every 0.1 s what passed it and how long
it waited in the queue.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.media import CODECS, Sink, material, source
from benchmarks.model import Figures, Measure, Metric
from benchmarks.peers import MEDIA_PEERS, MediaConnection
from benchmarks.session import Session

# Seconds, bits per second, loss.
PHASES = [[15.0, 2e6, 0.0], [15.0, 1e6, 0.0], [15.0, 300e3, 0.0], [15.0, 1.5e6, 0.0], [15.0, 1e6, 0.02]]
QUEUE_TIME = 0.5
# From when both sides are ready to the start of the schedule and of the pictures.
LEAD = 1.0

# Settled is who keeps, for so many seconds, above this share of the capacity and below this time in the queue (95th
# percentile); what comes later than GRACE after a change is judged as settled, whether or not it is.
STEADY = 2.0
SHARE = 0.7
WAIT_MS = 150.0
GRACE = 10.0

# A freeze as W3C webrtc-stats defines it for freezeCount: a gap above three times the mean, and 150 ms more than it.
FREEZE_FACTOR = 3
FREEZE_MARGIN = 0.15
FREEZE_MEAN_OF = 30


async def send_generated(session: Session, *, phases: Sequence[Any], link_start: str, **_: Any) -> dict[str, Any]:
    """Video at whatever bitrate the stack chooses, from the start of the schedule to its end."""
    begun: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    track = source(session.peer, material("video"), begun)
    await session.meet()

    async def prepare(connection: MediaConnection) -> None:
        await connection.send_track(track, CODECS["video"], None)

    link = await session.connect(prepare)
    starts_at = time.monotonic() + LEAD
    Path(link_start).write_text(str(starts_at), encoding="ascii")
    begun.set_result(starts_at)
    session.say(starts_at)
    await session.wait(asyncio.sleep(LEAD + _length(phases)))
    state = link.connection.state()
    await session.hang_up(link)
    return {"phases": phases, "state": state}


async def play_generated(session: Session, **_: Any) -> dict[str, Any]:
    """When each picture had been decoded, after the start of the schedule."""
    await session.meet()
    sink = Sink(session)

    async def prepare(connection: MediaConnection) -> None:
        connection.on_track(sink.play)

    link = await session.connect(prepare)
    starts_at = await session.hear()
    await session.hang_up_with_other(link)
    return {"pictures": [round(when - starts_at, 4) for when in sink.times]}


def _length(phases: Sequence[Any]) -> float:
    return float(sum(seconds for seconds, *_ in phases))


# Judging


def settling_times(left: Figures) -> list[float]:
    """For each phase the seconds until it was settled; all of it where it never was."""
    return [_settling_time(intervals, seconds) for seconds, intervals in _by_phase(left)]


def _settling_time(intervals: Sequence[Figures], seconds: float) -> float:
    step = seconds / max(1, len(intervals))
    window = round(STEADY / step)
    for first in range(len(intervals) - window + 1):
        if _is_steady(intervals[first : first + window]):
            return first * step
    return seconds


def _is_steady(intervals: Sequence[Figures]) -> bool:
    return utilisation(intervals) >= SHARE and wait_ms(intervals) <= WAIT_MS


def utilisation(intervals: Sequence[Figures]) -> float:
    """The share of the capacity that was used, headers included."""
    possible = sum(interval["capacity"] for interval in intervals) * 0.1
    return sum(interval["passed"] for interval in intervals) / possible if possible else 0.0


def wait_ms(intervals: Sequence[Figures]) -> float:
    """95 of 100 packets waited for less."""
    waits = sorted(wait for interval in intervals for wait in interval["waits_ms"])
    return float(waits[int(len(waits) * 0.95)]) if waits else 0.0


def settled(left: Figures) -> list[Figures]:
    """The intervals in which everybody should have settled."""
    return [one for seconds, intervals in _by_phase(left) for one in intervals[int(len(intervals) * _grace(seconds)) :]]


def _grace(seconds: float) -> float:
    """As a share of a phase; short ones (of a smoke run) are judged by their last third."""
    return min(GRACE / seconds, 2 / 3)


def freezes(right: Figures) -> list[float]:
    """The seconds of each gap between two pictures that is a freeze."""
    times = right["pictures"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    found = []
    for index, gap in enumerate(gaps):
        recent = gaps[max(0, index - FREEZE_MEAN_OF) : index]
        mean = statistics.fmean(recent) if recent else gap
        if gap > max(FREEZE_FACTOR * mean, mean + FREEZE_MARGIN):
            found.append(gap)
    return found


def _by_phase(left: Figures) -> Iterator[tuple[float, list[Figures]]]:
    begins = 0.0
    for seconds, *_ in left["phases"]:
        ends = begins + seconds
        # An interval that began in the phase before is that one's.
        yield seconds, [one for one in left["link"] if begins <= one["begins"] < ends]
        begins = ends


def _everything(left: Figures) -> list[Figures]:
    return [one for _, intervals in _by_phase(left) for one in intervals]


CONGESTION_MEASURES: dict[str, Measure] = {
    "congestion": Measure(
        "video over 2, 1, 0.3, 1.5 Mbit/s, and 1 Mbit/s with 2 % loss; round trip 50 ms",
        send_generated,
        play_generated,
        (
            Metric("until settled, mean, s", lambda left, _: statistics.fmean(settling_times(left))),
            Metric("until settled, worst, s", lambda left, _: max(settling_times(left))),
            Metric("use after 10 s, %", lambda left, _: utilisation(settled(left)) * 100, is_more_better=True),
            Metric("queue after 10 s, p95, ms", lambda left, _: wait_ms(settled(left)), digits=0),
            Metric("queue, p95 of all, ms", lambda left, _: wait_ms(_everything(left)), digits=0),
            Metric("pictures played", lambda _, right: len(right["pictures"]), is_more_better=True, digits=0),
            Metric("freezes", lambda _, right: len(freezes(right)), digits=0),
            Metric("connections lost", lambda left, _: left["state"] != "connected", digits=0),
            Metric("frozen, s", lambda _, right: sum(freezes(right))),
        ),
        {"phases": PHASES, "queue_time": QUEUE_TIME},
        {"phases": [[2.0, 1e6, 0.0], [1.0, 500e3, 0.02]]},
        round_trip=0.05,
        patience=60.0 + sum(seconds for seconds, *_ in PHASES),
        peers=MEDIA_PEERS,
    ),
}
