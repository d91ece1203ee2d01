import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.stack.nat_discovery import NatBehaviorDiscovered, NatDiscovery, NatDiscoverySettings, ServerAsked
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import StunMessage

MAPPING, FILTERING = TransportAddress("192.168.0.2", 1111), TransportAddress("192.168.0.2", 2222)
SERVER = TransportAddress("203.0.113.1", 3478)
OTHER = TransportAddress("203.0.113.2", 3479)
MAPPED = TransportAddress("198.51.100.7", 4444)


def make(*servers, **changes):
    return NatDiscovery(
        MAPPING, FILTERING, servers or (SERVER,), NatDiscoverySettings(**changes), random.Random(1).randbytes
    )


def answer(request, *, other=None):
    response = StunMessage.parse(request).success_response()
    response.add_address(AttributeType.XOR_MAPPED_ADDRESS, MAPPED)
    if other is not None:
        response.add_address(AttributeType.OTHER_ADDRESS, other)
    return response.serialize(fingerprint=True)


def test_without_servers_it_ends_at_once():
    core = NatDiscovery(MAPPING, FILTERING, [], NatDiscoverySettings(), random.Random(1).randbytes)
    assert core.packets_to_send(0.0) == []
    (event,) = core.poll_events()
    assert isinstance(event, NatBehaviorDiscovered)
    assert event.behavior.answers == ()
    assert core.next_timeout() is None


def test_questions_are_paced_and_repeated():
    core = make(SERVER, OTHER)
    (first,) = core.packets_to_send(0.0)
    assert (first.local, first.remote) == (MAPPING, SERVER)
    assert core.next_timeout() == pytest.approx(0.005)
    (second,) = core.packets_to_send(0.005)
    assert second.remote == OTHER
    assert core.next_timeout() == pytest.approx(0.5)
    assert core.packets_to_send(0.5) == [first]


def test_a_silent_server_is_given_up_in_its_time():
    core = make(answer_timeout=2.0)
    now = 0.0
    core.packets_to_send(now)
    while (when := core.next_timeout()) is not None:
        now = when
        core.handle_timeout(now)
        core.packets_to_send(now)
    assert now == 2.0
    asked, discovered = core.poll_events()
    assert isinstance(asked, ServerAsked)
    assert asked.answer.error == "no answer within 2 s"
    assert not discovered.behavior.is_reached


def test_the_round_trip_is_measured_from_the_first_transmission():
    core = make()
    (packet,) = core.packets_to_send(10.0)
    core.receive(Datagrams(MAPPING, SERVER, [answer(packet.payloads[0])]), 10.25)
    assert core.poll_events()[0].answer.round_trip == 0.25


def test_what_nobody_asked_for_is_dropped():
    core = make()
    (packet,) = core.packets_to_send(0.0)
    good = answer(packet.payloads[0])
    for local, remote, payload in (
        (MAPPING, OTHER, good),  # from elsewhere
        (FILTERING, SERVER, good),  # to the other socket
        (MAPPING, SERVER, b"\x80 no STUN"),
        (MAPPING, SERVER, packet.payloads[0]),  # our own request, sent back
    ):
        core.receive(Datagrams(local, remote, [payload]), 0.1)
    assert core.poll_events() == []
    assert core.dropped_packets == 4


def test_answers_from_elsewhere_count_only_from_where_they_were_to_come():
    core = make()
    (packet,) = core.packets_to_send(0.0)
    core.receive(Datagrams(MAPPING, SERVER, [answer(packet.payloads[0], other=OTHER)]), 0.1)
    asked = [each for each in (core.packets_to_send(0.1 + 0.01 * step) for step in range(10)) for each in each]
    filtering = [each for each in asked if each.local == FILTERING]
    assert [StunMessage.parse(each.payloads[0]).uint32(AttributeType.CHANGE_REQUEST) for each in filtering] == [6, 2]
    assert {each.remote for each in filtering} == {SERVER}
    stranger = TransportAddress("203.0.113.66", 3479)
    core.receive(Datagrams(FILTERING, stranger, [answer(filtering[0].payloads[0])]), 0.2)
    assert core.dropped_packets == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rto": 0},
        {"answer_timeout": 0},
        {"silence_timeout": -1},
        {"max_requests": 0},
        {"silence_requests": 0},
        {"max_servers": 0},
        {"interval": -1},
    ],
    ids=str,
)
def test_settings_that_can_not_work_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NatDiscoverySettings(**wrong)


@given(st.data())
def test_never_raises_whatever_servers_say(data):
    core = make(SERVER, OTHER)
    now = 0.0
    requests = []
    for _ in range(12):
        requests += [(each.local, each.remote, each.payloads[0]) for each in core.packets_to_send(now)]
        local, remote, request = data.draw(st.sampled_from(requests))
        response = StunMessage.parse(request).success_response()
        for kind in data.draw(st.lists(st.sampled_from([0x0020, 0x802C, 0x0001, 0x0009, 0x7777]), max_size=3)):
            address = st.builds(
                lambda port, ip: b"\0\1" + port + ip, st.binary(min_size=2, max_size=2), st.binary(max_size=5)
            )
            response.add(kind, data.draw(address | st.binary(max_size=20)))
        source = data.draw(st.sampled_from([remote, SERVER, OTHER]))
        core.receive(Datagrams(local, source, [response.serialize()]), now)
        now += data.draw(st.sampled_from([0.0, 0.01, 1.0]))
        core.handle_timeout(now)
        core.poll_events()
