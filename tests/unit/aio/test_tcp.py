"""Ports, listeners and the mux, over simulated connections."""

import asyncio
import random

import pytest

from rtcpeer import IceSettings, TcpMux
from rtcpeer.aio.tcp import LINGER, MAX_ATTEMPTS, TcpCallbacks, TcpPort
from rtcpeer.aio.tcp_listener import TcpListener, requested_username_fragment
from rtcpeer.core import TransportAddress
from rtcpeer.errors import InvalidStateError
from rtcpeer.ice.candidate import TcpType
from rtcpeer.ice.framing import FrameReader, frame_datagrams
from rtcpeer.stun import AttributeType, StunMessage
from tests.sim.aio_network import SimulatedNetwork, SimulatedTcpNetwork
from tests.sim.network import Network
from tests.sim.peers import LINK, simulated, until

OURS, THEIRS = "203.0.113.1", "203.0.113.2"
ACTIVE = TransportAddress(OURS, 9, "tcp")
PASSIVE = TransportAddress(OURS, 5000, "tcp")
REMOTE = TransportAddress(THEIRS, 6000, "tcp")


def check(username="ours:theirs", method=1):
    request = StunMessage.request(method, random.Random(1).randbytes)
    if username is not None:
        request.add_text(AttributeType.USERNAME, username)
    return request.serialize()


CHECK = check()


class Stranger(asyncio.Protocol):
    """The peer's end, played by hand."""

    def __init__(self):
        self.got = []
        self.is_open = False
        self.transport = None
        self._reader = FrameReader()

    def connection_made(self, transport):
        self.transport, self.is_open = transport, True

    def data_received(self, data):
        self.got += self._reader.feed(data)

    def connection_lost(self, exc):
        self.is_open = False

    def say(self, *payloads):
        self.transport.write(frame_datagrams(payloads))


class World:
    def __init__(self, **settings):
        network = Network(1, timeline=asyncio.get_running_loop())
        self.ours = SimulatedTcpNetwork(network.host("ours", OURS, up=LINK))
        self.theirs = SimulatedTcpNetwork(network.host("theirs", THEIRS, up=LINK))
        self.settings = IceSettings(**settings)
        self.strangers = []
        self.told = []
        self.lost = []
        self.known = set()
        self.room = True
        self.callbacks = TcpCallbacks(
            self.told.append,
            lambda: self.told.append("drained"),
            lambda path, reason: self.lost.append((path, reason)),
            self.known.__contains__,
            lambda: self.room,
        )

    def port(self, local=ACTIVE, tcp_type=TcpType.ACTIVE):
        return TcpPort(local, tcp_type, self.ours, self.settings, self.callbacks)

    def accept(self):
        self.strangers.append(Stranger())
        return self.strangers[-1]

    async def call(self, address=PASSIVE):
        stranger = Stranger()
        await self.theirs.connect_tcp(lambda: stranger, TransportAddress(THEIRS, 0, "tcp"), address)
        return stranger

    async def listen(self, port, **options):
        listener = TcpListener(
            lambda fragment, local: port if (fragment, local) == ("ours", PASSIVE) else None,
            limit=options.get("limit", 3),
            timeout=10,
        )
        await listener.open(self.ours, PASSIVE)
        return listener


@simulated
async def test_to_send_is_to_connect():
    world = World()
    server = await world.theirs.listen_tcp(world.accept, REMOTE)
    port = world.port()
    assert port.send(REMOTE, [b"first"]) == 1
    assert port.send(REMOTE, [b"second"]) == 1
    await until(lambda: world.strangers and world.strangers[0].got == [b"first", b"second"])
    world.strangers[0].say(CHECK, b"data")
    await until(lambda: world.told)
    ((local, remote, payloads), drained) = world.told
    assert (local, remote, payloads, drained) == (ACTIVE, REMOTE, [CHECK, b"data"], "drained")
    assert port.connections == 1
    port.close()
    port.close()
    assert port.send(REMOTE, [b"late"]) == 1
    server.close()
    await until(lambda: not world.strangers[0].is_open)
    assert world.lost == []
    await until(lambda: not any(port.leftovers))


@simulated
async def test_nobody_listens():
    world = World()
    port = world.port()
    port.send(REMOTE, [b"hello"])
    await until(lambda: world.lost)
    assert world.lost == [((ACTIVE, REMOTE), "no connection to 203.0.113.2:6000/tcp: Connection refused")]
    assert port.connections == 0


