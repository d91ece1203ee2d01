import random

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice.agent import Agent
from rtcpeer.ice.events import GenerationRetired
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.connectivity import Connectivity, PathChanged
from rtcpeer.stack.gathering import CandidateGathered, Gatherer, GatheringCompleted
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import StunMessage

A, B = TransportAddress("192.0.2.1", 5000), TransportAddress("192.0.2.2", 6000)
SERVER, PUBLIC = TransportAddress("192.0.2.9", 3478), TransportAddress("198.51.100.1", 7000)


def connectivity(base, *, is_controlling):
    entropy = random.Random(str(base)).randbytes
    core = Connectivity(
        Agent(IceSettings(), is_controlling=is_controlling, entropy=entropy), Gatherer(IceSettings(), entropy)
    )
    core.gatherer.start()
    core.gatherer.add_base(base, 0)
    core.gatherer.end_of_bases()
    return core


def pair():
    ends = connectivity(A, is_controlling=True), connectivity(B, is_controlling=False)
    for core in ends:
        core.gatherer.end_of_servers()
    events = [core.poll_events() for core in ends]
    for core, other in (ends, ends[::-1]):
        core.agent.set_remote_parameters(other.agent.local_parameters)
        for candidate in other.agent.local_candidates:
            core.agent.add_remote_candidate(candidate)
        core.agent.end_of_remote_candidates()
    return ends, events


def run(ends, events, seconds=2.0):
    now = 0.0
    while now < seconds:
        for index, core in enumerate(ends):
            core.handle_timeout(now)
            for packet in core.packets_to_send(now):
                ends[1 - index].receive(Datagrams(packet.remote, packet.local, packet.payloads), now)
            events[index] += core.poll_events()
        now += 0.01


def test_candidates_reach_the_agent_and_the_path_is_told_once():
    ends, events = pair()
    run(ends, events)
    for told, path in zip(events, ((A, B), (B, A)), strict=True):
        assert isinstance(told[0], CandidateGathered)
        assert len([event for event in told if isinstance(event, GatheringCompleted)]) == 1
        assert [event for event in told if isinstance(event, PathChanged)] == [PathChanged(path)]
    assert ends[0].send_path() == (A, B)


def test_data_of_the_owner_travels_and_that_of_strangers_is_counted():
    ends, events = pair()
    ends[0].send(b"\x80too early")
    run(ends, events)
    assert ends[1].take_data() == []
    ends[0].send(b"\x80hello")
    run(ends, events, 0.01)
    assert ends[1].take_data() == [b"\x80hello"]
    assert ends[1].take_data() == []
    ends[1].receive(Datagrams(B, TransportAddress("192.0.2.66", 1), [b"\x80who", b"\x80am I"]), 2.0)
    assert ends[1].take_data() == []
    assert ends[1].strange_packets == 2


def test_the_answer_of_a_server_goes_to_the_gatherer_and_data_beside_it_is_kept_apart():
    core = connectivity(A, is_controlling=True)
    core.gatherer.add_server(ServerUrl.parse("stun:192.0.2.9"), [SERVER])
    core.gatherer.end_of_servers()
    (question,) = core.packets_to_send(0.0)
    answer = StunMessage.parse(question.payloads[0]).success_response()
    answer.add_address(AttributeType.XOR_MAPPED_ADDRESS, PUBLIC)
    core.receive(Datagrams(A, SERVER, [answer.serialize(fingerprint=True), b"\x80data"]), 0.1)
    types = [event.candidate.type.value for event in core.poll_events() if isinstance(event, CandidateGathered)]
    assert types == ["host", "srflx"]
    assert [candidate.type.value for candidate in core.agent.local_candidates] == ["host", "srflx"]
    assert core.strange_packets == 1  # the server is no peer


def test_after_close_nothing_is_said():
    ends, events = pair()
    run(ends, events)
    ends[0].close()
    assert ends[0].packets_to_send(3.0) == []
    assert ends[0].next_timeout() is None


def restart(core, base):
    local = core.restart(IceSettings())
    core.gatherer.start()
    core.gatherer.add_base(base, 0)
    core.gatherer.end_of_bases()
    core.gatherer.end_of_servers()
    return local


def test_a_restart_gathers_anew_and_the_old_gatherer_goes_with_its_generation():
    ends, events = pair()
    run(ends, events)
    before = [core.agent.local_parameters for core in ends]
    new_bases = A._replace(port=5001), B._replace(port=6001)
    for core, base, told in zip(ends, new_bases, events, strict=True):
        told.clear()
        restart(core, base)
        told += core.poll_events()
        assert core.places == {base, core.send_path()[0]}
    for core, other in (ends, ends[::-1]):
        core.agent.set_remote_parameters(other.agent.local_parameters)
        for candidate in other.agent.local_candidates:
            core.agent.add_remote_candidate(candidate)
    run(ends, events, 5.0)
    for core, base, old, told in zip(ends, new_bases, before, events, strict=True):
        assert core.send_path()[0] == base
        assert core.places == {base}
        assert core.gatherer_of(old.username_fragment) is None
        assert core.gatherer_of(core.agent.local_parameters.username_fragment) is core.gatherer
        (gathered,) = [event.candidate for event in told if isinstance(event, CandidateGathered)]
        assert gathered.username_fragment == core.agent.local_parameters.username_fragment
        assert [event for event in told if isinstance(event, GenerationRetired)] == [GenerationRetired(old)]


def test_a_rollback_returns_to_the_gatherer_before():
    ends, events = pair()
    run(ends, events)
    core = ends[0]
    gatherer, local = core.gatherer, core.agent.local_parameters
    restart(core, A._replace(port=5001))
    assert core.gatherer is not gatherer
    core.roll_back()
    core.roll_back()
    assert core.gatherer is gatherer
    assert core.agent.local_parameters == local
    run(ends, events)
    assert core.places == {A}
    assert core.send_path() == (A, B)


def test_candidates_found_before_a_restart_keep_their_generation_and_its_end_is_not_told():
    core = connectivity(A, is_controlling=True)
    core.gatherer.end_of_servers()
    core.agent.set_remote_parameters(IceParameters("peer", "the password of the peer"))
    before = core.agent.local_parameters
    core.restart(IceSettings())
    events = core.poll_events()
    (gathered,) = [event.candidate for event in events if isinstance(event, CandidateGathered)]
    assert gathered.username_fragment == before.username_fragment
    assert core.agent.local_candidates == []
    assert not any(isinstance(event, GatheringCompleted) for event in events)
