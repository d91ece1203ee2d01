"""Two associations in memory: CPU seconds per GB on each side, and messages per second.

    python -m benchmarks.micro_sctp [--size 16384] [--total-mb 300] [--loss 0.01] [--profile]

The time of each side is taken around the calls into its core, so that the figures add up to the whole.
"""

import argparse
import cProfile
import os
import pstats
import random
import time

from rtcpeer.sctp import Association, SctpSettings

BATCH = 256 * 1024  # bytes handed to `send` at a time, as an application with a low-water mark does


class Side:
    def __init__(self) -> None:
        self.core = Association(SctpSettings(), os.urandom)
        self.cpu = 0.0
        self.messages = 0
        self.bytes = 0

    def pull(self, now: float) -> list[bytes]:
        start = time.process_time()
        packets = self.core.packets_to_send(now)
        self.cpu += time.process_time() - start
        return packets

    def push(self, packets: list[bytes], now: float) -> None:
        start = time.process_time()
        receive = self.core.receive
        for packet in packets:
            receive(packet, now)
        self.core.handle_timeout(now)
        for event in self.core.poll_events():
            data = getattr(event, "data", None)
            if data is not None:
                self.messages += 1
                self.bytes += len(data)
        self.cpu += time.process_time() - start


def run(size: int, total: int, loss: float) -> None:
    left, right = Side(), Side()
    generator = random.Random(1)
    message = os.urandom(size)
    left.core.connect()
    right.core.connect()
    now = 0.0
    queued = 0
    wall = time.perf_counter()
    packets_sent = 0
    while right.bytes < total:
        start = time.process_time()
        while queued < total and left.core.buffered_amount(1) < BATCH:
            left.core.send(1, 53, message)
            queued += size
        left.cpu += time.process_time() - start
        there = left.pull(now)
        packets_sent += len(there)
        if loss:
            there = [packet for packet in there if generator.random() >= loss]
        now += 0.001
        right.push(there, now)
        back = right.pull(now)
        left.push(back, now)
        if not there and not back:
            deadlines = [d for d in (left.core.next_timeout(), right.core.next_timeout()) if d is not None]
            now = max(now, min(deadlines))
            left.push([], now)
            right.push([], now)
    wall = time.perf_counter() - wall
    gigabytes = right.bytes / 1e9
    statistics = left.core.statistics()
    print(
        f"{size:6} B  loss {loss:5.1%}  sender {left.cpu / gigabytes:6.2f} s/GB  "
        f"receiver {right.cpu / gigabytes:6.2f} s/GB  "
        f"{left.cpu / packets_sent * 1e6:5.2f} / {right.cpu / packets_sent * 1e6:5.2f} us a packet  "
        f"{right.messages / left.cpu:9.0f} / {right.messages / right.cpu:9.0f} msg/s  "
        f"simulated {right.bytes / now / 1e6:6.1f} MB/s  "
        f"rtx {statistics.chunks_retransmitted}  T3 {statistics.timeouts}  "
        f"wall {wall:5.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--total-mb", type=int, default=100)
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    cases = (
        [(arguments.size, arguments.total_mb, arguments.loss)]
        if arguments.size
        else [
            (16384, arguments.total_mb, 0.0),
            (16384, arguments.total_mb, 0.01),
            (64, arguments.total_mb // 10, 0.0),
            (64, arguments.total_mb // 10, 0.01),
        ]
    )
    for size, megabytes, loss in cases:
        if arguments.profile:
            profile = cProfile.Profile()
            profile.runcall(run, size, megabytes * 1_000_000, loss)
            pstats.Stats(profile).sort_stats("tottime").print_stats(18)
        else:
            run(size, megabytes * 1_000_000, loss)


if __name__ == "__main__":
    main()
