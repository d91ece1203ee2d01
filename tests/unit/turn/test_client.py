"""The allocation: asking for it, keeping it, losing it, giving it back."""

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.errors import InvalidStateError
from rtcpeer.stun import AttributeType, Method, StunMessage, long_term_key
from rtcpeer.turn import (
    NO_ANSWER,
    AddressFamily,
    Allocated,
    AllocationFailed,
    AllocationLost,
    ClientClosed,
    Credentials,
    Redirected,
    RefreshRefused,
    TurnSettings,
    TurnState,
)
from tests.unit.turn.bench import PEER, PEER6, Bench
from tests.unit.turn.server import CLIENT, Behaviour

RELAYED = TransportAddress("203.0.113.1", 50001)
RELAYED6 = TransportAddress("2001:db8::1", 50001)
KEY = long_term_key("ada", "example.org", "lovelace")


def test_an_allocation_after_the_challenge():
    bench = Bench().allocate()
    assert bench.events == [Allocated(RELAYED, CLIENT, 600)]
    assert bench.client.state is TurnState.ALLOCATED
    assert bench.client.relayed_addresses == (RELAYED,)
    assert bench.client.relayed_for(PEER) == RELAYED
    assert bench.client.relayed_for(PEER6) is None
    assert [request.has_integrity for request in bench.server.requests] == [False, True]
    assert bench.server.requests[0].value(AttributeType.REQUESTED_TRANSPORT) == bytes((17, 0, 0, 0))
    with pytest.raises(InvalidStateError, match="allocated; allocate"):
        bench.client.allocate()


@pytest.mark.parametrize(
    ("family", "has_ipv6", "expected"),
    [
        (AddressFamily.IPV6, True, Allocated(RELAYED6, CLIENT, 600)),
        (AddressFamily.IPV6, False, AllocationFailed(440, "Address Family Not Supported")),
        (AddressFamily.BOTH, True, Allocated(RELAYED, CLIENT, 600, RELAYED6)),
        (AddressFamily.BOTH, False, Allocated(RELAYED, CLIENT, 600, None, (440, "no IPv6"))),
    ],
)
def test_address_families(family, has_ipv6, expected):
    bench = Bench(Behaviour(has_ipv6=has_ipv6), family=family).allocate()
    assert bench.events == [expected]


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(algorithms=bytes.fromhex("0002 0000 0001 0000"), algorithm="sha256"),
        Behaviour(algorithms=bytes.fromhex("0001 0000"), nonce_cookie=b"obMatJos2gAAA"),
        Behaviour(nonce_cookie=b"obMatJos2QAAA"),
    ],
)
def test_servers_of_rfc_8489(behaviour):
    assert Bench(behaviour).allocate().events == [Allocated(RELAYED, CLIENT, 600)]


@pytest.mark.parametrize("credentials", [Credentials("ada", "wrong"), Credentials("bob", "lovelace"), None])
def test_wrong_credentials_fail_at_the_second_401(credentials):
    bench = Bench(credentials=credentials).allocate()
    assert bench.events == [AllocationFailed(401, "Unauthenticated")]
    assert len(bench.server.requests) == (1 if credentials is None else 2)
    assert bench.client.state is TurnState.FAILED
    assert bench.client.next_timeout() is None


@pytest.mark.parametrize("code", [403, 437, 440, 441, 442, 486, 500, 508])
def test_a_refusal_is_an_event_with_code_and_text(code):
    bench = Bench(Behaviour(errors={Method.ALLOCATE: (code, "because")})).allocate()
    assert bench.events == [AllocationFailed(code, "because")]


def test_padding_in_the_text_is_no_text():
    bench = Bench(Behaviour(errors={Method.ALLOCATE: (440, "because\0\0" + " " * 3)})).allocate()
    assert bench.events == [AllocationFailed(440, "because")]


def test_a_stale_nonce_costs_one_more_round():
    bench = Bench(Behaviour(nonce_lifetime=100.0)).allocate()
    bench.run(545)
    assert bench.client.refreshes == 1
    assert bench.server.count(Method.REFRESH) == 2
    assert bench.events_of(AllocationLost, RefreshRefused) == []


