"""A host changes its network while it is connected."""

import asyncio
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from rtcpeer import IceSettings, NetworkHandoff, RTCPeerConnection, Settings
from tests.scenario.test_connection_relay import servers, turn_server
from tests.sim.link import LinkSettings
from tests.sim.loop import run
from tests.sim.peers import LINK, World, connected, exchange, simulated, trickle, until

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


def fragment(peer: RTCPeerConnection) -> str:
    return ice(peer).getLocalParameters().usernameFragment


MIB = 1 << 20
FAST = LinkSettings(delay=0.005)


class Talk:
    """Two connected peers whose negotiation an application looks after, with what the helper of the first one says."""

    def __init__(self, settings: Settings, theirs: Settings | None = None, link: LinkSettings = LINK) -> None:
        self.world = World()
        self.a = self.world.a = self.world.peer(settings=settings, link=link)
        self.b = self.world.b = self.world.peer(settings=theirs, link=link)
        self.host = self.world.networks[0].host
        self.told: list[tuple] = []
        self.is_signalling = True
        self.is_offering = False
        self.received = bytearray()

    async def connect(self, *, offerer_changes: bool = True) -> "Talk":
        a, b = (self.a, self.b) if offerer_changes else (self.b, self.a)
        trickle(a, b)
        trickle(b, a)
        self.channel = self.a.createDataChannel("x", negotiated=True, id=0)
        theirs = self.b.createDataChannel("x", negotiated=True, id=0)
        theirs.on("message", lambda data: self.received.extend(data.encode() if isinstance(data, str) else data))
        await exchange(a, b)
        await connected(a, b)
        await until(lambda: self.channel.readyState == theirs.readyState == "open")
        await asyncio.sleep(1)
        for one, other in ((a, b), (b, a)):
            one.on("negotiationneeded", lambda one=one, other=other: self.offer(one, other))
        return self

    async def offer(self, one: RTCPeerConnection, other: RTCPeerConnection) -> None:
        """Polite on both sides: who comes second waits for the exchange that is under way."""
        while self.is_offering:
            await asyncio.sleep(0.05)
        if self.is_signalling and "closed" not in {one.signalingState, other.signalingState}:
            self.is_offering = True
            await asyncio.sleep(0.05)
            await exchange(one, other)
            self.is_offering = False

    def watch(self, peer: RTCPeerConnection, **settings) -> NetworkHandoff:
        handoff = NetworkHandoff(peer, poll_interval=0.5, **settings)
        for event in ("renominated", "restarting", "recovered", "gave_up"):
            handoff.on(event, lambda *what, event=event: self.told.append((event, *what)))
        return handoff

    def move(self, address: str = "203.0.113.77", link: LinkSettings = LINK) -> None:
        """Out of one network and into another."""
        for interface in self.host.interfaces:
            interface.is_up = False
        self.host.attach(self.world.network.internet, address, up=link)

    @property
    def events(self) -> list[str]:
        return [event for event, *_ in self.told]


def transfer(talk: Talk, size: int) -> bytes:
    data = random.Random(7).randbytes(size)
    for start in range(0, size, 65536):
        talk.channel.send(data[start : start + 65536])
    return data


