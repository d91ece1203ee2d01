import random

import pytest

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.address_rewrite import AddressRewrite
from rtcpeer.ice.candidate import CandidateType
from rtcpeer.ice.events import FilterFailed
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.gathering import (
    BaseUse,
    BindFailed,
    CandidateGathered,
    Gatherer,
    GatheringCompleted,
    GatheringState,
    GatheringSufficient,
    ServerFailed,
)
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import StunMessage
from rtcpeer.turn import Credentials
from tests.unit.turn.server import Behaviour, FakeServer

BASE = TransportAddress("192.168.1.2", 5000)
OTHER = TransportAddress("192.168.1.3", 5001)
SIX = TransportAddress("2001:db8::2", 5002)
SERVER = ServerUrl.parse("stun:stun.example.org")
ADDRESS = TransportAddress("203.0.113.1", 3478)
PUBLIC = TransportAddress("198.51.100.7", 6000)


def gatherer(*bases, servers=((SERVER, [ADDRESS]),), **settings):
    core = Gatherer(IceSettings(**settings), random.Random(1).randbytes)
    core.start()
    for preference, base in enumerate(bases or [BASE]):
        core.add_base(base, preference)
    core.end_of_bases()
    for server, addresses in servers:
        core.add_server(server, addresses)
    core.end_of_servers()
    return core


def questions(core, now=0.0):
    return core.packets_to_send(now)


def respond(core, question, mapped=PUBLIC, remote=None, local=None, error=None, extra=()):
    request = StunMessage.parse(question.payloads[0])
    answer = request.success_response() if error is None else request.error_response(error)
    if error is None and mapped is not None:
        answer.add_address(AttributeType.XOR_MAPPED_ADDRESS, mapped)
    for attribute in extra:
        answer.add(attribute, bytes(8))
    packet = Datagrams(local or question.local, remote or question.remote, [answer.serialize(fingerprint=True)])
    core.receive(packet, 0.1)


def run(core, until, step=0.01):
    """Let time pass without an answer; the moment of each event."""
    events, now = [], 0.0
    while now < until:
        core.packets_to_send(now)
        core.handle_timeout(now)
        events += [(round(now, 2), event) for event in core.poll_events()]
        now += step
    return events


def test_host_and_reflexive_candidates_then_the_end():
    core = gatherer()
    (question,) = questions(core)
    assert (question.local, question.remote) == (BASE, ADDRESS)
    respond(core, question)
    events = core.poll_events()
    host, reflexive = (event.candidate for event in events if isinstance(event, CandidateGathered))
    assert (host.type, host.address, host.port, host.related_address) == (CandidateType.HOST, BASE.host, 5000, None)
    assert (reflexive.type, reflexive.address, reflexive.port) == (CandidateType.SERVER_REFLEXIVE, PUBLIC.host, 6000)
    assert (reflexive.related_address, reflexive.related_port, reflexive.base) == (BASE.host, 5000, BASE)
    assert reflexive.url == SERVER.url
    assert host.priority > reflexive.priority
    assert host.foundation != reflexive.foundation
    assert events[-2:] == [GatheringSufficient(), GatheringCompleted()]
    assert core.state is GatheringState.COMPLETE
    assert core.next_timeout() is None


def test_what_equals_the_base_is_redundant():
    core = gatherer()
    respond(core, questions(core)[0], mapped=BASE)
    assert [one.type for one in core.candidates] == [CandidateType.HOST]
    assert core.state is GatheringState.COMPLETE


def test_without_servers_it_is_complete_at_once():
    core = gatherer(servers=())
    assert core.poll_events()[-1] == GatheringCompleted()


def test_a_dead_server_costs_only_itself_and_fails_once():
    dead = ServerUrl.parse("stun:dead.example.org")
    core = gatherer(BASE, OTHER, servers=[(dead, [TransportAddress("203.0.113.9", 3478)]), (SERVER, [ADDRESS])])
    asked = [packet for moment in (0.0, 0.01, 0.02, 0.03) for packet in questions(core, moment)]
    assert len(asked) == 4
    for packet in asked:
        if packet.remote == ADDRESS:
            respond(core, packet, TransportAddress(PUBLIC.host, packet.local.port))
    assert len(core.candidates) == 4
    events = run(core, 6)
    failures = [(moment, event) for moment, event in events if isinstance(event, ServerFailed)]
    assert [(event.url, event.error_code) for _, event in failures] == [(dead.url, 701)]
    sufficient = next(moment for moment, event in events if event == GatheringSufficient())
    assert sufficient == pytest.approx(0.3, abs=0.02)
    assert events[-1][1] == GatheringCompleted()
    assert events[-1][0] <= 5.05


def test_bulk_waits_longer_while_no_server_has_answered():
    events = run(gatherer(), 6)
    assert next(moment for moment, event in events if event == GatheringSufficient()) == pytest.approx(1.5, abs=0.02)