def test_a_server_that_finds_every_nonce_stale_is_given_up():
    bench = Bench(Behaviour(nonce_lifetime=-1.0)).allocate()
    assert bench.events == [AllocationFailed(438, "Stale Nonce")]
    assert len(bench.server.requests) == 1 + TurnSettings().max_challenges


def test_a_silent_server_is_asked_seven_times():
    bench = Bench(Behaviour(is_silent=True)).allocate()
    bench.run(39.4)
    assert bench.events == []
    bench.run(0.2)
    assert bench.events == [AllocationFailed(NO_ANSWER, "the server did not answer")]
    assert len(bench.sent) == 7


def test_over_a_stream_nothing_is_repeated():
    bench = Bench(Behaviour(is_silent=True), is_stream=True).allocate()
    bench.run(39.6)
    assert bench.events == [AllocationFailed(NO_ANSWER, "the server did not answer")]
    assert len(bench.sent) == 1


def test_refreshes_keep_an_allocation_for_hours():
    bench = Bench().allocate()
    bench.run(7200)
    assert bench.events == [Allocated(RELAYED, CLIENT, 600)]
    assert bench.client.refreshes == bench.server.count(Method.REFRESH) == 7200 // 540
    assert CLIENT in bench.server.allocations


@pytest.mark.parametrize(
    ("lifetime", "seconds", "most", "least"), [(0xFFFFFFFF, 7200, 2, 2), (1, 60, 12, 6), (7, 60, 12, 6)]
)
def test_lifetimes_that_are_lies_cost_little(lifetime, seconds, most, least):
    bench = Bench(Behaviour(lifetime=lifetime))
    # A server that says 1 s but keeps the allocation.
    bench.server._held = lambda client, now: bench.server.allocations.get(client)
    bench.allocate()
    bench.run(seconds)
    assert least <= bench.server.count(Method.REFRESH) <= most
    assert bench.client.state is TurnState.ALLOCATED


def test_an_allocation_for_no_time_is_none():
    bench = Bench(Behaviour(lifetime=0)).allocate()
    assert bench.events == [AllocationFailed(NO_ANSWER, "the server allocated for no time at all")]
    assert bench.client.malformed_packets == 1


def test_a_refresh_that_grants_nothing_is_the_end():
    bench = Bench().allocate()
    bench.server.behaviour.lifetime = 0
    bench.run(600)
    assert bench.events_of(AllocationLost) == [AllocationLost("the server ended it")]


def test_unanswered_refreshes_end_with_the_allocation():
    bench = Bench().allocate()
    bench.server.behaviour.is_silent = True
    bench.run(599)
    assert bench.events_of(AllocationLost) == []
    bench.run(2)
    assert len(bench.events_of(AllocationLost)) == 1
    assert bench.client.state is TurnState.FAILED
    assert bench.client.relayed_addresses == ()
    assert bench.client.next_timeout() is None


def test_a_refresh_that_gets_through_at_last_saves_the_allocation():
    bench = Bench().allocate()
    bench.server.behaviour.is_silent = True
    bench.run(585)
    bench.server.behaviour.is_silent = False
    bench.run(600)
    assert bench.events_of(AllocationLost) == []
    assert bench.client.refreshes >= 1


def test_a_client_that_did_not_run_asks_before_it_gives_up():
    bench = Bench().allocate()
    bench.now += 10_000.0
    bench.client.handle_timeout(bench.now)
    assert bench.client.state is TurnState.ALLOCATED
    bench.exchange()
    # The server has forgotten it meanwhile, and says so.
    assert bench.events_of(AllocationLost) == [
        AllocationLost("the server does not know it any more: 437 Allocation Mismatch")
    ]


def test_a_refused_refresh_is_told_and_tried_again():
    bench = Bench().allocate()
    bench.server.behaviour.errors[Method.REFRESH] = (508, "full")
    bench.run(550)
    assert bench.events_of(RefreshRefused) == [RefreshRefused(508, "full")] * 3
    del bench.server.behaviour.errors[Method.REFRESH]
    bench.run(600)
    assert bench.client.state is TurnState.ALLOCATED
    bench.server.behaviour.errors[Method.REFRESH] = (508, "full")
    bench.run(1200)
    assert len(bench.events_of(AllocationLost)) == 1


