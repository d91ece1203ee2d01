"""Each finding that the examinations in `test_doctor.py` do not come to, and that the document names all."""

import re
from pathlib import Path

import pytest

from rtcpeer.cli import conclusions
from rtcpeer.cli.conclusions import conclude
from rtcpeer.cli.facts import Facts
from rtcpeer.cli.nat_kind import NatKind
from rtcpeer.cli.probes import MdnsResult, NameResult, UdpResult
from rtcpeer.cli.report import Status
from rtcpeer.cli.turn_probe import Relayed, ServerResult
from rtcpeer.core import TransportAddress
from rtcpeer.stack.nat_behavior import NatBehavior, ServerAnswer
from rtcpeer.stack.servers import ServerUrl

DOCUMENT = Path(__file__).parents[3] / "docs" / "doctor.md"
LOCAL, MAPPED, AT = (TransportAddress(f"192.0.2.{last}", 3478) for last in (1, 2, 3))
STUN, TURN, TURN_TCP = map(ServerUrl.parse, ("stun:192.0.2.3", "turn:192.0.2.3", "turn:192.0.2.3?transport=tcp"))
WORKS = Relayed(20, 20, 0.01)


def facts(*servers, mapped=MAPPED, mappings=None, results=(), mdns=None):
    answer = ServerAnswer(AT, mapped, error=None if mapped else "no answer")
    behavior = NatBehavior(LOCAL, (answer,), **({} if mappings is None else {"mappings": mappings}))
    return Facts(
        servers or (STUN,),
        local_hosts=[LOCAL.host],
        names={AT.host: NameResult(AT.host, (AT.host,), 0.0)},
        endpoints={False: {AT: STUN}, True: {}},
        udp={False: UdpResult(False, behavior, 1.0)},
        results=list(results),
        mdns=mdns,
    )


def answered(server, relayed=WORKS):
    return ServerResult(server, 1.0, (MAPPED,), server.transport, 0.01, None, relayed)


def names(found):
    return [finding.name for finding in conclude(found)]


def test_nothing_wrong():
    assert names(facts(results=[answered(TURN)], mdns=MdnsResult(True))) == []


@pytest.mark.parametrize("code", [401, 403, 438, 441, 442, 486, 508])
def test_a_refusal_has_advice_of_its_own(code):
    (finding,) = conclude(facts(results=[ServerResult(TURN, 1.0, error=(code, "words"))]))
    (other,) = conclude(facts(results=[ServerResult(TURN, 1.0, error=(500, "words"))]))
    assert finding.name == other.name == "relay-refused"
    assert f"Error {code}: words" in finding.meaning
    assert finding.advice != other.advice


@pytest.mark.parametrize(
    ("results", "name", "means"),
    [
        ([], "udp-unanswered", "Either UDP is blocked"),
        ([answered(TURN_TCP)], "udp-blocked", "which works"),
        ([answered(TURN_TCP, Relayed(0, 0, None))], "udp-blocked", "none that works"),
    ],
)
def test_blocked_udp(results, name, means):
    found = conclude(facts(mapped=None, results=results))
    assert found[0].name == name
    assert means in found[0].meaning


def test_a_relay_that_is_reached_over_udp_proves_udp():
    found = facts(mapped=None, results=[answered(TURN)])
    assert found.kind is NatKind.UNKNOWN
    assert names(found) == ["server-silent"]


def test_a_relay_that_loses_packets():
    (finding,) = conclude(facts(results=[answered(TURN, Relayed(20, 17, 0.01))]))
    assert (finding.name, finding.status) == ("relay-lossy", Status.WARNING)
    assert "3 of 20" in finding.meaning


def test_servers_that_contradict_each_other():
    assert names(facts(mappings=frozenset())) == ["servers-contradict"]


def test_multicast_dns():
    assert names(facts(mdns=MdnsResult(True, 2.0, "nobody answered"))) == ["mdns-broken"]
    assert names(facts(mdns=MdnsResult(False))) == []


def test_problems_come_first():
    found = conclude(facts(mapped=None, mdns=MdnsResult(True, 2.0, "nobody answered")))
    assert [finding.status for finding in found] == [Status.PROBLEM, Status.WARNING]


def test_the_document_names_every_finding_and_every_kind():
    source = Path(conclusions.__file__).read_text(encoding="utf-8")
    made = set(re.findall(r'^ +"([a-z0-9]+(?:-[a-z0-9]+)+)",$', source, re.MULTILINE)) | {
        "relay-refused",
        "server-silent",
    }
    assert len(made) == 14
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in sorted(made) if f"`{name}`" not in text] == []
    assert [kind for kind in NatKind if f"`{kind.value}`" not in text] == []
