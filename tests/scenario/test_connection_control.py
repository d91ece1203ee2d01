"""What a program may decide about the path, through the whole stack: lite, another pair, a look at checks."""

import asyncio

import pytest

from rtcpeer import IceAgent, IceSettings, InvalidStateError, RTCIceCandidatePair, RTCPeerConnection, Settings
from tests.sim.peers import LINK, World, connected, exchange, simulated, until


def ice(pc: RTCPeerConnection):
    return pc.sctp.transport.iceTransport


def two_links(world: World, *settings: IceSettings) -> None:
    """Peers with two networks each, so that there are pairs to choose from."""
    made = []
    for index, chosen in enumerate(settings):
        network = world.host()
        network.host.attach(world.network.internet, f"192.0.2.{index + 1}", up=LINK)
        made.append(RTCPeerConnection(settings=Settings(ice=chosen), network=network, entropy=world._entropy))
    world.a, world.b = made


def where(pc: RTCPeerConnection) -> tuple[str, str]:
    pair = ice(pc).getSelectedCandidatePair()
    return pair.local.address, pair.remote.address


@pytest.mark.parametrize("lites", [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("has_servers", [True, False])
def test_lite_on_either_side_or_both(lites, has_servers):
    @simulated
    async def main():
        world = World()
        world.stun_server()
        servers = {"iceServers": [{"urls": "stun:stun.example.org"}]} if has_servers else None
        world.a, world.b = (world.peer(servers, Settings(ice=IceSettings(lite=lite, patience=60.0))) for lite in lites)
        received = []
        world.b.on("datachannel", lambda channel: channel.on("message", received.append))
        channel = world.a.createDataChannel("x")
        channel.on("open", lambda: channel.send("hello"))
        await exchange(world.a, world.b)
        await connected(world.a, world.b)
        await until(lambda: received == ["hello"])
        expected = [
            "controlled" if lite and not other else None for lite, other in zip(lites, lites[::-1], strict=True)
        ]
        for pc, lite, role in zip((world.a, world.b), lites, expected, strict=True):
            assert ("a=ice-lite" in pc.localDescription.sdp) is lite
            assert role in {None, ice(pc).role}
            assert {one.type for one in ice(pc).getLocalCandidates()} == {"host"} or not lite
        await asyncio.sleep(60)
        assert world.a.connectionState == world.b.connectionState == "connected"
        world.networks[1].host.kill()
        await until(lambda: world.a.connectionState == "failed", 60)
        await world.close()

    main()


@pytest.mark.parametrize("knows", [True, False])
def test_a_program_goes_over_to_another_pair_and_the_peer_follows(knows):
    @simulated
    async def main():
        world = World()
        # Long enough for the second pair to be found before the first one is selected.
        two_links(world, IceSettings(host_acceptance_wait=1.0), IceSettings(renomination=knows))
        received = []
        world.b.on("datachannel", lambda channel: channel.on("message", received.append))
        channel = world.a.createDataChannel("x")
        await exchange(world.a, world.b)
        await until(lambda: channel.readyState == "open")
        await asyncio.sleep(2)
        assert (" renomination" in world.b.localDescription.sdp) is knows
        first = where(world.a)
        pairs = ice(world.a).getCandidatePairs()
        other = next(pair for pair in pairs if (pair.local.address, pair.remote.address) != first)
        changes = []
        ice(world.a).on("selectedcandidatepairchange", lambda: changes.append(where(world.a)))
        ice(world.a).selectCandidatePair(other)
        for number in range(50):
            channel.send(str(number))
            await asyncio.sleep(0.1)
        await until(lambda: received == [str(number) for number in range(50)])
        assert changes == [(other.local.address, other.remote.address)]
        assert where(world.a) == where(world.b)[::-1] == changes[0]
        with pytest.raises(InvalidStateError):
            ice(world.b).selectCandidatePair(ice(world.b).getCandidatePairs()[0])
        with pytest.raises(InvalidStateError):
            ice(world.a).selectCandidatePair(RTCIceCandidatePair(other.local, other.remote))
        await world.close()

    main()


@simulated
async def test_an_agent_alone_renominates():
    world = World()
    agents = []
    for index in range(2):
        network = world.host()
        network.host.attach(world.network.internet, f"192.0.2.{index + 1}", up=LINK)
        agents.append(IceAgent(IceSettings(host_acceptance_wait=1.0), network=network, is_controlling=not index))
    a, b = agents
    for one, other in ((a, b), (b, a)):
        one.on("candidate", other.add_remote_candidate)
    await asyncio.gather(a.dial(b.local_parameters), b.accept(a.local_parameters))
    selected = []
    b.on("selected_pair", lambda local, remote: selected.append((local.address, remote.address)))
    other = next(
        pair for pair in a.core.agent.statistics().pairs if pair.state.value == "succeeded" and not pair.nominated
    )
    a.renominate(other)
    await until(lambda: selected == [(other.remote.address, other.local.address)])
    await a.close()
    await b.close()


@simulated
async def test_a_handler_that_raises_is_reported_and_the_connection_lives():
    world = World()
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    mistake = RuntimeError("a mistake")

    def handler(_):
        raise mistake

    a, b = world.pair(Settings(ice=IceSettings(binding_request_handler=handler)))
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    assert all(context["exception"] is mistake for context in reported)
    assert "binding_request_handler" in reported[0]["message"]
    await world.close()
