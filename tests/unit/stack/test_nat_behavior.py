import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.stack.nat_behavior import (
    Dependence,
    NatBehavior,
    Observed,
    ServerAnswer,
    possible_filterings,
    possible_mappings,
)

A, A2 = TransportAddress("203.0.113.1", 3478), TransportAddress("203.0.113.1", 3479)
B, B2 = TransportAddress("203.0.113.2", 3478), TransportAddress("203.0.113.2", 3479)
X, Y, Z, W = (TransportAddress("198.51.100.1", port) for port in (1001, 1002, 1003, 1004))
INDEPENDENT, BY_ADDRESS, BY_PORT = Dependence
ALL = set(Dependence)


@pytest.mark.parametrize(
    ("seen", "possible"),
    [
        ({}, ALL),
        ({A: X}, ALL),
        ({A: X, B: X}, {INDEPENDENT}),
        ({A: X, B: Y}, {BY_ADDRESS, BY_PORT}),
        ({A: X, A2: X}, {INDEPENDENT, BY_ADDRESS}),
        ({A: X, A2: Y}, {BY_PORT}),
        ({A: X, A2: X, B: Y, B2: Y}, {BY_ADDRESS}),
        ({A: X, A2: Y, B: Z, B2: W}, {BY_PORT}),
        ({A: X, A2: Y, B: X}, set()),
    ],
)
def test_mappings(seen, possible):
    assert possible_mappings(seen) == possible


@pytest.mark.parametrize(
    ("other_address", "other_port", "possible"),
    [
        (Observed.ARRIVED, Observed.ARRIVED, {INDEPENDENT}),
        (Observed.ARRIVED, Observed.LOST, {INDEPENDENT}),  # the loss was the network's
        (Observed.LOST, Observed.ARRIVED, {BY_ADDRESS}),
        (Observed.LOST, Observed.LOST, {BY_PORT}),
        (Observed.UNKNOWN, Observed.LOST, {BY_PORT}),
        (Observed.UNKNOWN, Observed.ARRIVED, {INDEPENDENT, BY_ADDRESS}),
        (Observed.LOST, Observed.UNKNOWN, {BY_ADDRESS, BY_PORT}),
        (Observed.UNKNOWN, Observed.UNKNOWN, ALL),
    ],
)
def test_filterings(other_address, other_port, possible):
    assert possible_filterings(other_address, other_port) == possible


def test_what_a_behavior_says():
    answers = (ServerAnswer(A, X), ServerAnswer(B, X), ServerAnswer(B2, error="no answer"))
    behavior = NatBehavior(Y, answers, frozenset({BY_PORT}), frozenset({BY_ADDRESS, BY_PORT}))
    assert behavior.mapped == (X,)
    assert behavior.is_translated
    assert behavior.is_symmetric
    assert behavior.mapping is BY_PORT
    assert behavior.filtering is None
    assert not NatBehavior(X, answers).is_translated
