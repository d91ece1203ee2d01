"""`explain()` names what is wrong, and nothing that is not, on failures that are made on purpose."""

import asyncio
import errno
import random
import re
from pathlib import Path

import pytest

from rtcpeer import IceAgent, IceSettings, RTCPeerConnection, Settings
from rtcpeer.stack.findings import FindingCode, Severity
from rtcpeer.stun import Method
from tests.scenario.test_connection_relay import pair_of, servers, turn_server
from tests.sim.link import Link, LinkSettings
from tests.sim.nat import BLOCKED, PORT_RESTRICTED, SYMMETRIC, NatSettings
from tests.sim.peers import World, connected, exchange, simulated, until
from tests.unit.turn.server import Behaviour

STUN = {"iceServers": [{"urls": ["stun:one.example.org", "stun:two.example.org"]}]}


def problems(peer: RTCPeerConnection | IceAgent) -> list[FindingCode]:
    explanation = peer.explain()
    assert str(explanation)
    for finding in explanation.findings:
        assert finding.sentence.endswith((".", ")"))
        assert finding.advice or finding.severity is not Severity.PROBLEM
    return [finding.code for finding in explanation.problems]


def warnings(peer):
    return [finding.code for finding in peer.explain().findings if finding.severity is Severity.WARNING]


def finding(peer, code):
    return next(one for one in peer.explain().findings if one.code == code)


def stun_servers(world):
    world.stun_server("one.example.org", "203.0.113.201")
    world.stun_server("two.example.org", "203.0.113.202")


async def exchange_changed(a, b, change, *, of="answer"):
    """Offer and answer with the candidates of both, where one of the two descriptions is changed on its way."""
    await a.setLocalDescription()
    await a.gathered()
    offer = a.localDescription
    await b.setRemoteDescription({"type": "offer", "sdp": change(offer.sdp) if of == "offer" else offer.sdp})
    await b.setLocalDescription()
    await b.gathered()
    answer = b.localDescription
    await a.setRemoteDescription({"type": "answer", "sdp": change(answer.sdp) if of == "answer" else answer.sdp})


async def attempt(a, b, seconds=60):
    """Let them try to connect for so long."""
    a.createDataChannel("x")
    await exchange(a, b)
    await asyncio.sleep(seconds)


async def succeed(a, b):
    await attempt(a, b, 0)
    await connected(a, b)


def without(*beginnings):
    return lambda sdp: "".join(line for line in sdp.splitlines(True) if not line.startswith(beginnings))


def mute(network):
    """What this host sends is lost."""
    network.host.interfaces[0].up = Link(LinkSettings(loss=1.0), random.Random(1))


def failing(make, code, *, after=50.0, **place):
    """A test of two peers, the first of which fails for one reason, and says so while it fails and once it has."""

    @simulated
    async def test():
        world = World()
        a, _ = world.pair(**place)
        a.createDataChannel("x")
        await make(world, *world.networks, a, world.b)
        await asyncio.sleep(after)
        assert problems(a) == [code]
        await world.close()

    test()


EXAMPLES = Path(__file__).parents[2] / "docs" / "explain.md"


def assert_documented(peer):
    """The text stands in the documentation, but for ports and milliseconds, which hang on the seed."""
    text = f"```text\n{peer.explain()}\n```"
    assert _without_numbers(text) in _without_numbers(EXAMPLES.read_text()), (
        f"docs/explain.md shows another text:\n{text}"
    )


def _without_numbers(text):
    return re.sub("[0-9 ]+", " ", text)


# Healthy connections


