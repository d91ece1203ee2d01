"""Carries IP packets between two TUN devices with delay, rate limit and loss: a link, where the kernel has no netem.

A child process of `tests.interop.netlab`: it makes the devices, says ``ready``, and ends when its standard input does.
Each `tests.sim.bottleneck.Interval` of each direction can be logged as a line of JSON.
"""

import argparse
import fcntl
import json
import os
import random
import select
import struct
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.sim.bottleneck import INTERVAL, Bottleneck, BottleneckSettings, Phase

# linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000

# ICMP, TCP and UDP take part in the lottery. What the kernels say to each other unasked (neighbour and multicast
# listener discovery) does not, or the same seed would not lose the same packets.
LOSSY = (1, 6, 17)

MAX_PACKET = 1 << 16
READS_PER_TURN = 64
LONGEST_WAIT = INTERVAL  # so that the log is written in time


def open_tun(name: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def transport_of(packet: bytes) -> int:
    """The protocol number of an IPv4 or IPv6 packet."""
    return packet[9] if packet[0] >> 4 == 4 else packet[6]


class Direction:
    """One way over the link, between two devices."""

    def __init__(self, source: int, target: int, bottleneck: Bottleneck) -> None:
        self.source = source
        self.bottleneck = bottleneck
        self._target = target

    def take(self) -> None:
        """Read what the device has."""
        for _ in range(READS_PER_TURN):
            try:
                packet = os.read(self.source, MAX_PACKET)
            except OSError:  # nothing there, or the device is not up yet
                return
            self.bottleneck.take(packet, time.monotonic(), is_spared=transport_of(packet) not in LOSSY)

    def deliver(self) -> None:
        """Write what has arrived."""
        for packet in self.bottleneck.deliver(time.monotonic()):
            try:
                os.write(self._target, packet)
            except OSError:  # the device is down, or its namespace is being removed
                continue


def settings_of(arguments: argparse.Namespace) -> BottleneckSettings:
    return BottleneckSettings(
        delay=arguments.delay,
        rate=arguments.rate,
        loss=arguments.loss,
        queue=arguments.queue,
        queue_time=arguments.queue_time,
        phases=tuple(Phase(*phase) for phase in json.loads(arguments.phases)),
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("left")
    parser.add_argument("right")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds, each way")
    parser.add_argument("--rate", type=float, default=0.0, help="bits per second, each way; 0 for no limit")
    parser.add_argument("--loss", type=float, default=0.0, help="probability, each way")
    parser.add_argument("--queue", type=int, default=256 * 1024, help="bytes in front of the rate limit")
    parser.add_argument("--queue-time", type=float, default=0.0, help="seconds of waiting that the queue has room for")
    parser.add_argument("--phases", default="[]", help="JSON: [[seconds, rate, loss], ...]")
    parser.add_argument("--start", type=Path, help="file that will hold the monotonic time at which the phases begin")
    parser.add_argument("--log", type=Path, help="file for one JSON object per interval and direction")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def start_of(path: Path | None) -> float | None:
    """What somebody has written there; None until then."""
    try:
        return float(path.read_text(encoding="ascii")) if path else None
    except (FileNotFoundError, ValueError):  # it is being written
        return None


def main() -> None:
    arguments = parse()
    left, right = open_tun(arguments.left), open_tun(arguments.right)
    print("ready", flush=True)
    settings = settings_of(arguments)
    directions = {
        "right": Direction(left, right, Bottleneck(settings, random.Random(f"{arguments.seed}/right"))),
        "left": Direction(right, left, Bottleneck(settings, random.Random(f"{arguments.seed}/left"))),
    }
    control = sys.stdin.fileno()
    with ExitStack() as stack:
        log = stack.enter_context(arguments.log.open("w", encoding="ascii")) if arguments.log else None
        is_started = not settings.phases
        while True:
            if not is_started and (start := start_of(arguments.start)) is not None:
                is_started = True
                for direction in directions.values():
                    direction.bottleneck.start(start)
            wait = min(direction.bottleneck.next_event() for direction in directions.values()) - time.monotonic()
            readable, _, _ = select.select([control, left, right], [], [], max(0.0, min(wait, LONGEST_WAIT)))
            if control in readable and not os.read(control, 1):
                return
            for name, direction in directions.items():
                if direction.source in readable:
                    direction.take()
                direction.deliver()
                if log:
                    for interval in direction.bottleneck.intervals(time.monotonic()):
                        log.write(json.dumps({"to": name, **interval}) + "\n")


if __name__ == "__main__":
    main()
