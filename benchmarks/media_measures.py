"""What is measured of audio and video; the left side sends or serves, the right side plays.

`benchmarks.congestion` has the one over a link that changes.
"""

import asyncio
import gc
import statistics
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.media import CODECS, Sink, material, relay, source
from benchmarks.model import Figures, Measure, Metric
from benchmarks.peers import MEDIA_PEERS, MediaConnection
from benchmarks.session import Session, cpu_time, resident

# Between the first frame and the measurement: bitrates rise, caches fill.
SETTLING = 2.0
# For the first frame and between two; a loaded machine is slow to begin.
PATIENCE = 60.0


# The cost of a stream


async def send_stream(session: Session, *, kind: str, seconds: float, bitrate: int, settling: float) -> dict[str, Any]:
    """One track, at most ``bitrate``; CPU time and bytes on the wire of ``seconds`` in the middle."""
    track = source(session.peer, material(kind))
    await session.meet()

    async def prepare(connection: MediaConnection) -> None:
        await connection.send_track(track, CODECS[kind], bitrate)

    link = await session.connect(prepare)
    await session.hear()
    await asyncio.sleep(settling)
    session.say("measure")
    figures = await _spend(seconds)
    await session.hear()
    await session.hang_up(link)
    return figures


async def play_stream(session: Session, *, seconds: float, **_: Any) -> dict[str, Any]:
    """Decode what comes; frames and CPU time of the same seconds."""
    await session.meet()
    sink = Sink(session)

    async def prepare(connection: MediaConnection) -> None:
        connection.on_track(sink.play)

    link = await session.connect(prepare)
    await sink.begun(PATIENCE)
    session.say("playing")
    await session.hear()
    frames = len(sink.times)
    figures = await _spend(seconds)
    frames = len(sink.times) - frames
    session.say("measured")
    await session.hang_up(link)
    return {**figures, "frames": frames}


async def _spend(seconds: float) -> dict[str, float]:
    began, cpu, wire = time.monotonic(), cpu_time(), _bytes_on_loopback()
    await asyncio.sleep(seconds)
    cpu, wire, elapsed = cpu_time() - cpu, _bytes_on_loopback() - wire, time.monotonic() - began
    return {"cpu": cpu, "elapsed": elapsed, "bytes": wire}


def _bytes_on_loopback() -> int:
    """All that this network namespace has carried, both ways, with the headers of IP."""
    for line in Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[0])
    raise RuntimeError("there is no loopback")


# Joining


async def serve(session: Session, *, count: int) -> dict[str, Any]:
    """A stream that runs, with somebody who watches all the time, and others who come and go."""
    camera, fanout = source(session.peer, material("video")), relay(session.peer)
    await session.meet()

    async def prepare(connection: MediaConnection) -> None:
        await connection.send_track(fanout.subscribe(camera), CODECS["video"], None)

    links = [await session.connect(prepare)]
    for _ in range(count):
        link = await session.connect(prepare)
        await session.hear()
        await session.hang_up(link)
    await session.hang_up(links[0])
    return {}


async def join(session: Session, *, count: int) -> dict[str, Any]:
    """From the offer's arrival until a frame has been decoded."""
    times: list[float] = []
    await session.meet()
    sink = Sink(session)

    async def prepare(connection: MediaConnection) -> None:
        connection.on_track(sink.play)

    links = [await session.connect(prepare)]
    await sink.begun(PATIENCE)
    for _ in range(count):
        sink = Sink(session)
        link = await session.connect(prepare)
        await sink.begun(PATIENCE)
        session.say("seen")
        times.append(sink.times[0] - link.told_at)
        await session.hang_up(link)
    await session.hang_up(links[0])
    return {"median": statistics.median(times), "worst": max(times)}


# Many calls, one after the other


