import random

from rtcpeer.aio import udp_routes
from rtcpeer.aio.udp_routes import MAX_QUESTIONS, MAX_ROUTES, MuxMember, MuxPort, RouteCounters, SharedSocket
from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.stun import AttributeType, Method, StunMessage, short_term_key

LOCAL = TransportAddress("192.0.2.1", 4000)
SERVER = TransportAddress("203.0.113.200", 3478)
PASSWORD = "p" * 24
DATA = [b"\x80one", b"\x80two"]


class Socket:
    local = LOCAL

    def __init__(self):
        self.sent = []
        self.room = 1000
        self.is_closed = False

    def send(self, remote, payloads):
        taken = payloads[: self.room]
        self.sent += [(remote, payload) for payload in taken]
        return len(taken)

    def close(self):
        self.is_closed = True


class Connection:
    """Somebody who joins, and writes down what happens."""

    def __init__(self, shared, registry, name):
        self.log = []
        self.held = set()
        self.member = MuxMember(
            lambda packet: self.log.append((packet.remote.port, packet.payloads)),
            lambda: self.log.append("writable"),
            lambda: self.log.append("drained"),
            lambda local, remote: remote in self.held,
        )
        self.member.registry = registry
        self.member.add_credentials(IceParameters(name, PASSWORD))
        self.port = self.member.ports[LOCAL] = MuxPort(self.member, shared)


class Place:
    def __init__(self, *names):
        self.registry = {}
        self.counters = RouteCounters()
        self.now = 0.0
        self.soon = []
        self.shared = SharedSocket(self.registry, self.counters, 30.0, lambda: self.now, self.soon.append)
        self.socket = Socket()
        self.shared.attach(self.socket)
        self.connections = [Connection(self.shared, self.registry, name) for name in names]

    def receive(self, port, *payloads):
        self.shared.receive(Datagrams(LOCAL, peer(port), list(payloads)))


def peer(port):
    return TransportAddress("198.51.100.1", port)


RANDOM = random.Random(1)


def check(fragment, password=PASSWORD):
    message = StunMessage.request(Method.BINDING, RANDOM.randbytes)
    message.add_text(AttributeType.USERNAME, f"{fragment}:peer")
    return message.serialize(short_term_key(password), fingerprint=True)


def question():
    return StunMessage.request(Method.BINDING, RANDOM.randbytes).serialize(fingerprint=True)


def answer(request, mapped=None):
    response = StunMessage.parse(request).success_response()
    if mapped is not None:
        response.add_address(AttributeType.XOR_MAPPED_ADDRESS, mapped)
    return response.serialize(fingerprint=True)


def test_a_signed_check_makes_the_route_and_runs_follow_it_whole():
    place = Place("anna", "berta")
    anna, berta = place.connections
    first, second = check("anna"), check("berta")
    place.receive(1, first)
    place.receive(2, second)
    place.receive(1, *DATA)
    assert anna.log == [(1, [first]), (1, DATA)]
    assert berta.log == [(2, [second])]


def test_what_follows_the_check_in_its_run_goes_the_same_way():
    place = Place("anna")
    (anna,) = place.connections
    signed = check("anna")
    place.receive(1, DATA[0], signed, DATA[1])
    assert anna.log == [(1, [signed, DATA[1]])]
    assert place.counters.stray_datagrams == 1


def test_only_who_received_something_is_drained():
    place = Place("anna", "berta")
    anna, berta = place.connections
    place.receive(1, check("anna"))
    place.receive(1, *DATA)
    place.shared.drained()
    place.shared.drained()
    assert anna.log[-1] == "drained"
    assert anna.log.count("drained") == 1
    assert berta.log == []


def test_strangers_leave_no_trace_but_a_count():
    place = Place("anna")
    for port in range(1, 2000):
        place.receive(port, check(f"nobody{port}"))
        place.receive(port, check("anna", "wrong password, and long"))
        place.receive(port, b"\x80data")
        place.receive(port, b"\x00\x01 no STUN at all")
        place.receive(port, b"")
    assert place.connections[0].log == []
    assert place.shared.routes == {}
    assert place.counters == RouteCounters(unknown_fragments=1999, forged_checks=1999, stray_datagrams=3 * 1999)


def test_a_working_path_can_not_be_taken_over():
    place = Place("anna", "berta")
    anna, berta = place.connections
    place.receive(1, check("anna"))
    anna.held.add(peer(1))
    place.receive(1, check("berta"))
    place.receive(1, *DATA)
    assert berta.log == []
    assert anna.log[-1] == (1, DATA)
    assert place.counters.collisions == 1


def test_a_path_that_does_not_work_goes_to_who_proves_that_it_is_there():
    place = Place("anna", "berta")
    anna, berta = place.connections
    place.receive(1, check("anna"))
    place.receive(1, check("berta"))
    place.receive(1, *DATA)
    assert berta.log[-1] == (1, DATA)
    assert not anna.port.routes
    # The answer to a check proves as much: peers that are lite send none.
    ours = check("peer")
    assert place.shared.send(anna.port, peer(1), [ours]) == 1
    place.receive(1, answer(ours))
    place.receive(1, *DATA)
    assert anna.log[-1] == (1, DATA)


