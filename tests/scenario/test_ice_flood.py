"""A peer that floods, and a stranger who lies: memory and work stay bounded, and the connection does not notice."""

import pytest

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice import IceState
from rtcpeer.stun import AttributeType, ErrorCode, Method, StunMessage, short_term_key
from tests.unit.ice.network import Network, Node, agree, connect_hosts, host

LOCAL, REMOTE = TransportAddress("192.0.2.1", 5000), TransportAddress("192.0.2.2", 5000)
FLOOD = 3000


class Attack:
    """On the first of two connected agents."""

    def __init__(self, seed: int) -> None:
        self.network = Network(seed)
        self.a, self.b = connect_hosts(self.network)
        assert self.network.run(10, lambda: agree(self.a, self.b))
        self.network.run(1)
        self.sent_before = self.a.packets_sent

    def inject(self, data: bytes, source: TransportAddress) -> None:
        self.a.agent.receive(Datagrams(LOCAL, source, [data]), self.network.now)

    def run(self, action, seconds: float = 10.0) -> None:
        start = self.network.now
        for number in range(FLOOD):
            self.network.at(start + number * seconds / FLOOD, lambda number=number: action(number))
        self.network.run(seconds)

    def assert_unharmed(self, *, answers: int) -> None:
        for node in (self.a, self.b):
            assert [state for _, state in node.states()][-1] is IceState.COMPLETED
            assert IceState.DISCONNECTED not in [state for _, state in node.states()]
        assert agree(self.a, self.b)
        statistics = self.a.agent.statistics()
        assert len(statistics.remote_candidates) <= 100
        assert len(statistics.pairs) <= 100
        assert len(self.a.agent._sessions.newest.checking._checks) <= 120
        # An answer to each request at most, seven requests for each of a hundred pairs, and what keeps the path alive.
        assert self.a.packets_sent - self.sent_before <= answers + 7 * 100 + 20
        self.network.run(90)
        before = self.a.packets_sent
        self.network.run(60)
        assert self.a.packets_sent - before <= 60  # as if nothing had been
        assert len(self.a.agent._sessions.newest.checking._checks) <= 20

    def request(self, victim: Node, *, password: str | None = None, nominates: bool = False) -> bytes:
        ours, theirs = victim.agent.local_parameters, victim.agent.remote_parameters
        request = StunMessage.request(Method.BINDING, self.network.random.randbytes)
        request.add_text(AttributeType.USERNAME, f"{ours.username_fragment}:{theirs.username_fragment}")
        request.add_uint32(AttributeType.PRIORITY, 0x7FFFFFFF)
        request.add_uint64(AttributeType.ICE_CONTROLLED, 0)
        if nominates:
            request.add(AttributeType.USE_CANDIDATE)
        return request.serialize(short_term_key(password or ours.password), fingerprint=True)


@pytest.mark.parametrize("nominates", [True, False])
def test_the_peer_checks_from_thousands_of_ports(nominates):
    attack = Attack(1)
    attack.run(
        lambda number: attack.inject(
            attack.request(attack.a, nominates=nominates), TransportAddress("198.51.100.9", 1024 + number)
        )
    )
    attack.assert_unharmed(answers=FLOOD)


def test_the_peer_checks_one_path_without_end():
    attack = Attack(2)
    attack.run(lambda number: attack.inject(attack.request(attack.a), REMOTE))
    assert len(attack.a.agent.statistics().pairs) == 1
    attack.assert_unharmed(answers=FLOOD)


def test_the_peer_signals_thousands_of_candidates():
    attack = Attack(3)
    attack.run(lambda number: attack.a.agent.add_remote_candidate(host("198.51.100.9", 1024 + number)))
    attack.assert_unharmed(answers=0)
    assert attack.a.agent.statistics().candidates_refused > FLOOD - 100


def test_a_stranger_guesses_passwords():
    attack = Attack(4)
    attack.run(lambda number: attack.inject(attack.request(attack.a, password="x" * 24), REMOTE))
    assert attack.a.agent.statistics().requests_refused == FLOOD
    attack.assert_unharmed(answers=FLOOD)


@pytest.mark.parametrize("code", [ErrorCode.BAD_REQUEST, ErrorCode.UNAUTHENTICATED, ErrorCode.ROLE_CONFLICT])
@pytest.mark.parametrize("knows_transactions", [True, False])
def test_a_stranger_answers_our_checks_with_errors(code, knows_transactions):
    attack = Attack(5)
    overheard: list[bytes] = []

    def listen(source: TransportAddress, _: TransportAddress, data: bytes) -> bool:
        if source == LOCAL and data[:2] == b"\0\1":
            overheard.append(data)
        return False

    attack.network.drop = listen
    was_controlling = attack.a.agent.is_controlling

    def lie(number: int) -> None:
        if knows_transactions and overheard:
            request = StunMessage.parse(overheard[-1])
        else:
            request = StunMessage.request(Method.BINDING, attack.network.random.randbytes)
        source = REMOTE if number % 2 else TransportAddress("198.51.100.9", 1)
        attack.inject(request.error_response(code).serialize(fingerprint=True), source)

    attack.run(lie, 40.0)  # longer than consent lasts
    assert attack.a.agent.is_controlling is was_controlling
    attack.assert_unharmed(answers=0)
