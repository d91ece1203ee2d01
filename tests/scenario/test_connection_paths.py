"""Connecting behind NATs, losing the peer, glare, a blocked loop, and a hostile stranger on the path."""

import asyncio
import random

import pytest

from rtcpeer.core import TransportAddress
from tests.sim.link import LinkSettings
from tests.sim.loop import run
from tests.sim.nat import FULL_CONE, PORT_RESTRICTED, SYMMETRIC
from tests.sim.peers import World, connected, exchange, simulated, trickle, until

SERVERS = {"iceServers": [{"urls": "stun:stun.example.org"}]}


@pytest.mark.parametrize(
    ("one", "other"),
    [(FULL_CONE, FULL_CONE), (PORT_RESTRICTED, PORT_RESTRICTED), (SYMMETRIC, None), (SYMMETRIC, FULL_CONE)],
)
@pytest.mark.parametrize("seed", range(3))
def test_connects_through_nats(one, other, seed):
    @simulated
    async def main():
        world = World(seed)
        world.stun_server()
        a, b = world.peer(SERVERS, nat=one), world.peer(SERVERS, nat=other)
        world.a, world.b = a, b
        trickle(a, b)
        trickle(b, a)
        received = []
        b.on("datachannel", lambda channel: channel.on("message", received.append))
        channel = a.createDataChannel("x")
        channel.on("open", lambda: channel.send("through"))
        await exchange(a, b)
        await connected(a, b)
        await until(lambda: received == ["through"])
        await world.close()

    main()


@simulated
async def test_a_peer_that_vanishes_is_disconnected_then_failed():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await asyncio.sleep(10)
    loop = asyncio.get_running_loop()
    died = loop.time()
    world.networks[1].host.kill()
    await until(lambda: a.connectionState == "disconnected", 10)
    assert 2.5 <= loop.time() - died <= 6
    await until(lambda: a.connectionState == "failed", 40)
    assert loop.time() - died <= 36
    await world.close()


@simulated
async def test_a_path_that_comes_back_goes_on():
    world = World()
    a, b = world.pair()
    received = []
    b.on("datachannel", lambda channel: channel.on("message", received.append))
    channel = a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: channel.readyState == "open")
    cable = world.networks[1].host.interfaces[0]
    cable.is_up = False
    channel.send("meanwhile")
    await asyncio.sleep(15)
    assert a.connectionState == "disconnected"
    cable.is_up = True
    await connected(a, b)
    await until(lambda: received == ["meanwhile"])
    await world.close()


@simulated
async def test_a_loop_that_was_blocked_for_20_seconds_blames_nobody():
    world = World()
    a, b = world.pair()
    states = []
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await asyncio.sleep(3)
    a.on("connectionstatechange", lambda: states.append(a.connectionState))
    loop = asyncio.get_running_loop()
    loop._now += 20  # nothing ran meanwhile
    await asyncio.sleep(3)
    assert states == []
    assert a.connectionState == "connected"
    await world.close()


async def survive(seed: int) -> None:
    dice = random.Random(seed)
    world = World(seed)
    a, b = world.pair(link=LinkSettings(delay=0.01))
    attacker = world.network.host("attacker", "203.0.113.66")
    overheard: list[bytes] = [b"\0\1\0\0"]
    hosts = [network.host for network in world.networks]
    for host in hosts:
        original = host.receive

        def tap(source, destination, payloads, original=original):
            overheard.extend(payloads[:2])
            del overheard[:-50]
            original(source, destination, payloads)

        host.receive = tap
    received = []
    b.on("datachannel", lambda channel: channel.on("message", received.append))
    channel = a.createDataChannel("x")

    async def attack():
        while True:
            victim, peer = hosts if dice.random() < 0.5 else hosts[::-1]
            payload = bytearray(dice.choice(overheard) or b"\0")
            for _ in range(dice.randrange(1, 4)):
                payload[dice.randrange(len(payload))] = dice.randrange(256)
            if dice.random() < 0.2:
                payload = bytearray(dice.randbytes(dice.randrange(200)))
            # From an address of its own, or with the peer's forged. The latter only after the handshake, whose messages
            # DTLS 1.2 does not authenticate: who can forge addresses and ports then can always end it.
            is_safe = a.connectionState == b.connectionState == "connected"
            source = dice.choice([attacker.addresses[0], peer.addresses[0] if is_safe else attacker.addresses[0]])
            victim_address = TransportAddress(victim.addresses[0], 49152)
            victim.receive(TransportAddress(source, 49152), victim_address, [bytes(payload)])
            await asyncio.sleep(dice.random() * 0.004)

    task = asyncio.create_task(attack())
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: channel.readyState == "open")
    for number in range(20):
        channel.send(str(number))
        await asyncio.sleep(0.05)
    await until(lambda: received == [str(number) for number in range(20)])
    for peer in (a, b):
        assert len(peer.sctp.transport.iceTransport.getRemoteCandidates()) <= 100
        assert peer.connectionState == "connected"
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await world.close()


@pytest.mark.parametrize("seed", range(4))
def test_injected_packets_break_nothing(seed):
    run(survive(seed))


@pytest.mark.slow
def test_injected_packets_break_nothing_many_times():
    for seed in range(100, 140):
        run(survive(seed))
