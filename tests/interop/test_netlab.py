"""The link of `tests.interop.netlab`, seen with our own sockets."""

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.conftest import require_lab
from tests.interop.netlab import LinkSettings, Netlab, netlab, read_log
from tests.sim.bottleneck import Phase

pytestmark = pytest.mark.interop

# Sends what it gets back to where it came from.
ECHO = """
import asyncio, sys
from rtcpeer.aio.network import SystemNetwork
from rtcpeer.core import TransportAddress

async def main():
    def echo(datagrams):
        port.send(datagrams.remote, datagrams.payloads)
    port = await SystemNetwork().open_udp(TransportAddress(sys.argv[1], 9999), echo, lambda: None)
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

# Sends a burst and prints, as JSON, when each number came back, seconds after the burst.
PROBE = """
import asyncio, json, sys
from rtcpeer.aio.network import SystemNetwork
from rtcpeer.core import TransportAddress

async def main(host, remote, count, size, wait):
    loop = asyncio.get_running_loop()
    arrivals = {}
    done = asyncio.Event()
    def take(datagrams):
        for payload in datagrams.payloads:
            arrivals[int.from_bytes(payload[:4], "big")] = loop.time() - start
        if len(arrivals) == count:
            done.set()
    port = await SystemNetwork().open_udp(TransportAddress(host, 0), take, lambda: None)
    start = loop.time()
    taken = port.send(TransportAddress(remote, 9999), [n.to_bytes(4, "big") + bytes(size - 4) for n in range(count)])
    assert taken == count, taken
    try:
        await asyncio.wait_for(done.wait(), wait)
    except TimeoutError:
        pass
    port.close()
    print(json.dumps(arrivals))

asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
"""


@pytest.fixture(autouse=True)
def _require_lab() -> None:
    require_lab()


def echo(lab: Netlab, *, count: int, size: int = 1000, wait: int = 1, is_ipv6: bool = False) -> dict[int, float]:
    left, right = (lab.left.ipv6, lab.right.ipv6) if is_ipv6 else (lab.left.ipv4, lab.right.ipv4)
    server = lab.right.popen(sys.executable, "-c", ECHO, right)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    output = lab.left.python("-c", PROBE, left, right, str(count), str(size), str(wait))
    server.kill()
    return {int(number): arrival for number, arrival in json.loads(output).items()}


@pytest.mark.parametrize("is_ipv6", [False, True])
def test_the_round_trip_takes_twice_the_delay(is_ipv6: bool) -> None:
    with netlab(LinkSettings(delay=0.025)) as lab:
        arrivals = echo(lab, count=20, is_ipv6=is_ipv6)
    assert len(arrivals) == 20
    assert 0.050 <= min(arrivals.values()) < 0.2


def test_the_rate_is_kept() -> None:
    with netlab(LinkSettings(rate=8e6)) as lab:
        arrivals = echo(lab, count=200, size=972, wait=3)
    assert len(arrivals) == 200
    # 200 packets of 1,000 bytes with their headers at 1 MB/s; both directions at once.
    assert 0.19 <= max(arrivals.values()) < 0.6


def test_a_full_queue_drops() -> None:
    with netlab(LinkSettings(rate=8e6, queue=50_000)) as lab:
        arrivals = echo(lab, count=200, size=972)
    assert 40 <= len(arrivals) < 120
    assert arrivals.keys() >= set(range(40)), "the first ones fit"


def test_loss_follows_the_seed() -> None:
    lost = []
    for seed in (1, 1, 2):
        with netlab(LinkSettings(loss=0.2, seed=seed)) as lab:
            lost.append(set(range(100)) - set(echo(lab, count=100)))
    assert lost[0] == lost[1] != lost[2]
    # Twice 20 %: 36 of 100.
    assert all(20 <= len(numbers) <= 55 for numbers in lost)


def test_a_failure_leaves_nothing_behind() -> None:
    labs: list[Netlab] = []
    with suppress(ZeroDivisionError), netlab() as lab:
        labs.append(lab)
        running = lab.left.popen("sleep", "1000")
        assert lab.left.name in namespaces()
        raise ZeroDivisionError
    names = (labs[0].left.name, labs[0].right.name)
    assert running.returncode is not None
    assert not namespaces() & set(names)
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert not any(name in links for name in names)


def test_a_program_that_fails_says_why() -> None:
    with netlab() as lab, pytest.raises(AssertionError, match="the reason"):
        lab.left.python("-c", "raise SystemExit('the reason')")


def namespaces() -> set[str]:
    output = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in output.splitlines() if line}


def test_the_capacity_follows_its_schedule_and_the_log_tells(tmp_path: Path) -> None:
    start, log = tmp_path / "start", tmp_path / "link"
    start.write_text(str(time.monotonic() - 30), "ascii")
    phases = (Phase(1.0, 8e6), Phase(60.0, 800e3))
    # 180 KB wait: at 8 Mbit/s a moment, at 800 kbit/s longer than the probe does.
    with netlab(LinkSettings(phases=phases, start=start, queue_time=0.5, log=log)) as lab:
        arrivals = echo(lab, count=200, size=972, wait=3)
    intervals = read_log(log, "right")
    assert 40 <= len(arrivals) < 100, "half a second of the second phase"
    assert {interval.capacity for interval in intervals if interval.begins > 30} == {800e3}
    assert sum(interval.dropped for interval in intervals) == 200 - len(arrivals)
    assert sum(interval.passed for interval in intervals) >= len(arrivals) * 8000
    assert 400 < max(wait for interval in intervals for wait in interval.waits_ms) <= 500
    assert read_log(log, "left")
