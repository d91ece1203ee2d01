"""Checks over TCP connections, with the peer and the connections played by hand (RFC 6544)."""

import pytest

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice import Agent, FailureReason, IceSettings, IceState, PairState
from rtcpeer.ice.candidate import TcpType, tcp_host_candidate
from rtcpeer.ice.events import ConnectionUnneeded, LocalCandidateDiscovered, RemoteCandidateDiscovered
from rtcpeer.stun import AttributeType, ErrorCode, MessageClass, StunMessage, short_term_key
from tests.unit.ice.network import host
from tests.unit.ice.peer import PARAMETERS, Peer

ACTIVE = TransportAddress("192.0.2.1", 9, "tcp")
OUR_END = TransportAddress("192.0.2.1", 50123)  # STUN does not say of which protocol
PASSIVE = TransportAddress("192.0.2.1", 5001, "tcp")
THEIR_PORT = TransportAddress("192.0.2.2", 6001, "tcp")
THEIR_END = TransportAddress("192.0.2.2", 60123, "tcp")
UDP = TransportAddress("192.0.2.1", 5000)
THEIR_UDP = TransportAddress("192.0.2.2", 5000)


class TcpPeer(Peer):
    """One whose only path to the agent is a connection from or to ``local``."""

    def __init__(self, local: TransportAddress, *, has_udp: bool = False, **options) -> None:
        super().__init__(**options)
        settings = options.get("settings") or IceSettings()
        self.agent = Agent(settings, is_controlling=not self.is_controlling, entropy=self.random.randbytes)
        self.local = local
        self.remote = THEIR_PORT if local is ACTIVE else THEIR_END
        if has_udp:
            self.agent.add_local_candidate(host(UDP.host, UDP.port))
        tcp_type = TcpType.ACTIVE if local is ACTIVE else TcpType.PASSIVE
        self.agent.add_local_candidate(tcp_host_candidate(local, 0, tcp_type))
        self.agent.set_remote_parameters(PARAMETERS)
        if local is ACTIVE:
            self.agent.add_remote_candidate(tcp_host_candidate(THEIR_PORT, 0, TcpType.PASSIVE))
        else:
            self.agent.add_remote_candidate(tcp_host_candidate(THEIR_END._replace(port=9), 0, TcpType.ACTIVE))

    def send(self, message, source=None, key="", to=None) -> None:
        super().send(message, source or self.remote, key, to or self.local)

    def answer(self, request, to=None, *, mapped=OUR_END, source=None, key="") -> None:
        response = request.success_response()
        response.add_address(AttributeType.XOR_MAPPED_ADDRESS, mapped)
        data = response.serialize(short_term_key(key or PARAMETERS.password), fingerprint=True)
        local = UDP if to == THEIR_UDP else self.local
        self.agent.receive(Datagrams(local, to or self.remote, [data]), self.now)

    def checks(self) -> list[StunMessage]:
        return [message for _, message in self.pull() if message.message_class is MessageClass.REQUEST]

    def connect(self) -> "TcpPeer":
        """Let the pair become the selected one."""
        if self.local is not ACTIVE:
            self.send(self.request(nominate=self.is_controlling))
        for _ in range(3):
            self.answer_all()
            if self.is_controlling:
                self.send(self.request(nominate=True))
            self.advance(1.0)
        assert self.agent.selected_pair is self.pair()
        self.agent.poll_events()
        return self

    def lose(self, detail: str = "the peer has hung up") -> None:
        self.agent.connection_lost((self.local, self.remote), self.now, detail)

    def events_of(self, kind: type) -> list:
        return [event for event in self.agent.poll_events() if isinstance(event, kind)]

    def pair(self, remote=None):
        return self.agent.pair(self.local, remote or self.remote)


def test_a_check_is_sent_once_and_waited_for_ti():
    peer = TcpPeer(ACTIVE)
    (check,) = peer.checks()
    assert check.uint32(AttributeType.PRIORITY) >> 24 == 83
    for _ in range(39):
        peer.advance(1.0)
        assert peer.checks() == []
    assert peer.pair().state is PairState.IN_PROGRESS
    peer.advance(0.5)
    assert peer.pair().failure.reason is FailureReason.NO_ANSWER
    assert peer.events_of(ConnectionUnneeded) == [ConnectionUnneeded((ACTIVE, THEIR_PORT))]


