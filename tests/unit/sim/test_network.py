import errno

import pytest

from rtcpeer.core import Datagrams, TransportAddress
from tests.sim.clock import StuckError
from tests.sim.link import LinkSettings
from tests.sim.nat import (
    ADDRESS_RESTRICTED,
    BLOCKED,
    FULL_CONE,
    PORT_RESTRICTED,
    SYMMETRIC,
    NatSettings,
)
from tests.sim.network import Host, Network, Segment, Socket

SERVER = TransportAddress("203.0.113.1", 3478)


class Inbox(list[Datagrams]):
    """What a socket received."""

    @property
    def last(self) -> Datagrams:
        return self[-1]


def inbox_socket(host: Host, address: str, port: int = 0) -> tuple[Socket, Inbox]:
    inbox = Inbox()
    return host.bind(address, port, inbox.append), inbox


def server_of(network: Network) -> tuple[Socket, Inbox]:
    return inbox_socket(network.host("server", SERVER.host), SERVER.host, SERVER.port)


def settle(network: Network) -> None:
    network.clock.run_for(1.0)


def test_a_datagram_takes_the_delay_of_both_links() -> None:
    network = Network()
    _, received = server_of(network)
    client = network.host("client", "203.0.113.2", up=LinkSettings(delay=0.02), down=LinkSettings(delay=0.5))
    socket, _ = inbox_socket(client, "203.0.113.2", 1111)
    assert socket.send(SERVER, [b"one", b"two"]) == 2
    network.run(lambda: bool(received))
    assert network.clock.time() == pytest.approx(0.02)
    assert received == [Datagrams(SERVER, TransportAddress("203.0.113.2", 1111), [b"one", b"two"])]


def test_a_receiver_is_never_called_within_send() -> None:
    network = Network()
    _, received = server_of(network)
    socket, _ = inbox_socket(network.host("client", "203.0.113.2"), "203.0.113.2")
    socket.send(SERVER, [b"x"])
    assert not received
    network.run(lambda: bool(received))


def test_a_nat_rewrites_the_source_and_lets_the_answer_in() -> None:
    network = Network()
    server, received = server_of(network)
    home = network.router("home", "198.51.100.1", nat=PORT_RESTRICTED)
    laptop = network.host("laptop", "192.168.1.2", segment=home.inside)
    socket, answers = inbox_socket(laptop, "192.168.1.2")
    socket.send(SERVER, [b"ping"])
    network.run(lambda: bool(received))
    assert received.last.remote.host == "198.51.100.1"
    server.send(received.last.remote, [b"pong"])
    network.run(lambda: bool(answers))
    assert answers.last == Datagrams(socket.local, SERVER, [b"pong"])


@pytest.mark.parametrize(
    ("nat", "same_host", "stranger"),
    [(FULL_CONE, True, True), (ADDRESS_RESTRICTED, True, False), (PORT_RESTRICTED, False, False)],
)
def test_the_filter_decides_who_else_may_send_in(nat: NatSettings, same_host: bool, stranger: bool) -> None:
    network = Network()
    _, received = server_of(network)
    home = network.router("home", "198.51.100.1", nat=nat)
    socket, answers = inbox_socket(network.host("laptop", "192.168.1.2", segment=home.inside), "192.168.1.2")
    socket.send(SERVER, [b"ping"])
    network.run(lambda: bool(received))
    mapped = received.last.remote
    inbox_socket(network.hosts["server"], SERVER.host, 9)[0].send(mapped, [b"same host"])
    inbox_socket(network.host("stranger", "203.0.113.66"), "203.0.113.66")[0].send(mapped, [b"stranger"])
    settle(network)
    got = [datagrams.payloads[0] for datagrams in answers]
    assert got == [b"same host"] * same_host + [b"stranger"] * stranger


def test_punching_works_between_cones_and_not_between_symmetric_boxes() -> None:
    def reach_each_other(nat: NatSettings) -> bool:
        network = Network()
        _, seen = server_of(network)
        pairs = []
        for index in (1, 2):
            router = network.router(f"r{index}", f"198.51.100.{index}", nat=nat)
            host = network.host(f"h{index}", "192.168.1.2", segment=router.inside)
            pairs.append(inbox_socket(host, "192.168.1.2"))
        for socket, _ in pairs:
            socket.send(SERVER, [b"who am i"])
        settle(network)
        first, second = (datagrams.remote for datagrams in seen)
        for _ in range(3):
            pairs[0][0].send(second, [b"x"])
            pairs[1][0].send(first, [b"x"])
            settle(network)
        return bool(pairs[0][1] and pairs[1][1])

    assert reach_each_other(PORT_RESTRICTED)
    assert not reach_each_other(SYMMETRIC)