def test_new_credentials_are_used_for_refreshes():
    bench = Bench(Behaviour(is_strict_about_user=False)).allocate()
    bench.server.behaviour.users = {"ada2": "new"}
    bench.client.set_credentials(Credentials("ada2", "new"))
    bench.run(560)
    assert bench.client.refreshes == 1
    assert bench.server.requests[-1].text(AttributeType.USERNAME) == "ada2"


def test_new_credentials_save_a_refused_refresh_at_once():
    bench = Bench(Behaviour(is_strict_about_user=False)).allocate()
    bench.server.behaviour.users = {"ada2": "new"}
    bench.run(541)
    assert bench.events_of(RefreshRefused) == [RefreshRefused(401, "Unauthenticated")]
    bench.client.set_credentials(Credentials("ada2", "new"))
    bench.exchange()
    assert bench.client.refreshes == 1


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_server_that_holds_on_to_the_user_gets_the_first_credentials_again(is_stream):
    bench = Bench(is_stream=is_stream).allocate()
    bench.server.behaviour.users["ada2"] = "new"
    bench.client.set_credentials(Credentials("ada2", "new"))
    bench.client.create_permission([PEER])
    bench.client.bind_channel(PEER)
    bench.run(600)
    assert bench.client.refreshes == 1
    assert bench.server.requests[-1].text(AttributeType.USERNAME) == "ada"
    assert bench.client._peers.numbers == {PEER: 0x4000}


def test_an_unsigned_wrong_credentials_without_new_ones_is_nothing():
    bench = Bench().allocate()
    bench.server.allocations[CLIENT].user = "somebody else"
    bench.run(545)
    assert bench.client.statistics().unverified_responses >= 1
    assert bench.events_of(RefreshRefused) == []


def test_a_redirection_is_followed():
    bench = Bench(Behaviour(alternate=TransportAddress("203.0.113.9", 3479)))
    bench.client.allocate()
    answers = [bench.server.receive(CLIENT, packet, bench.now) for packet in bench.client.packets_to_send(bench.now)]
    bench.client.receive(answers[0][0], bench.now)
    answers = [bench.server.receive(CLIENT, packet, bench.now) for packet in bench.client.packets_to_send(bench.now)]
    bench.client.receive(answers[0][0], bench.now)
    assert bench.client.poll_events() == [Redirected(TransportAddress("203.0.113.9", 3479))]
    assert bench.client.server == TransportAddress("203.0.113.9", 3479)
    bench.server.behaviour.alternate = None
    bench.exchange()
    assert bench.events == [Allocated(RELAYED, CLIENT, 600)]
    # The other server was asked without the first one's realm and nonce.
    assert [request.has_integrity for request in bench.server.requests] == [False, True, False, True]


def test_over_a_stream_a_redirection_waits_for_the_owner():
    bench = Bench(Behaviour(alternate=TransportAddress("203.0.113.9", 3479)), is_stream=True)
    with pytest.raises(InvalidStateError, match="new, not redirected"):
        bench.client.reconnected()
    bench.allocate()
    assert bench.events == [Redirected(TransportAddress("203.0.113.9", 3479))]
    assert bench.client.state is TurnState.REDIRECTED
    assert bench.client.packets_to_send(bench.now) == []
    bench.server.behaviour.alternate = None
    bench.client.reconnected()
    bench.exchange()
    assert bench.client.state is TurnState.ALLOCATED


@pytest.mark.parametrize(
    ("alternate", "text"),
    [
        (TransportAddress("203.0.113.1", 3478), "back to 203.0.113.1:3478"),
        (TransportAddress("2001:db8::9", 3478), "can not be reached"),
        (TransportAddress("0.0.0.0", 3478), "can not be reached"),
        (TransportAddress("224.0.0.1", 3478), "can not be reached"),
        (TransportAddress("203.0.113.9", 0), "can not be reached"),
    ],
)
def test_redirections_to_nowhere_fail(alternate, text):
    bench = Bench(Behaviour(alternate=alternate)).allocate()
    (event,) = bench.events
    assert isinstance(event, AllocationFailed)
    assert event.code == 300
    assert text in event.text