def test_an_answer_at_the_end_of_ti_counts():
    peer = TcpPeer(ACTIVE)
    (check,) = peer.checks()
    peer.now += 39.4
    peer.answer(check)
    assert peer.pair().is_valid


def test_the_peers_check_does_not_make_us_repeat_ours():
    peer = TcpPeer(ACTIVE)
    assert len(peer.checks()) == 1
    peer.send(peer.request())
    peer.advance(1.0)
    assert peer.checks() == []


def test_our_end_of_a_connection_is_a_peer_reflexive_candidate():
    peer = TcpPeer(ACTIVE)
    (check,) = peer.checks()
    peer.answer(check)
    (event,) = peer.events_of(LocalCandidateDiscovered)
    learned = event.candidate
    assert (learned.protocol, learned.tcp_type, learned.port) == ("tcp", TcpType.ACTIVE, 50123)
    assert learned.priority >> 24 == 83
    assert learned.base == ACTIVE


def test_who_connects_to_us_is_peer_reflexive_and_checked_over_its_connection():
    peer = TcpPeer(PASSIVE)
    assert peer.checks() == []  # RFC 6544 section 6.2: no pair has a passive local candidate
    assert not peer.agent.knows_path((PASSIVE, THEIR_END))
    peer.send(peer.request())
    assert peer.agent.knows_path((PASSIVE, THEIR_END))
    (event,) = peer.events_of(RemoteCandidateDiscovered)
    assert (event.candidate.protocol, event.candidate.tcp_type) == ("tcp", TcpType.ACTIVE)
    assert len(peer.checks()) == 1


@pytest.mark.parametrize("ufrag", [None, "strange"])
def test_a_stranger_is_not_known(ufrag):
    peer = TcpPeer(PASSIVE)
    peer.send(peer.request(ufrag=ufrag))
    assert not peer.agent.knows_path((PASSIVE, THEIR_END))


def test_who_comes_before_the_description_is_known():
    peer = TcpPeer(PASSIVE)
    peer.agent = Agent(IceSettings(), is_controlling=False, entropy=peer.random.randbytes)
    peer.agent.add_local_candidate(tcp_host_candidate(PASSIVE, 0, TcpType.PASSIVE))
    peer.send(peer.request())
    assert peer.agent.knows_path((PASSIVE, THEIR_END))
    peer.agent.set_remote_parameters(PARAMETERS)
    peer.advance(0)
    assert len(peer.checks()) == 1


def test_a_connection_that_is_refused_fails_its_pair_at_once():
    peer = TcpPeer(ACTIVE)
    peer.checks()
    peer.lose("Connection refused")
    assert peer.pair().failure == (FailureReason.NO_CONNECTION, None, "Connection refused")
    peer.lose("again")  # harmless
    peer.advance(1.0)
    assert peer.checks() == []


@pytest.mark.parametrize("is_controlling", [True, False])
def test_a_broken_connection_is_opened_again_by_the_active_side(is_controlling):
    peer = TcpPeer(ACTIVE, is_controlling=is_controlling).connect()
    peer.lose()
    assert peer.agent.send_path() is None
    assert peer.agent.state is IceState.CHECKING
    assert len(peer.checks()) == 1
    peer.lose("refused")
    assert peer.pair().failure.detail == "refused"
    assert peer.checks() == []


def test_the_passive_side_waits_for_the_peer_to_come_again_but_not_for_ever():
    peer = TcpPeer(PASSIVE).connect()
    for _ in range(50):
        peer.advance(1.0)
        peer.answer_all()
    peer.lose()
    assert peer.agent.state is IceState.CHECKING
    for _ in range(39):
        peer.advance(1.0)
        assert peer.agent.state is IceState.CHECKING
        assert peer.checks() == []
    peer.advance(1.0)
    assert peer.agent.state is IceState.FAILED


def test_the_peer_comes_again_from_another_port():
    peer = TcpPeer(PASSIVE).connect()
    peer.lose()
    peer.remote = THEIR_END._replace(port=60124)
    peer.connect()
    assert peer.agent.send_path() == (PASSIVE, peer.remote)