@simulated
async def test_nobody_answers():
    world = World(tcp_check_timeout=5)
    world.theirs.host.kill()
    world.port().send(REMOTE, [b"hello"])
    await until(lambda: world.lost, 6)
    assert world.lost == [((ACTIVE, REMOTE), "203.0.113.2:6000/tcp took no connection within 5 s")]


@simulated
async def test_what_answers_without_stun_is_not_the_peer():
    world = World()
    server = await world.theirs.listen_tcp(world.accept, REMOTE)
    world.port().send(REMOTE, [CHECK])
    await until(lambda: world.strangers)
    world.strangers[0].transport.write(b"\x00\x10SSH-2.0-OpenSSH_")
    await until(lambda: not world.strangers[0].is_open)
    assert world.lost == [((ACTIVE, REMOTE), "what answers there is no ICE agent")]
    assert world.told == []
    server.close()


@simulated
async def test_a_connection_that_ends_is_told_and_another_one_may_follow():
    world = World()
    server = await world.theirs.listen_tcp(world.accept, REMOTE)
    port = world.port()
    port.send(REMOTE, [b"one"])
    await until(lambda: world.strangers)
    world.strangers[0].transport.abort()
    await until(lambda: world.lost)
    port.send(REMOTE, [b"two"])
    await until(lambda: len(world.strangers) == 2 and world.strangers[1].got == [b"two"])
    port.close()
    server.close()


@simulated
async def test_a_passive_port_opens_no_connection():
    world = World()
    port = world.port(PASSIVE, TcpType.PASSIVE)
    port.send(REMOTE, [b"answer"])
    assert world.lost == []  # not from inside the call
    await asyncio.sleep(0)
    assert world.lost == [((PASSIVE, REMOTE), "the peer has to connect again")]


@simulated
async def test_too_many_connections():
    world = World()
    world.room = False
    world.port().send(REMOTE, [b"hello"])
    await asyncio.sleep(0)
    assert world.lost == [((ACTIVE, REMOTE), "there are too many connections")]
    passive = world.port(PASSIVE, TcpType.PASSIVE)
    listener = await world.listen(passive)
    stranger = await world.call()
    stranger.say(CHECK)
    await until(lambda: not stranger.is_open)
    assert passive.refused_connections == 1
    listener.close()


@simulated
async def test_one_that_is_not_needed_is_closed_after_a_time():
    world = World()
    server = await world.theirs.listen_tcp(world.accept, REMOTE)
    port = world.port()
    port.release(REMOTE)
    port.send(REMOTE, [b"hello"])
    await until(lambda: world.strangers)
    port.release(REMOTE)
    await asyncio.sleep(LINGER - 0.5)
    assert world.strangers[0].is_open
    await asyncio.sleep(1)
    assert not world.strangers[0].is_open
    assert port.connections == 0
    port.send(REMOTE, [b"hello"])
    port.release(REMOTE)  # while it is being opened
    assert port.connections == 0
    await asyncio.sleep(1)
    assert world.ours.open_sockets == 0
    server.close()


@simulated
async def test_closing_while_it_connects():
    world = World()
    port = world.port()
    port.send(REMOTE, [b"hello"])
    port.close()
    connections, tasks = port.leftovers
    await asyncio.wait([*tasks, *(one.ended for one in connections)])
    assert world.lost == []


@simulated
async def test_who_proves_itself_stays():
    world = World()
    port = world.port(PASSIVE, TcpType.PASSIVE)
    listener = await world.listen(port)
    stranger = await world.call()
    stranger.say(CHECK)
    await until(lambda: world.told)
    remote = world.told[0].remote
    world.known.add((PASSIVE, remote))
    stranger.say(CHECK)
    await asyncio.sleep(20)
    assert stranger.is_open
    port.send(remote, [b"answer"])
    await until(lambda: stranger.got == [b"answer"])
    port.close()
    listener.close()


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS])
def test_who_does_not_is_sent_away_after_a_time_or_some_attempts(attempts):
    @simulated
    async def main():
        world = World()
        port = world.port(PASSIVE, TcpType.PASSIVE)
        listener = await world.listen(port)
        stranger = await world.call()
        for _ in range(attempts):
            stranger.say(CHECK)
            await asyncio.sleep(0.1)
        await asyncio.sleep(9 if attempts == 1 else 0)
        assert stranger.is_open is (attempts == 1)
        await asyncio.sleep(2)
        assert not stranger.is_open
        assert port.refused_connections == 1
        assert port.connections == 0
        listener.close()

    main()


