"""What the settings allow is gathered, signalled and paired, and nothing else; a callable that fails harms nobody."""

import asyncio
from dataclasses import replace

import pytest

from rtcpeer import AddressRewrite, IceSettings, RTCPeerConnection, Settings
from rtcpeer.core import TransportAddress
from rtcpeer.ice.candidate import CandidateType
from rtcpeer.stun import AttributeType, Method, StunMessage, short_term_key
from tests.scenario.turn_world import SimulatedServer
from tests.sim.nat import PORT_RESTRICTED, SYMMETRIC, PortAssignment
from tests.sim.peers import LINK, World, connected, exchange, simulated, trickle, until
from tests.unit.turn.server import Behaviour

CONFIGURATION = {
    "iceServers": [
        {"urls": "stun:stun.example.org"},
        {"urls": "turn:turn.example.org", "username": "ada", "credential": "lovelace"},
    ]
}


class Case:
    """Two peer connections with servers, and what they told each other."""

    def __init__(self, configuration=None, ours=None, theirs=None, **place):
        self.world = World()
        self.world.stun_server()
        self.world.network.names["turn.example.org"] = ["203.0.113.210"]
        host = self.world.network.host("turn.example.org", "203.0.113.210", up=LINK)
        self.turn = SimulatedServer(host, TransportAddress("203.0.113.210", 3478), Behaviour(has_ipv6=False)).server
        self.failures = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.failures.append(context))
        a = self.a = self.world.peer(configuration or CONFIGURATION, settings(ours), **place)
        b = self.b = self.world.peer(CONFIGURATION, settings(theirs), **place)
        self.world.a, self.world.b = a, b
        self.signalled = []
        self.errors = []
        a.on("icecandidate", lambda candidate: candidate and candidate.candidate and self.signalled.append(candidate))
        a.on("icecandidateerror", self.errors.append)
        trickle(a, b)
        trickle(b, a)
        a.createDataChannel("x")

    async def connect(self):
        await exchange(self.a, self.b)
        await connected(self.a, self.b)
        await until(lambda: self.a.iceGatheringState == "complete" and self.core.selected_pair is not None)

    @property
    def core(self):
        return self.a.sctp.transport.iceTransport._agent.core.agent

    @property
    def types(self):
        """Of what was signalled one by one, of what the description has, and of what was paired."""
        in_description = {line.split(" typ ")[1].split()[0] for line in self.lines}
        paired = {pair.local.type.value for pair in self.core.statistics().pairs}
        return {each.type for each in self.signalled}, in_description, paired - {"prflx"}

    @property
    def lines(self):
        return candidate_lines(self.a)

    async def end(self):
        await self.world.close()
        await asyncio.sleep(1)


def candidate_lines(pc):
    return [line for line in pc.localDescription.sdp.splitlines() if line.startswith("a=candidate:")]


def settings(chosen):
    return None if chosen is None else Settings(ice=IceSettings(**chosen))


@pytest.mark.parametrize(
    ("chosen", "signalled", "paired"),
    [
        ({}, {"host", "srflx", "relay"}, {"host", "relay"}),
        ({"transport_policy": "nohost"}, {"srflx", "relay"}, {"srflx", "relay"}),
        ({"transport_policy": "relay"}, {"relay"}, {"relay"}),
        ({"candidate_types": ["relay", "host"]}, {"host", "relay"}, {"host", "relay"}),
        ({"candidate_types": ["host"]}, {"host"}, {"host"}),
        ({"candidate_types": ["srflx"]}, {"srflx"}, {"srflx"}),
        ({"candidate_types": ["srflx", "relay"], "transport_policy": "nohost"}, {"srflx", "relay"}, {"srflx", "relay"}),
    ],
)
def test_policy_and_types(chosen, signalled, paired):
    @simulated
    async def main():
        # Who has host candidates alone finds nobody through two NATs.
        case = Case(ours=chosen, nat=None if paired == {"host"} else PORT_RESTRICTED)
        await case.connect()
        one_by_one, in_description, in_pairs = case.types
        assert one_by_one == in_description == signalled
        assert in_pairs <= paired
        assert case.core.selected_pair.local.type.value in {*paired, "prflx"}
        assert not case.failures
        await case.end()

    main()


@simulated
async def test_the_w3cs_policy_is_relay_from_end_to_end():
    case = Case({**CONFIGURATION, "iceTransportPolicy": "relay"}, nat=SYMMETRIC)
    await case.connect()
    assert case.types == ({"relay"},) * 3
    assert all(" raddr 0.0.0.0 rport 9" in line for line in case.lines)
    await case.end()


@simulated
async def test_a_server_that_is_of_no_use_is_not_asked():
    case = Case(ours={"candidate_types": ["host"]}, theirs={"candidate_types": ["host", "srflx"]})
    resolved = []
    case.world.networks[0].resolve = resolved.append
    await case.connect()
    assert resolved == case.errors == []
    assert not case.turn.requests
    await case.end()


