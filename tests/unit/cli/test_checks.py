import pytest

from rtcpeer.aio.interfaces import Interface, InterfaceAddress
from rtcpeer.cli.checks import interfaces_check, ipv6_check, nat_check, server_check
from rtcpeer.cli.nat_kind import NatKind
from rtcpeer.cli.probes import UdpResult
from rtcpeer.cli.report import Status
from rtcpeer.cli.turn_probe import Relayed, ServerResult
from rtcpeer.core import TransportAddress
from rtcpeer.stack.nat_behavior import NatBehavior, ServerAnswer
from rtcpeer.stack.servers import ServerUrl

LOCAL, ONE, OTHER = (TransportAddress(f"192.0.2.{last}", 3478) for last in (1, 2, 3))
TURN, STUNS = ServerUrl.parse("turn:192.0.2.3"), ServerUrl.parse("stuns:192.0.2.3")


def test_flags_of_addresses():
    addresses = (
        InterfaceAddress("192.0.2.1", 24),
        InterfaceAddress("2001:db8::1", 64, is_temporary=True),
        InterfaceAddress("2001:db8::2", 64, is_deprecated=True),
        InterfaceAddress("2001:db8::3", 64, is_tentative=True),
        InterfaceAddress("fe80::4", 64),
    )
    others = Interface("lo", 1, (InterfaceAddress("127.0.0.1", 8),))
    check = interfaces_check([others, Interface("eth0", 2, addresses)], ["192.0.2.1", "2001:db8::1"], is_offline=False)
    assert check.summary == "2 addresses to gather from"
    (note,) = check.notes
    assert note == (
        "eth0: 192.0.2.1, 2001:db8::1 (temporary), 2001:db8::2 (deprecated), 2001:db8::3 (tentative),"
        " fe80::4 (not used)"
    )
    assert check.details["interfaces"][1]["addresses"][1] == {
        "address": "2001:db8::1",
        "prefix": 64,
        "temporary": True,
        "deprecated": False,
        "tentative": False,
    }


@pytest.mark.parametrize(
    ("result", "status", "outcome"),
    [
        (ServerResult(TURN, 1.0), Status.PROBLEM, "nothing came of it"),
        (ServerResult(TURN, 1.0, error=(701, "it is silent")), Status.PROBLEM, "it is silent"),
        (ServerResult(TURN, 1.0, error=(486, "too many")), Status.PROBLEM, "error 486: too many"),
        (
            ServerResult(TURN, 1.0, (ONE,), "udp", 0.05, None, Relayed(20, 20, 0.0042)),
            Status.OK,
            "allocated over UDP after 50 ms; data relayed, round trip 4.2 ms",
        ),
        (
            ServerResult(TURN, 1.0, (ONE,), "tls", 0.05, None, Relayed(20, 19, 0.042)),
            Status.WARNING,
            "allocated over TLS after 50 ms; 19 of 20 packets came back, round trip 42 ms",
        ),
        (
            ServerResult(TURN, 1.0, (ONE,), "tcp", 0.05, None, Relayed(20, 0, None)),
            Status.WARNING,
            "allocated over TCP after 50 ms, but no data came back through it",
        ),
        (ServerResult(STUNS, 1.0, (ONE,), "", 0.05), Status.OK, "answered after 50 ms"),
    ],
)
def test_what_became_of_a_server(result, status, outcome):
    check = server_check(result)
    assert (check.status, check.notes[0]) == (status, outcome)
    assert check.kind == ("turn" if result.server is TURN else "stun")


def test_servers_that_see_different_addresses():
    behavior = NatBehavior(LOCAL, (ServerAnswer(OTHER, ONE), ServerAnswer(LOCAL, OTHER)))
    check = nat_check(UdpResult(False, behavior, 1.0), NatKind.SYMMETRIC)
    assert "servers see different addresses: 192.0.2.2, 192.0.2.3" in check.notes


def test_no_address_to_ask_from():
    assert nat_check(UdpResult(True, None, 0.0), None).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("hosts", "is_tested", "is_reached", "status"),
    [
        (["192.0.2.1"], False, False, Status.SKIPPED),
        (["2001:db8::1"], False, False, Status.SKIPPED),
        (["2001:db8::1"], True, True, Status.OK),
        (["2001:db8::1"], True, False, Status.WARNING),
    ],
)
def test_ipv6(hosts, is_tested, is_reached, status):
    assert ipv6_check(hosts, is_tested=is_tested, is_reached=is_reached).status is status
