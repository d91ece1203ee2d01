"""Make the same connection with trickled candidates and with whole descriptions, and print the times side by side."""

import argparse
import asyncio
import contextlib
import socket
import statistics
import sys
import time
from collections.abc import Iterator

from examples.common import CONNECT_TIMEOUT, ExampleError, bundled_server, run, say, two_in_a_room
from rtcpeer import RTCConfiguration, RTCDataChannel, RTCPeerConnection
from rtcpeer.signaling import DescriptionReceived, PeerNegotiator

# Of the side that offers, but for the offer, which the other side receives.
STEPS = ("first candidate", "offer received", "answer received", "connected", "channel open", "gathering complete")

Times = dict[str, float]  # milliseconds since the offerer began


class Stopwatch:
    """When each step happened, the first time."""

    def __init__(self) -> None:
        self.times: Times = {}
        self._started = time.monotonic()

    def note(self, step: str) -> None:
        self.times.setdefault(step, (time.monotonic() - self._started) * 1000)


async def connect(server: str, configuration: RTCConfiguration, *, trickle: bool) -> Times:
    """One connection between two peers in this process; the times of its steps."""
    async with contextlib.AsyncExitStack() as stack:
        offerer, to_answerer, answerer, to_offerer = await stack.enter_async_context(two_in_a_room(server))
        answering = await stack.enter_async_context(RTCPeerConnection(configuration))
        offering = await stack.enter_async_context(RTCPeerConnection(configuration))
        watch = Stopwatch()
        done = asyncio.Event()

        def note_state() -> None:
            if offering.connectionState == "connected":
                watch.note("connected")

        def note_gathering() -> None:
            if offering.iceGatheringState == "complete":
                watch.note("gathering complete")
                done.set()

        offering.on("icecandidate", lambda candidate: watch.note("first candidate") if candidate else None)
        offering.on("connectionstatechange", note_state)
        offering.on("icegatheringstatechange", note_gathering)
        answerer.on("description", lambda _: watch.note("offer received"))
        offerer.on("description", lambda message: _note_answer(message, watch))
        await stack.enter_async_context(PeerNegotiator(answerer, to_offerer, answering, trickle=trickle))
        await stack.enter_async_context(PeerNegotiator(offerer, to_answerer, offering, trickle=trickle))
        channel = offering.createDataChannel("hello")
        await _until_open(channel, watch)
        # Servers may be waited for still, though nothing depends on it any more.
        await done.wait()
        return watch.times


def _note_answer(message: DescriptionReceived, watch: Stopwatch) -> None:
    if message.description["type"] == "answer":
        watch.note("answer received")


async def _until_open(channel: RTCDataChannel, watch: Stopwatch) -> None:
    opened = asyncio.Event()

    def note_open() -> None:
        watch.note("channel open")
        opened.set()

    channel.on("open", note_open)
    try:
        await asyncio.wait_for(opened.wait(), CONNECT_TIMEOUT)
    except TimeoutError:
        reached = ", ".join(step for step in STEPS if step in watch.times) or "nothing"
        raise ExampleError(f"no connection within {CONNECT_TIMEOUT:g} s; it got as far as: {reached}") from None


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """A STUN server that takes questions and never answers: what a dead one, or a firewall, looks like."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"stun:127.0.0.1:{silent.getsockname()[1]}"


def table(trickle: list[Times], bulk: list[Times]) -> str:
    """Both ways beside one another; the median where there are several rounds."""
    lines = [f"{'milliseconds since the offerer began':36} {'trickle':>9} {'bulk':>9} {'saved':>9}", "-" * 66]
    for step in STEPS:
        ours, theirs = (statistics.median(times[step] for times in rounds) for rounds in (trickle, bulk))
        lines.append(f"{step:36} {ours:9.1f} {theirs:9.1f} {theirs - ours:9.1f}")
    return "\n".join(lines)


async def compare(server: str, configuration: RTCConfiguration, rounds: int) -> str:
    trickle: list[Times] = []
    bulk: list[Times] = []
    # The first connection of a process also loads libraries; it counts for neither side.
    await connect(server, RTCConfiguration(), trickle=True)
    # In turns, so that whatever else this machine does meanwhile is shared.
    for number in range(1, rounds + 1):
        if sys.stdout.isatty():
            print(f"\rround {number} of {rounds}", end="\r", flush=True)
        for is_trickling, times in ((True, trickle), (False, bulk)):
            times.append(await connect(server, configuration, trickle=is_trickling))
    return table(trickle, bulk)


async def main(options: argparse.Namespace) -> None:
    async with contextlib.AsyncExitStack() as stack:
        urls = list(options.stun)
        if options.dead_server:
            urls.append(stack.enter_context(silent_server()))
        configuration = RTCConfiguration(iceServers=[{"urls": urls}] if urls else [])
        configuration.server_urls()  # says what is wrong with one of them, before anything is begun
        where = options.server or await stack.enter_async_context(bundled_server("127.0.0.1", 0))
        shown = await compare(where, configuration, options.rounds)
        say(f"Two Python peers in one process, signalling through {where}")
        say(f"STUN: {', '.join(urls) or 'none'}{' (which never answers)' if options.dead_server else ''}")
        say(f"Rounds: {options.rounds}{', the median is shown' if options.rounds > 1 else ''}\n\n{shown}")


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        prog="python -m examples.trickle_vs_bulk",
        description="Connect two peers with trickled candidates and with whole descriptions, and compare the times.",
    )
    made.add_argument("--server", metavar="URL", help="the signalling server (default: one of our own)")
    made.add_argument("--stun", action="append", default=[], metavar="URL", help="ask this STUN server; repeatable")
    made.add_argument("--dead-server", action="store_true", help="ask a STUN server that never answers")
    made.add_argument("--rounds", type=_at_least_one, default=3, help="(default: %(default)s)")
    return made.parse_args()


def _at_least_one(text: str) -> int:
    if int(text) < 1:
        raise ValueError
    return int(text)


if __name__ == "__main__":
    sys.exit(run(main(arguments())))