@pytest.mark.parametrize(
    "speech",
    [
        frame_datagrams([check("nobody:theirs")]), frame_datagrams([check(None)]), frame_datagrams([check(method=3)]),
        frame_datagrams([b"\x16\xfe\xfd hello"]), b"GET / HTTP/1.1\r\n\r\n" + bytes(20000), b"",
        frame_datagrams([StunMessage.indication(1, bytes).serialize()]),
    ],
)  # fmt: skip
def test_who_says_something_else_or_nothing_is_sent_away(speech):
    @simulated
    async def main():
        world = World()
        port = world.port(PASSIVE, TcpType.PASSIVE)
        listener = await world.listen(port)
        stranger = await world.call()
        stranger.transport.write(speech)
        await asyncio.sleep(10.5)
        assert not stranger.is_open
        assert listener.refused_connections == 1
        assert listener.waiting_connections == 0
        assert world.told == []
        listener.close()

    main()


@simulated
async def test_so_many_may_wait():
    world = World()
    listener = await world.listen(world.port(PASSIVE, TcpType.PASSIVE), limit=2)
    strangers = [await world.call() for _ in range(3)]
    await asyncio.sleep(1)
    assert [stranger.is_open for stranger in strangers] == [True, True, False]
    strangers[0].transport.abort()
    await asyncio.sleep(1)
    assert listener.waiting_connections == 1
    listener.close()
    listener.close()
    await asyncio.sleep(1)
    assert not strangers[1].is_open
    assert world.ours.open_sockets == 0


@simulated
async def test_the_same_peer_again_replaces_its_connection():
    world = World()
    port = world.port(PASSIVE, TcpType.PASSIVE)
    listener = await world.listen(port)
    stranger = await world.call()
    stranger.say(CHECK)
    await until(lambda: world.told)
    remote = world.told[0].remote
    (first,) = port._connections.values()
    second = await world.call()
    second.say(CHECK)
    await until(lambda: port.connections == 2)
    (other,) = [one for one in port._connections.values() if one is not first]
    other.remote = remote
    port.adopt(other, [CHECK])
    await until(lambda: not stranger.is_open)
    assert world.lost == []
    port.close()
    listener.close()


def test_whose_a_connection_is():
    assert requested_username_fragment(check("ours:theirs")) == "ours"
    assert requested_username_fragment(check("ours")) == "ours"
    for payload in (b"", check(None), check(method=3), b"\x00" * 20):
        assert requested_username_fragment(payload) is None


class TestMux:
    @simulated
    async def test_listens_where_the_settings_say(self):
        world = World()
        world.ours.host.attach(world.ours.host.network.internet, "2001:db8::1")
        async with TcpMux(443, network=world.ours) as mux:
            assert {(one.host, one.port) for one in mux.addresses} == {(OURS, 443), ("2001:db8::1", 443)}
            with pytest.raises(InvalidStateError):
                await mux.open()
        assert mux.addresses == []
        assert world.ours.open_sockets == 0

    @simulated
    async def test_routes_by_fragment_and_address(self):
        world = World()
        mux = TcpMux(5000, network=world.ours)
        await mux.open()
        port = world.port(PASSIVE, TcpType.PASSIVE)
        mux.register("ours", port)
        stranger, other = await world.call(), await world.call()
        stranger.say(CHECK)
        other.say(check("nobody:theirs"))
        await until(lambda: world.told)
        assert world.told[0].payloads == [CHECK]
        assert (mux.statistics().routes, mux.statistics().refused_connections) == (1, 1)
        mux.unregister("ours", [PASSIVE])
        late = await world.call()
        await until(lambda: mux.statistics().waiting_connections == 1)
        late.say(CHECK)
        await until(lambda: not late.is_open)
        mux.close()
        mux.close()
        mux.register("ours", port)
        assert mux.statistics().routes == 0
        assert stranger.is_open  # what was handed over is its owner's
        port.close()

    @simulated
    async def test_a_port_that_is_taken(self):
        world = World()
        server = await world.ours.listen_tcp(Stranger, PASSIVE)
        mux = TcpMux(5000, network=world.ours)
        with pytest.raises(OSError, match="in use"):
            await mux.open()
        assert mux.addresses == []
        server.close()

    @simulated
    async def test_no_address_and_no_tcp(self):
        world = World()
        with pytest.raises(OSError, match="has no TCP"):
            await TcpMux(network=SimulatedNetwork(world.ours.host)).open()
        world.ours.host.interfaces[0].remove()
        with pytest.raises(OSError, match="no address"):
            await TcpMux(network=world.ours).open()

    @pytest.mark.parametrize("wrong", [{"port": -1}, {"port": 65536}, {"max_waiting": 0}])
    def test_wrong_arguments(self, wrong):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            TcpMux(**wrong)
