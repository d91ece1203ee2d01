import asyncio
import random

import pytest

from rtcpeer.aio.servers import ATTEMPT_DELAY, Servers
from rtcpeer.core import TransportAddress
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.gathering import Gatherer, ServerFailed
from rtcpeer.stack.relays import CredentialsRefused, StreamUnneeded, StreamWanted
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.turn import Credentials, TurnState
from tests.sim.loop import run

ADA = Credentials("ada", "lovelace")
TCP = ServerUrl.parse("turn:turn.example.org?transport=tcp", ADA)
TLS = ServerUrl.parse("turns:turn.example.org", ADA)
DTLS = ServerUrl.parse("turns:turn.example.org?transport=udp", ADA)
V4, V6 = "203.0.113.1", "2001:db8::1"


class FakePort:
    def __init__(self, remote, callbacks):
        self.local = TransportAddress("192.168.1.2", 6000 + len(remote.host), "tcp")
        self.remote = remote
        self.callbacks = callbacks
        self.ended = asyncio.get_running_loop().create_future()
        self.is_closed = False

    def send(self, remote, payloads):
        return len(payloads)

    def close(self):
        self.is_closed = True
        if not self.ended.done():
            self.ended.set_result(None)

    abort = close


class FakeNetwork:
    """Connects as it is told: after how long, to which host; None: never."""

    def __init__(self, **delays):
        self.delays = {V4: 0.01, V6: 0.01} | {{"v4": V4, "v6": V6}[name]: delay for name, delay in delays.items()}
        self.attempts = []
        self.ports = []

    async def resolve(self, host, port):
        return [TransportAddress(V6, port), TransportAddress(V4, port)]

    async def open_stream(self, remote, tls_name, ca_file, callbacks):
        self.attempts.append((remote, tls_name, ca_file, asyncio.get_running_loop().time()))
        delay = self.delays[remote.host]
        if isinstance(delay, OSError):
            raise delay
        await asyncio.sleep(1e6 if delay is None else delay)
        self.ports.append(FakePort(remote, callbacks))
        return self.ports[-1]


class World:
    def __init__(self, network, **settings):
        self.settings = IceSettings(**settings)
        self.gatherer = Gatherer(self.settings, random.Random(1).randbytes)
        self.gatherer.start()
        self.network = network
        self.changes = 0
        self.data = []
        self.servers = Servers(
            self.gatherer,
            network,
            self.settings,
            on_data=self.data.append,
            on_drained=lambda: None,
            on_change=self.changed,
        )

    def changed(self):
        self.changes += 1

    def failures(self):
        return [event for event in self.gatherer.poll_events() if isinstance(event, ServerFailed)]


def in_virtual_time(main):
    def test():
        run(main())

    test.__name__ = main.__name__
    return test


@in_virtual_time
async def test_the_resolvers_favourite_has_a_head_start():
    world = World(FakeNetwork())
    await world.servers.find(TCP)
    assert [remote for remote, *_ in world.network.attempts] == [TransportAddress(V6, 3478, "tcp")]
    assert [relay.remote.host for relay in world.gatherer.relays.opening] == [V6]
    assert list(world.servers.streams.values()) == world.network.ports
    assert world.changes


@in_virtual_time
async def test_a_black_hole_costs_only_the_head_start():
    world = World(FakeNetwork(v6=None))
    started = asyncio.get_running_loop().time()
    await world.servers.find(TCP)
    assert asyncio.get_running_loop().time() - started == pytest.approx(ATTEMPT_DELAY + 0.01)
    assert [relay.remote.host for relay in world.gatherer.relays.opening] == [V4]


@in_virtual_time
async def test_what_fails_at_once_costs_nothing():
    world = World(FakeNetwork(v6=OSError(101, "Network is unreachable")))
    started = asyncio.get_running_loop().time()
    await world.servers.find(TCP)
    assert asyncio.get_running_loop().time() - started == pytest.approx(0.01)


@in_virtual_time
async def test_whoever_comes_second_is_hung_up_on():
    world = World(FakeNetwork(v6=ATTEMPT_DELAY + 0.01, v4=0.01))
    await world.servers.find(TCP)
    assert sum(port.is_closed for port in world.network.ports) == len(world.network.ports) - 1
    assert len(world.servers.streams) == 1


@in_virtual_time
async def test_without_a_connection_there_is_one_error_with_the_first_reason():
    world = World(FakeNetwork(v6=OSError(111, "Connection refused"), v4=OSError(113, "No route to host")))
    await world.servers.find(TCP)
    (failure,) = world.failures()
    assert (failure.url, failure.error_code) == (TCP.url, 701)
    assert "turn.example.org: Connection refused" in failure.error_text


@in_virtual_time
async def test_a_server_that_never_connects_is_given_up():
    world = World(FakeNetwork(v6=None, v4=None), turn_timeout=2.0)
    await world.servers.find(TCP)
    assert ["took no connection within 2.0 s" in failure.error_text for failure in world.failures()] == [True]


@in_virtual_time
async def test_tls_is_for_the_name_in_the_url():
    world = World(FakeNetwork(), tls_ca_file="/ca.pem")
    await world.servers.find(TLS)
    assert [attempt[1:3] for attempt in world.network.attempts] == [("turn.example.org", "/ca.pem")]


