import pytest

from rtcpeer.cli.nat_kind import NatKind, nat_kind, possible
from rtcpeer.core import TransportAddress
from rtcpeer.stack.nat_behavior import Dependence, NatBehavior, ServerAnswer

SERVER, LOCAL, MAPPED = (TransportAddress(f"192.0.2.{last}", 3478) for last in (1, 2, 3))
INDEPENDENT, BY_ADDRESS, BY_PORT = Dependence
ALL = frozenset(Dependence)


def behavior(mappings, filterings, mapped=MAPPED):
    return NatBehavior(LOCAL, (ServerAnswer(SERVER, mapped),), frozenset(mappings), frozenset(filterings))


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (behavior({INDEPENDENT}, {INDEPENDENT}, LOCAL), NatKind.OPEN),
        (behavior(ALL, ALL, LOCAL), NatKind.OPEN),
        (behavior({INDEPENDENT}, {BY_ADDRESS}, LOCAL), NatKind.FIREWALL),
        (behavior({INDEPENDENT}, {BY_ADDRESS, BY_PORT}, LOCAL), NatKind.FIREWALL),
        (behavior({INDEPENDENT}, {INDEPENDENT}), NatKind.FULL_CONE),
        (behavior({INDEPENDENT}, {BY_ADDRESS}), NatKind.ADDRESS_RESTRICTED),
        (behavior({INDEPENDENT}, {BY_PORT}), NatKind.PORT_RESTRICTED),
        (behavior({INDEPENDENT}, ALL), NatKind.ENDPOINT_INDEPENDENT),
        (behavior({BY_ADDRESS, BY_PORT}, ALL), NatKind.SYMMETRIC),
        (behavior({BY_PORT}, {BY_PORT}), NatKind.SYMMETRIC),
        (behavior(ALL, ALL), NatKind.TRANSLATED),
        (behavior({INDEPENDENT, BY_ADDRESS}, ALL), NatKind.TRANSLATED),
        (behavior((), ALL), NatKind.TRANSLATED),
        (behavior(ALL, ALL, None), NatKind.UDP_BLOCKED),
        (NatBehavior(LOCAL, (ServerAnswer(SERVER, error="no", is_refusal=True),)), NatKind.UNKNOWN),
    ],
)
def test_names(found, kind):
    assert nat_kind(found) is kind


def test_what_is_known_in_words():
    assert possible(frozenset({BY_PORT, BY_ADDRESS})) == "address-dependent or address-and-port-dependent"
    assert possible(frozenset({INDEPENDENT})) == "endpoint-independent"
    assert possible(ALL) == "not known"
    assert possible(frozenset()) == "contradictory"
