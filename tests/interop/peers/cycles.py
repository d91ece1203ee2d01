"""Connects and closes so many pairs of peers one after the other, and reports as JSON what the process holds then.

A process of its own, with warnings as errors, so that what it measures is ours alone.
"""

import asyncio
import gc
import json
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rtcpeer import RemoteStreamTrack, RTCPeerConnection
from tests.interop.media_sources import NumberedVideo, Tone
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


async def call() -> None:
    """Picture and sound both ways, encoded and decoded."""
    peers = [RTCPeerConnection(), RTCPeerConnection()]
    arrived: list[RemoteStreamTrack] = []
    for pc in peers:
        pc.on("track", arrived.append)
        pc.addTrack(NumberedVideo())
        pc.addTrack(Tone())
    one, other = peers
    await one.setLocalDescription()
    await other.setRemoteDescription(one.localDescription or {})
    await other.setLocalDescription()
    await one.setRemoteDescription(other.localDescription or {})
    await asyncio.gather(*(track.recv() for track in arrived for _ in range(3)))
    await asyncio.gather(*(pc.close() for pc in peers))


CYCLES = {"data": cycle, "call": call}


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def pending_timers(loop: asyncio.AbstractEventLoop) -> int:
    return sum(not timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]


async def main(cycles: int, cycle: Callable[[], Awaitable[None]]) -> dict[str, Any]:
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
    for _ in range(3):  # callbacks that were due when the last one closed
        await asyncio.sleep(0)
    gc.collect()
    return {
        "complaints": complaints,
        "files": open_files() - files,
        "timers": pending_timers(loop) - timers,
        "tasks": [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()],
        "threads": [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()],
        "connections": sum(isinstance(thing, RTCPeerConnection) for thing in gc.get_objects()),
        "resident": resident,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1]), CYCLES[sys.argv[2]]))))
