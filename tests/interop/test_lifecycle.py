"""Closing: in every state, at once, and without leaving anything behind."""

import asyncio
import gc
import json
import sys
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rtcpeer import InvalidStateError, RTCPeerConnection
from tests.interop.peers.cycles import SAMPLE_EVERY, open_files, pending_timers
from tests.interop.peers.peer import connect
from tests.interop.peers.python_peer import OurPeer
from tests.interop.peers.stun_server import StunServer

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
PROMPT = 1.0  # seconds in which close() returns, whatever goes on


class Watch:
    """Makes connections, and knows afterwards what they left."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._files = open_files()
        self._tasks = asyncio.all_tasks()
        self._timers = pending_timers(self._loop)
        self._made: list[weakref.ref[RTCPeerConnection]] = []
        self._complaints: list[dict[str, Any]] = []
        self._loop.set_exception_handler(lambda _, context: self._complaints.append(context))

    def peer(self, configuration: dict[str, Any] | None = None, *, listens: bool = True) -> OurPeer:
        pc = RTCPeerConnection(configuration)
        self._made.append(weakref.ref(pc))
        return OurPeer(pc, listens=listens)

    async def connected(self) -> tuple[OurPeer, OurPeer]:
        one, other = self.peer(), self.peer()
        await one.create_channel("chat")
        await connect(one, other)
        await asyncio.gather(one.channel("chat"), other.channel("chat"))
        return one, other

    async def assert_nothing_is_left(self) -> None:
        """Called when the test holds no connection any more."""
        for _ in range(3):  # callbacks that were due when the last one closed
            await asyncio.sleep(0)
        gc.collect()  # a file or coroutine that nobody closed warns now, and pytest makes it an error
        await asyncio.sleep(0)
        assert self._complaints == []
        assert asyncio.all_tasks() - self._tasks - {asyncio.current_task()} == set()
        assert open_files() == self._files
        assert pending_timers(self._loop) == self._timers
        assert [made() for made in self._made if made() is not None] == []


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    watch = Watch()
    yield watch
    await watch.assert_nothing_is_left()


async def close_promptly(*peers: OurPeer) -> None:
    for peer in peers:
        started = time.monotonic()
        await peer.pc.close()
        assert time.monotonic() - started < PROMPT
        assert await peer.states() == {"connection": "closed", "iceconnection": "closed", "signaling": "closed"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "count"), [("data", 200), ("call", 50)])
async def test_so_many_connections_leave_nothing(kind: str, count: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "tests.interop.peers.cycles", str(count), kind),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 280)
    assert (process.returncode, err.decode()) == (0, "")
    report = json.loads(out)
    resident = report.pop("resident")
    assert report == {"complaints": [], "files": 0, "timers": 0, "tasks": [], "threads": [], "connections": 0}
    assert len(resident) == count // SAMPLE_EVERY
    if kind == "data":
        # Less than 4 KiB a cycle: a leak of one connection's buffers is many times that.
        assert resident[-1] - resident[50 // SAMPLE_EVERY - 1] < 150 * 4096, resident
    else:
        # Codecs take and give back megabytes each time, and what the allocator keeps of that goes up and down.
        assert min(resident[-2:]) - min(resident[:2]) < 10 << 20, resident


# A function for each state brings a fresh peer there, and may return another peer to close as well.
State = Callable[[Watch], Awaitable[tuple[OurPeer, ...]]]


async def new(watch: Watch) -> tuple[OurPeer, ...]:
    return (watch.peer(),)


async def new_with_a_channel(watch: Watch) -> tuple[OurPeer, ...]:
    one = watch.peer()
    await one.create_channel("chat")
    return (one,)


async def with_an_offer(watch: Watch) -> tuple[OurPeer, ...]:
    (one,) = await new_with_a_channel(watch)
    await one.pc.createOffer()
    return (one,)


async def gathering(watch: Watch) -> tuple[OurPeer, ...]:
    (one,) = await new_with_a_channel(watch)
    await one.describe("offer", "trickle")
    assert one.pc.iceGatheringState == "gathering"
    return (one,)


async def gathered(watch: Watch) -> tuple[OurPeer, ...]:
    (one,) = await new_with_a_channel(watch)
    await one.describe("offer", "bulk")
    return (one,)


async def with_a_remote_offer(watch: Watch) -> tuple[OurPeer, ...]:
    (one,) = await new_with_a_channel(watch)
    other = watch.peer()
    await other.accept(await one.describe("offer", "bulk"))
    return one, other


async def checking(watch: Watch) -> tuple[OurPeer, ...]:
    one, other = await with_a_remote_offer(watch)
    answer = await other.describe("answer", "bulk")
    await close_promptly(other)
    await one.accept(answer)
    await one.until(lambda: one.pc.iceConnectionState == "checking", "checking")
    return (one,)


async def connecting(watch: Watch) -> tuple[OurPeer, ...]:
    """ICE stands, DTLS does not."""
    one, other = await with_a_remote_offer(watch)
    await one.accept(await other.describe("answer", "bulk"))
    await one.until(lambda: one.pc.iceConnectionState in {"connected", "completed"}, "path")
    assert one.pc.connectionState == "connecting"
    return one, other


async def connected(watch: Watch) -> tuple[OurPeer, ...]:
    return await watch.connected()


async def sending(watch: Watch) -> tuple[OurPeer, ...]:
    one, other = await watch.connected()
    await one.send("chat", *[bytes(65536)] * 200)
    assert one.channels["chat"].bufferedAmount > 0
    return one, other


async def left_by_the_peer(watch: Watch) -> tuple[OurPeer, ...]:
    one, other = await watch.connected()
    await close_promptly(other)
    await one.channel("chat", "closed")
    return (one,)


STATES: list[State] = [
    new,
    new_with_a_channel,
    with_an_offer,
    gathering,
    gathered,
    with_a_remote_offer,
    checking,
    connecting,
    connected,
    sending,
    left_by_the_peer,
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("way", ["once", "twice", "at once", "cancelled", "not awaited"])
async def test_closing_in_every_state(watch: Watch, state: State, way: str) -> None:
    peers = await state(watch)
    for peer in peers:
        if way == "not awaited":
            peer.pc.close()
        if way == "cancelled":
            closing = asyncio.ensure_future(peer.close())
            await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait([closing], timeout=PROMPT)
        if way == "at once":
            async with asyncio.timeout(PROMPT):
                await asyncio.gather(*(peer.close() for _ in range(5)))
        await close_promptly(peer)
        if way == "twice":
            await close_promptly(peer)


async def test_closing_while_a_server_keeps_silent(watch: Watch) -> None:
    async with StunServer(None) as silent:
        one = watch.peer({"iceServers": [{"urls": silent.url}]}, listens=False)
        await one.create_channel("chat")
        setting = asyncio.create_task(one.pc.setLocalDescription())
        await one.until(lambda: one.pc.iceGatheringState == "gathering", "gathering")
        await close_promptly(one)
        async with asyncio.timeout(PROMPT):
            await asyncio.wait([setting])
        assert setting.exception() is None or isinstance(setting.exception(), InvalidStateError)


async def test_closing_while_a_name_is_resolved(watch: Watch) -> None:
    one = watch.peer({"iceServers": [{"urls": "stun:stun.example.org"}]})
    await one.create_channel("chat")
    await one.describe("offer", "trickle")
    await close_promptly(one)


async def test_closing_while_operations_wait(watch: Watch) -> None:
    one = watch.peer()
    await one.create_channel("chat")
    waiting = [asyncio.ensure_future(operation) for operation in (one.pc.createOffer(), one.pc.setLocalDescription())]
    one.pc.close()
    async with asyncio.timeout(PROMPT):
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [InvalidStateError] * 2
    await close_promptly(one)


@pytest.mark.parametrize(
    "event",
    [
        "negotiationneeded",
        "signalingstatechange",
        "icegatheringstatechange",
        "icecandidate",
        "iceconnectionstatechange",
        "connectionstatechange",
    ],
)
@pytest.mark.parametrize("is_coroutine", [False, True], ids=["function", "coroutine"])
async def test_closing_from_a_handler_of_the_connection(watch: Watch, event: str, is_coroutine: bool) -> None:
    one, other = watch.peer(), watch.peer()
    took = asyncio.get_running_loop().create_future()
    listen(one.pc, event, one.pc.close, took, is_coroutine=is_coroutine)
    await one.create_channel("chat")
    connecting = asyncio.ensure_future(connect(one, other))
    async with asyncio.timeout(10):
        assert await took < PROMPT
    connecting.cancel()
    (ended,) = await asyncio.gather(connecting, return_exceptions=True)
    assert isinstance(ended, InvalidStateError | asyncio.CancelledError)
    await close_promptly(one, other)


@pytest.mark.parametrize("event", ["message", "close", "closing"])
@pytest.mark.parametrize("is_coroutine", [False, True], ids=["function", "coroutine"])
async def test_closing_from_a_handler_of_a_channel(watch: Watch, event: str, is_coroutine: bool) -> None:
    one, other = await watch.connected()
    took = asyncio.get_running_loop().create_future()
    listen(one.channels["chat"], event, one.pc.close, took, is_coroutine=is_coroutine)
    await other.send("chat", "1", "2", "3")
    await other.close_channel("chat")
    async with asyncio.timeout(10):
        assert await took < PROMPT
    await close_promptly(one, other)


async def test_closing_from_the_handler_that_gets_the_channel(watch: Watch) -> None:
    one, other = watch.peer(), watch.peer()
    took = asyncio.get_running_loop().create_future()
    listen(other.pc, "datachannel", other.pc.close, took, is_coroutine=False)
    await one.create_channel("chat")
    await connect(one, other)
    async with asyncio.timeout(10):
        assert await took < PROMPT
    await one.channel("chat", "closed")
    await close_promptly(one, other)


async def test_what_a_closed_connection_is_asked_for(watch: Watch) -> None:
    one, other = await watch.connected()
    await close_promptly(one, other)
    for operation in (one.pc.createOffer, one.pc.setLocalDescription, one.pc.addIceCandidate):
        with pytest.raises(InvalidStateError):
            await operation()
    for call in (lambda: one.pc.createDataChannel("x"), lambda: one.channels["chat"].send("x")):
        with pytest.raises(InvalidStateError):
            call()


async def test_the_peer_hears_of_it_before_close_returns_to_it(watch: Watch) -> None:
    """The last words are on their way when close() returns: the program may end at once."""
    one, other = await watch.connected()
    started = time.monotonic()
    await one.pc.close()
    await other.channel("chat", "closed")
    assert time.monotonic() - started < PROMPT
    await close_promptly(other)


def listen(
    target: Any,
    event: str,
    close: Callable[[], Awaitable[None]],
    took: asyncio.Future[float],
    *,
    is_coroutine: bool,
) -> None:
    """Close upon the first such event; `took` gets how long that was."""

    async def wait_for_it(*_: object) -> None:
        started = time.monotonic()
        await close()
        if not took.done():
            took.set_result(time.monotonic() - started)

    def do_it(*_: object) -> None:
        started = time.monotonic()
        close()
        if not took.done():
            took.set_result(time.monotonic() - started)

    target.on(event, wait_for_it if is_coroutine else do_it)
