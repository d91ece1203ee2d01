"""The whole stack connects and carries 1 MiB intact, whatever the path loses, reorders and repeats."""

import random

import pytest

from tests.sim.link import LinkSettings
from tests.sim.loop import run
from tests.sim.peers import World, connected, exchange, until

SIZE = 1 << 20


async def carry(seed: int, loss: float) -> None:
    link = LinkSettings(delay=0.01, jitter=0.005, loss=loss, duplication=0.05, reordering=0.05)
    world = World(seed)
    a, b = world.pair(link=link)
    chunks = [random.Random(seed + number).randbytes(16384) for number in range(SIZE // 16384)]
    received = []
    b.on("datachannel", lambda channel: channel.on("message", received.append))
    channel = a.createDataChannel("bulk")
    channel.on("open", lambda: [channel.send(chunk) for chunk in chunks])
    await exchange(a, b)
    await connected(a, b, timeout=60)
    await until(lambda: len(received) == len(chunks), timeout=1500)
    assert received == chunks
    assert channel.bufferedAmount == 0
    await world.close()


# A link loses in each direction of each host, so a packet passes two: the shares are of the whole path.
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
def test_a_mebibyte_arrives_intact(loss):
    for seed in range(1 if loss else 3):
        run(carry(seed, 1 - (1 - loss) ** 0.5))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("first_seed", range(100, 300, 20))
def test_a_mebibyte_arrives_intact_over_many_seeds(first_seed, loss):
    for seed in range(first_seed, first_seed + 20):
        run(carry(seed, 1 - (1 - loss) ** 0.5))
