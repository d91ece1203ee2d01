"""Two ICE agents and a stream of bytes between them: no peer connection, no DTLS, no data channel."""

import argparse
import asyncio
import os
import struct
import sys
import time

from examples.common import CONNECT_TIMEOUT, ExampleError, run, say
from rtcpeer import Candidate, IceAgent, IceState, NetworkError

# An agent carries datagrams, which may get lost. So the pieces of a stream are numbered, and repeated.
HEADER = struct.Struct("!I")
PIECE = 1200  # bytes; fits every path without fragmentation
WINDOW = 256  # pieces under way at once
ACKNOWLEDGE_EACH = 32  # pieces, while none is missing
REPEAT_AFTER = 0.2


def place(candidate: Candidate) -> str:
    return str(candidate.transport_address)


def introduce(one: IceAgent, other: IceAgent) -> None:
    """Let each hear of the other's candidates; what is a function call here is your own signalling in a program."""
    for name, agent, peer in (("one", one, other), ("other", other, one)):

        def signal(candidate: Candidate | None, name: str = name, peer: IceAgent = peer) -> None:
            if candidate:
                say(f"{name:5} has {candidate.type.value:5} {place(candidate)}")
            peer.add_remote_candidate(candidate)

        agent.on("candidate", signal)


async def connect(one: IceAgent, other: IceAgent) -> None:
    introduce(one, other)
    one.on("selected_pair", lambda local, remote: say(f"connected from {place(local)} to {place(remote)}"))
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await asyncio.gather(one.dial(other.local_parameters), other.accept(one.local_parameters))
    except (NetworkError, TimeoutError):
        raise ExampleError(f"the agents did not find each other\n{one.explain()}") from None


async def send_stream(agent: IceAgent, data: bytes) -> None:
    """Send all of it, and an empty piece as its end; returns once everything has arrived."""
    pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)] + [b""]
    now = asyncio.get_running_loop().time
    arrived = sent = 0
    while arrived < len(pieces):
        try:
            async with asyncio.timeout(REPEAT_AFTER) as patience:
                while arrived < len(pieces):
                    for number in range(sent, min(arrived + WINDOW, len(pieces))):
                        agent.send(HEADER.pack(number) + pieces[number])
                        sent = number + 1
                    (missing,) = HEADER.unpack(await agent.recv())
                    if missing > arrived:
                        arrived, sent = missing, max(sent, missing)
                        patience.reschedule(now() + REPEAT_AFTER)
        except TimeoutError:
            if agent.state is IceState.FAILED:
                raise ExampleError("the path is lost") from None
            sent = arrived  # go back to what was lost


async def receive_stream(agent: IceAgent) -> bytes:
    """Tell the sender which piece is missing next, until the agent is closed: the last answer may get lost, too."""
    data = bytearray()
    missing = 0
    async for datagram in agent:
        (number,) = HEADER.unpack_from(datagram)
        is_next, is_end = number == missing, len(datagram) == HEADER.size
        if is_next:
            missing += 1
            data += datagram[HEADER.size :]
        if not is_next or is_end or missing % ACKNOWLEDGE_EACH == 0:
            agent.send(HEADER.pack(missing))
    return bytes(data)


async def main(options: argparse.Namespace) -> None:
    data = os.urandom(int(options.megabytes * 1_000_000))
    async with IceAgent(servers=options.stun) as one, IceAgent(servers=options.stun, is_controlling=False) as other:
        await connect(one, other)
        receiving = asyncio.create_task(receive_stream(other))
        started = time.monotonic()
        await send_stream(one, data)
        took = time.monotonic() - started
        await other.close()
        if await receiving != data:
            raise ExampleError("what arrived is not what was sent")
    say(f"{len(data) / 1e6:.1f} MB arrived intact in {took:.2f} s: {len(data) / took / 1e6:.1f} MB/s")


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        prog="python -m examples.ice_agent_alone",
        description="Connect two ICE agents of this process, and send a stream of bytes from one to the other.",
    )
    made.add_argument("--stun", action="append", default=[], metavar="URL", help="ask this STUN server; repeatable")
    made.add_argument("--megabytes", type=float, default=8.0, metavar="N", help="how much to send (default: 8)")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments())))