@in_virtual_time
async def test_a_connection_that_comes_after_the_end_of_gathering_is_dropped():
    world = World(FakeNetwork())
    world.gatherer.close()
    await world.servers.find(TCP)
    assert [port.is_closed for port in world.network.ports] == [True]
    assert not world.servers.streams


@in_virtual_time
async def test_a_server_that_hangs_up_is_told():
    world = World(FakeNetwork())
    await world.servers.find(TCP)
    (port,) = world.network.ports
    port.callbacks.on_lost(port.local, "the server has hung up")
    assert [failure.error_text for failure in world.failures()] == ["the server has hung up"]
    assert not world.servers.streams


@in_virtual_time
async def test_a_stream_that_is_not_needed_is_ended():
    world = World(FakeNetwork())
    await world.servers.find(TCP)
    (port,) = world.network.ports
    for _ in range(2):
        world.servers.handle(StreamUnneeded(port.local))
    assert port.is_closed
    assert not world.servers.streams


@in_virtual_time
async def test_who_makes_credentials_is_asked_first_and_when_they_are_refused():
    answers = iter([("ada", "lovelace"), ("ada", "king")])
    world = World(FakeNetwork())
    server = ServerUrl.parse(TCP.url, lambda: next(answers))
    await world.servers.find(server)
    (relay,) = world.gatherer.relays.opening
    assert relay.server.credentials == ADA
    await asyncio.sleep(5)
    world.servers.handle(CredentialsRefused(relay.server))
    await asyncio.sleep(0.01)
    assert relay.client._authenticator.credentials == Credentials("ada", "king")


@in_virtual_time
async def test_without_credentials_a_server_is_not_asked():
    world = World(FakeNetwork())
    await world.servers.find(ServerUrl.parse(TCP.url, lambda: 1 / 0))
    (failure,) = world.failures()
    assert (failure.url, failure.error_code) == (TCP.url, 701)
    assert "ZeroDivisionError" in failure.error_text
    assert not world.network.attempts


@in_virtual_time
async def test_close_hangs_up_and_waits():
    world = World(FakeNetwork())
    await world.servers.find(TCP)
    (task,) = world.servers.close()
    await task
    assert [port.is_closed for port in world.network.ports] == [True]
    assert world.servers.close() == set()


@in_virtual_time
async def test_a_network_without_tcp_says_so():
    network = FakeNetwork()
    world = World(type("UdpOnly", (), {"resolve": network.resolve})())
    await world.servers.find(TCP)
    assert ["no TCP" in failure.error_text for failure in world.failures()] == [True]


@in_virtual_time
async def test_dtls_needs_somebody_to_trust():
    world = World(FakeNetwork(), tls_ca_file="/nowhere.pem")
    await world.servers.find(DTLS)
    assert ["no certificates can be read from /nowhere.pem" in each.error_text for each in world.failures()] == [True]
    world = World(FakeNetwork())
    world.gatherer.add_base(TransportAddress("192.168.1.2", 5000), 0)
    await world.servers.find(DTLS)
    assert [relay.protocol for relay in world.gatherer.relays.opening] == ["dtls"]
    assert not world.network.attempts


@in_virtual_time
async def test_a_stun_server_behind_tls_is_left_alone_with_a_reason():
    world = World(FakeNetwork())
    world.gatherer.add_base(TransportAddress("192.168.1.2", 5000), 0)
    await world.servers.find(ServerUrl.parse("stuns:stun.example.org"))
    (failure,) = world.failures()
    assert "sees no UDP address; use stun:" in failure.error_text
    assert not world.network.attempts
    assert not world.gatherer.is_asking


def redirection(world):
    """A server that we are connected to names another."""
    (old,) = world.network.ports
    (relay,) = world.gatherer.relays.opening
    relay.client.state = TurnState.REDIRECTED
    return StreamWanted(old.local, TransportAddress("203.0.113.2", 5349), TLS, "two.example.org")


@in_virtual_time
async def test_a_redirection_is_followed_over_another_stream():
    world = World(FakeNetwork(), tls_ca_file="/ca.pem")
    await world.servers.find(TLS)
    world.network.delays["203.0.113.2"] = 0.01
    world.servers.handle(redirection(world))
    await asyncio.sleep(0.02)
    remote = TransportAddress("203.0.113.2", 5349, "tcp")
    assert world.network.attempts[-1][:3] == (remote, "two.example.org", "/ca.pem")
    assert [port.is_closed for port in world.network.ports] == [True, False]
    assert list(world.servers.streams.values()) == world.network.ports[1:]
    assert [relay.remote for relay in world.gatherer.relays.opening] == [remote]


@in_virtual_time
async def test_a_redirection_to_who_is_not_there_is_an_error():
    world = World(FakeNetwork())
    await world.servers.find(TLS)
    world.network.delays["203.0.113.2"] = OSError(111, "Connection refused")
    world.servers.handle(redirection(world))
    await asyncio.sleep(0.02)
    assert ["Connection refused" in failure.error_text for failure in world.failures()] == [True]


@in_virtual_time
async def test_close_stops_a_redirection_under_way():
    world = World(FakeNetwork())
    await world.servers.find(TLS)
    world.network.delays["203.0.113.2"] = None
    world.servers.handle(redirection(world))
    await asyncio.sleep(0.01)
    (task,) = world.servers.close()
    await asyncio.wait([task])
    assert task.cancelled()
