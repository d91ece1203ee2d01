"""What a datagram costs in each of the three ways to use a UDP socket: ``python -m benchmarks.micro_udp``.

One process sends bursts to itself over loopback and the receiver takes all of a burst before the next one goes out. The
kernel's share is in the figures; loopback delivers inside the sender's system call.
"""

import argparse
import asyncio
import statistics
import time

from rtcpeer.aio.gso import offload
from rtcpeer.aio.udp import UdpEndpoint, UdpSocket, bind_udp
from rtcpeer.core import Datagrams, TransportAddress

ANY = TransportAddress("127.0.0.1", 0)


class Receiver:
    """Counts what arrives and says when a burst is complete."""

    def __init__(self) -> None:
        self.expected = 0
        self.done: asyncio.Future[None] | None = None

    def take(self, datagrams: Datagrams) -> None:
        self.expected -= len(datagrams.payloads)
        if self.expected <= 0 and self.done is not None and not self.done.done():
            self.done.set_result(None)


async def open_pair(kind: str, receiver: Receiver) -> list[UdpSocket | UdpEndpoint]:
    loop = asyncio.get_running_loop()
    ports: list[UdpSocket | UdpEndpoint] = []
    for _ in range(2):
        sock = bind_udp(ANY)
        if kind == "endpoint":
            local = TransportAddress(*sock.getsockname()[:2])
            endpoint = UdpEndpoint(local, receiver.take, lambda: None, loop)
            await loop.create_datagram_endpoint(lambda endpoint=endpoint: endpoint, sock=sock)
            ports.append(endpoint)
        else:
            port = UdpSocket(sock, receiver.take, lambda: None, loop)
            if kind == "plain":
                port._can_segment = port._can_coalesce = False
                sock.setsockopt(17, 104, 0)
            ports.append(port)
    return ports


async def measure(kind: str, size: int, burst: int, rounds: int) -> tuple[float, float]:
    """Median µs per datagram to send and to receive."""
    receiver = Receiver()
    sender, target = await open_pair(kind, receiver)
    payloads = [bytes(size)] * burst
    sending: list[float] = []
    receiving: list[float] = []
    loop = asyncio.get_running_loop()
    for _ in range(rounds):
        receiver.expected = burst
        receiver.done = loop.create_future()
        start = time.perf_counter()
        taken = sender.send(target.local, payloads)
        middle = time.perf_counter()
        assert taken == burst, "the socket buffer is too small for the burst"
        await receiver.done
        sending.append(middle - start)
        receiving.append(time.perf_counter() - middle)
    sender.close()
    target.close()
    return tuple(statistics.median(values) / burst * 1e6 for values in (sending, receiving))  # type: ignore[return-value]


def main() -> None:
    """Print one row for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1200)
    parser.add_argument("--burst", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--uvloop", action="store_true")
    arguments = parser.parse_args()
    run = asyncio.run
    if arguments.uvloop:
        import uvloop

        run = uvloop.run
    print(f"{arguments.size} bytes, bursts of {arguments.burst}; µs per datagram, median of {arguments.rounds}")
    print(f"{'':24}{'send':>8}{'receive':>10}{'together':>10}")
    kinds = {"endpoint": "asyncio endpoint", "plain": "own socket, plain"}
    if all(offload()):
        kinds["offload"] = "own socket, GSO + GRO"
    for kind, title in kinds.items():
        send, receive = run(
            asyncio.wait_for(measure(kind, arguments.size, arguments.burst, arguments.rounds), timeout=60)
        )
        print(f"{title:24}{send:8.2f}{receive:10.2f}{send + receive:10.2f}")


if __name__ == "__main__":
    main()
