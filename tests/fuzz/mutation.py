"""The plain engine of the fuzz targets: splices and flips seeds; atheris guides by coverage where it is installed."""

import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence

__all__ = ["main", "mutations"]


def mutations(seeds: Sequence[bytes], generator: random.Random) -> Iterator[bytes]:
    """Endlessly, what has become of the seeds; the same for the same generator."""
    while True:
        data = bytearray(generator.choice(seeds))
        for _ in range(generator.randint(1, 8)):
            start = generator.randrange(len(data) + 1)
            match generator.randrange(4):
                case 0 if start < len(data):
                    data[start] ^= 1 << generator.randrange(8)
                case 1:
                    del data[start : start + generator.randint(1, 16)]
                case 2:
                    data[start : start + generator.randint(0, 4)] = generator.randbytes(generator.randint(0, 4))
                case _:
                    donor = generator.choice(seeds)
                    cut = generator.randrange(len(donor))
                    data[start : start + generator.randint(0, 30)] = donor[cut : cut + generator.randint(0, 30)]
        yield bytes(data)


def main(target: Callable[[bytes], None], seeds: Sequence[bytes]) -> None:
    """Run as a program: ``[SECONDS]`` with the plain engine, atheris' own arguments with it."""
    try:
        import atheris
    except ImportError:
        end = time.monotonic() + (float(sys.argv[1]) if len(sys.argv) > 1 else 60)
        endless = mutations(seeds, random.Random())
        for data in itertools.takewhile(lambda _: time.monotonic() < end, endless):
            target(data)
    else:
        atheris.instrument_all()
        atheris.Setup(sys.argv, target)
        atheris.Fuzz()