def test_the_cap_ends_gathering():
    events = run(gatherer(gathering_timeout=2.0), 3)
    assert [type(event) for _, event in events[-2:]] == [ServerFailed, GatheringCompleted]
    assert events[-1][0] == pytest.approx(2.0, abs=0.02)


def test_an_error_is_told_with_its_code():
    core = gatherer()
    respond(core, questions(core)[0], error=400)
    failure = next(event for event in core.poll_events() if isinstance(event, ServerFailed))
    assert (failure.url, failure.error_code, failure.base) == (SERVER.url, 400, BASE)
    assert core.state is GatheringState.COMPLETE


def test_a_server_that_answered_from_one_base_does_not_fail_from_another():
    core = gatherer(BASE, OTHER)
    first, second = questions(core) + questions(core, 0.01)
    respond(core, first)
    respond(core, second, error=500)
    assert not any(isinstance(event, ServerFailed) for event in core.poll_events())
    core = gatherer()
    respond(core, questions(core)[0])
    assert not any(isinstance(event, ServerFailed) for event in core.poll_events())


def test_answers_from_elsewhere_or_to_nothing_are_dropped():
    core = gatherer()
    (question,) = questions(core)
    respond(core, question, remote=TransportAddress("203.0.113.66", 3478))
    respond(core, question, local=OTHER)
    request = StunMessage.request(1, random.Random(5).randbytes)
    core.receive(Datagrams(BASE, ADDRESS, [request.success_response().serialize(), b"\x01\x01garbage"]), 0.1)
    assert core.dropped_responses == 4
    assert len(core.candidates) == 1
    respond(core, question)
    assert len(core.candidates) == 2


def test_an_answer_without_an_address_fails_and_old_attributes_are_ignored():
    core = gatherer()
    respond(core, questions(core)[0], mapped=None)
    assert any(isinstance(event, ServerFailed) for event in core.poll_events())
    core = gatherer()
    respond(core, questions(core)[0], extra=(0x0004, 0x0005))  # SOURCE-ADDRESS and CHANGED-ADDRESS of RFC 3489
    assert len(core.candidates) == 2
    core = gatherer()
    respond(core, questions(core)[0], extra=(0x0033,))  # required, and of nobody
    assert len(core.candidates) == 1


def test_families_do_not_mix_and_a_server_without_a_common_one_fails():
    core = gatherer(BASE, SIX, servers=[(SERVER, [ADDRESS, TransportAddress("2001:db8::9", 3478)])])
    asked = questions(core) + questions(core, 0.01)
    assert {(":" in packet.local.host, ":" in packet.remote.host) for packet in asked} == {(False, False), (True, True)}
    core = gatherer(BASE, servers=[(SERVER, [TransportAddress("2001:db8::9", 3478)])])
    failures = [event for event in core.poll_events() if isinstance(event, ServerFailed)]
    assert [event.url for event in failures] == [SERVER.url]
    assert core.state is GatheringState.COMPLETE


def test_a_failing_bind_and_a_failing_filter_are_events():
    def fail(candidate):
        raise ZeroDivisionError

    core = gatherer(candidate_filter=fail)
    core.fail_base("192.168.1.9", "the port is taken")
    failure, bind = core.poll_events()
    assert isinstance(failure, FilterFailed)
    assert isinstance(failure.error, ZeroDivisionError)
    assert bind == BindFailed("192.168.1.9", "the port is taken")
    assert core.candidates == []


@pytest.mark.parametrize("policy", ["relay", "nohost"])
def test_policies(policy):
    core = gatherer(transport_policy=policy)
    for question in questions(core):
        respond(core, question)
    assert [one.type for one in core.candidates] == ([CandidateType.SERVER_REFLEXIVE] if policy == "nohost" else [])
    assert core.state is GatheringState.COMPLETE


def test_while_bases_are_missing_the_deadline_is_never_in_the_past():
    core = Gatherer(IceSettings(), random.Random(1).randbytes)
    core.start()
    core.packets_to_send(0.0)
    core.handle_timeout(2.0)
    assert core.next_timeout() == 5.0


