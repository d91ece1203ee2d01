"""Restart ICE, from one side and the other, under a stream of messages, and show that none is lost or late."""

import argparse
import asyncio
import contextlib
import sys
import time

from examples.common import CONNECT_TIMEOUT, ExampleError, background, bundled_server, run, say, two_in_a_room
from rtcpeer import RTCDataChannel, RTCPeerConnection
from rtcpeer.signaling import PeerNegotiator

INTERVAL = 0.002  # between two messages


class Stream:
    """Numbered messages from one side to the other, and how they arrive."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self.sent = 0
        self.received = 0
        self.is_broken = False
        self.longest_gap = 0.0  # between two that arrived
        self._channel = channel
        self._news = asyncio.Event()
        self._last = time.monotonic()

    async def send(self) -> None:
        """Send until cancelled."""
        while True:
            self._channel.send(str(self.sent))
            self.sent += 1
            await asyncio.sleep(INTERVAL)

    def take(self, message: str | bytes) -> None:
        """One has arrived; the channel is ordered and reliable, so that it must be the next."""
        if message != str(self.received):
            self.is_broken = True
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self._last)
        self.received += 1
        self._last = now
        self._news.set()

    async def arrived(self) -> None:
        """Wait until all that was sent is there."""
        while self.received < self.sent:
            self._news.clear()
            await self._news.wait()


async def restart(pc: RTCPeerConnection, other: RTCPeerConnection) -> float:
    """Ask for a restart; returns the seconds until both sides use the new pair."""
    started = time.monotonic()
    before = fragment(pc), fragment(other)
    pc.restartIce()  # negotiationneeded fires, and the negotiator does the rest
    while any(is_old(one, was) for one, was in zip((pc, other), before, strict=True)):
        if time.monotonic() > started + CONNECT_TIMEOUT:
            raise ExampleError(f"the restart did not come about within {CONNECT_TIMEOUT:g} s")
        await asyncio.sleep(0.005)
    return time.monotonic() - started


def fragment(pc: RTCPeerConnection) -> str:
    """The user name fragment of our side in the pair that carries data: it tells generations apart."""
    pair = pc.sctp.transport.iceTransport.getSelectedCandidatePair() if pc.sctp else None
    return str(pair and pair.local.usernameFragment)


def is_old(pc: RTCPeerConnection, was: str) -> bool:
    return fragment(pc) == was


async def show(server: str, restarts: int, pause: float) -> None:
    """One connection, one stream over it, and restarts in turns."""
    async with contextlib.AsyncExitStack() as stack:
        offerer, to_answerer, answerer, to_offerer = await stack.enter_async_context(two_in_a_room(server))
        answering = await stack.enter_async_context(RTCPeerConnection())
        offering = await stack.enter_async_context(RTCPeerConnection())
        await stack.enter_async_context(PeerNegotiator(answerer, to_offerer, answering))
        await stack.enter_async_context(PeerNegotiator(offerer, to_answerer, offering))
        channel = offering.createDataChannel("stream")
        opened = asyncio.Event()
        channel.on("open", opened.set)
        stream = Stream(channel)
        states: list[str] = []
        answering.on("datachannel", lambda theirs: theirs.on("message", stream.take))
        await asyncio.wait_for(opened.wait(), CONNECT_TIMEOUT)
        async with background() as start:
            offering.on("connectionstatechange", lambda: states.append(offering.connectionState))
            start(stream.send())
            for number in range(restarts):
                await asyncio.sleep(pause)
                who, pc, other = [("offerer", offering, answering), ("answerer", answering, offering)][number % 2]
                sent, stream.longest_gap = stream.sent, 0.0
                seconds = await restart(pc, other)
                say(
                    f"restart {number + 1}, asked for by the {who}: both on a new pair after {seconds * 1000:.0f} ms, "
                    f"{stream.sent - sent} messages sent meanwhile, longest gap {stream.longest_gap * 1000:.0f} ms"
                )
            await asyncio.sleep(pause)
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await stream.arrived()
        if stream.is_broken or states:
            raise ExampleError(f"the stream was disturbed; the connection's states: {', '.join(states) or 'connected'}")
        say(f"{stream.sent} messages sent, {stream.received} received in order; always connected")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.ice_restart", description=__doc__)
    parser.add_argument("--restarts", type=int, default=4, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--pause", type=float, default=0.5, metavar="S", help="seconds between (default: %(default)s)")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> None:
    async with bundled_server("127.0.0.1", 0) as server:
        await show(server, options.restarts, options.pause)


if __name__ == "__main__":
    sys.exit(run(main(parse())))