@pytest.mark.parametrize("nat", [None, PORT_RESTRICTED])
def test_a_healthy_connection_has_no_problems(nat):
    @simulated
    async def main():
        world = World()
        stun_servers(world)
        a, b = pair_of(world, STUN, nat=nat)
        assert a.explain().codes == (FindingCode.NOTHING_NEGOTIATED,)
        a.createDataChannel("x")
        await exchange(a, b)
        assert problems(a) == problems(b) == []
        await connected(a, b)
        for seconds in (0.0, 1.0, 30.0):
            await asyncio.sleep(seconds)
            for peer in (a, b):
                explanation = peer.explain()
                assert explanation.findings == ()
                assert explanation.path is not None
                assert "Connected: no problems found." in str(explanation)
        assert a.explain().path.is_selected
        await world.close()
        await asyncio.sleep(0.1)

    main()


@simulated
async def test_a_relayed_path_is_told_and_is_no_problem():
    world = World()
    turn_server(world)
    a, b = pair_of(world, servers("relay"), nat=SYMMETRIC)
    await succeed(a, b)
    await asyncio.sleep(10)
    assert problems(a) == warnings(a) == []
    assert a.explain().codes == (FindingCode.RELAYED,)
    await world.close()
    await asyncio.sleep(0.1)


@simulated
async def test_why_a_worse_pair_carries_data():
    world = World()
    stun_servers(world)
    turn_server(world)
    configuration = {"iceServers": [*STUN["iceServers"], *servers()["iceServers"]]}
    a, b = pair_of(world, configuration, nat=SYMMETRIC)
    await succeed(a, b)
    await asyncio.sleep(60)
    assert problems(a) == warnings(a) == []
    explanation = a.explain()
    assert "relay" in {explanation.path.local.type.value, explanation.path.remote.type.value}
    assert "did not work" in explanation.path.reason
    await world.close()
    await asyncio.sleep(0.1)


@simulated
async def test_a_server_that_is_not_needed_is_only_a_warning():
    world = World()
    stun_servers(world)
    urls = ["stun:one.example.org", "stun:nowhere.example.org"]
    a, b = pair_of(world, {"iceServers": [{"urls": urls}]}, nat=PORT_RESTRICTED)
    await succeed(a, b)
    await asyncio.sleep(5)
    assert problems(a) == []
    assert warnings(a) == [FindingCode.SERVER_UNREACHABLE]
    assert_documented(a)
    await world.close()
    await asyncio.sleep(0.1)


# The exchange of descriptions


@simulated
async def test_what_is_missing_in_the_exchange():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await a.setLocalDescription()
    assert a.explain().codes == (FindingCode.NO_REMOTE_DESCRIPTION,)
    await b.setRemoteDescription(a.localDescription)
    assert FindingCode.NO_LOCAL_DESCRIPTION in b.explain().codes
    await asyncio.sleep(60)
    assert problems(a) == problems(b) == []
    await world.close()


@simulated
async def test_an_answer_that_rejects_everything():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await exchange_changed(a, b, lambda sdp: re.sub("m=application [0-9]+", "m=application 0", sdp))
    await asyncio.sleep(1)
    assert problems(a) == [FindingCode.DATA_CHANNEL_REFUSED]
    await world.close()


# Our side


@simulated
async def test_no_network():
    world = World()
    a, b = world.pair()
    world.networks[0].host.interfaces[0].is_up = False
    await attempt(a, b)
    assert problems(a) == [FindingCode.NO_NETWORK]
    await world.close()


@simulated
async def test_no_sockets():
    world = World()
    a, b = world.pair()
    world.networks[0].udp_errors = [OSError(errno.EMFILE, "too many open files")] * 3
    await attempt(a, b)
    assert problems(a) == [FindingCode.NO_SOCKETS]
    await world.close()


@simulated
async def test_a_relay_policy_without_a_turn_server():
    world = World()
    stun_servers(world)
    a, b = pair_of(world, {**STUN, "iceTransportPolicy": "relay"})
    await attempt(a, b)
    assert problems(a)[0] == FindingCode.RELAY_POLICY_WITHOUT_TURN
    await world.close()


