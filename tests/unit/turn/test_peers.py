"""Permissions and channels: asked for, renewed, refused, released."""

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.stun import Method
from rtcpeer.turn import (
    NO_ANSWER,
    AddressFamily,
    AllocationLost,
    ChannelBound,
    ChannelRefused,
    PermissionCreated,
    PermissionRefused,
    TurnSettings,
)
from tests.unit.turn.bench import OTHER, PEER, PEER6, Bench
from tests.unit.turn.server import CLIENT, Behaviour


def many(count, port=5000):
    return [TransportAddress(f"192.0.2.{number}", port) for number in range(1, count + 1)]


def test_permissions_wanted_before_the_allocation_come_with_it():
    bench = Bench()
    bench.client.create_permission([PEER, OTHER])
    bench.allocate()
    assert bench.events_of(PermissionCreated) == [PermissionCreated(PEER), PermissionCreated(OTHER)]
    assert bench.server.count(Method.CREATE_PERMISSION) == 1


def test_many_hosts_share_requests():
    bench = Bench().allocate()
    bench.client.create_permission(many(40))
    bench.exchange()
    assert bench.server.count(Method.CREATE_PERMISSION) == 3
    assert len(bench.server.allocations[CLIENT].permissions) == 40


def test_ports_of_one_host_share_its_permission():
    bench = Bench().allocate()
    bench.client.create_permission([PEER])
    bench.exchange()
    bench.client.create_permission([PEER._replace(port=6000), PEER])
    bench.exchange()
    assert bench.events_of(PermissionCreated) == [PermissionCreated(PEER), PermissionCreated(PEER._replace(port=6000))]
    assert bench.server.count(Method.CREATE_PERMISSION) == 1


def test_permissions_and_channels_are_renewed_before_they_end():
    bench = Bench().allocate()
    bench.client.bind_channel(PEER)
    bench.client.create_permission([OTHER])
    for _ in range(360):
        bench.run(10)
        held = bench.server.allocations[CLIENT]
        assert min(held.permissions[PEER.host], held.permissions[OTHER.host], held.channels[0x4000][1]) > bench.now
    # 3,600 s: each 240 s, both hosts at once; each 540 s.
    assert bench.server.count(Method.CREATE_PERMISSION) == 1 + 15
    assert bench.server.count(Method.CHANNEL_BIND) == 1 + 6
    assert bench.events_of(ChannelBound) == [ChannelBound(PEER)]
    assert bench.events_of(PermissionRefused, ChannelRefused) == []


def test_one_host_that_is_denied_does_not_cost_the_others():
    peers = many(5)
    bench = Bench(Behaviour(denied={peers[2].host})).allocate()
    bench.client.create_permission(peers)
    bench.exchange()
    assert bench.events_of(PermissionRefused) == [PermissionRefused(peers[2], 403, "Forbidden")]
    assert len(bench.events_of(PermissionCreated)) == 4
    # And from then on the four share a request again.
    before = bench.server.count(Method.CREATE_PERMISSION)
    bench.run(250)
    assert bench.server.count(Method.CREATE_PERMISSION) == before + 1


def test_a_refused_permission_may_be_asked_for_again():
    bench = Bench(Behaviour(denied={PEER.host})).allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    assert bench.events_of(PermissionRefused, ChannelRefused) == [
        PermissionRefused(PEER, 403, "Forbidden"),
        ChannelRefused(PEER, 403, "Forbidden"),
    ]
    bench.server.behaviour.denied.clear()
    bench.client.bind_channel(PEER)
    bench.exchange()
    assert bench.events_of(PermissionCreated, ChannelBound) == [PermissionCreated(PEER), ChannelBound(PEER)]


def test_peers_of_another_family_are_refused_without_asking():
    bench = Bench()
    bench.client.create_permission([PEER6])
    bench.allocate()
    bench.client.create_permission([PEER6])
    bench.exchange()
    assert [event.code for event in bench.events_of(PermissionRefused)] == [443, 443]
    assert bench.server.count(Method.CREATE_PERMISSION) == 0


def test_two_relayed_addresses_reach_both_families():
    bench = Bench(family=AddressFamily.BOTH).allocate()
    for peer in (PEER, PEER6):
        bench.client.send(peer, [b"x"])
    bench.exchange()
    assert [(relayed.host, peer) for relayed, peer, _ in bench.server.relayed] == [
        ("203.0.113.1", PEER),
        ("2001:db8::1", PEER6),
    ]


