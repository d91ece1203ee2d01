import random

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice import (
    FailureReason,
    IceEvent,
    IceParameters,
    IceSettings,
    LocalCandidateDiscovered,
    PairSelected,
    PairState,
    PairValidated,
    RoleChanged,
)
from rtcpeer.ice.checking import Checking
from rtcpeer.ice.generation import Generation
from rtcpeer.ice.responder import PeerCheck
from rtcpeer.ice.role import Role
from rtcpeer.stun import AttributeType, ErrorCode, MessageClass, StunMessage, short_term_key
from tests.unit.ice.network import host

OURS = IceParameters("ours", "our password of 24 bytes")
THEIRS = IceParameters("peer", "the password of the peer")
KEY = short_term_key(THEIRS.password)
LOCAL = TransportAddress("192.0.2.1", 5000)


def remote(port: int) -> TransportAddress:
    return TransportAddress("192.0.2.2", port)


class Fixture:
    """One generation whose remote candidates differ in their port; the lower the port the better."""

    def __init__(self, *ports: int, is_controlling: bool = True, **settings) -> None:
        self.random = random.Random(1)
        chosen = IceSettings(**settings)
        self.role = Role(is_controlling, self.random.randbytes)
        self.generation = Generation(OURS, self.role, chosen)
        self.generation.add_local(host(LOCAL.host))
        self.generation.set_remote(THEIRS)
        for port in ports:
            self.generation.add_remote(host("192.0.2.2", port, 60000 - port))
        self.events: list[IceEvent] = []
        self.checking = Checking(self.generation, self.role, chosen, self.random.randbytes, self.events.append)
        self.now = 10.0
        self.checking.begin(self.now)

    def pair(self, port: int):
        return self.generation.checklist.find((LOCAL, remote(port)))

    def sent(self) -> list[tuple[int, StunMessage]]:
        self.checking.advance(self.now)
        return [(path[1].port, StunMessage.parse(data)) for path, data in self.checking.transmissions(self.now)]

    def peer_checks(self, port: int, *, nominate: bool = False, ufrag: str = THEIRS.username_fragment) -> None:
        message = StunMessage(1, MessageClass.REQUEST, bytes(12))
        self.checking.peer_check(PeerCheck((LOCAL, remote(port)), message, ufrag, 5, nominate), self.now)

    def answer(self, request: StunMessage, port: int, *, mapped: TransportAddress = LOCAL, source=None) -> None:
        response = request.success_response()
        response.add_address(AttributeType.XOR_MAPPED_ADDRESS, mapped)
        self.hand_in(response, source or remote(port))

    def refuse(self, request: StunMessage, port: int, code: int, key: bytes | None = KEY) -> None:
        self.hand_in(request.error_response(code), remote(port), key)

    def hand_in(self, message: StunMessage, source: TransportAddress, key: bytes | None = KEY) -> None:
        received = StunMessage.parse(message.serialize(key, fingerprint=True))
        self.checking.response(received, (LOCAL, source), self.now)

    def validate(self, *ports: int) -> None:
        for port in ports:
            self.peer_checks(port)
            for to, message in self.sent():
                if to == port and AttributeType.USE_CANDIDATE not in message:
                    self.answer(message, to)
            assert self.pair(port).is_valid


def test_ordinary_checks_are_paced_and_triggered_ones_are_not():
    fixture = Fixture(1, 2, 3, 4, 5)
    assert [port for port, _ in fixture.sent()] == [1]
    assert fixture.sent() == []
    for port in (5, 4, 3):
        fixture.peer_checks(port)
    assert fixture.checking.next_timeout() == float("-inf")
    assert [port for port, _ in fixture.sent()] == [5, 4, 3]
    fixture.generation.add_remote(host("198.51.100.2"))  # of another foundation, and so free to be tried
    assert fixture.checking.next_timeout() == 10.05
    assert fixture.sent() == []
    fixture.now = 10.05
    assert [port for port, _ in fixture.sent()] == [5000]


def test_a_success_makes_the_pair_valid_and_its_relatives_worth_a_try():
    fixture = Fixture(1, 2, 3)
    assert [fixture.pair(port).state for port in (1, 2, 3)] == [PairState.WAITING, PairState.FROZEN, PairState.FROZEN]
    ((port, check),) = fixture.sent()
    fixture.answer(check, port)
    assert [fixture.pair(port).state for port in (1, 2, 3)] == [
        PairState.SUCCEEDED,
        PairState.WAITING,
        PairState.WAITING,
    ]
    assert fixture.checking.path is fixture.pair(1)
    assert [type(event) for event in fixture.events] == [PairValidated]


def test_a_mapped_address_that_is_news_becomes_a_local_candidate():
    fixture = Fixture(1)
    ((port, check),) = fixture.sent()
    fixture.answer(check, port, mapped=TransportAddress("203.0.113.1", 9))
    assert [type(event) for event in fixture.events] == [PairValidated, LocalCandidateDiscovered]
    assert fixture.pair(1).mapped == TransportAddress("203.0.113.1", 9)