@pytest.mark.parametrize("is_controlling", [True, False])
@pytest.mark.parametrize("policy", ["continually", "once"])
def test_a_transfer_goes_on_in_the_other_network_within_three_seconds(policy, is_controlling):
    """By another pair where candidates are gathered continually, else by a restart; whoever is controlling."""

    async def main():
        # Whoever stays where it is notices that the path is silent.
        mine = Settings(ice=IceSettings(gathering_policy=policy, network_poll_interval=0.5))
        theirs = Settings(ice=IceSettings(disconnected_timeout=1.5, keepalive_interval=0.5))
        talk = await Talk(mine, theirs, FAST).connect(offerer_changes=is_controlling)
        loop = asyncio.get_running_loop()
        async with talk.watch(talk.a):
            data = transfer(talk, 2 * MIB)
            await until(lambda: len(talk.received) > MIB // 4)
            talk.move(link=FAST)
            moved_at = loop.time()
            await asyncio.sleep(0.1)
            before = len(talk.received)
            await until(lambda: len(talk.received) > before, 3 - 0.1)
            assert loop.time() < moved_at + 3
            await until(lambda: len(talk.received) == len(data), 120)
            assert bytes(talk.received) == data
            assert used(talk.a) == "203.0.113.77"
            await asyncio.sleep(20)
        expected = ["renominated"] if policy == "continually" else ["restarting", "recovered"]
        assert talk.events == expected
        await talk.world.close()

    run(main())


@simulated
async def test_two_mebibytes_before_and_twenty_after_over_a_slower_network():
    talk = await Talk(CONTINUAL, link=FAST).connect()
    async with talk.watch(talk.a):
        data = transfer(talk, 22 * MIB)
        await until(lambda: len(talk.received) > 2 * MIB)
        talk.move(link=LinkSettings(delay=0.05, rate=20e6))
        await until(lambda: len(talk.received) == len(data), 300)
        assert bytes(talk.received) == data
    assert talk.events == ["renominated"]
    await talk.world.close()


@simulated
async def test_nothing_is_said_and_nothing_is_done_when_all_is_well():
    talk = await Talk(CONTINUAL, CONTINUAL).connect()
    before = fragment(talk.a)
    async with talk.watch(talk.a), talk.watch(talk.b):
        talk.host.attach(talk.world.network.internet, "203.0.113.77", up=LINK)
        await asyncio.sleep(100)
        talk.host.interfaces[1].is_up = False
        await asyncio.sleep(100)
    assert talk.told == []
    assert fragment(talk.a) == before
    await talk.world.close()


@pytest.mark.parametrize("moves_first", [True, False])
def test_both_sides_may_have_the_helper(moves_first):
    """Then it is who has moved that restarts; the other one has no reason to."""

    async def main():
        talk = await Talk(Settings(), Settings()).connect(offerer_changes=moves_first)
        async with talk.watch(talk.b), talk.watch(talk.a):
            data = transfer(talk, MIB)
            talk.move()
            await until(lambda: len(talk.received) == len(data), 60)
            await asyncio.sleep(60)
        assert talk.told == [("restarting", 1), ("recovered",)]
        await talk.world.close()

    run(main())


@simulated
async def test_it_gives_up_after_three_restarts_that_took_longer_each_time():
    talk = await Talk(Settings()).connect()
    loop = asyncio.get_running_loop()
    async with talk.watch(talk.a, max_restarts=3, first_delay=0.5, retry_delay=4, backoff=2) as handoff:
        times = []
        handoff.on("restarting", lambda _: times.append(loop.time()))
        handoff.on("gave_up", lambda: times.append(loop.time()))
        talk.is_signalling = False
        talk.move()
        await asyncio.sleep(200)
        assert talk.told == [("restarting", 1), ("restarting", 2), ("restarting", 3), ("gave_up",)]
        assert [round(later - earlier) for earlier, later in pairwise(times)] == [4, 8, 16]
        # Somebody else mends it, and the count begins anew.
        talk.is_signalling = True
        await talk.offer(talk.a, talk.b)
        await connected(talk.a, talk.b)
        talk.told.clear()
        talk.move("203.0.113.78")
        await until(lambda: talk.events == ["restarting", "recovered"], 30)
        assert talk.told[0] == ("restarting", 1)
    await talk.world.close()


@simulated
async def test_without_any_network_it_waits_for_one():
    talk = await Talk(Settings()).connect()
    async with talk.watch(talk.a):
        talk.host.interfaces[0].is_up = False
        await asyncio.sleep(20)
        assert talk.told == []
        assert talk.a.iceConnectionState == "checking"
        talk.host.attach(talk.world.network.internet, "203.0.113.77", up=LINK)
        await until(lambda: talk.told == [("restarting", 1), ("recovered",)], 10)
    await talk.world.close()


@simulated
async def test_a_silent_path_gets_a_restart_although_the_network_is_the_same():
    """As where a NAT has forgotten us, or the route behind it has gone."""
    talk = await Talk(Settings()).connect()
    async with talk.watch(talk.a):
        other = talk.world.networks[1].host
        other.interfaces[0].is_up = False  # the peer's, which does not watch
        await asyncio.sleep(7)
        assert talk.told == []
        assert talk.a.iceConnectionState == "disconnected"
        other.attach(talk.world.network.internet, "203.0.113.99", up=LINK)
        await until(lambda: talk.told == [("restarting", 1), ("recovered",)], 30)
    await talk.world.close()


@simulated
async def test_another_valid_pair_takes_over_without_a_restart_although_gathering_was_over():
    talk = Talk(Settings())
    talk.host.attach(talk.world.network.internet, "203.0.113.77", up=LINK)
    await talk.connect()
    first = used(talk.a)
    async with talk.watch(talk.a):
        gone = next(one for one in talk.host.interfaces if first in one.addresses)
        gone.is_up = False
        await asyncio.sleep(20)
    assert talk.events == ["renominated"]
    assert used(talk.a) == talk.told[0][1].local.address != first
    await talk.world.close()


@simulated
async def test_closed_it_does_nothing_and_leaves_nothing_behind():
    talk = await Talk(Settings()).connect()
    handoff = talk.watch(talk.a)
    await handoff.close()
    await handoff.close()
    talk.move()
    await asyncio.sleep(60)
    assert talk.told == []
    await talk.world.close()


@pytest.mark.parametrize("event", ["restarting", "recovered"])
def test_a_handler_may_close_it_or_the_connection(event):
    async def main():
        talk = await Talk(Settings()).connect()
        handoff = talk.watch(talk.a)
        before = fragment(talk.a)
        handoff.on(event, lambda *_: handoff.close() if event == "restarting" else talk.a.close())
        talk.move()
        await asyncio.sleep(60)
        assert talk.events[-1] == event
        assert (fragment(talk.a) == before) is (event == "restarting")
        await handoff.close()
        await talk.world.close()

    run(main())


@simulated
async def test_the_connection_may_close_first_or_be_closed_already():
    talk = await Talk(Settings()).connect()
    handoff = talk.watch(talk.a)
    talk.move()
    await asyncio.sleep(0.7)
    await talk.world.close()
    await asyncio.sleep(60)
    await handoff.close()
    await NetworkHandoff(talk.a).close()
    assert talk.told == []


@simulated
async def test_what_a_handler_raises_stops_nothing():
    talk = await Talk(Settings()).connect()
    seen = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(str(context["exception"])))
    async with talk.watch(talk.a) as handoff:

        @handoff.on("restarting")
        def fail(_: int) -> None:
            raise ValueError("the program's own")

        talk.move()
        await until(lambda: "recovered" in talk.events, 30)
    assert seen == ["the program's own"]
    await talk.world.close()


