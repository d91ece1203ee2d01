import random

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice import Candidate, IceEvent, IceParameters, IceSettings, RemoteCandidateDiscovered, RoleChanged
from rtcpeer.ice.checking import Checking
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.intake import Intake
from rtcpeer.ice.role import Role
from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage, short_term_key
from tests.unit.ice.network import host

OURS = IceParameters("ours", "our password of 24 bytes")
THEIRS = IceParameters("peer", "the password of the peer")
LOCAL = TransportAddress("192.0.2.1", 5000)


class Fixture:
    """An intake with what stands behind it, and no agent."""

    def __init__(self, *, introduced: bool = True, **settings) -> None:
        self.random = random.Random(1)
        self.role = Role(False, self.random.randbytes)
        chosen = IceSettings(**settings)
        self.generation = Generation(OURS, self.role, chosen)
        self.generation.add_local(host(LOCAL.host))
        if introduced:
            self.generation.set_remote(THEIRS)
        self.events: list[IceEvent] = []
        self.checking = Checking(self.generation, self.role, chosen, self.random.randbytes, self.events.append)
        self.checking.begin(0.0)
        self.checkings = [self.checking]
        self.intake = Intake(self.checkings, self.role, chosen, lambda host: True)

    def request(
        self,
        *,
        nominate: bool = False,
        role: AttributeType = AttributeType.ICE_CONTROLLING,
        username: str = "ours:peer",
        password: str = OURS.password,
    ) -> bytes:
        message = StunMessage.request(Method.BINDING, self.random.randbytes)
        message.add_text(AttributeType.USERNAME, username)
        message.add_uint32(AttributeType.PRIORITY, 99)
        message.add_uint64(role, 1)
        if nominate:
            message.add(AttributeType.USE_CANDIDATE)
        return message.serialize(short_term_key(password), fingerprint=True)

    def restart(self, local: IceParameters, remote: IceParameters | None) -> Checking:
        """Another generation beside the first."""
        settings = IceSettings()
        generation = Generation(local, self.role, settings)
        generation.add_local(host(LOCAL.host))
        if remote is not None:
            generation.set_remote(remote)
        checking = Checking(generation, self.role, settings, self.random.randbytes, self.events.append)
        checking.begin(0.0)
        self.checkings.append(checking)
        return checking

    def take(self, payload: bytes, port: int = 6000, now: float = 1.0) -> None:
        self.intake.take(payload, (LOCAL, TransportAddress("192.0.2.2", port)), now)

    def answers(self) -> list[StunMessage]:
        taken = [StunMessage.parse(payload) for _, payload in self.intake.answers]
        self.intake.answers.clear()
        return taken


def test_a_check_is_answered_on_its_path_and_handed_on():
    fixture = Fixture()
    fixture.take(fixture.request())
    ((path, _),) = fixture.intake.answers
    assert path == (LOCAL, TransportAddress("192.0.2.2", 6000))
    (event,) = fixture.events
    assert isinstance(event, RemoteCandidateDiscovered)
    assert isinstance(event.candidate, Candidate)
    assert event.candidate.priority == 99


def test_what_is_broken_and_what_is_not_ours_is_counted():
    fixture = Fixture()
    fixture.take(b"\x00\x01")
    fixture.take(StunMessage.request(Method.ALLOCATE, fixture.random.randbytes).serialize())
    fixture.take(StunMessage.request(Method.BINDING, fixture.random.randbytes).serialize())
    assert (fixture.intake.malformed_packets, fixture.intake.ignored_packets, fixture.intake.requests_refused) == (
        1,
        1,
        1,
    )
    (refusal,) = fixture.answers()
    assert refusal.error[0] == 400
    assert fixture.events == []


def test_a_conflict_is_settled_before_anything_is_learned():
    fixture = Fixture()
    fixture.role.tie_breaker = 0
    fixture.take(fixture.request(role=AttributeType.ICE_CONTROLLED))
    (refusal,) = fixture.answers()
    assert refusal.error[0] == 487
    assert refusal.has_integrity
    assert fixture.events == []
    fixture.role.tie_breaker = 2
    fixture.take(fixture.request(role=AttributeType.ICE_CONTROLLED))
    (accepted,) = fixture.answers()
    assert accepted.message_class is MessageClass.SUCCESS
    assert fixture.events[0] == RoleChanged(True)


def test_an_indication_is_a_sign_of_life_and_no_more():
    fixture = Fixture()
    indication = StunMessage.indication(Method.BINDING, fixture.random.randbytes).serialize(fingerprint=True)
    fixture.take(indication)
    assert len(fixture.generation.checklist) == 0
    fixture.take(fixture.request())
    (pair,) = fixture.generation.checklist
    fixture.take(indication, now=7.0)
    assert pair.last_received_at == 7.0
    assert pair.last_response_at is None