def test_a_success_without_a_mapped_address_is_malformed_and_ends_nothing():
    fixture = Fixture(1)
    ((port, check),) = fixture.sent()
    with pytest.raises(MalformedPacketError):
        fixture.hand_in(check.success_response(), remote(port))
    fixture.answer(check, port)
    assert fixture.pair(1).is_valid


def test_a_response_with_an_unknown_required_attribute_is_not_believed():
    fixture = Fixture(1)
    ((port, check),) = fixture.sent()
    response = check.success_response()
    response.add_address(AttributeType.XOR_MAPPED_ADDRESS, LOCAL)
    response.add(0x7777, b"")
    fixture.hand_in(response, remote(port))
    assert fixture.checking.responses_refused == 1
    assert fixture.pair(1).state is PairState.IN_PROGRESS


@pytest.mark.parametrize(("code", "count"), [(400, 1), (401, 5)])
def test_the_refusals_that_can_not_be_signed_fail_the_pair(code, count):
    """A peer that does not know our credentials may be about to learn them."""
    fixture = Fixture(1)
    ((port, check),) = fixture.sent()
    for _ in range(count - 1):
        fixture.refuse(check, port, code, key=None)
        assert fixture.pair(1).state is PairState.IN_PROGRESS
    fixture.refuse(check, port, code, key=None)
    assert fixture.pair(1).failure[:2] == (FailureReason.ERROR_RESPONSE, code)


def test_a_check_that_was_refused_is_repeated_and_may_succeed():
    fixture = Fixture(1)
    ((port, check),) = fixture.sent()
    fixture.refuse(check, port, 401, key=None)
    fixture.now += 0.5
    ((port, again),) = fixture.sent()
    assert again.transaction_id == check.transaction_id
    fixture.answer(again, port)
    assert fixture.pair(1).is_valid


@pytest.mark.parametrize("code", [420, 487, 500])
def test_other_refusals_count_only_when_they_are_signed(code):
    fixture = Fixture(1)
    ((port, check),) = fixture.sent()
    fixture.refuse(check, port, code, key=None)
    fixture.refuse(check, port, code, key=b"a guess")
    assert fixture.pair(1).state is PairState.IN_PROGRESS
    assert fixture.role.is_controlling
    assert fixture.checking.responses_refused == 2
    fixture.refuse(check, port, code)
    assert fixture.pair(1).state is not PairState.IN_PROGRESS


def test_a_487_queues_the_pair_again_in_the_new_role():
    fixture = Fixture(1)
    tie_breaker = fixture.role.tie_breaker
    ((port, check),) = fixture.sent()
    fixture.refuse(check, port, 487)
    assert fixture.events == [RoleChanged(False)]
    assert fixture.role.tie_breaker != tie_breaker
    ((port, again),) = fixture.sent()
    assert AttributeType.ICE_CONTROLLED in again
    fixture.answer(again, port)
    assert fixture.pair(1).is_valid


def test_a_487_counts_from_wherever_it_comes():
    fixture = Fixture(1)
    ((port, request),) = fixture.sent()
    # The peer's NAT maps anew for us, so that its answers come from another port than we check.
    fixture.hand_in(request.error_response(ErrorCode.ROLE_CONFLICT), remote(9))
    assert not fixture.role.is_controlling
    ((port, request),) = fixture.sent()
    assert port == 1
    assert AttributeType.ICE_CONTROLLED in request
    fixture.hand_in(request.error_response(ErrorCode.ROLE_CONFLICT), remote(9), None)  # not signed
    assert not fixture.role.is_controlling


def test_a_487_to_a_check_of_our_former_role_changes_nothing_more():
    fixture = Fixture(1)
    ((port, check),) = fixture.sent()
    fixture.checking.change_role(is_controlling=False)
    fixture.refuse(check, port, 487)
    assert not fixture.role.is_controlling
    assert fixture.pair(1).state is PairState.WAITING


@pytest.mark.parametrize("ufrag", ["somebody", "old0"])
def test_a_check_by_somebody_else_than_the_peer_is_not_acted_upon(ufrag):
    fixture = Fixture()
    fixture.peer_checks(1, ufrag=ufrag)
    assert fixture.generation.remote_candidates == []
    assert fixture.sent() == []


def test_the_first_that_answers_is_nominated_and_selected_once_the_peer_agrees():
    fixture = Fixture(1, 2)
    fixture.validate(2)
    ((port, nomination),) = [each for each in fixture.sent() if AttributeType.USE_CANDIDATE in each[1]]
    assert port == 2
    assert fixture.checking.selection.selected is None
    fixture.answer(nomination, port)
    assert fixture.checking.selection.selected is fixture.pair(2)
    assert isinstance(fixture.events[-1], PairSelected)


