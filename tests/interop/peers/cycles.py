"""Connects and closes so many pairs of peers one after the other, and reports as JSON what the process holds then.

A process of its own, with warnings as errors, so that what it measures is ours alone.
"""

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import Any

from rtcpeer import RTCPeerConnection
from tests.interop.peers.peer import connect
from tests.interop.peers.python_peer import OurPeer

SAMPLE_EVERY = 10


async def cycle() -> None:
    one, other = OurPeer(RTCPeerConnection()), OurPeer(RTCPeerConnection())
    await one.create_channel("chat")
    await connect(one, other)
    await asyncio.gather(one.channel("chat"), other.channel("chat"))
    await one.send("chat", "ping", bytes(20000))
    await other.received("chat", 2)
    await asyncio.gather(one.close(), other.close())


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def pending_timers(loop: asyncio.AbstractEventLoop) -> int:
    return sum(not timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]


async def main(cycles: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, context: complaints.append(str(context)))
    sys.unraisablehook = lambda unraisable: complaints.append(str(unraisable))
    await cycle()  # whatever is opened once and for all
    files, timers = open_files(), pending_timers(loop)
    resident = []
    for number in range(1, cycles + 1):
        await cycle()
        if number % SAMPLE_EVERY == 0:
            gc.collect()
            resident.append(resident_bytes())
    return {
        "complaints": complaints,
        "files": open_files() - files,
        "timers": pending_timers(loop) - timers,
        "tasks": [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()],
        "connections": sum(isinstance(thing, RTCPeerConnection) for thing in gc.get_objects()),
        "resident": resident,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1])))))