@pytest.mark.parametrize(
    "wrong", [{"max_restarts": 0}, {"backoff": 0.5}, {"first_delay": -1}, {"retry_delay": 0}, {"poll_interval": 0}]
)
def test_settings_that_can_not_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NetworkHandoff(RTCPeerConnection(), **wrong)


@pytest.mark.parametrize("both", [True, False])
def test_continual_gathering_alone_keeps_a_connection_through_one_network_after_another(both):
    async def main():
        talk = await Talk(CONTINUAL, CONTINUAL if both else None).connect()
        before = fragment(talk.a)
        for number in range(70, 80):
            talk.move(f"203.0.113.{number}")
            size = len(talk.received) + 1000
            talk.channel.send(bytes(1000))
            await until(lambda size=size: len(talk.received) == size, 10)
            await until(lambda number=number: used(talk.a) == f"203.0.113.{number}", 10)
            await asyncio.sleep(10)
        assert fragment(talk.a) == before
        assert talk.world.networks[0].open_sockets == 1
        await talk.world.close()

    run(main())


@simulated
async def test_a_relay_is_asked_from_the_new_interface_and_the_old_one_is_let_go():
    world = World()
    turn_server(world)
    world.a, world.b = world.peer(servers("relay"), CONTINUAL), world.peer()
    trickle(world.a, world.b)
    trickle(world.b, world.a)
    channel = world.a.createDataChannel("x", negotiated=True, id=0)
    got = []
    world.b.createDataChannel("x", negotiated=True, id=0).on("message", got.append)
    await exchange(world.a, world.b)
    await until(lambda: channel.readyState == "open")
    host = world.networks[0].host
    host.interfaces[0].is_up = False
    host.attach(world.network.internet, "203.0.113.77", up=LINK)
    channel.send("hello")
    await until(lambda: got == ["hello"], 20)
    assert [candidate.type for candidate in ice(world.a).getLocalCandidates()] == ["relay"]
    assert world.networks[0].open_sockets == 1
    await world.close()
    await asyncio.sleep(1)


