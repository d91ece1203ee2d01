"""Messages that the signalling server relays in a second: one server process, the clients in this one."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import aiohttp

METRICS = ("messages/s", "messages per server CPU s")

PORT = 18999
URL = f"http://127.0.0.1:{PORT}/ws"
PAIRS = 4
TIMEOUT = 60.0

CANDIDATE = {
    "candidate": "candidate:1 1 udp 2122260223 192.168.1.10 50000 typ host generation 0 ufrag Xk3f network-id 1",
    "sdpMid": "0",
    "sdpMLineIndex": 0,
    "usernameFragment": "Xk3f",
}

# The rate limit is there to slow such clients down.
SERVER = f"""
from aiohttp import web
from signaling_server.app import ServerSettings, create_application
from signaling_server.rate_limit import RateLimitSettings
settings = ServerSettings(rate_limit=RateLimitSettings(rate=1e9, burst=1e9))
web.run_app(create_application(settings), host="127.0.0.1", port={PORT}, print=None)
"""


def run(count: int) -> dict[str, float]:
    """Relay ``count`` candidates from one peer to the other in each of four rooms."""
    return asyncio.run(asyncio.wait_for(_run(count), TIMEOUT))


async def _run(count: int) -> dict[str, float]:
    root = Path(__file__).resolve().parents[1]
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, cwd=root)
    try:
        async with aiohttp.ClientSession() as session:
            pairs = [await _join(session, f"room-{number}") for number in range(PAIRS)]
            cpu, began = _cpu_time(server.pid), time.monotonic()
            await asyncio.gather(
                *(_send(*pair, count) for pair in pairs), *(_receive(pair[0], count) for pair in pairs)
            )
            elapsed, cpu = time.monotonic() - began, _cpu_time(server.pid) - cpu
            for here, there, _ in pairs:
                await here.close()
                await there.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(signal.SIGINT)
        await server.wait()
    tick = 1 / os.sysconf("SC_CLK_TCK")
    return {METRICS[0]: PAIRS * count / elapsed, METRICS[1]: PAIRS * count / max(cpu, tick)}


Socket = aiohttp.ClientWebSocketResponse


async def _join(session: aiohttp.ClientSession, room: str) -> tuple[Socket, Socket, str]:
    """Two peers in a room, and the first one's id."""
    here, there = await _connect(session), await _connect(session)
    await here.send_json({"type": "join", "room": room})
    identity = (await here.receive_json())["id"]
    await there.send_json({"type": "join", "room": room})
    await there.receive_json()
    await here.receive_json()  # that the other has come
    return here, there, identity


async def _connect(session: aiohttp.ClientSession) -> Socket:
    for _ in range(100):
        try:
            return await session.ws_connect(URL)
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.1)  # it is still starting
    raise RuntimeError("the signalling server did not start")


async def _send(_: Socket, there: Socket, identity: str, count: int) -> None:
    text = json.dumps({"type": "candidate", "to": identity, "candidate": CANDIDATE})
    for _number in range(count):
        await there.send_str(text)


async def _receive(here: Socket, count: int) -> None:
    for _ in range(count):
        message = await here.receive_json()
        if message["type"] != "candidate":
            raise RuntimeError(f"the server answered {message}")


def _cpu_time(pid: int) -> float:
    """User and system seconds of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
