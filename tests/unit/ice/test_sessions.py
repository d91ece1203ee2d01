import random
from dataclasses import replace

from rtcpeer.core import TransportAddress
from rtcpeer.ice import IceParameters, IceSettings
from rtcpeer.ice.responder import PeerCheck
from rtcpeer.ice.role import Role
from rtcpeer.ice.session import Session
from rtcpeer.ice.sessions import Sessions
from rtcpeer.stun import Method, StunMessage
from tests.unit.ice.network import host

LOCAL = TransportAddress("192.0.2.1", 5000)
THEIRS = [IceParameters(f"peer{number}", "the password of the peer") for number in range(30)]


class Fixture:
    """Sessions named by number, without an agent; `works` and `select` play what checks would find."""

    def __init__(self, **settings) -> None:
        self.random = random.Random(1)
        self.settings = IceSettings(**settings)
        self.role = Role(True, self.random.randbytes)
        self.retired: list[str] = []
        self.events: list[object] = []
        self.count = 0
        self.all = Sessions(
            self.session(),
            self.settings.max_remote_candidates,
            lambda session: self.retired.append(session.generation.local.username_fragment),
        )

    def session(self) -> Session:
        parameters = IceParameters(f"our{self.count}", "a password of ours, long enough")
        self.count += 1
        made = Session(parameters, self.role, self.settings, self.random.randbytes, self.events.append)
        made.generation.add_local(host(LOCAL.host))
        return made

    def begin(self) -> Session:
        made = self.session()
        self.all.begin(made)
        return made

    def agree(self, number: int) -> Session:
        self.all.agree(THEIRS[number])
        return self.all.newest

    def names(self) -> list[str]:
        return [session.generation.local.username_fragment for session in self.all]


def works(session: Session, now: float = 1.0, port: int = 6000) -> None:
    """A pair becomes valid."""
    session.wake(0.0, now)
    address = TransportAddress("192.0.2.2", port)
    message = StunMessage.request(Method.BINDING, random.Random(2).randbytes)
    remote = session.generation.remote
    assert remote is not None
    session.checking.peer_check(PeerCheck((LOCAL, address), message, remote.username_fragment, 99, False), now)
    pair = session.generation.checklist.find((LOCAL, address))
    assert pair is not None
    pair.state = type(pair.state).SUCCEEDED
    pair.last_response_at = now
    session.checking.adopt_role()


def select(session: Session, now: float = 1.0, port: int = 6000) -> None:
    works(session, now, port)
    pair = next(session.generation.checklist.valid_pairs)
    session.checking.selection.select(pair)
    session.checking.adopt_role()


def candidate(number: int | None, port: int = 7000):
    fragment = None if number is None else THEIRS[number].username_fragment
    return replace(host("192.0.2.9", port), username_fragment=fragment)


def test_a_restart_that_was_never_agreed_on_makes_room_for_the_next():
    fixture = Fixture()
    fixture.agree(0)
    for _ in range(5):
        fixture.begin()
        assert len(list(fixture.all)) == 2
    assert fixture.names() == ["our0", "our5"]
    assert fixture.retired == ["our1", "our2", "our3", "our4"]
    assert fixture.all.agreed is next(iter(fixture.all))
    assert len(fixture.all.checkings) == 2


def test_a_restart_before_anything_was_agreed_on_replaces_the_first_and_keeps_what_waits():
    fixture = Fixture()
    fixture.all.add_remote(candidate(0))
    fixture.begin()
    assert fixture.names() == ["our1"]
    fixture.agree(0)
    assert fixture.all.newest.generation.remote_candidates == [candidate(0)]


def test_roll_back_returns_to_what_was_agreed_on_and_no_further():
    fixture = Fixture()
    assert not fixture.all.roll_back()
    fixture.agree(0)
    fixture.begin()
    assert fixture.all.roll_back()
    assert fixture.names() == ["our0"]
    assert not fixture.all.roll_back()
    fixture.begin()
    fixture.agree(1)
    assert not fixture.all.roll_back()


def test_with_agreement_only_the_session_that_carries_data_stays_beside_the_new_one():
    fixture = Fixture()
    select(fixture.agree(0))
    fixture.begin()
    fixture.agree(1)
    fixture.begin()
    assert fixture.names() == ["our0", "our1", "our2"]
    fixture.agree(2)
    assert fixture.names() == ["our0", "our2"]
    assert fixture.retired == ["our1"]