async def call_often(session: Session, *, calls: int, frames: int) -> dict[str, Any]:
    """Audio and video both ways until ``frames`` of each have been played, then the end; what remains is looked for."""
    materials = [material(kind) for kind in CODECS]
    await session.meet()
    times: list[float] = []
    memory: list[float] = []
    traced: list[int] = []
    counts: list[tuple[int, int]] = []
    step = max(1, calls // 5)
    tracemalloc.start()
    for number in range(calls):
        times.append(await _call(session, materials, frames))
        if (number + 1) % step == 0:
            await asyncio.sleep(0.2)
            gc.collect()
            memory.append(resident())
            traced.append(tracemalloc.get_traced_memory()[0])
            counts.append((len(asyncio.all_tasks()), threading.active_count()))
    # The first fifth fills what is kept for later: pools of threads, caches of codecs.
    measured = step * (len(memory) - 1)
    return {
        "median": statistics.median(times),
        "memory": (memory[-1] - memory[0]) / measured,
        "traced": (traced[-1] - traced[0]) / measured,
        "tasks": counts[-1][0] - counts[0][0],
        "threads": counts[-1][1] - counts[0][1],
    }


async def _call(session: Session, materials: list[Any], frames: int) -> float:
    sinks: list[Sink] = []

    def play(track: Any) -> None:
        sinks.append(Sink(session))
        sinks[-1].play(track)

    async def prepare(connection: MediaConnection) -> None:
        connection.on_track(play)
        for each in materials:
            await connection.send_track(source(session.peer, each), CODECS[each.kind], None)

    link = await session.connect(prepare)
    end = time.monotonic() + PATIENCE
    while len(sinks) < len(materials) or min(len(sink.times) for sink in sinks) < frames:
        if time.monotonic() > end:
            raise TimeoutError(f"frames played: {[len(sink.times) for sink in sinks]}, wanted: {frames} of each")
        await session.wait(asyncio.sleep(0.01))
    session.say("played")
    await session.hear()
    await session.hang_up(link)
    return max(sink.times[0] for sink in sinks) - link.began_at


def _stream_metrics(unit: str) -> tuple[Metric, ...]:
    return (
        Metric("sender, CPU ms/s", lambda left, _: left["cpu"] / left["elapsed"] * 1e3),
        Metric("receiver, CPU ms/s", lambda _, right: right["cpu"] / right["elapsed"] * 1e3),
        Metric(f"({unit}/s played)", lambda _, right: right["frames"] / right["elapsed"], is_more_better=True),
        Metric("(kbit/s on the wire)", lambda left, _: left["bytes"] * 8 / left["elapsed"] / 1e3, digits=0),
    )


def _worse(key: str) -> Callable[[Figures, Figures], float]:
    return lambda left, right: max(left[key], right[key])


_JOIN = (
    Metric("first picture, median, ms", lambda _, right: right["median"] * 1e3, digits=0),
    Metric("first picture, worst, ms", lambda _, right: right["worst"] * 1e3, digits=0),
)

MEDIA_MEASURES: dict[str, Measure] = {
    "video-cpu": Measure(
        "one stream of video, VP8, 640x480, 30/s, at most 500 kbit/s",
        send_stream,
        play_stream,
        _stream_metrics("pictures"),
        {"kind": "video", "seconds": 10.0, "bitrate": 500_000, "settling": SETTLING},
        {"seconds": 1.0, "settling": 0.2},
        peers=MEDIA_PEERS,
    ),
    "audio-cpu": Measure(
        "one stream of audio, Opus, 48 kHz, 20 ms, stereo, 96 kbit/s",
        send_stream,
        play_stream,
        _stream_metrics("frames"),
        {"kind": "audio", "seconds": 10.0, "bitrate": 96_000, "settling": SETTLING},
        {"seconds": 1.0, "settling": 0.2},
        peers=MEDIA_PEERS,
    ),
    "join": Measure(
        "joining a video that runs, locally",
        serve,
        join,
        _JOIN,
        {"count": 5},
        {"count": 1},
        peers=MEDIA_PEERS,
    ),
    "join-50ms": Measure(
        "joining a video that runs, round trip 50 ms",
        serve,
        join,
        _JOIN,
        {"count": 5},
        {"count": 1},
        round_trip=0.05,
        peers=MEDIA_PEERS,
    ),
    "calls": Measure(
        "50 calls in a row, audio and video both ways",
        call_often,
        call_often,
        (
            Metric("until all is played, median, ms", lambda left, _: left["median"] * 1e3, digits=0),
            Metric("memory per call, KiB", lambda left, right: (left["memory"] + right["memory"]) / 2048),
            Metric("Python's memory per call, KiB", lambda left, right: (left["traced"] + right["traced"]) / 2048),
            Metric("tasks left", _worse("tasks"), digits=0),
            Metric("threads left", _worse("threads"), digits=0),
        ),
        {"calls": 50, "frames": 10},
        {"calls": 5, "frames": 3},
        patience=300.0,
        peers=MEDIA_PEERS,
    ),
}