class TestTurn:
    """Gathering with a TURN server that answers at once."""

    TURN = ServerUrl.parse("turn:turn.example.org", Credentials("ada", "lovelace"))
    TLS = ServerUrl.parse("turns:turn.example.org", Credentials("ada", "lovelace"))

    @staticmethod
    def exchange(core, server, now=0.0, mapped=PUBLIC):
        """Packets and answers, the server behind a NAT of ours, until nobody has more to say."""
        events = []
        for _ in range(20):
            for run in core.relays.packets_to_send(now):
                for payload in run.payloads:
                    for answer in server.receive(mapped, payload, now):
                        core.relays.receive(Datagrams(run.local, run.remote, [answer]), now)
            events += core.poll_events()
            now += 0.01
        return events

    def test_an_allocation_gives_a_relay_and_a_reflexive_candidate(self):
        core = gatherer(servers=[(self.TURN, [ADDRESS])])
        events = self.exchange(core, FakeServer(Behaviour(has_ipv6=False)))
        host, reflexive, relay = core.candidates
        assert [one.type.value for one in (host, reflexive, relay)] == ["host", "srflx", "relay"]
        assert (reflexive.transport_address, reflexive.base) == (PUBLIC, BASE)
        assert relay.base == relay.transport_address
        assert (relay.related_address, relay.related_port) == PUBLIC[:2]
        assert (relay.url, relay.relay_protocol) == (self.TURN.url, "udp")
        assert host.priority > reflexive.priority > relay.priority
        assert events[-2:] == [GatheringSufficient(), GatheringCompleted()]

    def test_where_the_outside_address_is_known_no_server_is_believed(self):
        rule = AddressRewrite("198.51.100.99", candidate_type="srflx", mode="replace")
        core = gatherer(servers=[(self.TURN, [ADDRESS]), (SERVER, [ADDRESS])], address_rewrites=[rule])
        assert not core.is_asking
        self.exchange(core, FakeServer(Behaviour(has_ipv6=False)))
        assert [(one.type.value, one.address) for one in core.candidates[:2]] == [
            ("host", BASE.host), ("srflx", "198.51.100.99")
        ]  # fmt: skip
        assert [one.type.value for one in core.candidates[2:]] == ["relay"]
        assert core.state is GatheringState.COMPLETE

    def test_a_base_for_relays_is_nothing_else_and_one_for_the_rest_allocates_nothing(self):
        core = Gatherer(IceSettings(), random.Random(1).randbytes)
        core.start()
        core.add_base(BASE, 0, BaseUse.DIRECT)
        core.add_base(OTHER, 0, BaseUse.RELAYS)
        core.end_of_bases()
        core.add_server(self.TURN, [ADDRESS])
        core.add_server(SERVER, [ADDRESS])
        core.end_of_servers()
        assert [packet.local for packet in core.packets_to_send(0.0)] == [BASE]
        self.exchange(core, FakeServer(Behaviour(has_ipv6=False)))
        assert [(one.type.value, one.base == BASE) for one in core.candidates] == [("host", True), ("relay", False)]
        assert [relay.local for relay in core.relays._relays] == [OTHER]

    def test_under_the_relay_policy_there_is_nothing_else_to_see(self):
        core = gatherer(servers=[(self.TURN, [ADDRESS]), (SERVER, [ADDRESS])], transport_policy="relay")
        assert not core.is_asking
        self.exchange(core, FakeServer())
        assert [one.type for one in core.candidates] == [CandidateType.RELAYED] * 2
        assert {(one.related_address, one.related_port) for one in core.candidates} == {("0.0.0.0", 9)}
        assert len({one.priority for one in core.candidates}) == len({one.foundation for one in core.candidates}) == 2

    def test_gathering_waits_for_the_allocation_and_not_for_ever(self):
        core = gatherer(servers=[(self.TURN, [ADDRESS])], gathering_timeout=2.0)
        core.packets_to_send(0.0)
        assert self.exchange(core, FakeServer(Behaviour(is_silent=True)))[-1] != GatheringCompleted()
        core.handle_timeout(2.0)
        events = core.poll_events()
        assert [type(one) for one in events] == [ServerFailed, GatheringSufficient, GatheringCompleted]
        assert (events[0].url, events[0].error_code) == (self.TURN.url, 701)

    def test_one_error_for_one_server_however_many_bases_asked(self):
        core = gatherer(BASE, OTHER, servers=[(self.TURN, [ADDRESS])])
        server = FakeServer(Behaviour(users={}))
        failures = [one for one in self.exchange(core, server) if isinstance(one, ServerFailed)]
        assert [(one.url, one.error_code) for one in failures] == [(self.TURN.url, 401)]

    def test_a_url_that_is_there_twice_or_in_two_spellings_fails_once(self):
        other = ServerUrl.parse("turn:turn.example.org:3478?transport=udp", self.TURN.credentials)
        core = gatherer(servers=[(server, [ADDRESS]) for server in (self.TURN, self.TURN, other)])
        events = self.exchange(core, FakeServer(Behaviour(users={})))
        failures = [one for one in events if isinstance(one, ServerFailed)]
        assert [(one.url, one.error_code) for one in failures] == [(self.TURN.url, 401)]
        assert core.is_complete

    def test_a_server_of_another_family_is_out_of_reach(self):
        core = gatherer(servers=[(self.TURN, [TransportAddress("2001:db8::1", 3478)])], transport_policy="relay")
        failure = next(one for one in core.poll_events() if isinstance(one, ServerFailed))
        assert "no address of a family" in failure.error_text

    def test_a_stream_is_asked_once_it_is_there(self):
        core = Gatherer(IceSettings(), random.Random(1).randbytes)
        core.start()
        core.add_base(BASE, 0)
        core.end_of_bases()
        core.add_server(self.TLS, [ADDRESS])
        assert not core.relays.packets_to_send(0.0)
        local, remote = TransportAddress(BASE.host, 6000, "tcp"), ADDRESS._replace(protocol="tcp")
        assert core.add_stream(self.TLS, local, remote)
        core.end_of_servers()
        self.exchange(core, FakeServer(Behaviour(has_ipv6=False)))
        host, relay = core.candidates  # where a stream comes from is nobody's way in
        assert (host.type, relay.type) == (CandidateType.HOST, CandidateType.RELAYED)
        assert relay.relay_protocol == "tls"
        assert core.state is GatheringState.COMPLETE
        assert not core.add_stream(self.TLS, local, remote)