@simulated
async def test_under_relay_the_host_address_answers_nobody():
    """Who guesses our address and knows the password from the description learns nothing."""
    case = Case(ours={"transport_policy": "relay"})
    await case.connect()
    bases = [each.base for each in case.core.local_candidates]
    assert bases
    assert all(base.host == "203.0.113.210" for base in bases)
    before = case.core.statistics().requests_refused
    (socket,) = case.world.networks[0].host._sockets.values()
    answers = []
    host = case.world.network.host("stranger", "203.0.113.66", up=LINK)
    stranger = host.bind("203.0.113.66", 9, answers.append)
    stranger.send(socket.local, [signed_check(case.core.local_parameters)])
    await asyncio.sleep(1)
    assert case.core.statistics().requests_refused == before + 1
    assert answers == []
    await case.end()


def signed_check(parameters):
    """What only the peer should know to say, and whoever has seen the description can."""
    message = StunMessage.request(Method.BINDING, bytes)
    message.add_text(AttributeType.USERNAME, f"{parameters.username_fragment}:stranger")
    message.add_uint32(AttributeType.PRIORITY, 1)
    message.add_uint64(AttributeType.ICE_CONTROLLED, 1)
    return message.serialize(short_term_key(parameters.password), fingerprint=True)


@simulated
async def test_the_peer_is_only_where_it_may_be():
    theirs = "203.0.113.210"  # the relay; the peer itself is at 203.0.113.2
    case = Case(ours={"remote_address_filter": [theirs]})
    await case.connect()
    assert {each.address for each in case.core.remote_candidates} == {theirs}
    assert {pair.remote.address for pair in case.core.statistics().pairs} == {theirs}
    assert case.core.statistics().candidates_refused > 0
    assert case.core.statistics().requests_refused > 0  # checks that came from the address itself
    await case.end()


@simulated
async def test_a_candidate_filter_drops_and_rewrites():
    def candidate_filter(candidate):
        if candidate.type is CandidateType.RELAYED:
            return None
        return replace(candidate, priority=candidate.priority - 1000)

    case = Case(ours={"candidate_filter": candidate_filter}, nat=PORT_RESTRICTED)
    await case.connect()
    assert case.types == ({"host", "srflx"},) * 2 + ({"host"},)
    assert all((each.priority - 255) % 256 == 24 for each in case.signalled)  # -1000 is not a multiple of 256
    await case.end()


@pytest.mark.parametrize("field", ["candidate_filter", "interface_filter", "local_address_filter"])
def test_a_callable_that_raises_costs_what_it_was_asked_about(field):
    def fail(subject):
        raise RuntimeError("the program's fault")

    @simulated
    async def main():
        case = Case(ours={field: fail})
        await exchange(case.a, case.b)
        await until(lambda: case.a.iceGatheringState == "complete")
        assert case.lines == []
        assert case.failures
        assert {type(context["exception"]) for context in case.failures} == {RuntimeError}
        assert all(field in context["message"] for context in case.failures)
        await case.end()

    main()


@simulated
async def test_a_callable_that_raises_once_does_not_break_the_connection():
    def candidate_filter(candidate):
        if candidate.type is CandidateType.SERVER_REFLEXIVE:
            raise RuntimeError("the program's fault")
        return candidate

    case = Case(ours={"candidate_filter": candidate_filter}, nat=PORT_RESTRICTED)
    await case.connect()
    assert case.types[0] == {"host", "relay"}
    assert len(case.failures) == 1
    await case.end()


@simulated
async def test_a_remote_filter_that_raises_refuses_the_address():
    def remote_address_filter(host):
        if host != "203.0.113.210":
            raise RuntimeError("the program's fault")
        return True

    case = Case(ours={"remote_address_filter": remote_address_filter})
    await case.connect()
    assert {each.address for each in case.core.remote_candidates} == {"203.0.113.210"}
    assert [context["message"] for context in case.failures] == ["remote_address_filter failed for 203.0.113.2"]
    await case.end()


@simulated
async def test_a_one_to_one_nat_is_passed_without_any_server():
    """As in a cloud: the address that peers see stands on no interface."""
    world = World()
    rule = AddressRewrite("198.51.100.1")
    nat = replace(PORT_RESTRICTED, ports=PortAssignment.PRESERVED)
    a = world.peer(settings=settings({"address_rewrites": [rule]}), nat=nat)
    b = world.peer()
    world.a, world.b = a, b
    trickle(a, b)
    trickle(b, a)
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    remote = b.sctp.transport.iceTransport.getSelectedCandidatePair().remote
    assert (remote.address, remote.type) == ("198.51.100.1", "host")
    (line,) = candidate_lines(a)
    assert " 198.51.100.1 " in line
    assert " typ host " in line
    assert "raddr" not in line
    await world.close()


@simulated
async def test_ports_come_from_the_range_and_an_exhausted_one_is_told():
    world = World()
    network = world.host()
    made, errors = [], []
    for _ in range(4):
        pc = RTCPeerConnection(settings=settings({"port_range": (6000, 6002)}), network=network)
        pc.on("icecandidateerror", errors.append)
        pc.on("icecandidate", lambda candidate: None)
        pc.createDataChannel("x")
        await pc.setLocalDescription()
        await until(lambda pc=pc: pc.iceGatheringState == "complete")
        made.append(pc)
    ports = [[int(line.split()[5]) for line in candidate_lines(pc)] for pc in made]
    assert sorted(ports) == [[], [6000], [6001], [6002]]
    (error,) = errors
    assert (error.errorCode, error.url, error.address) == (701, "", "203.0.113.1")
    assert "no port from 6000 to 6002 is free" in error.errorText
    await asyncio.gather(*(pc.close() for pc in made))
    assert network.open_sockets == 0