def test_an_unanswered_permission_is_refused_and_an_unanswered_renewal_is_repeated():
    bench = Bench(settings=TurnSettings(max_requests=3)).allocate()
    bench.client.create_permission([PEER])
    bench.exchange()
    bench.server.behaviour.is_silent = True
    bench.client.create_permission([OTHER])
    bench.run(10)
    assert bench.events_of(PermissionRefused) == [PermissionRefused(OTHER, NO_ANSWER, "the server did not answer")]
    bench.run(270)
    assert len(bench.events_of(PermissionRefused)) == 1
    assert PermissionRefused(PEER, NO_ANSWER, "the server did not answer") not in bench.events
    bench.server.behaviour.is_silent = False
    bench.run(30)
    assert len(bench.events_of(PermissionRefused)) == 1
    assert bench.server.allocations[CLIENT].permissions[PEER.host] > bench.now


def test_a_channel_that_is_not_renewed_in_time_is_used_no_longer():
    settings = TurnSettings(max_requests=2, last_wait_factor=2, channel_interval=20, channel_lifetime=30)
    bench = Bench(settings=settings).allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    bench.server.behaviour.errors[Method.CHANNEL_BIND] = (508, "full")
    bench.run(21)
    assert bench.events_of(ChannelRefused) == [ChannelRefused(PEER, 508, "full")]
    bench.client.send(PEER, [b"x"])
    bench.exchange()
    assert bench.client.statistics().send_indications_sent == 1
    # Bound again it has the number it had: the server knows the peer by no other.
    bench.server.behaviour.errors.clear()
    bench.client.bind_channel(PEER)
    bench.exchange()
    assert list(bench.server.allocations[CLIENT].channels) == [0x4000]


def test_a_renewal_without_answer_is_repeated_while_the_channel_lasts():
    settings = TurnSettings(
        max_requests=1, last_wait_factor=2, channel_interval=20, channel_lifetime=40, retry_interval=1
    )
    bench = Bench(settings=settings).allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    bench.server.behaviour.is_silent = True
    bench.run(35)
    assert bench.events_of(ChannelRefused) == []
    bench.run(10)
    assert bench.events_of(ChannelRefused) == [ChannelRefused(PEER, NO_ANSWER, "the server did not answer")]


def test_who_is_released_is_forgotten():
    bench = Bench().allocate()
    bench.client.bind_channel(PEER)
    bench.client.create_permission([OTHER])
    bench.exchange()
    bench.client.release([PEER, TransportAddress("192.0.2.99", 1)])
    bench.from_peer(PEER, b"x")
    assert bench.client.take_data() == []
    bench.run(500)
    assert PEER.host in bench.server.allocations[CLIENT].permissions
    assert bench.server.allocations[CLIENT].permissions[PEER.host] < bench.now
    assert bench.server.allocations[CLIENT].permissions[OTHER.host] > bench.now
    # Asked for again it is as it was, with the channel that the server knows.
    bench.client.bind_channel(OTHER)
    bench.client.bind_channel(PEER)
    bench.exchange()
    assert bench.server.allocations[CLIENT].channels[0x4000][0] == PEER
    assert bench.server.allocations[CLIENT].channels[0x4001][0] == OTHER


def test_the_number_of_peers_is_bounded():
    bench = Bench(settings=TurnSettings(max_peers=3)).allocate()
    bench.client.create_permission(many(4))
    bench.client.bind_channel(many(5)[4])
    bench.client.send(many(6)[5], [b"x"])
    bench.exchange()
    refused = bench.events_of(PermissionRefused)
    assert [event.peer for event in refused] == many(5)[3:]
    assert {(event.code, event.text) for event in refused} == {(NO_ANSWER, "there are 3 peers already")}
    assert bench.client.statistics().dropped_unsent == 1
    bench.client.release(many(1))
    bench.client.create_permission(many(4)[3:])
    bench.exchange()
    assert len(bench.events_of(PermissionCreated)) == 4


def test_channel_numbers_run_out_without_harm():
    bench = Bench(settings=TurnSettings(max_peers=5000)).allocate()
    host = "192.0.2.10"
    for port in range(1, 4096 + 3):
        bench.client.bind_channel(TransportAddress(host, port))
    bench.exchange()
    assert len(bench.events_of(ChannelBound)) == 4096
    assert [event.text for event in bench.events_of(ChannelRefused)] == ["all channel numbers have been used"] * 2
    assert max(bench.server.allocations[CLIENT].channels) == 0x4FFF


@pytest.mark.parametrize("method", [Method.CREATE_PERMISSION, Method.CHANNEL_BIND])
def test_a_server_that_has_lost_the_allocation_says_so_here_too(method):
    bench = Bench().allocate()
    bench.server.behaviour.errors[method] = (437, "gone")
    bench.client.bind_channel(PEER)
    bench.exchange()
    assert bench.events_of(AllocationLost) == [AllocationLost("the server does not know it any more: 437 gone")]


def test_deadlines_cost_nothing_while_nothing_changes():
    bench = Bench().allocate()
    bench.client.create_permission(many(200))
    bench.exchange()
    table = bench.client._peers
    first = table.next_timeout()
    table._permissions = None  # would fail if it were looked through again
    assert table.next_timeout() == first == bench.now + 240
    assert table.due_tasks(bench.now) == []
