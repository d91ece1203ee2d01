"""Each fuzz target for a moment, over the same mutations every time; the long runs are for whoever has the time."""

import importlib
import itertools
import random

import pytest

from tests.fuzz import fuzz_sdp
from tests.fuzz.mutation import mutations


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("stun", 3000),
        ("dcep", 3000),
        ("dtls", 150),
        ("sctp", 400),
        ("framing", 3000),
        ("rtp", 3000),
        ("rtcp", 3000),
        ("payload", 3000),
    ],
)
def test_target(name: str, count: int) -> None:
    module = importlib.import_module(f"tests.fuzz.fuzz_{name}")
    seeds = module.seeds()
    for seed in seeds:
        module.target(seed)
    for data in itertools.islice(mutations(seeds, random.Random(1)), count):
        module.target(data)


def test_sdp_target() -> None:
    seeds = [path.read_bytes() for path in sorted(fuzz_sdp.SEEDS.glob("*.sdp"))]
    for data in itertools.islice(mutations(seeds, random.Random(1)), 150):
        fuzz_sdp.target(data)


def test_mutations_repeat_for_the_same_generator_and_differ_otherwise() -> None:
    first, again, other = (list(itertools.islice(mutations([bytes(50)], random.Random(n)), 20)) for n in (1, 1, 2))
    assert first == again
    assert first != other
