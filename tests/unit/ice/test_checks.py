import random

import pytest

from rtcpeer.ice import CandidatePair, CandidateType, IceParameters, IceSettings, PairState, candidate_priority
from rtcpeer.ice.candidate import reflexive_priority
from rtcpeer.ice.checks import Checks
from rtcpeer.ice.role import Role
from rtcpeer.stun import AttributeType, StunMessage, short_term_key
from tests.unit.ice.network import host

OURS = IceParameters("ours", "our password of 24 bytes")
THEIRS = IceParameters("peer", "the password of the peer")


def pair(port: int = 5000) -> CandidatePair:
    return CandidatePair(host("192.0.2.1", preference=1234), host("192.0.2.2", port), 1, PairState.IN_PROGRESS)


class Sender:
    def __init__(self, *, is_controlling: bool = True, **settings) -> None:
        entropy = random.Random(1).randbytes
        self.role = Role(is_controlling, entropy)
        self.checks = Checks(IceSettings(**settings), entropy)

    def start(self, on: CandidatePair, **flags):
        return self.checks.start(on, self.role, OURS, THEIRS, **flags)

    def sent(self, now: float) -> list[bytes]:
        return [data for _, data in self.checks.transmissions(now)]

    def moments(self, until: float) -> list[float]:
        """When something is sent from now on, asked only when it is due."""
        moments = []
        while (now := self.checks.next_timeout()) is not None and now <= until:
            moments += [now] * len(self.sent(now))
            self.checks.expire(now)
        return moments


@pytest.mark.parametrize(("is_controlling", "nominates"), [(True, False), (True, True), (False, False)])
def test_what_a_check_says(is_controlling, nominates):
    sender = Sender(is_controlling=is_controlling)
    check = sender.start(pair(), use_candidate=nominates)
    ((data),) = sender.sent(0.0)
    message = StunMessage.parse(data)
    assert message.text(AttributeType.USERNAME) == "peer:ours"
    assert message.verify_integrity(short_term_key(THEIRS.password))
    assert message.has_fingerprint
    assert message.uint32(AttributeType.PRIORITY) == reflexive_priority(check.pair.local)
    ours, theirs = AttributeType.ICE_CONTROLLING, AttributeType.ICE_CONTROLLED
    if not is_controlling:
        ours, theirs = theirs, ours
    assert message.uint64(ours) == sender.role.tie_breaker
    assert theirs not in message
    assert (AttributeType.USE_CANDIDATE in message) is nominates
    assert sender.checks.find(message.transaction_id) is check


def test_the_priority_is_that_of_a_peer_reflexive_candidate_with_our_preference():
    assert reflexive_priority(pair().local) == candidate_priority(CandidateType.PEER_REFLEXIVE, 1234)


@pytest.mark.parametrize("count", [1, 50])
def test_the_rto_is_half_a_second_however_many_checks_there_are(count):
    sender = Sender()
    for port in range(count):
        sender.start(pair(port + 1))
    assert len(sender.sent(0.0)) == count
    assert sender.checks.next_timeout() == 0.5
    assert len(sender.sent(0.5)) == count
    assert sender.checks.next_timeout() == 1.5


def test_an_ordinary_check_is_repeated_and_expires():
    sender = Sender(max_requests=3)
    check = sender.start(pair())
    assert sender.sent(0.0)
    assert sender.moments(100.0) == [0.5, 1.5]
    assert check.pair.requests_sent == 3
    assert len(sender.checks) == 0
    assert sender.checks.next_timeout() is None


def test_a_consent_check_is_never_repeated_and_waits_as_long_as_consent_lasts():
    sender = Sender(consent_timeout=20.0)
    check = sender.start(pair(), is_consent=True)
    assert len(sender.sent(0.0)) == 1
    assert sender.sent(19.9) == []
    assert sender.checks.expire(19.9) == []
    assert sender.checks.expire(20.0) == [check]


def test_to_hasten_repeats_the_running_transaction_and_adds_none():
    sender = Sender()
    on = pair()
    sender.start(on)
    first = sender.sent(0.0)
    sender.sent(0.5)
    sender.checks.hasten(on)
    assert len(sender.checks) == 1
    assert sender.sent(0.52) == []  # a check of ours has just left
    assert sender.sent(0.55) == first
    assert sender.sent(1.05) == first


def test_only_what_was_sent_on_that_pair_is_hastened():
    sender = Sender()
    on, other = pair(1), pair(2)
    sender.start(other)
    sender.start(on, is_consent=True)
    sender.sent(0.0)
    sender.checks.hasten(on)
    assert sender.checks.next_timeout() == 0.5


def test_after_a_selection_the_others_are_not_repeated_but_may_be_answered():
    sender = Sender(max_requests=3)
    spared, other = sender.start(pair(1)), sender.start(pair(2))
    sender.sent(0.0)
    sender.checks.stop_repeating(spared.pair)
    assert len(sender.sent(0.5)) == 1
    assert sender.checks.find(other.transaction.transaction_id) is other
    assert other in sender.checks.expire(100.0)


def test_drop_finish_and_clear_forget():
    sender = Sender()
    on, other = pair(1), pair(2)
    sender.start(on)
    sender.start(on, is_consent=True)
    last = sender.start(other)
    sender.checks.drop(on)
    assert len(sender.checks) == 1
    assert not sender.checks.is_checking(on)
    assert sender.checks.is_checking(other)
    sender.checks.finish(last)
    sender.checks.finish(last)
    assert len(sender.checks) == 0
    sender.start(on)
    sender.checks.clear()
    assert sender.sent(0.0) == []


def test_a_consent_check_alone_is_no_checking():
    sender = Sender()
    on = pair()
    sender.start(on, is_consent=True)
    assert not sender.checks.is_checking(on)


def test_postponed_time_is_added():
    sender = Sender()
    sender.start(pair())
    sender.sent(0.0)
    sender.checks.postpone(10.0)
    assert sender.checks.next_timeout() == 10.5