def test_a_session_without_a_path_goes_when_another_is_agreed_on():
    fixture = Fixture()
    fixture.agree(0)
    fixture.begin()
    fixture.agree(1)
    assert fixture.names() == ["our1"]


def test_data_stays_where_it_is_until_a_newer_session_has_selected_a_pair():
    fixture = Fixture()
    assert fixture.all.carrier is None
    old = fixture.agree(0)
    works(old)
    assert fixture.all.carrier is old
    new = fixture.begin()
    fixture.agree(1)
    works(new)
    assert fixture.all.carrier is old
    select(new)
    assert fixture.all.carrier is new
    assert fixture.all.selected_pair is new.checking.selection.selected


def test_a_silent_path_is_left_for_one_that_works():
    fixture = Fixture()
    old = fixture.agree(0)
    select(old)
    new = fixture.begin()
    fixture.agree(1)
    old.is_silent = True
    assert fixture.all.carrier is old
    works(new)
    assert fixture.all.carrier is new
    new.is_silent = True
    assert fixture.all.carrier is old


def test_what_was_superseded_answers_for_three_seconds_after_it_was_heard_last():
    fixture = Fixture(consent_timeout=10)
    old = fixture.agree(0)
    select(old)
    new = fixture.begin()
    fixture.agree(1)
    select(new, now=2.0)
    fixture.all.settle(2.0)
    assert fixture.all.running == [new]
    assert old.freed_at == old.next_timeout() == 5.0
    pair = next(iter(old.generation.checklist))
    pair.last_received_at = 4.0
    fixture.all.settle(5.0)
    assert fixture.names() == ["our0", "our1"]
    assert old.freed_at == 7.0
    pair.last_received_at = 11.0
    assert old.freed_at == 12.0  # consent_timeout after it was superseded at the latest
    fixture.all.settle(12.0)
    assert fixture.names() == ["our1"]


def test_candidates_go_to_the_generation_that_they_name():
    fixture = Fixture()
    old = fixture.agree(0)
    select(old)
    new = fixture.begin()
    fixture.agree(1)
    for number, port in ((0, 7000), (1, 7001), (None, 7002)):
        fixture.all.add_remote(candidate(number, port))
    assert candidate(0, 7000) in old.generation.remote_candidates
    assert new.generation.remote_candidates == [candidate(1, 7001), candidate(None, 7002)]
    fixture.all.end_remote(THEIRS[0].username_fragment)
    assert (old.generation.remote_ended, new.generation.remote_ended) == (True, False)
    fixture.all.end_remote(None)
    assert new.generation.remote_ended


def test_while_a_restart_is_offered_candidates_without_a_name_are_of_what_was_agreed_on():
    fixture = Fixture()
    agreed = fixture.agree(0)
    fixture.begin()
    fixture.all.add_remote(candidate(None))
    assert agreed.generation.remote_candidates == [candidate(None)]


def test_candidates_and_their_end_may_come_before_their_description():
    fixture = Fixture(max_remote_candidates=3)
    fixture.agree(0)
    for port in range(5):
        fixture.all.add_remote(candidate(1, 7000 + port))
        fixture.all.add_remote(candidate(1, 7000))  # again, which counts once
    fixture.all.end_remote(THEIRS[1].username_fragment)
    assert fixture.all.newest.generation.candidates_refused == 2
    new = fixture.begin()
    fixture.agree(1)
    assert new.generation.remote_candidates == [candidate(1, 7000 + port) for port in range(3)]
    assert new.generation.remote_ended


def test_candidates_of_a_retired_generation_are_dropped():
    fixture = Fixture()
    fixture.agree(0)
    for number in range(1, 25):
        fixture.begin()
        fixture.agree(number)
    fixture.all.add_remote(candidate(23))
    fixture.all.end_remote(THEIRS[23].username_fragment)
    assert fixture.all.newest.generation.candidates_refused == 1
    assert fixture.all.newest.generation.remote_candidates == []
    assert not fixture.all.newest.generation.remote_ended


def test_the_same_peer_may_be_agreed_on_twice():
    """One that does not change its credentials when we do."""
    fixture = Fixture()
    old = fixture.agree(0)
    select(old)
    new = fixture.begin()
    fixture.agree(0)
    fixture.all.add_remote(candidate(0))
    assert new.generation.remote_candidates == [candidate(0)]
    select(new, now=2.0)
    fixture.all.settle(2.0)
    fixture.all.settle(9.0)
    fixture.all.add_remote(candidate(0, 7001))  # it is no stranger although a session with its name was retired
    assert len(new.generation.remote_candidates) == 3
