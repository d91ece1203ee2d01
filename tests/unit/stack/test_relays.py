import random

import pytest

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.stack.relays import (
    CredentialsRefused,
    RelayLost,
    RelayOpened,
    RelayRefused,
    Relays,
    StreamUnneeded,
    StreamWanted,
)
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stun import Method
from rtcpeer.turn import Credentials, StreamFramer, TurnSettings
from tests.unit.turn.server import Behaviour, FakeServer

BASE = TransportAddress("192.168.1.2", 5000)
STREAM = TransportAddress("192.168.1.2", 6000, "tcp")
ADDRESS = TransportAddress("203.0.113.1", 3478)
PEER = TransportAddress("192.0.2.10", 5000)
PEER6 = TransportAddress("2001:db8::10", 5000)
ADA = Credentials("ada", "lovelace")
UDP = ServerUrl.parse("turn:turn.example.org", ADA)
OTHER = TransportAddress("203.0.113.2", 3478)
TLS = ServerUrl.parse("turns:turn.example.org", ADA)
TCP = ServerUrl.parse("turn:turn.example.org?transport=tcp", ADA)


class Bench:
    """Relays with one fake server behind every address; time is the test's."""

    def __init__(self, behaviour=None):
        self.relays = Relays(TurnSettings(), random.Random(1).randbytes, timeout=5.0, interval=0.01)
        self.server = FakeServer(behaviour or Behaviour())
        self.now = 100.0
        self.events = []
        self.got = []
        self.sent = []

    def exchange(self):
        for _ in range(100):
            runs = self.relays.packets_to_send(self.now)
            self.sent += runs
            for local, remote, payloads in runs:
                for payload in StreamFramer().feed(b"".join(payloads)) if local.protocol == "tcp" else payloads:
                    for answer in self.server.receive(local, payload, self.now):
                        self.receive(local, remote, answer)
            self.events += self.relays.poll_events()
            if not runs:
                return
        raise AssertionError("the relays never have enough")

    def receive(self, local, remote, payload):
        packet = Datagrams(local, remote, [payload])
        assert self.relays.serves(packet)
        self.got += self.relays.receive(packet, self.now)

    def run(self, seconds):
        end = self.now + seconds
        self.exchange()
        while (deadline := self.relays.next_timeout()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.relays.handle_timeout(self.now)
            self.exchange()
        self.now = end

    def of(self, *kinds):
        return [event for event in self.events if isinstance(event, kinds)]


def opened(behaviour=None, server=UDP, local=BASE):
    bench = Bench(behaviour)
    address = ADDRESS._replace(protocol=local.protocol)
    bench.relays.open(server, local, address, 0)
    bench.exchange()
    (event,) = bench.of(RelayOpened)
    return bench, event.relay


def test_nothing_is_used_before_something_is_opened():
    relays = Bench().relays
    assert not relays.is_used
    assert relays.next_timeout() is None
    assert not relays.send(Datagrams(BASE, PEER, [b"x"]))


def test_an_allocation_brings_an_address_of_each_family():
    bench, relay = opened()
    assert [":" in one.host for one in relay.relayed] == [False, True]
    assert relay.protocol == "udp"
    assert not bench.relays.opening
    assert bench.events[0].allocated.mapped == BASE


def test_what_a_relayed_base_sends_goes_through_the_server_of_its_family():
    bench, relay = opened()
    bench.relays.permit([PEER, PEER6])
    bench.exchange()
    for index, peer in enumerate((PEER, PEER6)):
        assert bench.relays.send(Datagrams(relay.relayed[index], peer, [b"one", b"two"]))
    bench.exchange()
    assert bench.server.relayed == [
        (relay.relayed[index], peer, payload)
        for index, peer in enumerate((PEER, PEER6))
        for payload in (b"one", b"two")
    ]
    assert {run.remote for run in bench.sent} == {ADDRESS}


def test_what_peers_send_comes_as_if_to_the_relayed_address():
    bench, relay = opened()
    bench.relays.permit([PEER])
    bench.exchange()
    for packet in bench.server.peer_sends(BASE, PEER, b"hello", bench.now):
        bench.receive(BASE, ADDRESS, packet)
    assert bench.got == [Datagrams(relay.relayed[0], PEER, [b"hello"])]


def test_a_permission_is_asked_for_before_we_send_and_also_for_relays_that_come_later():
    bench = Bench()
    bench.relays.permit([PEER, TransportAddress("fe80::1", 5000)])
    bench.relays.open(UDP, BASE, ADDRESS, 0)
    bench.exchange()
    (held,) = bench.server.allocations.values()
    assert list(held.permissions) == [PEER.host]  # nobody can be reached on his own link
    bench.relays.permit([PEER])
    bench.exchange()
    assert bench.server.count(Method.CREATE_PERMISSION) == 1


def test_the_chosen_pair_gets_a_channel():
    bench, relay = opened()
    bench.relays.bind(relay.relayed[0], PEER)
    bench.relays.bind(BASE, PEER)  # a pair without a relay
    bench.exchange()
    assert bench.server.count(Method.CHANNEL_BIND) == 1
    bench.relays.send(Datagrams(relay.relayed[0], PEER, [b"x"]))
    (run,) = bench.relays.packets_to_send(bench.now)
    assert run == Datagrams(BASE, ADDRESS, [b"\x40\x00\x00\x01x"])


def test_strangers_at_the_base_are_not_the_servers():
    bench, _ = opened()
    assert not bench.relays.serves(Datagrams(BASE, PEER, [b"x"]))
    assert bench.relays.receive(Datagrams(BASE, PEER, [b"x"]), bench.now) == []


def test_new_servers_are_asked_a_moment_after_each_other():
    bench = Bench(Behaviour(is_silent=True))
    for port in range(3):
        bench.relays.open(UDP, BASE._replace(port=5000 + port), ADDRESS, port)
    assert len(bench.relays.packets_to_send(100.0)) == 1
    assert bench.relays.next_timeout() == pytest.approx(100.01)
    assert len(bench.relays.packets_to_send(100.01)) == 1
    assert len(bench.relays.packets_to_send(100.021)) == 1


def test_a_silent_server_is_given_up_after_its_time():
    bench = Bench(Behaviour(is_silent=True))
    bench.relays.open(UDP, BASE, ADDRESS, 0)
    bench.run(4.9)
    assert not bench.events
    bench.run(0.2)
    (refused,) = bench.of(RelayRefused)
    assert refused.error_code == 701
    assert "turn.example.org did not answer" in refused.error_text
    assert bench.relays.next_timeout() is None


def test_a_refusal_has_the_servers_code():
    bench = Bench(Behaviour(errors={Method.ALLOCATE: (486, "too many")}))
    bench.relays.open(UDP, BASE, ADDRESS, 0)
    bench.exchange()
    assert [(each.error_code, each.error_text) for each in bench.of(RelayRefused)] == [(486, "too many")]


def test_gathering_that_ends_gives_up_on_servers_without_an_answer():
    bench, _ = opened()
    bench.server.behaviour.is_silent = True
    bench.relays.open(UDP, BASE._replace(port=5001), ADDRESS, 1)
    bench.exchange()
    bench.relays.stop_opening("was too slow")
    assert [each.error_text for each in bench.relays.poll_events()] == ["turn.example.org was too slow"]
    assert len(bench.server.allocations) == 1


def test_a_lost_allocation_is_told_once_with_its_addresses():
    bench, relay = opened()
    bench.server.allocations.clear()
    bench.run(600)
    (lost,) = bench.of(RelayLost)
    assert (lost.relayed, lost.url) == (relay.relayed, UDP.url)
    assert not bench.relays.send(Datagrams(relay.relayed[0], PEER, [b"x"]))


def test_a_redirection_over_udp_is_followed():
    other = TransportAddress("203.0.113.2", 3478)
    bench = Bench(Behaviour(alternate=other))
    bench.relays.open(UDP, BASE, ADDRESS, 0)
    for run in bench.relays.packets_to_send(bench.now):
        for answer in bench.server.receive(BASE, run.payloads[0], bench.now):
            bench.receive(BASE, ADDRESS, answer)
    (signed,) = bench.relays.packets_to_send(bench.now)
    (redirection,) = bench.server.receive(BASE, signed.payloads[0], bench.now)
    bench.receive(BASE, ADDRESS, redirection)
    bench.server.behaviour.alternate = None
    bench.exchange()
    assert bench.of(RelayOpened)
    assert bench.sent[-1].remote == other
    assert not bench.relays.serves(Datagrams(BASE, ADDRESS, [b""]))


def test_close_gives_everything_back_with_the_next_pull():
    bench, _ = opened()
    bench.relays.open(UDP, BASE._replace(port=5001), ADDRESS, 1)
    bench.now += 1
    bench.exchange()
    assert len(bench.server.allocations) == 2
    bench.relays.close()
    bench.exchange()
    assert not bench.server.allocations
    assert bench.relays.next_timeout() is None


def test_a_later_generation_shares_the_allocation_of_a_base():
    """A server gives one to each base (RFC 8656 section 5)."""
    bench, relay = opened()
    asked = len(bench.sent)
    bench.relays.open(UDP, BASE, ADDRESS, 0)
    bench.exchange()
    assert [event.relay for event in bench.of(RelayOpened)] == [relay, relay]
    assert len(bench.sent) == asked
    bench.relays.open(UDP, BASE._replace(port=5001), ADDRESS, 0)
    bench.run(0.5)
    assert len({event.relay for event in bench.of(RelayOpened)}) == 2


def test_two_generations_that_ask_at_once_get_one_allocation():
    bench = Bench()
    for _ in range(2):
        bench.relays.open(UDP, BASE, ADDRESS, 0)
    bench.exchange()
    assert len(bench.of(RelayOpened)) == 1
    assert len(bench.server.allocations) == 1


def test_allocations_that_no_generation_needs_are_given_back():
    bench, relay = opened()
    bench.relays.open(UDP, BASE._replace(port=5001), ADDRESS, 0)
    bench.run(0.5)
    other = bench.of(RelayOpened)[1].relay
    for port in (5002, 5003):  # asked for, but not there yet
        bench.relays.open(UDP, BASE._replace(port=port), ADDRESS, 0)
    bench.relays.keep({BASE._replace(port=port) for port in (5000, 5001, 5002)}, {other.relayed[0]})
    bench.run(0.5)
    assert [client.port for client in bench.server.allocations] == [5001, 5002]
    assert not bench.relays.send(Datagrams(relay.relayed[0], PEER, [b"x"]))
    assert bench.of(RelayLost) == []


class TestStream:
    def opened(self, behaviour=None):
        bench, relay = opened(behaviour, TCP, STREAM)
        bench.server.padding_wanted = True
        return bench, relay

    def test_an_allocation_over_a_stream(self):
        bench, relay = self.opened()
        assert relay.protocol == "tcp"
        assert {(run.local, run.remote.protocol) for run in bench.sent} == {(STREAM, "tcp")}

    def test_messages_are_cut_out_of_the_stream(self):
        bench, relay = self.opened()
        bench.relays.bind(relay.relayed[0], PEER)
        bench.exchange()
        stream = b"".join(
            packet for payload in (b"a", b"bc") for packet in bench.server.peer_sends(STREAM, PEER, payload, bench.now)
        )
        remote = ADDRESS._replace(protocol="tcp")
        for index in range(len(stream)):
            bench.receive(STREAM, remote, stream[index : index + 1])
        assert [run.payloads for run in bench.got] == [[b"a"], [b"bc"]]

    def test_data_for_a_full_stream_is_lost_and_requests_are_not(self):
        bench, relay = self.opened()
        run = Datagrams(relay.relayed[0], PEER, [b"x"])
        bench.relays.permit([PEER])
        bench.exchange()
        bench.relays.stream_full(STREAM, is_full=True)
        assert bench.relays.send(run)
        bench.relays.bind(relay.relayed[0], PEER)
        bench.exchange()
        assert (bench.server.relayed, bench.relays.dropped_datagrams) == ([], 1)
        assert bench.server.count(Method.CHANNEL_BIND) == 1
        bench.relays.stream_full(STREAM, is_full=False)
        bench.relays.send(run)
        bench.exchange()
        assert len(bench.server.relayed) == 1

    def test_a_stream_that_ends_loses_the_allocation(self):
        bench, _ = self.opened()
        bench.relays.way_lost(STREAM, "the server has hung up")
        bench.exchange()
        assert [event.reason for event in bench.of(RelayLost)] == ["the server has hung up"]

    def test_a_stream_that_ends_early_is_a_refusal(self):
        bench = Bench(Behaviour(is_silent=True))
        bench.relays.open(TCP, STREAM, ADDRESS._replace(protocol="tcp"), 0)
        bench.exchange()
        bench.relays.way_lost(STREAM, "the server has hung up")
        bench.exchange()
        assert [(event.error_code, event.error_text) for event in bench.of(RelayRefused)] == [
            (701, "the server has hung up")
        ]

    def redirected(self, server=TCP, domain=None):
        bench = Bench(Behaviour(alternate=OTHER, alternate_domain=domain))
        bench.relays.open(server, STREAM, ADDRESS._replace(protocol="tcp"), 0)
        bench.exchange()
        bench.server.behaviour.alternate = None
        return bench

    def test_a_redirection_asks_for_another_stream(self):
        bench = self.redirected()
        other, local = OTHER._replace(protocol="tcp"), STREAM._replace(port=6001)
        assert bench.of(StreamWanted) == [StreamWanted(STREAM, other, TCP, None)]
        bench.relays.way_lost(STREAM, "the server has hung up")  # it may: we are to be elsewhere
        assert bench.relays.opening
        assert bench.relays.reconnected(STREAM, local, other)
        bench.exchange()
        (opened,) = bench.of(RelayOpened)
        assert (opened.relay.local, opened.relay.remote) == (local, other)
        assert not bench.relays.reconnected(STREAM, local, other)
        bench.relays.close()
        bench.exchange()
        assert bench.of(StreamUnneeded) == [StreamUnneeded(local)]

    def test_over_tls_the_other_server_proves_the_name_that_was_given_or_else_ours(self):
        assert self.redirected(TLS).of(StreamWanted)[0].tls_name == "turn.example.org"
        assert self.redirected(TLS, "two.example.org").of(StreamWanted)[0].tls_name == "two.example.org"

    def test_a_stream_that_can_not_be_had_ends_the_redirection(self):
        bench = self.redirected()
        bench.relays.not_reconnected(STREAM, "no connection")
        bench.relays.not_reconnected(STREAM, "no connection")
        bench.exchange()
        assert [(event.error_code, event.error_text) for event in bench.of(RelayRefused)] == [(701, "no connection")]

    def test_a_redirection_that_nobody_follows_is_given_up_in_time(self):
        bench = self.redirected()
        bench.run(6.0)
        assert [event.error_code for event in bench.of(RelayRefused)] == [701]
        assert not bench.relays.reconnected(STREAM, STREAM._replace(port=6001), OTHER)

    def test_redirections_in_a_circle_end(self):
        bench = self.redirected()
        bench.server.behaviour.alternate = ADDRESS
        other, local = OTHER._replace(protocol="tcp"), STREAM._replace(port=6001)
        bench.relays.reconnected(STREAM, local, other)
        bench.exchange()
        (refused,) = bench.of(RelayRefused)
        assert refused.error_code == 300
        assert f"back to {ADDRESS._replace(protocol='tcp')}" in refused.error_text


def test_a_server_with_two_urls_is_asked_once():
    bench, _ = opened()
    assert not bench.relays.open(ServerUrl.parse("turn:turn.example.org:3478?transport=udp", ADA), BASE, ADDRESS, 0)
    bench.exchange()
    assert len(bench.of(RelayOpened)) == 1
    assert not bench.relays.opening


@pytest.mark.parametrize("method", [Method.REFRESH, Method.CREATE_PERMISSION, Method.CHANNEL_BIND])
def test_credentials_that_are_refused_later_are_told_and_newer_ones_repair_it(method):
    bench, relay = opened()
    bench.server.behaviour.errors[method] = (401, "Unauthorized")
    bench.relays.permit([PEER])
    bench.relays.bind(relay.relayed[0], PEER)
    bench.run(541)
    assert CredentialsRefused(UDP) in bench.of(CredentialsRefused)
    bench.server.behaviour.errors.clear()
    assert bench.relays.set_credentials(UDP.url, ADA)
    bench.exchange()
    assert list(bench.server.allocations[BASE].permissions) == [PEER.host]
    bench.events.clear()
    bench.run(541)
    assert not bench.events


def test_new_credentials_sign_the_next_requests():
    bench, _ = opened(Behaviour(is_strict_about_user=False, users={"ada": "lovelace", "grace": "hopper"}))
    assert not bench.relays.set_credentials("turn:elsewhere", Credentials("nobody", "x"))
    bench.relays.set_credentials(UDP.url, Credentials("grace", "hopper"))
    bench.relays.permit([PEER])
    bench.exchange()
    assert bench.server._user(bench.server.requests[-1]) == "grace"


def test_an_allocation_that_is_there_outlives_a_refusal_to_send():
    bench, relay = opened()
    bench.relays.note_unroutable(BASE, ADDRESS, "no route for a moment")
    bench.exchange()
    assert bench.of(RelayRefused, RelayLost) == []
    assert relay.relayed
