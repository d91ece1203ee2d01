import random

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.dtls import TrustStore
from rtcpeer.stack.relays import RelayLost, RelayOpened, RelayRefused, Relays
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.turn import Credentials, TurnSettings
from tests.unit.dtls.server import Authority, DtlsServer
from tests.unit.turn.server import Behaviour, FakeServer

BASE = TransportAddress("192.168.1.2", 5000)
ADDRESS = TransportAddress("203.0.113.1", 5349)
OTHER = TransportAddress("203.0.113.2", 5349)
PEER = TransportAddress("192.0.2.10", 5000)
DTLS = ServerUrl.parse("turns:turn.example.org?transport=udp", Credentials("ada", "lovelace"))
AUTHORITY = Authority()


class Bench:
    """Relays, and a server behind each address that speaks DTLS; time is the test's."""

    def __init__(self, tmp_path, behaviours=None, names=None, lost=0):
        self.relays = Relays(TurnSettings(), random.Random(1).randbytes, timeout=5.0, interval=0.01)
        behaviours = behaviours or {ADDRESS: Behaviour()}
        self.turn = {address: FakeServer(behaviour, address) for address, behaviour in behaviours.items()}
        self.dtls = {address: DtlsServer(*AUTHORITY.issue((names or {}).get(address, ["turn.example.org"])))
                     for address in behaviours}  # fmt: skip
        for address, dtls in self.dtls.items():
            dtls.answer = lambda request, address=address: self.turn[address].receive(BASE, request, self.now)
        self.now = 100.0
        self.lost = lost  # the next so many datagrams of ours are
        self.sent, self.events, self.got = [], [], []
        self.relays.open(DTLS, BASE, ADDRESS, 0, TrustStore(AUTHORITY.write(tmp_path)))
        self.exchange()

    def exchange(self):
        for _ in range(100):
            runs = self.relays.packets_to_send(self.now)
            self.sent += runs
            for run in runs:
                for payload in run.payloads:
                    if self.lost:
                        self.lost -= 1
                    elif run.remote in self.dtls:
                        self.deliver(run.remote, self.dtls[run.remote].receive(payload))
            self.events += self.relays.poll_events()
            if not runs:
                return
        raise AssertionError("the relays never have enough")

    def deliver(self, remote, payloads):
        for payload in payloads:
            packet = Datagrams(BASE, remote, [payload])
            if self.relays.serves(packet):
                self.got += self.relays.receive(packet, self.now)

    def run(self, seconds):
        end = self.now + seconds
        self.exchange()
        while (deadline := self.relays.next_timeout()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.relays.handle_timeout(self.now)
            self.exchange()
        self.now = end

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


def test_an_allocation_and_data_both_ways(tmp_path):
    bench = Bench(tmp_path)
    (opened,) = bench.of(RelayOpened)
    assert opened.relay.protocol == "dtls"
    assert opened.allocated.mapped == BASE
    bench.relays.permit([PEER])
    bench.relays.bind(opened.relay.relayed[0], PEER)
    bench.exchange()
    assert bench.relays.send(Datagrams(opened.relay.relayed[0], PEER, [b"one", b"two"]))
    bench.exchange()
    assert [payload for *_, payload in bench.turn[ADDRESS].relayed] == [b"one", b"two"]
    dtls = bench.dtls[ADDRESS]
    for packet in bench.turn[ADDRESS].peer_sends(BASE, PEER, b"hello", bench.now):
        dtls._connection.send(packet)
    bench.deliver(ADDRESS, dtls.output())
    assert bench.got == [Datagrams(opened.relay.relayed[0], PEER, [b"hello"])]
    # Nothing of it is to be seen on the way: records alone.
    assert all(20 <= payload[0] <= 63 for run in bench.sent for payload in run.payloads)


def test_a_lost_flight_is_repeated_a_second_later(tmp_path):
    bench = Bench(tmp_path, lost=1)
    bench.run(0.9)
    assert not bench.events
    bench.run(0.2)
    assert bench.of(RelayOpened)


def test_a_server_that_proves_another_name_gets_no_request(tmp_path):
    bench = Bench(tmp_path, names={ADDRESS: ["evil.example.org"]})
    (refused,) = bench.of(RelayRefused)
    assert refused.error_code == 701
    assert "the server's certificate is not for turn.example.org" in refused.error_text
    assert not bench.turn[ADDRESS].requests


def test_a_redirection_is_followed_to_the_name_that_it_gives(tmp_path):
    behaviours = {ADDRESS: Behaviour(alternate=OTHER, alternate_domain="two.example.org"), OTHER: Behaviour()}
    bench = Bench(tmp_path, behaviours, {OTHER: ["two.example.org"]})
    (opened,) = bench.of(RelayOpened)
    assert opened.relay.remote == OTHER
    assert bench.dtls[OTHER].asked_for == b"two.example.org"
    assert bench.dtls[ADDRESS].is_left


def test_a_redirection_without_a_name_keeps_the_one_we_asked_for(tmp_path):
    behaviours = {ADDRESS: Behaviour(alternate=OTHER), OTHER: Behaviour()}
    bench = Bench(tmp_path, behaviours, {OTHER: ["two.example.org"]})
    assert "not for turn.example.org" in bench.of(RelayRefused)[0].error_text


def test_the_end_is_said_to_the_server_and_then_in_dtls(tmp_path):
    bench = Bench(tmp_path)
    bench.relays.close()
    bench.exchange()
    assert not bench.turn[ADDRESS].allocations
    assert bench.dtls[ADDRESS].is_left


def test_a_server_that_ends_the_association_ends_the_relay(tmp_path):
    bench = Bench(tmp_path)
    bench.deliver(ADDRESS, bench.dtls[ADDRESS].close())
    bench.exchange()
    assert "ended the DTLS association" in bench.of(RelayLost)[0].reason


def test_a_silent_server_is_given_up_in_time(tmp_path):
    bench = Bench(tmp_path, {OTHER: Behaviour()})  # nobody at the address that is asked
    bench.run(6.0)
    (refused,) = bench.of(RelayRefused)
    assert refused.error_code == 701
    assert len(bench.sent) == 4  # the first flight, its repetitions 1 and 2 s apart, and the goodbye


def test_junk_in_the_servers_name_changes_nothing(tmp_path):
    bench = Bench(tmp_path, lost=1)
    noise = random.Random(7)
    for number in range(20_000):
        junk = noise.randbytes(noise.randrange(100))
        if number % 2:
            # A record that claims to be protected data, of which no key is known yet.
            junk = bytes.fromhex("17 fefd 0001") + number.to_bytes(6, "big") + len(junk).to_bytes(2, "big") + junk
        bench.deliver(ADDRESS, [junk])
    dtls = bench.relays._relays[0].path._dtls
    assert len(dtls._early.take()) <= 64
    bench.run(2.0)
    assert bench.of(RelayOpened)
