import json
import pathlib

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.ice import Candidate, CandidateType, TcpType, candidate_priority, compute_foundation
from rtcpeer.ice.candidate import can_pair, reflexive_priority, same_scope, tcp_host_candidate, tcp_local_preference

DATA = pathlib.Path(__file__).parents[2] / "data" / "sdp"
CHROMIUM = (
    "candidate:842163049 1 udp 1677729535 198.51.100.7 46154 typ srflx raddr 10.77.0.2 rport 41116 "
    "generation 0 ufrag DLoK network-id 1 network-cost 50"
)


def lines_of_foreign_peers():
    lines = set()
    for path in DATA.glob("*.json"):
        lines |= {entry["candidate"] for entry in json.loads(path.read_text()) if entry and entry["candidate"]}
    for path in DATA.glob("*.sdp"):
        lines |= {line for line in path.read_text().splitlines() if line.startswith("a=candidate:")}
    return sorted(lines)


def test_there_are_lines_of_foreign_peers():
    assert len(lines_of_foreign_peers()) > 50


def test_lines_of_foreign_peers_survive_a_round_trip():
    for line in lines_of_foreign_peers():
        written = Candidate.parse(line).serialize()
        assert written == line.removeprefix("a=").replace(" UDP ", " udp ").replace(" TCP ", " tcp ")


def test_all_fields():
    candidate = Candidate.parse(CHROMIUM)
    assert candidate == Candidate(
        "842163049", 1, "udp", 1677729535, "198.51.100.7", 46154, CandidateType.SERVER_REFLEXIVE,
        "10.77.0.2", 41116, None, "DLoK", 0, 1, 50,
    )  # fmt: skip
    assert candidate.base == candidate.transport_address == TransportAddress("198.51.100.7", 46154)


def test_unknown_extensions_are_kept_in_order():
    line = "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype passive x-b 2 x-a 1 x-b 3"
    candidate = Candidate.parse("a=" + line)
    assert candidate.tcp_type is TcpType.PASSIVE
    assert candidate.extensions == (("x-b", "2"), ("x-a", "1"), ("x-b", "3"))
    assert candidate.serialize() == line


@pytest.mark.parametrize(
    "line",
    [
        "", "candidate:", "candidate:1 1 udp 1 192.0.2.1 9", "candidate:1 1 udp 1 192.0.2.1 9 type host",
        "candidate:1 x udp 1 192.0.2.1 9 typ host", "candidate:1 1 sctp 1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host", "candidate:1 1 udp 4294967296 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 -9 typ host", "candidate:1 1 udp 1 192.0.2.1 9 typ magic",
        "candidate:1 1 udp 1 192.0.2.1 9 typ host raddr", "candidate:1 1 udp 1 192.0.2.1 9 typ host rport x",
        "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype odd", f"candidate:{'1' * 33} 1 udp 1 192.0.2.1 9 typ host",
    ],
)  # fmt: skip
def test_broken_lines_are_value_errors(line):
    with pytest.raises(ValueError, match="candidate line"):
        Candidate.parse(line)


@pytest.mark.parametrize(
    ("address", "port", "protocol", "pairable"),
    [
        ("192.0.2.1", 1, "udp", True), ("fe80::1%eth0", 1, "udp", True), ("a.local", 1, "udp", False),
        ("192.0.2.1", 1, "tcp", False), ("192.0.2.1", 0, "udp", False), ("0.0.0.0", 1, "udp", False),
        ("224.0.0.1", 1, "udp", False), ("::", 1, "udp", False),
    ],
)  # fmt: skip
def test_pairable(address, port, protocol, pairable):
    assert Candidate("1", 1, protocol, 1, address, port, CandidateType.HOST).is_pairable is pairable


@pytest.mark.parametrize(
    ("tcp_type", "kind", "port", "pairable"),
    [
        (TcpType.PASSIVE, CandidateType.HOST, 5000, True), (TcpType.SIMULTANEOUS_OPEN, CandidateType.HOST, 5000, True),
        (TcpType.ACTIVE, CandidateType.HOST, 9, False), (TcpType.ACTIVE, CandidateType.SERVER_REFLEXIVE, 9, False),
        (TcpType.ACTIVE, CandidateType.PEER_REFLEXIVE, 5000, True), (TcpType.PASSIVE, CandidateType.HOST, 0, False),
    ],
)  # fmt: skip
def test_over_tcp_only_who_takes_connections_can_be_checked(tcp_type, kind, port, pairable):
    assert Candidate("1", 1, "tcp", 1, "192.0.2.1", port, kind, tcp_type=tcp_type).is_pairable is pairable


@pytest.mark.parametrize(
    ("line", "pairable"),
    [
        ("candidate:3127012740 1 tcp 1518214911 10.77.0.2 9 typ host tcptype active generation 0 ufrag DLoK", False),
        ("candidate:2 1 TCP 2105458943 10.77.0.2 9 typ host tcptype active", False),
        ("candidate:3 1 TCP 1010827519 10.77.0.2 57505 typ host tcptype passive", True),
        ("candidate:4 1 tcp 1671430143 203.0.113.2 443 typ host tcptype passive ufrag abcd", True),
        ("candidate:5 1 tcp 1015021823 10.77.0.2 57505 typ srflx raddr 10.0.0.1 rport 8999 tcptype so", True),
        ("candidate:6 1 tcp 1015021823 10.77.0.2 57505 typ host", False),
    ],
)  # fmt: skip
def test_lines_of_browsers_gstreamer_and_pion(line, pairable):
    candidate = Candidate.parse(line)
    assert candidate.protocol == "tcp"
    assert candidate.is_pairable is pairable
    assert candidate.serialize() == line.replace("TCP", "tcp")