def test_the_owner_of_a_route_hears_also_what_is_wrong_with_its_checks():
    place = Place("anna")
    (anna,) = place.connections
    place.receive(1, check("anna"))
    stale = check("anna of yesterday")
    place.receive(1, stale)
    broken = b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(12) + b"\x00\x06\x00\xff"
    place.receive(1, broken)
    assert [entry[1] for entry in anna.log[1:]] == [[stale], [broken]]


def test_an_answer_goes_to_who_asked_and_from_elsewhere_to_nobody():
    place = Place("anna", "berta")
    asked = [question() for _ in place.connections]
    for connection, request in zip(place.connections, asked, strict=True):
        connection.port.send(SERVER, [request])
    assert [remote for remote, _ in place.socket.sent] == [SERVER, SERVER]
    place.receive(7, answer(asked[0], LOCAL))
    for request in reversed(asked):
        place.shared.receive(Datagrams(LOCAL, SERVER, [answer(request, LOCAL)]))
    assert [len(connection.log) for connection in place.connections] == [1, 1]
    assert place.shared.routes == {}
    place.shared.receive(Datagrams(LOCAL, SERVER, [answer(asked[0], LOCAL)]))  # once more
    assert place.counters.stray_datagrams == 2


def test_a_server_is_asked_once_for_all_and_again_after_a_while():
    place = Place("anna", "berta", "clara")
    anna, berta, clara = place.connections
    mapped = TransportAddress("198.51.100.99", 7000)
    request = question()
    anna.port.send(SERVER, [request])
    place.shared.receive(Datagrams(LOCAL, SERVER, [answer(request, mapped)]))
    place.now = 29.0
    asked = question()
    assert berta.port.send(SERVER, [asked]) == 1
    assert len(place.socket.sent) == 1
    assert berta.log == []
    place.soon.pop()()
    ((_, (payload,)), drained) = berta.log
    assert drained == "drained"  # or nobody would act on the answer
    response = StunMessage.parse(payload)
    assert (response.mapped_address, response.transaction_id) == (mapped, asked[8:20])
    place.now = 30.0
    clara.port.send(SERVER, [question()])
    assert len(place.socket.sent) == 2
    assert place.counters.questions_spared == 1


def test_servers_whose_answers_are_kept_are_bounded(monkeypatch):
    monkeypatch.setattr(udp_routes, "MAX_MAPPINGS", 2)
    place = Place("anna")
    (anna,) = place.connections
    for port in range(1, 4):
        request = question()
        anna.port.send(SERVER._replace(port=port), [request])
        place.shared.receive(Datagrams(LOCAL, SERVER._replace(port=port), [answer(request, LOCAL)]))
    anna.port.send(SERVER._replace(port=1), [question()])
    anna.port.send(SERVER._replace(port=3), [question()])
    assert len(place.socket.sent) == 4  # the last one's answer is known, the first one's is not any more


def test_what_a_connection_makes_us_remember_is_bounded_and_goes_with_it():
    place = Place("anna", "berta")
    anna = place.connections[0]
    anna.held.add(peer(1))
    for port in range(1, MAX_ROUTES + 10):
        place.receive(port, check("anna"))
    assert len(anna.port.routes) == len(place.shared.routes) == MAX_ROUTES
    assert peer(1) in place.shared.routes
    place.receive(60000, check("berta"))
    for port in range(1, MAX_QUESTIONS + 10):
        anna.port.send(peer(50000 + port), [check("peer")])
    assert len(anna.port.questions) == MAX_QUESTIONS
    anna.member.leave()
    anna.member.leave()
    assert list(place.shared.routes) == [peer(60000)]
    assert list(place.registry) == ["berta"]
    before = len(anna.log)
    place.receive(1, *DATA)
    assert anna.port.send(peer(1), DATA) == 2
    assert len(anna.log) == before
    assert place.counters.stray_datagrams == 2
    assert not place.shared._questions


def test_more_credentials_lead_to_the_same_connection_and_old_ones_end():
    place = Place("anna")
    (anna,) = place.connections
    for number in range(5):
        anna.member.add_credentials(IceParameters(f"anna{number}", PASSWORD))
    anna.member.add_credentials(IceParameters("anna4", PASSWORD))
    assert list(place.registry) == ["anna1", "anna2", "anna3", "anna4"]
    place.receive(1, check("anna1"))
    place.receive(2, check("anna4"))
    place.receive(3, check("anna"))
    assert [port for port, _ in anna.log] == [1, 2]


def test_a_full_socket_wakes_all_who_wait_for_it():
    place = Place("anna", "berta", "clara")
    anna, berta, clara = place.connections
    place.socket.room = 1
    assert anna.port.send(peer(1), DATA) == 1
    assert berta.port.send(peer(2), DATA) == 1
    place.socket.room = 2
    place.shared.writable()
    place.shared.writable()
    assert anna.log == berta.log == ["writable"]
    assert clara.log == []


def test_after_the_socket_is_closed_sending_is_harmless():
    place = Place("anna")
    (anna,) = place.connections
    place.shared.close()
    place.shared.close()
    assert place.socket.is_closed
    assert anna.port.local == LOCAL
    assert anna.port.send(peer(1), DATA) == 2
    assert place.socket.sent == []