@pytest.mark.parametrize("start", [random.Random(seed).uniform(0, 1e5) for seed in range(50)])
def test_what_next_timeout_says_is_due_then(start):
    """The moments are sums, and a difference of the same numbers may be rounded to less."""
    core = gatherer(bulk_patience=0.3)
    core.packets_to_send(start)
    for _ in range(20):
        deadline = core.next_timeout()
        if deadline is None:
            break
        core.handle_timeout(deadline)
        core.packets_to_send(deadline)
        core.poll_events()
        assert core.next_timeout() != deadline
    assert core.state is GatheringState.COMPLETE


def test_a_server_that_can_not_be_sent_to_is_given_up_at_once():
    relay = ServerUrl.parse("turn:turn.example.org", Credentials("ada", "lovelace"))
    elsewhere = TransportAddress("203.0.113.9", 3478)
    core = gatherer(BASE, OTHER, servers=((SERVER, [ADDRESS]), (relay, [elsewhere])))
    questions(core)
    core.relays.packets_to_send(0.0)
    core.poll_events()
    core.note_unroutable(BASE, ADDRESS, "no route")
    core.note_unroutable(BASE, elsewhere, "no route")
    core.note_unroutable(OTHER, TransportAddress("203.0.113.77", 1), "nobody asked there")
    assert core.poll_events() == []  # there is another base
    core.note_unroutable(OTHER, ADDRESS, "no route")
    core.note_unroutable(OTHER, elsewhere, "no route")
    failures = [event for event in core.poll_events() if isinstance(event, ServerFailed)]
    assert [(failure.url, failure.error_code, failure.base) for failure in failures] == [
        (SERVER.url, 701, BASE),
        (relay.url, 701, BASE),
    ]
    assert "can not be reached at 203.0.113.1:3478: no route" in failures[0].error_text
    assert core.state is GatheringState.COMPLETE


def test_continual_gathering_rests_instead_of_ending_and_asks_from_each_base_that_comes():
    core = gatherer(gathering_policy="continually")
    respond(core, *questions(core))
    events = core.poll_events()
    assert isinstance(events[-1], GatheringSufficient)
    assert core.state is GatheringState.GATHERING
    assert core.is_sufficient
    assert core.next_timeout() is None
    assert run(core, 20) == []
    core.add_base(OTHER, 1)
    core.end_of_bases()
    (question,) = core.packets_to_send(100.0)
    assert (question.local, question.remote) == (OTHER, ADDRESS)
    assert core.next_timeout() is not None
    respond(core, question, PUBLIC._replace(port=7000))
    found = [event.candidate.transport_address for event in core.poll_events()]
    assert found == [OTHER, PUBLIC._replace(port=7000)]
    assert core.next_timeout() is None


def test_a_server_that_does_not_answer_in_a_later_round_costs_that_round_only():
    core = gatherer(gathering_policy="continually")
    respond(core, *questions(core))
    core.add_base(OTHER, 1)
    core.end_of_bases()
    core.poll_events()
    failures = [(moment, event.base) for moment, event in run(core, 20) if isinstance(event, ServerFailed)]
    assert failures == []  # it has answered before, so that nobody is told
    assert core.next_timeout() is None
    assert core.state is GatheringState.GATHERING


def test_what_a_base_gave_goes_with_it():
    core = gatherer(BASE, OTHER)
    for question in questions(core) + questions(core, 0.1):
        respond(core, question, PUBLIC._replace(port=question.local.port + 1000))
    assert len(core.candidates) == 4
    core.drop_bases([BASE])
    assert [candidate.base for candidate in core.candidates] == [OTHER, OTHER]
    assert core.bases == [OTHER]
    assert core.places == {OTHER}