@simulated
async def test_a_tcp_connection_does_not_outlive_its_address():
    tcp = IceSettings(network_types=("tcp4",), tcp_candidates=("active", "passive"))
    world = World(has_tcp=True)
    mine = replace(tcp, gathering_policy="continually", network_poll_interval=0.5)
    world.a, world.b = world.peer(settings=Settings(ice=mine)), world.peer(settings=Settings(ice=tcp))
    trickle(world.a, world.b)
    trickle(world.b, world.a)
    channel = world.a.createDataChannel("x", negotiated=True, id=0)
    got = []
    world.b.createDataChannel("x", negotiated=True, id=0).on("message", got.append)
    await exchange(world.a, world.b)
    await connected(world.a, world.b)
    await asyncio.sleep(2)
    host = world.networks[0].host
    host.interfaces[0].is_up = False
    host.attach(world.network.internet, "203.0.113.77", up=LINK)
    channel.send("hello")
    await until(lambda: got == ["hello"], 10)
    assert used(world.a) == "203.0.113.77"
    await world.close()


@pytest.mark.parametrize("settings", [CONTINUAL, Settings()], ids=["continually", "once"])
def test_both_hosts_move_at_the_same_time(settings):
    async def main():
        talk = await Talk(settings, settings).connect()
        async with talk.watch(talk.a), talk.watch(talk.b):
            data = transfer(talk, MIB)
            talk.move()
            other = talk.world.networks[1].host
            other.interfaces[0].is_up = False
            other.attach(talk.world.network.internet, "203.0.113.88", up=LINK)
            await until(lambda: len(talk.received) == len(data), 30)
            assert bytes(talk.received) == data
            await asyncio.sleep(60)
        assert (used(talk.a), used(talk.b)) == ("203.0.113.77", "203.0.113.88")
        assert talk.events.count("restarting") <= 2
        assert "gave_up" not in talk.events
        await talk.world.close()

    run(main())


@simulated
async def test_a_lossy_network_that_comes_and_goes_every_second_loses_nothing():
    link = LinkSettings(delay=0.02, jitter=0.005, loss=0.05)
    talk = await Talk(CONTINUAL, CONTINUAL, link).connect()
    async with talk.watch(talk.a, max_restarts=20):
        data = transfer(talk, MIB)
        dice = random.Random(5)
        talk.host.attach(talk.world.network.internet, "203.0.113.77", up=link)
        for _ in range(40):
            interface = dice.choice(talk.host.interfaces)
            interface.is_up = not interface.is_up
            await asyncio.sleep(dice.random() * 2)
        for interface in talk.host.interfaces:
            interface.is_up = True
        await until(lambda: len(talk.received) == len(data), 120)
        assert bytes(talk.received) == data
    assert talk.world.networks[0].open_sockets <= 4
    await talk.world.close()


@pytest.mark.parametrize("is_controlling", [True, False])
@pytest.mark.parametrize("policy", ["continually", "once"])
def test_a_network_that_is_up_but_carries_nothing_is_left_for_one_that_has_come(policy, is_controlling):
    """As a wireless network at the edge of its reach: its interface does not go away."""

    async def main():
        slow = LinkSettings(delay=0.2)
        talk = Talk(Settings(ice=IceSettings(gathering_policy=policy, network_poll_interval=0.5)), link=slow)
        await talk.connect(offerer_changes=is_controlling)
        async with talk.watch(talk.a):
            talk.host.attach(talk.world.network.internet, "203.0.113.77", up=slow)
            await asyncio.sleep(3)
            dead = talk.host.interfaces[0]
            dead.send = dead.deliver = lambda *_: None
            talk.channel.send("hello")
            await until(lambda: talk.received == b"hello", 10)
            await asyncio.sleep(20)
        assert talk.events == (["renominated"] if policy == "continually" else ["restarting", "recovered"])
        assert used(talk.a) == "203.0.113.77"
        await talk.world.close()

    run(main())