def test_redirections_end():
    bench = Bench(Behaviour(alternate=TransportAddress("203.0.113.9", 1)))
    answer = bench.server._allocate

    def move_on(*arguments):
        bench.server.behaviour.alternate = TransportAddress("203.0.113.9", bench.server._ports)
        bench.server._ports += 1
        return answer(*arguments)

    bench.server._allocate = move_on
    bench.allocate()
    assert len(bench.events_of(Redirected)) == TurnSettings().max_redirects
    assert bench.events[-1].code == 300
    assert "after 3 redirections" in bench.events[-1].text


def test_close_gives_the_allocation_back():
    bench = Bench().allocate()
    bench.client.close()
    bench.client.close()
    bench.exchange()
    assert bench.server.allocations == {}
    assert bench.events[-1] == ClientClosed()
    assert bench.client.state is TurnState.CLOSED
    assert bench.client.next_timeout() is None


def test_close_goes_on_with_a_stale_nonce():
    bench = Bench(Behaviour(nonce_lifetime=10.0)).allocate()
    bench.run(20)
    bench.client.close()
    bench.exchange()
    assert bench.server.allocations == {}
    assert bench.events[-1] == ClientClosed()


def test_close_does_not_wait_long_for_a_silent_server():
    bench = Bench().allocate()
    bench.server.behaviour.is_silent = True
    bench.client.close()
    bench.run(1.9)
    assert bench.events_of(ClientClosed) == []
    bench.run(0.2)
    assert bench.events_of(ClientClosed) == [ClientClosed()]
    assert len(bench.sent) == 2 + 3


def test_close_before_or_while_allocating():
    bench = Bench()
    bench.client.close()
    bench.exchange()
    assert bench.events == [ClientClosed()]
    # The server may have allocated, and its answer be on the way.
    bench = Bench()
    bench.client.allocate()
    (first,) = bench.client.packets_to_send(bench.now)
    bench.client.receive(bench.server.receive(CLIENT, first, bench.now)[0], bench.now)
    (second,) = bench.client.packets_to_send(bench.now)
    answer = bench.server.receive(CLIENT, second, bench.now)[0]
    assert CLIENT in bench.server.allocations
    bench.client.close()
    bench.client.receive(answer, bench.now)
    bench.exchange()
    assert bench.server.allocations == {}
    assert bench.events == [ClientClosed()]


def test_close_after_failure():
    bench = Bench(credentials=None).allocate()
    bench.client.close()
    bench.exchange()
    assert bench.events[-1] == ClientClosed()


def test_the_way_to_the_server_may_go():
    for prepare, expected in (
        (Bench.allocate, AllocationLost("reset")),
        (lambda bench: bench.client.allocate(), AllocationFailed(NO_ANSWER, "reset")),
        (lambda bench: bench.allocate().client.close(), ClientClosed()),
    ):
        bench = Bench(is_stream=True)
        prepare(bench)
        bench.client.connection_lost("reset")
        bench.exchange()
        assert bench.events[-1] == expected
        bench.client.connection_lost("again")
        assert bench.client.poll_events() == []


def answered(bench, change):
    """Answer the signed Allocate with what ``change`` makes of a good response."""
    bench.client.allocate()
    (first,) = bench.client.packets_to_send(bench.now)
    bench.client.receive(bench.server.receive(CLIENT, first, bench.now)[0], bench.now)
    (second,) = bench.client.packets_to_send(bench.now)
    request = StunMessage.parse(second)
    response = request.success_response()
    response.add_address(AttributeType.XOR_RELAYED_ADDRESS, RELAYED)
    response.add_address(AttributeType.XOR_MAPPED_ADDRESS, CLIENT)
    response.add_uint32(AttributeType.LIFETIME, 600)
    key = change(response) or KEY
    bench.client.receive(response.serialize(key), bench.now)
    return request