@simulated
async def test_blocked_udp():
    world = World()
    stun_servers(world)
    turn_server(world)
    configuration = {"iceServers": [*STUN["iceServers"], *servers()["iceServers"]]}
    world.a, world.b = world.peer(configuration, nat=BLOCKED), world.peer(configuration, nat=PORT_RESTRICTED)
    await attempt(world.a, world.b, 6)
    assert problems(world.a) == [FindingCode.UDP_BLOCKED]
    await asyncio.sleep(60)
    assert problems(world.a) == [FindingCode.UDP_BLOCKED]
    assert "no answer from stun:one.example.org" in finding(world.a, "udp-blocked").evidence
    # The other side can not know more than that.
    assert problems(world.b) == [FindingCode.NO_ANSWER]
    await world.close()


@simulated
async def test_refused_turn_credentials():
    world = World()
    stun_servers(world)
    turn_server(world)
    refused = servers(password="wrong")["iceServers"]
    a, b = pair_of(world, {"iceServers": [*STUN["iceServers"], *refused]}, nat=SYMMETRIC)
    await attempt(a, b)
    assert problems(a) == problems(b) == [FindingCode.TURN_CREDENTIALS_REFUSED, FindingCode.RELAY_NEEDED]
    assert "Mend the TURN server" in finding(a, "relay-needed").advice
    assert_documented(a)
    await world.close()
    await asyncio.sleep(0.1)


@simulated
async def test_an_unreachable_turn_server_that_is_needed():
    world = World()
    stun_servers(world)
    dead = {"urls": "turn:nowhere.example.org", "username": "a", "credential": "b"}
    a, b = pair_of(world, {"iceServers": [*STUN["iceServers"], dead]}, nat=SYMMETRIC)
    await attempt(a, b)
    assert problems(a) == [FindingCode.SERVER_UNREACHABLE, FindingCode.RELAY_NEEDED]
    await world.close()
    await asyncio.sleep(0.1)


# The way between


@simulated
async def test_symmetric_nats_without_a_relay():
    world = World()
    stun_servers(world)
    a, b = pair_of(world, STUN, nat=SYMMETRIC)
    await attempt(a, b, 6)
    assert problems(a) == problems(b) == [FindingCode.RELAY_NEEDED]  # before anything has failed
    await asyncio.sleep(60)
    assert a.connectionState == "failed"
    assert problems(a) == problems(b) == [FindingCode.RELAY_NEEDED]
    assert "Both sides" in finding(a, "relay-needed").sentence
    assert len(finding(a, "relay-needed").evidence) == 4
    await world.close()


@simulated
async def test_one_symmetric_nat_is_found_from_both_sides():
    world = World()
    stun_servers(world)
    world.a, world.b = world.peer(STUN, nat=SYMMETRIC), world.peer(STUN, nat=PORT_RESTRICTED)
    await attempt(world.a, world.b)
    assert problems(world.a) == problems(world.b) == [FindingCode.RELAY_NEEDED]
    assert finding(world.a, "relay-needed").sentence.startswith("We are")
    assert finding(world.b, "relay-needed").sentence.startswith("The peer is")
    await world.close()


@simulated
async def test_nats_of_which_one_server_tells_too_little():
    world = World()
    stun_servers(world)
    a, b = pair_of(world, {"iceServers": [{"urls": "stun:one.example.org"}]}, nat=SYMMETRIC)
    await attempt(a, b)
    assert problems(a) == problems(b) == [FindingCode.NO_DIRECT_PATH]
    await world.close()


def test_a_peer_that_vanished():
    async def make(world, mine, theirs, a, b):
        await exchange(a, b)
        theirs.host.kill()

    failing(make, FindingCode.NO_ANSWER)
    failing(make, FindingCode.NO_ANSWER, after=6.0)


def test_no_route():
    async def make(world, mine, theirs, a, b):
        mine.unroutable["203.0.113.2"] = errno.ENETUNREACH
        theirs.unroutable["203.0.113.1"] = errno.ENETUNREACH
        await exchange(a, b)

    failing(make, FindingCode.UNROUTABLE, after=1.0)
    failing(make, FindingCode.UNROUTABLE)