def test_early_checks_wait_one_for_each_path_and_keep_their_nomination():
    fixture = Fixture(introduced=False, max_early_checks=3)
    for port in range(6000, 6050):
        fixture.take(fixture.request(), port)
    fixture.take(fixture.request(nominate=True), 6001)
    fixture.take(fixture.request(), 6001)
    early = fixture.generation.early_checks
    assert sorted(check.path[1].port for check in early) == [6000, 6001, 6002]
    assert [check.path[1].port for check in early if check.use_candidate] == [6001]
    assert len(fixture.answers()) == 52
    assert len(fixture.generation.checklist) == 0


@pytest.mark.parametrize("introduced", [True, False])
def test_a_flood_of_valid_requests_from_everywhere_is_kept_within_bounds(introduced):
    fixture = Fixture(introduced=introduced, max_remote_candidates=20, max_pairs=10, max_early_checks=5)
    for port in range(1, 2000):
        fixture.take(fixture.request(nominate=True), port)
    assert len(fixture.answers()) == 512
    assert len(fixture.generation.early_checks) == (0 if introduced else 5)
    assert len(fixture.generation.remote_candidates) == (20 if introduced else 0)
    assert len(fixture.generation.checklist) == (10 if introduced else 0)
    assert len(fixture.events) == (20 if introduced else 0)
    assert sum(1 for _ in fixture.checking.transmissions(1.0)) <= 10


def test_a_flood_of_requests_on_one_path_adds_no_checks():
    fixture = Fixture()
    for number in range(500):
        fixture.take(fixture.request(), now=1.0 + number / 1000)
        list(fixture.checking.transmissions(1.0 + number / 1000))
    assert len(fixture.checking._checks) == 1
    (pair,) = fixture.generation.checklist
    # Each answer of ours may bring one repetition, but none sooner than a check interval after the one before.
    assert pair.requests_sent <= 12


def test_a_flood_of_forged_requests_changes_nothing():
    fixture = Fixture()
    forged = bytearray(fixture.request())
    forged[-9] ^= 1  # in MESSAGE-INTEGRITY; the fingerprint is then wrong as well
    message = StunMessage.request(Method.BINDING, fixture.random.randbytes)
    message.add_text(AttributeType.USERNAME, "ours:peer")
    unsigned = message.serialize(short_term_key("a guess"), fingerprint=True)
    for port in range(1, 1000):
        fixture.take(bytes(forged), port)
        fixture.take(unsigned, port)
    assert (fixture.intake.malformed_packets, fixture.intake.requests_refused) == (999, 999)
    assert fixture.generation.remote_candidates == []
    assert fixture.events == []


def test_nothing_is_sent_after_clear():
    fixture = Fixture()
    fixture.take(fixture.request())
    fixture.intake.clear()
    assert fixture.answers() == []


NEXT = IceParameters("next", "our password after a restart")
THEIR_NEXT = IceParameters("peernext", "the peer's password after it")


def test_requests_go_to_the_generation_that_they_name():
    fixture = Fixture()
    newest = fixture.restart(NEXT, None)
    fixture.take(fixture.request(), 6000)
    fixture.take(fixture.request(username="next:peernext", password=NEXT.password), 6001)
    fixture.take(fixture.request(username="next:peernext"), 6002)  # with the password of the other
    assert [answer.error and answer.error[0] for answer in fixture.answers()] == [None, None, 401]
    assert len(fixture.generation.checklist) == 1
    assert [check.path[1].port for check in newest.generation.early_checks] == [6001]


def test_a_check_that_mixes_generations_is_refused():
    fixture = Fixture()
    fixture.restart(NEXT, THEIR_NEXT)
    fixture.take(fixture.request(username="ours:peernext"), 6000)
    fixture.take(fixture.request(username="next:peer", password=NEXT.password), 6001)
    for refusal in fixture.answers():
        assert refusal.error[0] == 401
        assert not refusal.has_integrity
    assert fixture.intake.requests_refused == 2
    assert fixture.events == []


def test_responses_go_to_the_generation_that_has_asked():
    fixture = Fixture()
    newest = fixture.restart(NEXT, THEIR_NEXT)
    fixture.take(fixture.request(), 6000)
    ((path, data),) = fixture.checking.transmissions(1.0)
    request = StunMessage.parse(data)
    response = request.success_response()
    response.add_address(AttributeType.XOR_MAPPED_ADDRESS, LOCAL)
    answer = response.serialize(short_term_key(THEIRS.password), fingerprint=True)
    fixture.take(answer, 6000)
    pair = fixture.generation.checklist.find(path)
    assert pair is not None
    assert pair.is_valid
    assert newest.path is None
    fixture.take(answer, 6000)
    assert fixture.intake.responses_unmatched == 1


def test_an_indication_is_a_sign_of_life_in_every_generation():
    fixture = Fixture()
    newest = fixture.restart(NEXT, THEIR_NEXT)
    fixture.take(fixture.request(), 6000)
    fixture.take(fixture.request(username="next:peernext", password=NEXT.password), 6000)
    fixture.take(StunMessage.indication(Method.BINDING, fixture.random.randbytes).serialize(fingerprint=True), now=7.0)
    for checking in (fixture.checking, newest):
        assert [pair.last_received_at for pair in checking.generation.checklist] == [7.0]
