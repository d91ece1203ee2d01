"""The stream of the example `ice_agent_alone`, over a network that loses, repeats and mixes up datagrams."""

import asyncio
import random

from examples.ice_agent_alone.__main__ import connect, receive_stream, send_stream
from rtcpeer import IceAgent
from tests.sim.link import LinkSettings
from tests.sim.peers import World, simulated

BAD = LinkSettings(delay=0.02, jitter=0.005, loss=0.05, duplication=0.02, reordering=0.05)


@simulated
async def test_the_stream_survives_loss_repetition_and_disorder():
    world = World()
    numbers = random.Random(1)
    data = numbers.randbytes(200_000)
    one, other = (
        IceAgent(network=world.host(BAD), is_controlling=is_first, entropy=numbers.randbytes)
        for is_first in (True, False)
    )
    async with one, other:
        await connect(one, other)
        receiving = asyncio.create_task(receive_stream(other))
        await send_stream(one, data)
        await other.close()
        assert await receiving == data