def test_a_firewall_that_lets_nothing_out():
    async def make(world, mine, theirs, a, b):
        mute(mine)
        await exchange(a, b)

    failing(make, FindingCode.ONE_WAY)


# The peer's candidates


def test_candidates_that_nobody_carries():
    async def make(world, mine, theirs, a, b):
        mute(theirs)
        await exchange_changed(a, b, without("a=candidate", "a=end-of-candidates"))
        await asyncio.sleep(1)
        assert problems(a) == []
        assert FindingCode.NO_REMOTE_CANDIDATES in a.explain().codes

    failing(make, FindingCode.NO_REMOTE_CANDIDATES, after=6.0)
    failing(make, FindingCode.NO_REMOTE_CANDIDATES)


def test_a_peer_that_does_not_trickle_and_did_not_wait():
    async def make(world, mine, theirs, a, b):
        mute(theirs)
        await exchange_changed(a, b, without("a=candidate", "a=end-of-candidates", "a=ice-options"))

    failing(make, FindingCode.PEER_DOES_NOT_TRICKLE)


def test_a_peer_without_any_candidate():
    async def make(world, mine, theirs, a, b):
        mute(theirs)
        await exchange_changed(a, b, without("a=candidate"))

    failing(make, FindingCode.PEER_HAS_NO_CANDIDATES)


def test_candidates_of_another_generation():
    async def make(world, mine, theirs, a, b):
        mute(theirs)
        await exchange_changed(a, b, without("a=candidate", "a=end-of-candidates"))
        await a.addIceCandidate(
            {"candidate": "candidate:1 1 udp 2130706431 203.0.113.2 49152 typ host ufrag old", "sdpMLineIndex": 0}
        )
        await a.addIceCandidate(None)

    failing(make, FindingCode.WRONG_GENERATION)


def test_names_that_nobody_answers_for():
    async def make(world, mine, theirs, a, b):
        mute(theirs)
        await exchange_changed(a, b, lambda sdp: sdp.replace(" 203.0.113.2 ", " 6f1b2c3d.local "))

    failing(make, FindingCode.MDNS_UNRESOLVED)


def test_addresses_of_another_family():
    async def make(world, mine, theirs, a, b):
        mute(theirs)
        await exchange_changed(a, b, lambda sdp: sdp.replace(" 203.0.113.2 ", " 2001:db8::2 "))

    failing(make, FindingCode.NOTHING_TO_PAIR)


@pytest.mark.parametrize("of", ["offer", "answer"])
def test_descriptions_that_do_not_belong_together(of):
    def spoil(sdp):
        return re.sub("a=ice-pwd:.*", "a=ice-pwd:" + "a" * 24, sdp)

    @simulated
    async def main():
        world = World()
        a, b = world.pair()
        a.createDataChannel("x")
        await exchange_changed(a, b, spoil, of=of)
        await asyncio.sleep(60)
        assert problems(a) == problems(b) == [FindingCode.CREDENTIALS_MISMATCH]
        await world.close()

    main()


# What travels over the path


def test_a_certificate_that_was_not_announced():
    @simulated
    async def main():
        world = World()
        a, b = world.pair()
        a.createDataChannel("x")

        def other(sdp):
            return re.sub("a=fingerprint:sha-256 .*", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), sdp)

        await exchange_changed(a, b, other)
        await asyncio.sleep(5)
        assert problems(a) == [FindingCode.FINGERPRINT_MISMATCH]
        assert problems(b) == [FindingCode.DTLS_REFUSED_BY_PEER]
        assert "fingerprint" in finding(b, "dtls-refused-by-peer").advice
        await world.close()

    main()


def drop_dtls(network):
    deliver = network.host.receive

    def receive(source, destination, payloads):
        deliver(source, destination, [payload for payload in payloads if not 20 <= payload[0] <= 63])

    network.host.receive = receive