def test_a_nomination_that_is_refused_fails_the_pair_and_the_next_is_nominated():
    fixture = Fixture(1, 2, host_acceptance_wait=1.0)
    fixture.validate(1, 2)
    fixture.now += 1.0
    ((port, nomination),) = fixture.sent()
    assert port == 1
    fixture.refuse(nomination, port, 500)
    assert fixture.pair(1).state is PairState.FAILED
    ((port, nomination),) = fixture.sent()
    assert port == 2
    assert AttributeType.USE_CANDIDATE in nomination


def test_a_nomination_before_our_own_check_succeeded_counts_when_it_has():
    fixture = Fixture(1, is_controlling=False)
    ((port, check),) = fixture.sent()
    fixture.peer_checks(1, nominate=True)
    assert fixture.checking.selection.selected is None
    fixture.answer(check, port)
    assert fixture.checking.selection.selected is fixture.pair(1)


def test_a_nomination_whose_check_fails_is_forgotten():
    fixture = Fixture(1, is_controlling=False)
    ((port, check),) = fixture.sent()
    fixture.peer_checks(1, nominate=True)
    fixture.refuse(check, port, 400)
    fixture.peer_checks(1)
    ((port, check),) = fixture.sent()
    fixture.answer(check, port)
    assert fixture.pair(1).is_valid
    assert fixture.checking.selection.selected is None


def test_a_nominated_pair_that_was_not_used_for_long_is_checked_before_it_is_selected():
    fixture = Fixture(1, is_controlling=False)
    fixture.validate(1)
    fixture.now += 31.0
    fixture.peer_checks(1, nominate=True)
    assert fixture.checking.selection.selected is None
    ((port, check),) = fixture.sent()
    fixture.answer(check, port)
    assert fixture.checking.selection.selected is fixture.pair(1)


def test_after_the_selection_the_rest_is_dropped_or_abandoned():
    fixture = Fixture(1, 2, 3, is_controlling=False)
    fixture.sent()
    fixture.validate(3)
    fixture.peer_checks(3, nominate=True)
    assert fixture.pair(2) is None  # never tried
    fixture.now += 100.0
    assert fixture.sent() == []
    assert fixture.pair(1).failure.reason is FailureReason.ABANDONED


def test_no_answer_to_any_repetition_fails_the_pair():
    fixture = Fixture(1, max_requests=2)
    while (now := fixture.checking.next_timeout()) is not None:
        fixture.now = now if now > 0 else fixture.now
        fixture.sent()
    assert fixture.pair(1).failure.reason is FailureReason.NO_ANSWER
    assert fixture.pair(1).requests_sent == 2
    assert fixture.now == 10.0 + 0.5 + 8.0
    assert fixture.checking.is_exhausted


def test_a_path_that_is_lost_gives_way_to_the_next_best():
    fixture = Fixture(1, 2, is_controlling=False)
    fixture.validate(1, 2)
    assert fixture.checking.path is fixture.pair(1)
    fixture.checking.lose(fixture.pair(1), FailureReason.CONSENT_LOST)
    assert fixture.checking.path is fixture.pair(2)
    fixture.checking.lose(fixture.pair(2), FailureReason.CONSENT_LOST)
    assert fixture.checking.path is None
    assert sum(isinstance(event, PairValidated) for event in fixture.events) == 1


def test_a_round_trip_is_measured_only_where_the_request_was_sent_once():
    fixture = Fixture(1, 2, is_controlling=False)
    ((port, check),) = fixture.sent()
    fixture.now += 0.5
    assert 1 in [port for port, _ in fixture.sent()]
    fixture.answer(check, port)
    assert fixture.pair(1).current_round_trip_time is None
    fixture.checking.prove_consent(fixture.pair(1))
    ((port, consent),) = [each for each in fixture.sent() if each[0] == 1]
    fixture.now += 0.03
    fixture.answer(consent, port)
    assert fixture.pair(1).current_round_trip_time == pytest.approx(0.03)


def test_an_answer_to_a_consent_check_from_elsewhere_proves_nothing_and_fails_nothing():
    fixture = Fixture(1, is_controlling=False)
    fixture.validate(1)
    fixture.now += 5.0
    fixture.checking.prove_consent(fixture.pair(1))
    ((port, consent),) = fixture.sent()
    fixture.answer(consent, port, source=remote(9))
    assert fixture.pair(1).is_valid
    assert fixture.pair(1).last_response_at == 10.0


def test_stop_forgets_the_path_and_what_is_on_its_way():
    fixture = Fixture(1)
    ((port, check),) = fixture.sent()
    fixture.checking.stop()
    assert fixture.checking.path is None
    assert not fixture.checking.is_awaiting(check)
    fixture.answer(check, port)
    assert not fixture.pair(1).is_valid
