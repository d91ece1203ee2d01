"""What is measured: each benchmark as a left and a right side that run in two processes.

The left side makes the offer. Both sides return their own figures; `metrics` of `Measure` says what becomes of the two.
"""

import asyncio
import gc
import resource
import socket
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.congestion import CONGESTION_MEASURES
from benchmarks.forwarding import FORWARDING_MEASURES
from benchmarks.media_measures import MEDIA_MEASURES
from benchmarks.model import Figures, Measure, Metric
from benchmarks.session import Session, cpu_time, resident

# Back-pressure: send until this much waits, go on when half of it is left.
HIGH_WATER = 1 << 20
LOW_WATER = HIGH_WATER // 2
# A stack in which nothing moves for this long has lost something.
STALL_TIMEOUT = 15.0
# After the last connection: retransmissions of the handshake and probes of the path are over.
SETTLING = 5.0
END = "end of transfer"
ECHOES = 7


# One way


async def send_for(session: Session, *, size: int, seconds: float, burst: int) -> dict[str, Any]:
    """Send as fast as back-pressure lets us; ``burst`` messages between two looks at clock and buffer."""
    channel = (await session.connect()).channel
    await session.hear()
    low = asyncio.Event()
    channel.on_low(LOW_WATER, low.set)
    message = bytes(range(256)) * (size // 256) if size >= 256 else bytes(size)
    send, buffered_amount = channel.send, channel.buffered_amount
    count = 0
    cpu = cpu_time()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        low.clear()
        while buffered_amount() < HIGH_WATER:
            for _ in range(burst):
                send(message)
            count += burst
        await session.wait(low.wait(), STALL_TIMEOUT)
    send(END)
    received = await session.hear()
    if received["count"] != count:
        raise AssertionError(f"{received['count']} of {count} messages arrived")
    return {"cpu": cpu_time() - cpu, "count": count}


async def count_messages(session: Session, *, size: int, seconds: float, **_: Any) -> dict[str, Any]:
    """Receive until the end; time and CPU from the first message to the last."""
    channel = (await session.connect()).channel
    ended = asyncio.Event()
    count = 0
    began = cpu = 0.0

    def take(data: bytes | str) -> None:
        nonlocal count, began, cpu
        if not count:
            began, cpu = time.monotonic(), cpu_time()
        if isinstance(data, str):
            ended.set()
        else:
            count += 1

    channel.on_message(take)
    session.say("ready")
    await session.wait(ended.wait(), seconds + 4 * STALL_TIMEOUT)
    result = {"elapsed": time.monotonic() - began, "cpu": cpu_time() - cpu, "count": count}
    session.say(result)
    return {**result, "bytes": count * size}


# There and back


async def ping(session: Session, *, count: int, warm_up: int) -> dict[str, Any]:
    channel = (await session.connect()).channel
    await session.hear()
    done = asyncio.Event()
    sent = 0.0
    times: list[float] = []

    def take(_: bytes | str) -> None:
        nonlocal sent
        times.append(time.perf_counter() - sent)
        if len(times) == warm_up + count:
            done.set()
            return
        sent = time.perf_counter()
        channel.send(message)

    message = bytes(64)
    channel.on_message(take)
    sent = time.perf_counter()
    channel.send(message)
    await session.wait(done.wait(), 60)
    times = sorted(times[warm_up:])
    return {"median": statistics.median(times), "p99": times[int(len(times) * 0.99)]}


async def pong(session: Session, **_: Any) -> dict[str, Any]:
    channel = (await session.connect()).channel
    channel.on_message(channel.send)
    session.say("ready")
    return {}


# Connecting


async def connect_often(session: Session, *, count: int, echo: str | None = None) -> dict[str, Any]:
    """Connect and close, one after the other; the first one, which imports and warms up, does not count.

    With ``echo``, the right side's address, the round trip of the link is measured too, by plain datagrams.
    """
    round_trip = await _round_trip(session, echo) if echo else 0.0
    times: list[float] = []
    from_answer: list[float] = []
    cpu = 0.0
    for index in range(count + 1):
        if index == 1:
            cpu = cpu_time()
        link = await session.connect()
        times.append(link.opened_at - link.began_at)
        from_answer.append(link.opened_at - link.described_at)
        await session.hang_up(link)
    return {
        "median": statistics.median(times[1:]),
        "worst": max(times[1:]),
        "from_answer": statistics.median(from_answer[1:]),
        "round_trip": round_trip,
        "cpu": (cpu_time() - cpu) / count,
    }


async def _round_trip(session: Session, host: str) -> float:
    """The median of a few datagrams there and back, in blocking calls: nothing but the link is measured."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        if not session.is_left:
            sock.bind((host, 0))
            session.say(sock.getsockname()[1])
            await asyncio.sleep(0)
            for _ in range(ECHOES):
                sock.sendto(*sock.recvfrom(100))
            return 0.0
        remote = (host, await session.hear())
        times: list[float] = []
        for _ in range(ECHOES):
            began = time.monotonic()
            sock.sendto(b"echo", remote)
            sock.recv(100)
            times.append(time.monotonic() - began)
        return statistics.median(times)


# Doing nothing


async def hold_many(session: Session, *, count: int, seconds: float) -> dict[str, Any]:
    """Connect ``count`` times, then sit still; the first connection pays for imports and is not counted."""
    links = [await session.connect()]
    await asyncio.sleep(0.5)
    gc.collect()
    before = resident()
    links += [await session.connect() for _ in range(count)]
    await asyncio.sleep(0.5)
    gc.collect()
    memory = resident() - before
    cpu, began = cpu_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, elapsed = cpu_time() - cpu, time.monotonic() - began
    for link in links:
        await session.hang_up(link)
    return {"memory": memory / count, "cpu": cpu / elapsed / (count + 1)}


async def hold_crowd(session: Session, *, count: int, seconds: float, at_once: int) -> dict[str, Any]:
    """As `hold_many` for a server with very many clients; also counts the datagrams in the network of both sides."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    links = [await session.connect()]
    await asyncio.sleep(0.5)
    gc.collect()
    before = resident()
    links += await session.connect_many(count - 1, at_once)
    await asyncio.sleep(SETTLING)
    gc.collect()
    memory = resident() - before
    cpu, datagrams, began = cpu_time(), _datagrams(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, datagrams, elapsed = cpu_time() - cpu, _datagrams() - datagrams, time.monotonic() - began
    # Nobody leaves while the other still counts.
    session.say("counted")
    await session.hear()
    await asyncio.gather(*(link.connection.close() for link in links))
    return {"memory": memory / (count - 1), "load": cpu / elapsed, "datagrams": datagrams / elapsed / count}


def _datagrams() -> int:
    """UDP datagrams that were received in this network namespace, over both versions of IP."""
    names, values = (
        line.split()[1:]
        for line in Path("/proc/self/net/snmp").read_text(encoding="ascii").splitlines()
        if line.startswith("Udp:")
    )
    ipv6 = dict(line.split() for line in Path("/proc/self/net/snmp6").read_text(encoding="ascii").splitlines())
    return int(values[names.index("InDatagrams")]) + int(ipv6["Udp6InDatagrams"])


def _both(key: str, scale: float) -> Callable[[Figures, Figures], float]:
    """The mean of the two sides."""
    return lambda left, right: (left[key] + right[key]) / 2 * scale


MEASURES: dict[str, Measure] = {
    "throughput": Measure(
        "16 KiB messages, one way",
        send_for,
        count_messages,
        (
            Metric("MB/s", lambda _, right: right["bytes"] / right["elapsed"] / 1e6, is_more_better=True),
            Metric("sender, CPU s/GB", lambda left, right: left["cpu"] / right["bytes"] * 1e9),
            Metric("receiver, CPU s/GB", lambda _, right: right["cpu"] / right["bytes"] * 1e9),
        ),
        {"size": 16384, "seconds": 3.0, "burst": 1},
        {"seconds": 0.3},
    ),
    "messages": Measure(
        "64-byte messages, ordered, one way",
        send_for,
        count_messages,
        (
            Metric("messages/s", lambda _, right: right["count"] / right["elapsed"], is_more_better=True, digits=0),
            Metric("sender, CPU µs each", lambda left, right: left["cpu"] / right["count"] * 1e6, digits=2),
            Metric("receiver, CPU µs each", lambda _, right: right["cpu"] / right["count"] * 1e6, digits=2),
        ),
        {"size": 64, "seconds": 2.0, "burst": 64},
        {"seconds": 0.3},
    ),
    "latency": Measure(
        "ping-pong, 64 bytes",
        ping,
        pong,
        (
            Metric("median, µs", lambda left, _: left["median"] * 1e6, digits=0),
            Metric("99 of 100 under, µs", lambda left, _: left["p99"] * 1e6, digits=0),
        ),
        {"count": 3000, "warm_up": 200},
        {"count": 100, "warm_up": 10},
    ),
    "connect": Measure(
        "connect, locally",
        connect_often,
        connect_often,
        (
            Metric("median, ms", lambda left, _: left["median"] * 1e3),
            Metric("worst, ms", lambda left, _: left["worst"] * 1e3),
            Metric("CPU ms each side", _both("cpu", 1e3)),
        ),
        {"count": 10},
        {"count": 2},
    ),
    "connect-50ms": Measure(
        "connect, round trip 50 ms",
        connect_often,
        connect_often,
        (
            Metric("median, ms", lambda left, _: left["median"] * 1e3),
            Metric("from the answer, ms", lambda left, _: left["from_answer"] * 1e3),
            Metric("from the answer, round trips", lambda left, _: left["from_answer"] / left["round_trip"], digits=2),
            Metric("(the link's round trip, ms)", lambda left, _: left["round_trip"] * 1e3),
        ),
        {"count": 6, "echo": "10.77.0.2"},
        {"count": 1},
        round_trip=0.05,
    ),
    "idle": Measure(
        "connections that do nothing",
        hold_many,
        hold_many,
        (
            Metric("memory each, KiB", _both("memory", 1 / 1024), digits=0),
            Metric("CPU each, ms/s", _both("cpu", 1e3), digits=2),
        ),
        {"count": 30, "seconds": 5.0},
        {"count": 3, "seconds": 0.5},
    ),
    "idle-1000": Measure(
        "1,000 connections that do nothing",
        hold_crowd,
        hold_crowd,
        (
            Metric("one side, % of a core", lambda left, _: left["load"] * 100),
            Metric("its peers, % of a core", lambda _, right: right["load"] * 100),
            Metric("memory each, KiB", _both("memory", 1 / 1024), digits=0),
            Metric("datagrams/s each, both ways", _both("datagrams", 1), digits=2),
        ),
        {"count": 1000, "seconds": 20.0, "at_once": 20},
        {"count": 4, "seconds": 0.5, "at_once": 2},
        patience=240.0,
    ),
    **MEDIA_MEASURES,
    **FORWARDING_MEASURES,
    **CONGESTION_MEASURES,
}