@simulated
async def test_a_middlebox_that_lets_stun_through_alone():
    world = World()
    a, b = world.pair()
    for network in world.networks:
        drop_dtls(network)
    await attempt(a, b, 1)
    assert problems(a) == problems(b) == []
    assert FindingCode.DTLS_HANDSHAKE in a.explain().codes
    await asyncio.sleep(6)
    assert problems(a) == problems(b) == [FindingCode.DTLS_NO_ANSWER]
    await asyncio.sleep(30)
    assert a.connectionState == b.connectionState == "failed"
    assert problems(a) == problems(b) == [FindingCode.DTLS_NO_ANSWER]
    await world.close()


def test_sctp_ports_that_do_not_match():
    async def make(world, mine, theirs, a, b):
        await exchange_changed(a, b, lambda sdp: sdp.replace("a=sctp-port:5000", "a=sctp-port:5001"))
        await connected(a, b)

    failing(make, FindingCode.SCTP_NO_ANSWER, after=10.0)


# The end


@simulated
async def test_a_path_that_dies():
    world = World()
    a, b = world.pair()
    await succeed(a, b)
    await asyncio.sleep(5)
    world.networks[1].host.kill()
    await asyncio.sleep(10)
    assert a.connectionState == "disconnected"
    assert problems(a) == [FindingCode.PATH_SILENT]
    await asyncio.sleep(60)
    assert a.connectionState == "failed"
    assert problems(a) == [FindingCode.CONSENT_LOST]
    assert any("given up" in line for line in finding(a, "consent-lost").evidence)
    await world.close()


@simulated
async def test_who_closed_it():
    world = World()
    a, b = world.pair()
    await succeed(a, b)
    await asyncio.sleep(1)
    await b.close()
    await asyncio.sleep(60)
    assert problems(a) == problems(b) == []
    assert a.explain().codes == (FindingCode.CLOSED_BY_PEER,)
    assert b.explain().codes == (FindingCode.CLOSED_HERE,)
    assert str(b.explain()).startswith("Closed.")
    await world.close()


@simulated
async def test_a_relay_that_ends():
    world = World()
    server = turn_server(world, Behaviour(has_ipv6=False, lifetime=100))
    a, b = pair_of(world, servers("relay"), nat=SYMMETRIC)
    await succeed(a, b)
    await asyncio.sleep(10)
    server.behaviour.errors[Method.REFRESH] = (437, "Allocation Mismatch")
    await until(lambda: a.connectionState == "failed", 300)
    assert problems(a) == [FindingCode.RELAY_LOST]
    await world.close()


@simulated
async def test_a_relay_that_falls_silent():
    world = World()
    turn_server(world)
    a, b = pair_of(world, servers("relay"), nat=SYMMETRIC)
    await succeed(a, b)
    await asyncio.sleep(10)
    world.network.hosts["turn.example.org"].kill()
    await until(lambda: a.connectionState == "failed", 300)
    assert problems(a) == [FindingCode.CONSENT_LOST]
    await world.close()


@simulated
async def test_an_agent_alone():
    world = World()
    a = IceAgent(network=world.host(nat=NatSettings()), servers=["stun:203.0.113.250"])
    assert a.explain().codes == (FindingCode.NO_REMOTE_DESCRIPTION,)
    a.gather()
    await asyncio.sleep(6)
    assert FindingCode.UDP_BLOCKED in a.explain().codes  # as far as it can be seen from here
    await a.close()
    assert a.explain().codes == (FindingCode.CLOSED_HERE,)


@simulated
async def test_a_peer_that_does_not_say_when_it_has_no_more():
    world = World()
    a, b = world.pair(settings=Settings(ice=IceSettings(trickle=True)))
    b.on("icecandidate", lambda candidate: None)
    a.createDataChannel("x")
    await exchange_changed(a, b, without("a=end-of-candidates"))
    await connected(a, b)
    await asyncio.sleep(10)
    assert a.iceConnectionState == "connected"
    assert problems(a) == []
    assert a.explain().codes == (FindingCode.NO_END_OF_CANDIDATES,)
    await world.close()