@pytest.mark.parametrize("hairpinning", [True, False])
def test_hairpinning(hairpinning: bool) -> None:
    network = Network()
    _, seen = server_of(network)
    nat = NatSettings(filtering=FULL_CONE.filtering, hairpinning=hairpinning)
    home = network.router("home", "198.51.100.1", nat=nat)
    a, _ = inbox_socket(network.host("a", "192.168.1.2", segment=home.inside), "192.168.1.2")
    b, b_inbox = inbox_socket(network.host("b", "192.168.1.3", segment=home.inside), "192.168.1.3")
    b.send(SERVER, [b"x"])
    network.run(lambda: bool(seen))
    a.send(seen.last.remote, [b"hello"])
    settle(network)
    assert bool(b_inbox) == hairpinning
    if hairpinning:
        assert b_inbox.last.remote.host == "198.51.100.1"
        assert b_inbox.last.local == b.local


def test_hosts_behind_one_box_reach_each_other_directly() -> None:
    network = Network()
    home = network.router("home", "198.51.100.1", nat=SYMMETRIC)
    a, _ = inbox_socket(network.host("a", "192.168.1.2", segment=home.inside), "192.168.1.2")
    b, b_inbox = inbox_socket(network.host("b", "192.168.1.3", segment=home.inside), "192.168.1.3")
    a.send(b.local, [b"x"])
    network.run(lambda: bool(b_inbox))
    assert b_inbox.last.remote == a.local


def test_nested_boxes_translate_twice_and_the_outer_one_hairpins() -> None:
    network = Network()
    server, seen = server_of(network)
    carrier = network.router("carrier", "198.51.100.1", nat=FULL_CONE)
    sockets = []
    for index in (1, 2):
        home = network.router(f"home{index}", f"100.64.0.{index}", nat=FULL_CONE, outside=carrier.inside)
        host = network.host(f"h{index}", "192.168.1.2", segment=home.inside)
        sockets.append(inbox_socket(host, "192.168.1.2"))
    for socket, _ in sockets:
        socket.send(SERVER, [b"x"])
    settle(network)
    assert {datagrams.remote.host for datagrams in seen} == {"198.51.100.1"}
    server.send(seen[0].remote, [b"from outside"])
    sockets[1][0].send(seen[0].remote, [b"from the neighbour"])
    settle(network)
    got = sockets[0][1]
    assert sorted(datagrams.payloads[0] for datagrams in got) == [b"from outside", b"from the neighbour"]


def test_blocked_udp_passes_nothing_out_but_the_lan_works() -> None:
    network = Network()
    _, received = server_of(network)
    office = network.router("office", "198.51.100.1", nat=BLOCKED)
    a, _ = inbox_socket(network.host("a", "10.0.0.2", segment=office.inside), "10.0.0.2")
    b, b_inbox = inbox_socket(network.host("b", "10.0.0.3", segment=office.inside), "10.0.0.3")
    a.send(SERVER, [b"x"])
    a.send(b.local, [b"x"])
    settle(network)
    assert (len(received), len(b_inbox), office.dropped) == (0, 1, 1)


def test_ipv6_is_routed_untranslated_and_filtered() -> None:
    network = Network()
    home = network.router("home", "198.51.100.1", "2001:db8:1::1", nat=PORT_RESTRICTED, firewall=PORT_RESTRICTED)
    laptop = network.host("laptop", "192.168.1.2", "2001:db8:1::2", segment=home.inside)
    inner, inner_inbox = inbox_socket(laptop, "2001:db8:1::2")
    outer, outer_inbox = inbox_socket(network.host("peer", "2001:db8:2::1"), "2001:db8:2::1")
    outer.send(inner.local, [b"uninvited"])
    settle(network)
    assert not inner_inbox
    inner.send(outer.local, [b"hello"])
    network.run(lambda: bool(outer_inbox))
    assert outer_inbox.last.remote == inner.local
    outer.send(inner.local, [b"welcome"])
    network.run(lambda: bool(inner_inbox))


def test_a_host_may_be_on_two_networks_and_lose_one() -> None:
    network = Network()
    _, received = server_of(network)
    wifi = network.router("wifi", "198.51.100.1", nat=PORT_RESTRICTED)
    phone = network.host("phone", "192.168.1.2", segment=wifi.inside)
    mobile = phone.attach(network.internet, "203.0.113.77")
    assert phone.addresses == ["192.168.1.2", "203.0.113.77"]
    over_wifi, _ = inbox_socket(phone, "192.168.1.2")
    over_mobile, _ = inbox_socket(phone, "203.0.113.77")
    over_wifi.send(SERVER, [b"x"])
    over_mobile.send(SERVER, [b"x"])
    settle(network)
    assert {datagrams.remote.host for datagrams in received} == {"198.51.100.1", "203.0.113.77"}
    mobile.remove()
    over_mobile.send(SERVER, [b"x"])
    settle(network)
    assert len(received) == 2
    assert phone.addresses == ["192.168.1.2"]
    with pytest.raises(OSError, match="does not have") as caught:
        phone.bind("203.0.113.77", 0, print)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_a_pulled_cable_loses_what_is_under_way() -> None:
    network = Network()
    _, received = server_of(network)
    client = network.host("client", "203.0.113.2", up=LinkSettings(delay=0.1))
    socket, _ = inbox_socket(client, "203.0.113.2")
    socket.send(SERVER, [b"x"])
    network.hosts["server"].interfaces[0].is_up = False
    settle(network)
    assert not received