def with_udp(local: TransportAddress) -> TcpPeer:
    """One whose UDP pair is selected while the TCP pair was being checked."""
    peer = TcpPeer(local, has_udp=True)
    peer.agent.add_remote_candidate(host(THEIR_UDP.host, THEIR_UDP.port))
    if local is PASSIVE:
        peer.send(peer.request())
    else:
        peer.pull()
        peer.advance(0.05)
        peer.pull()
        assert peer.pair().state is PairState.IN_PROGRESS
    for _ in range(3):
        peer.send(peer.request(nominate=True), THEIR_UDP, to=UDP)
        for remote, message in peer.pull():
            if message.message_class is MessageClass.REQUEST and remote == THEIR_UDP:
                peer.answer(message, remote, mapped=UDP)
    assert peer.agent.send_path() == (UDP, THEIR_UDP)
    return peer


@pytest.mark.parametrize("local", [ACTIVE, PASSIVE])
def test_once_a_pair_is_selected_other_connections_are_let_go(local):
    peer = with_udp(local)
    assert peer.pair().failure.reason is FailureReason.ABANDONED
    assert ConnectionUnneeded((local, peer.remote)) in peer.agent.poll_events()


def test_a_late_check_is_answered_and_not_returned():
    # Each would answer the other's check with one of its own for ever.
    peer = with_udp(PASSIVE)
    assert peer.ask(peer.remote).message_class is MessageClass.SUCCESS
    assert all(message.message_class is not MessageClass.REQUEST for _, message in peer.pull())
    assert peer.pair().state is PairState.FAILED


def test_a_late_connection_is_checked_once_and_let_go():
    peer = with_udp(PASSIVE)
    late = THEIR_END._replace(port=60999)
    peer.send(peer.request(), late)
    (check,) = peer.checks()
    peer.agent.poll_events()
    peer.answer(check, late)
    assert peer.pair(late).failure.reason is FailureReason.ABANDONED
    assert peer.events_of(ConnectionUnneeded) == [ConnectionUnneeded((PASSIVE, late))]


def test_the_peer_may_still_nominate_a_connection():
    peer = with_udp(PASSIVE)
    peer.advance(4.0)
    peer.send(peer.request(nominate=True))
    requests = [(to, message) for to, message in peer.pull() if message.message_class is MessageClass.REQUEST]
    (check,) = [message for to, message in requests if to == THEIR_END]
    peer.answer(check)
    assert peer.agent.send_path() == (PASSIVE, THEIR_END)


def test_a_spare_connection_that_ends_is_not_opened_again_until_the_path_is_in_doubt():
    peer = with_udp(ACTIVE)
    peer.lose()
    peer.advance(1.0)
    assert all(message.message_class is not MessageClass.REQUEST for to, message in peer.pull() if to == THEIR_PORT)
    for _ in range(20):
        peer.advance(0.5)
        if any(to == THEIR_PORT for to, _ in peer.pull()):
            return
    raise AssertionError("the connection was not asked for")


def test_a_role_conflict_leaves_the_connection_alone():
    peer = TcpPeer(ACTIVE, is_controlling=False)
    (check,) = peer.checks()
    refusal = check.error_response(ErrorCode.ROLE_CONFLICT)
    data = refusal.serialize(short_term_key(PARAMETERS.password), fingerprint=True)
    peer.agent.receive(Datagrams(ACTIVE, THEIR_PORT, [data]), peer.now)
    assert peer.events_of(ConnectionUnneeded) == []
    (again,) = peer.checks()
    assert AttributeType.ICE_CONTROLLED in again


def test_nomination_waits_for_udp_only_where_there_is_any():
    waits = {}
    for kinds in (("tcp4",), ("udp4", "tcp4")):
        peer = TcpPeer(ACTIVE, is_controlling=False, settings=IceSettings(network_types=kinds))
        (check,) = peer.checks()
        peer.answer(check)
        started = peer.now
        while peer.agent._sessions.newest.checking.selection.nominating is None:
            peer.advance(0.1)
        waits[kinds] = peer.now - started
    assert waits["tcp4",] < 0.2
    assert 0.95 < waits["udp4", "tcp4"] < 1.2