@pytest.mark.parametrize("is_stream", [False, True])
def test_unsigned_answers_are_not_believed(is_stream):
    bench = Bench(is_stream=is_stream)
    request = answered(bench, lambda response: b"another key")
    bench.client.receive(request.error_response(486).serialize(), bench.now)
    stream_end = AllocationFailed(NO_ANSWER, "the server's answer has no valid MESSAGE-INTEGRITY")
    assert bench.client.poll_events() == ([stream_end] if is_stream else [])
    if not is_stream:
        assert bench.client.statistics().unverified_responses == 2
        bench.server.behaviour.is_silent = True
        bench.run(40)
        # What is reported in the end says what somebody said.
        assert [event.code for event in bench.events] == [NO_ANSWER]
        assert "486 Allocation Quota Reached" in bench.events[0].text


def test_the_true_answer_still_counts_after_a_false_one():
    bench = Bench()
    request = answered(bench, lambda response: b"another key")
    bench.client.receive(request.error_response(400).serialize(), bench.now)
    bench.exchange()
    bench.run(1)
    assert bench.events == [Allocated(RELAYED, CLIENT, 600)]


def replace(response, attribute_type, value=None):
    response.attributes[:] = [each for each in response.attributes if each.type != attribute_type]
    if value is not None:
        response.add(attribute_type, value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda r: replace(r, AttributeType.XOR_RELAYED_ADDRESS), "allocated nothing"),
        (lambda r: replace(r, AttributeType.XOR_RELAYED_ADDRESS, b"123"), "bytes"),
        (lambda r: replace(r, AttributeType.XOR_MAPPED_ADDRESS), "where it sees us"),
        (lambda r: replace(r, AttributeType.LIFETIME, b"1"), "has 1 bytes"),
        (lambda r: r.add_address(AttributeType.XOR_RELAYED_ADDRESS, RELAYED), "allocated 203"),
        (lambda r: r.add(0x7777, b""), "0x7777"),
        (
            lambda r: (
                replace(r, AttributeType.XOR_RELAYED_ADDRESS),
                r.add_address(AttributeType.XOR_RELAYED_ADDRESS, RELAYED6),
            )[0],
            "allocated [2001",
        ),
    ],
)
def test_a_success_that_makes_no_sense_is_a_failure(change, text):
    bench = Bench()
    answered(bench, change)
    (event,) = bench.client.poll_events()
    assert isinstance(event, AllocationFailed)
    assert event.code == NO_ANSWER
    assert text in event.text


def test_a_success_without_lifetime_lasts_as_long_as_the_protocol_says():
    bench = Bench()
    answered(bench, lambda r: replace(r, AttributeType.LIFETIME))
    assert bench.client.poll_events() == [Allocated(RELAYED, CLIENT, 600)]


def test_a_second_address_that_is_none_is_left_out():
    bench = Bench(family=AddressFamily.BOTH)
    answered(bench, lambda r: r.add_address(AttributeType.XOR_RELAYED_ADDRESS, TransportAddress("0.0.0.0", 0)))
    assert bench.client.poll_events() == [Allocated(RELAYED, CLIENT, 600)]


def test_our_own_request_sent_back_is_no_answer():
    bench = Bench(Behaviour(is_silent=True)).allocate()
    for packet in bench.sent:
        bench.client.receive(packet, bench.now)
    assert bench.client.state is TurnState.ALLOCATING
    assert bench.client.statistics().strange_packets == 1


def test_answers_that_nobody_waits_for_are_counted():
    bench = Bench().allocate()
    for packet in bench.server.answers.values():
        bench.client.receive(packet, bench.now)
    bench.client.receive(b"", bench.now)
    bench.client.receive(b"\x00\x01", bench.now)
    statistics = bench.client.statistics()
    assert statistics.unsolicited_responses == 2
    assert statistics.malformed_packets == 2
    assert bench.client.poll_events() == []


def test_what_every_request_carries_is_a_setting():
    bench = Bench(settings=TurnSettings(software="rtcpeer", fingerprint=True, lifetime=1234)).allocate()
    for request in bench.server.requests:
        assert request.has_fingerprint
        assert request.text(AttributeType.SOFTWARE) == "rtcpeer"
        assert request.uint32(AttributeType.LIFETIME) == 1234