def tcp(tcp_type, host="192.0.2.1", kind=CandidateType.HOST, component=1):
    return Candidate("1", component, "tcp", 1, host, 5000, kind, tcp_type=TcpType(tcp_type))


@pytest.mark.parametrize("local", ["active", "passive", "so"])
@pytest.mark.parametrize("remote", ["active", "passive", "so"])
def test_who_opens_meets_who_waits(local, remote):
    # RFC 6544 section 6.2
    expected = (local, remote) in {("active", "passive"), ("passive", "active"), ("so", "so")}
    assert can_pair(tcp(local), tcp(remote)) is expected


def test_pairs_have_one_transport_one_component_and_one_family():
    udp = Candidate("1", 1, "udp", 1, "192.0.2.2", 5000, CandidateType.HOST)
    assert can_pair(udp, udp)
    assert not can_pair(udp, tcp("passive"))
    assert not can_pair(tcp("active"), udp)
    assert not can_pair(tcp("active"), tcp("passive", "2001:db8::1"))
    assert not can_pair(tcp("active"), tcp("passive", component=2))


@pytest.mark.parametrize(
    ("kind", "directions"),
    [
        (CandidateType.HOST, {"active": 6, "passive": 4, "so": 2}),
        (CandidateType.RELAYED, {"active": 6, "passive": 4, "so": 2}),
        (CandidateType.SERVER_REFLEXIVE, {"so": 6, "active": 4, "passive": 2}),
        (CandidateType.PEER_REFLEXIVE, {"so": 6, "active": 4, "passive": 2}),
    ],
)
def test_directions_in_the_local_preference(kind, directions):
    # RFC 6544 section 4.2
    for name, direction in directions.items():
        assert tcp_local_preference(kind, TcpType(name), 8190) == direction * 2**13 + 8190


def test_host_candidates_over_tcp():
    base = TransportAddress("192.0.2.1", 9, "tcp")
    candidate = tcp_host_candidate(base, 1, TcpType.ACTIVE)
    assert candidate.priority == 99 * 2**24 + (6 * 2**13 + 8190) * 2**8 + 255
    assert candidate.base == candidate.transport_address == base
    assert candidate.serialize().endswith(" 1 tcp 1675624191 192.0.2.1 9 typ host tcptype active")
    assert Candidate.parse(candidate.serialize()) == candidate
    assert candidate.foundation != compute_foundation(CandidateType.HOST, "192.0.2.1")


def test_what_a_check_over_tcp_tells_of_its_priority():
    passive = tcp_host_candidate(TransportAddress("192.0.2.1", 5000, "tcp"), 3, TcpType.PASSIVE)
    assert reflexive_priority(passive) == 83 * 2**24 + (2 * 2**13 + 8188) * 2**8 + 255


def test_addresses_have_one_spelling():
    candidate = Candidate("1", 1, "udp", 1, "2001:DB8:0::1", 5, CandidateType.HOST)
    assert candidate.transport_address == TransportAddress("2001:db8::1", 5)
    assert candidate.address == "2001:DB8:0::1"
    assert candidate.is_numeric
    assert candidate.with_related(TransportAddress("0.0.0.0", 0)).related_address == "0.0.0.0"


@pytest.mark.parametrize(
    ("kind", "options", "preference"),
    [
        (CandidateType.HOST, {}, 126), (CandidateType.PEER_REFLEXIVE, {}, 110),
        (CandidateType.SERVER_REFLEXIVE, {}, 100),
        (CandidateType.RELAYED, {}, 3), (CandidateType.RELAYED, {"relay_protocol": "dtls"}, 2),
        (CandidateType.RELAYED, {"relay_protocol": "tcp"}, 1), (CandidateType.RELAYED, {"relay_protocol": "tls"}, 0),
        (CandidateType.HOST, {"protocol": "tcp"}, 99), (CandidateType.RELAYED, {"protocol": "tcp"}, 0),
    ],
)  # fmt: skip
def test_priorities(kind, options, preference):
    assert candidate_priority(kind, 0x1234, component=2, **options) == preference * 2**24 + 0x1234 * 2**8 + 254


def test_foundations():
    same = compute_foundation(CandidateType.HOST, "192.0.2.1")
    assert same == compute_foundation(CandidateType.HOST, "192.0.2.1", "udp", "")
    others = {
        compute_foundation(CandidateType.SERVER_REFLEXIVE, "192.0.2.1"),
        compute_foundation(CandidateType.HOST, "192.0.2.2"),
        compute_foundation(CandidateType.HOST, "192.0.2.1", "tcp"),
        compute_foundation(CandidateType.HOST, "192.0.2.1", "udp", "203.0.113.1"),
    }
    assert len(others) == 4
    assert same not in others
    assert len(same) <= 32


@pytest.mark.parametrize(
    ("local", "remote", "expected"),
    [
        ("10.0.0.1", "192.0.2.1", True), ("10.0.0.1", "::1", False), ("fe80::1", "fe80::2", True),
        ("fe80::1", "2001:db8::1", False), ("169.254.0.1", "10.0.0.1", True), ("10.0.0.1", "x.local", False),
    ],
)  # fmt: skip
def test_scope(local, remote, expected):
    assert same_scope(local, remote) is expected
    assert same_scope(remote, local) is expected
