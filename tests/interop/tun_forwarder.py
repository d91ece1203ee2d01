"""Carries IP packets between two TUN devices with delay, rate limit and loss: a link, where the kernel has no netem.

A child process of `tests.interop.netlab`: it makes the devices, says ``ready``, and ends when its standard input does.
"""

import argparse
import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

# linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000

# ICMP, TCP and UDP take part in the lottery. What the kernels say to each other unasked (neighbour and multicast
# listener discovery) does not, or the same seed would not lose the same packets.
LOSSY = (1, 6, 17)

MAX_PACKET = 1 << 16
READS_PER_TURN = 64


def open_tun(name: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def transport_of(packet: bytes) -> int:
    """The protocol number of an IPv4 or IPv6 packet."""
    return packet[9] if packet[0] >> 4 == 4 else packet[6]


class Direction:
    """One way over the link: a queue in front of a rate, then a delay."""

    def __init__(
        self, source: int, target: int, *, delay: float, rate: float, loss: float, queue: int, seed: str
    ) -> None:
        self.source = source
        self._target = target
        self._delay = delay
        self._rate = rate / 8  # bytes per second; 0 for no limit
        self._loss = loss
        self._queue = queue
        self._random = random.Random(seed)
        self._free_at = 0.0
        self._flying: deque[tuple[float, bytes]] = deque()

    def take(self) -> None:
        """Read what the device has; drop by chance, and what the queue has no room for."""
        for _ in range(READS_PER_TURN):
            try:
                packet = os.read(self.source, MAX_PACKET)
            except OSError:  # nothing there, or the device is not up yet
                return
            now = time.monotonic()
            if self._loss and transport_of(packet) in LOSSY and self._random.random() < self._loss:
                continue
            departure = max(now, self._free_at)
            if self._rate:
                if (departure - now) * self._rate > self._queue:
                    continue
                departure += len(packet) / self._rate
                self._free_at = departure
            self._flying.append((departure + self._delay, packet))

    def deliver(self) -> None:
        """Write what has arrived."""
        now = time.monotonic()
        while self._flying and self._flying[0][0] <= now:
            _, packet = self._flying.popleft()
            try:
                os.write(self._target, packet)
            except OSError:  # the device is down, or its namespace is being removed
                continue

    @property
    def next_arrival(self) -> float:
        return self._flying[0][0] if self._flying else float("inf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("left")
    parser.add_argument("right")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds, each way")
    parser.add_argument("--rate", type=float, default=0.0, help="bits per second, each way; 0 for no limit")
    parser.add_argument("--loss", type=float, default=0.0, help="probability, each way")
    parser.add_argument("--queue", type=int, default=256 * 1024, help="bytes in front of the rate limit")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    left, right = open_tun(arguments.left), open_tun(arguments.right)
    print("ready", flush=True)
    settings = {name: getattr(arguments, name) for name in ("delay", "rate", "loss", "queue")}
    directions = [
        Direction(left, right, seed=f"{arguments.seed}/right", **settings),
        Direction(right, left, seed=f"{arguments.seed}/left", **settings),
    ]
    control = sys.stdin.fileno()
    while True:
        wait = min(direction.next_arrival for direction in directions) - time.monotonic()
        readable, _, _ = select.select([control, left, right], [], [], max(0.0, min(wait, 1.0)))
        if control in readable and not os.read(control, 1):
            return
        for direction in directions:
            if direction.source in readable:
                direction.take()
            direction.deliver()


if __name__ == "__main__":
    main()
