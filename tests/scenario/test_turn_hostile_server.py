"""A server that floods, lies and storms costs bounded memory and work, and the client stays itself."""

import random

import pytest

from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage
from rtcpeer.turn import AllocationFailed, AllocationLost, TurnState
from tests.unit.turn.bench import PEER, Bench
from tests.unit.turn.server import CLIENT, Behaviour, data_indication


def sizes(client):
    """How much a client keeps, in things."""
    return (
        len(client._exchange._sent) + len(client._exchange._unbuilt) + len(client._peers._peers)
        + len(client._peers._permissions) + len(client._peers.channels) + client._traffic.received_waiting
        + len(client._traffic._unsent)
    )  # fmt: skip


def test_a_flood_of_everything_is_bounded():
    bench = Bench().allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    rng = random.Random(3)
    for number in range(60_000):
        match number % 4:
            case 0:
                packet = bytes.fromhex("4000 0001 78")
            case 1:
                packet = data_indication(PEER._replace(port=1 + number % 60_000), b"x")
            case 2:
                packet = (
                    StunMessage(Method.REFRESH, MessageClass.ERROR, rng.randbytes(12)).error_response(438).serialize()
                )
            case _:
                packet = rng.randbytes(rng.randrange(64))
        bench.client.receive(packet, bench.now)
    assert sizes(bench.client) < 8192 + 10
    assert bench.client.statistics().dropped_received > 20_000
    assert bench.client.state is TurnState.ALLOCATED
    assert bench.client.packets_to_send(bench.now) == []


@pytest.mark.parametrize("code", [401, 403, 420, 438, 441, 500])
def test_a_storm_of_errors_is_not_answered_by_a_storm(code):
    bench = Bench().allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    bench.sent.clear()
    if code == 438:
        bench.server.behaviour.nonce_lifetime = -1.0
        bench.server.nonces.clear()
    else:
        for method in (Method.REFRESH, Method.CREATE_PERMISSION, Method.CHANNEL_BIND):
            bench.server.behaviour.errors[method] = (code, "no")
    bench.run(3600)
    assert bench.events_of(AllocationLost)
    # A minute of refreshes 5 s apart, each with at most four requests, and one round for permission and channel.
    assert len(bench.sent) < 13 * 4 + 20
    assert sizes(bench.client) == 0


def test_every_challenge_with_another_realm_is_not_followed_for_ever():
    bench = Bench(Behaviour(nonce_lifetime=-1.0))
    realms = iter(range(1000))
    challenge = bench.server._challenge

    def other_realm(request, code, now):
        response = challenge(request, 401, now)
        response.attributes[:] = [each for each in response.attributes if each.type != AttributeType.REALM]
        response.add_text(AttributeType.REALM, f"realm {next(realms)}")
        return response

    bench.server._challenge = other_realm
    bench.allocate()
    assert bench.events == [AllocationFailed(401, "Unauthenticated")]
    assert len(bench.sent) == 4


def test_answers_of_another_server_with_the_right_id_change_nothing():
    bench = Bench().allocate()
    bench.run(541 - 1)
    (refresh,) = bench.client.packets_to_send(bench.now) or bench.sent[-1:]
    request = StunMessage.parse(refresh)
    for forged in (request.error_response(437), request.success_response(), request.error_response(403)):
        bench.client.receive(forged.serialize(b"guess"), bench.now)
        bench.client.receive(forged.serialize(), bench.now)
    assert bench.client.state is TurnState.ALLOCATED
    bench.run(10)
    assert CLIENT in bench.server.allocations
    assert bench.events_of(AllocationLost) == []