def test_ports_are_taken_and_given_back() -> None:
    host = Network().host("host", "203.0.113.2")
    socket, _ = inbox_socket(host, "203.0.113.2", 1000)
    with pytest.raises(OSError, match="in use"):
        inbox_socket(host, "203.0.113.2", 1000)
    socket.close()
    socket.close()
    inbox_socket(host, "203.0.113.2", 1000)
    assert inbox_socket(host, "203.0.113.2")[0].local != inbox_socket(host, "203.0.113.2")[0].local


def test_what_has_no_way_is_counted() -> None:
    network = Network()
    host = network.host("host", "203.0.113.2", "2001:db8::1")
    socket, _ = inbox_socket(host, "203.0.113.2")
    socket.send(TransportAddress("192.168.1.1", 1), [b"x"])
    socket.send(TransportAddress("2001:db8::1", 1), [b"x"])
    socket.send(TransportAddress("203.0.113.2", 1), [b"nobody there"])
    settle(network)
    assert (network.unroutable, host.refused) == (2, 1)


def test_an_address_is_on_a_segment_once() -> None:
    network = Network()
    network.host("a", "203.0.113.2")
    with pytest.raises(ValueError, match="taken"):
        network.host("b", "203.0.113.2")


class Pinger:
    """A core: sends one datagram to each given remote, and answers what comes."""

    def __init__(self, remote: TransportAddress | None = None) -> None:
        self.remote = remote
        self.local: TransportAddress | None = None
        self.out: list[Datagrams] = []
        self.got: list[Datagrams] = []

    def receive(self, packet: Datagrams, now: float) -> None:
        self.got.append(packet)
        if packet.payloads == [b"ping"]:
            self.out.append(Datagrams(packet.local, packet.remote, [b"pong"]))

    def handle_timeout(self, now: float) -> None: ...

    def packets_to_send(self, now: float) -> list[Datagrams]:
        if self.remote is not None and self.local is not None:
            self.out.append(Datagrams(self.local, self.remote, [b"ping"]))
            self.remote = None
        out, self.out = self.out, []
        return out

    def poll_events(self) -> list[Datagrams]:
        got, self.got = self.got, []
        return got

    def next_timeout(self) -> float | None:
        return None


def test_cores_are_driven_over_the_network() -> None:
    network = Network()
    server = network.host("server", SERVER.host).drive(Pinger(), SERVER)
    home = network.router("home", "198.51.100.1", nat=PORT_RESTRICTED)
    core = Pinger(SERVER)
    client = network.host("client", "192.168.1.2", segment=home.inside).drive(core)
    core.local = client.addresses[0]
    client.flush()
    network.run(lambda: bool(client.events))
    assert client.events[0] == Datagrams(core.local, SERVER, [b"pong"])
    assert server.events[0].remote.host == "198.51.100.1"


def test_a_killed_host_is_silent() -> None:
    network = Network()
    network.host("server", SERVER.host).drive(Pinger(), SERVER)
    core = Pinger(SERVER)
    client = network.host("client", "203.0.113.2").drive(core)
    core.local = client.addresses[0]
    network.hosts["server"].kill()
    client.flush()
    with pytest.raises(StuckError, match="server"):
        network.run(lambda: bool(client.events))


def test_a_run_is_a_function_of_its_seed() -> None:
    def history(seed: int) -> list[Datagrams]:
        network = Network(seed)
        _, received = server_of(network)
        home = network.router("home", "198.51.100.1", nat=SYMMETRIC, up=LinkSettings(loss=0.5, jitter=0.1))
        socket, _ = inbox_socket(network.host("a", "192.168.1.2", segment=home.inside), "192.168.1.2")
        for index in range(20):
            socket.send(SERVER, [b"%d" % index])
        settle(network)
        return list(received)

    assert history(1) == history(1) != history(2)


def test_segments_know_only_their_own() -> None:
    network = Network()
    home = network.router("home", "198.51.100.1", nat=PORT_RESTRICTED)
    assert isinstance(home.inside, Segment)
    source = TransportAddress("198.51.100.9", 1)
    assert not home.inside.deliver(source, TransportAddress("192.168.1.200", 1), [b"x"])
