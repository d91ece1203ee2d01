"""A host changes its network while it is connected."""

import asyncio

from rtcpeer import IceSettings, RTCPeerConnection, Settings
from tests.sim.link import LinkSettings
from tests.sim.peers import World, connected, exchange, simulated, trickle, until

CONTINUAL = Settings(ice=IceSettings(gathering_policy="continually", network_poll_interval=0.5))


def ice(peer: RTCPeerConnection):
    return peer.sctp.transport.iceTransport


def used(peer: RTCPeerConnection) -> str:
    """The address that it sends from."""
    pair = ice(peer).getSelectedCandidatePair()
    return pair.local.address if pair else ""


@simulated
async def test_a_new_interface_gets_a_candidate_that_is_signalled_and_takes_over_at_once():
    world = World()
    world.a, world.b = world.peer(settings=CONTINUAL), world.peer()
    a, b = world.a, world.b
    told = []
    a.on("icecandidate", told.append)
    trickle(a, b)
    trickle(b, a)
    channel = a.createDataChannel("x")
    theirs = asyncio.get_running_loop().create_future()
    b.on("datachannel", theirs.set_result)
    await exchange(a, b)
    await connected(a, b)
    got = []
    (await theirs).on("message", got.append)
    host = world.networks[0].host
    host.attach(world.network.internet, "203.0.113.77", up=LinkSettings(delay=0.02))
    await until(lambda: [one.address for one in told] == ["203.0.113.1", "203.0.113.77"], 2)
    await asyncio.sleep(2)
    assert world.networks[0].open_sockets == 2
    assert used(a) == "203.0.113.1"
    host.interfaces[0].is_up = False
    channel.send("hello")
    await until(lambda: got == ["hello"], 3)
    assert used(a) == "203.0.113.77"
    assert world.networks[0].open_sockets == 1
    assert a.iceGatheringState == "gathering"
    assert "203.0.113.1 " not in a.localDescription.sdp
    await world.close()
