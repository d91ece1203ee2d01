"""Data through the relay: indications, channels, and the bounds on both."""

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage
from rtcpeer.turn import ChannelBound, ChannelRefused, PeerData, PermissionCreated, PermissionRefused, TurnSettings
from tests.unit.turn.bench import OTHER, PEER, PEER6, Bench
from tests.unit.turn.server import Behaviour, data_indication

RELAYED = TransportAddress("203.0.113.1", 50001)


def test_data_waits_for_its_permission_and_then_goes_in_order():
    bench = Bench().allocate()
    bench.client.send(PEER, [b"one", b"two"])
    bench.client.send(PEER, [b"three"])
    assert bench.server.relayed == []
    bench.exchange()
    assert bench.server.relayed == [(RELAYED, PEER, data) for data in (b"one", b"two", b"three")]
    assert bench.events_of(PermissionCreated) == [PermissionCreated(PEER)]
    assert bench.client.statistics().send_indications_sent == 3


def test_data_goes_in_indications_while_the_channel_binds_and_over_it_then():
    bench = Bench().allocate()
    bench.client.create_permission([PEER])
    bench.exchange()
    bench.client.bind_channel(PEER)
    bench.client.send(PEER, [b"before"])
    bench.exchange()
    bench.client.send(PEER, [b"over", b"it"])
    bench.exchange()
    assert [data for _, _, data in bench.server.relayed] == [b"before", b"over", b"it"]
    assert bench.events_of(ChannelBound) == [ChannelBound(PEER)]
    assert bench.sent[-2:] == [bytes.fromhex("4000 0004") + b"over", bytes.fromhex("4000 0002") + b"it"]
    statistics = bench.client.statistics()
    assert (statistics.send_indications_sent, statistics.channel_data_sent) == (1, 2)


def test_a_channel_is_bound_unasked_to_who_is_sent_much():
    bench = Bench().allocate()
    for _ in range(7):
        bench.client.send(PEER, [b"check"])
        bench.exchange()
    assert bench.server.count(Method.CHANNEL_BIND) == 0
    bench.client.send(PEER, [b"data"])
    bench.exchange()
    assert bench.server.count(Method.CHANNEL_BIND) == 1
    assert bench.events_of(ChannelBound) == [ChannelBound(PEER)]


def test_no_channel_is_bound_unasked_where_that_is_turned_off():
    bench = Bench(settings=TurnSettings(bind_after=0)).allocate()
    bench.client.send(PEER, [b"data"] * 50)
    bench.exchange()
    assert bench.server.count(Method.CHANNEL_BIND) == 0
    assert len(bench.server.relayed) == 50


def test_what_peers_send_comes_out_in_runs():
    bench = Bench().allocate()
    bench.client.create_permission([PEER, OTHER])
    bench.client.bind_channel(PEER)
    bench.exchange()
    for peer, data in ((PEER, b"1"), (PEER, b"2"), (OTHER, b"3"), (OTHER, b"4"), (PEER, b"5")):
        bench.from_peer(peer, data)
    assert bench.client.take_data() == [
        PeerData(PEER, [b"1", b"2"]),
        PeerData(OTHER, [b"3", b"4"]),
        PeerData(PEER, [b"5"]),
    ]
    assert bench.client.take_data() == []
    bench.from_peer(PEER, b"6")
    assert bench.client.take_data() == [PeerData(PEER, [b"6"])]
    statistics = bench.client.statistics()
    assert (statistics.channel_data_received, statistics.data_indications_received) == (4, 2)


def test_data_may_come_over_a_channel_before_the_answer_that_it_is_bound():
    bench = Bench().allocate()
    bench.client.bind_channel(PEER)
    bench.client.packets_to_send(bench.now)
    bench.client.receive(bytes.fromhex("4000 0005") + b"early" + b"padding", bench.now)
    assert bench.client.take_data() == [PeerData(PEER, [b"early"])]


@pytest.mark.parametrize(
    "packet",
    [
        bytes.fromhex("4001 0001 00"),  # a channel that was never bound
        bytes.fromhex("4000 0002 00"),  # less than it says
        data_indication(OTHER, b"x"),  # nobody that we let in
        StunMessage(Method.DATA, MessageClass.INDICATION, bytes(12)).serialize(),
        StunMessage(Method.SEND, MessageClass.INDICATION, bytes(12)).serialize(),
        StunMessage(Method.BINDING, MessageClass.REQUEST, bytes(12)).serialize(),
    ],
)
def test_strange_packets_are_counted_and_dropped(packet):
    bench = Bench().allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    bench.client.receive(packet, bench.now)
    assert bench.client.take_data() == []
    assert bench.client.statistics().strange_packets == 1


def test_an_icmp_report_is_no_data():
    bench = Bench().allocate()
    bench.client.create_permission([PEER])
    bench.exchange()
    message = StunMessage(Method.DATA, MessageClass.INDICATION, bytes(12))
    message.add_address(AttributeType.XOR_PEER_ADDRESS, PEER)
    message.add(AttributeType.ICMP, bytes(8))
    bench.client.receive(message.serialize(), bench.now)
    assert bench.client.take_data() == []


def test_what_is_not_taken_is_bounded():
    bench = Bench(settings=TurnSettings(max_received=3)).allocate()
    bench.client.create_permission([PEER])
    bench.exchange()
    for _ in range(5):
        bench.from_peer(PEER, b"x")
    assert bench.client.take_data() == [PeerData(PEER, [b"x"] * 3)]
    assert bench.client.statistics().dropped_received == 2
    bench.from_peer(PEER, b"x")
    assert bench.client.take_data() == [PeerData(PEER, [b"x"])]


def test_what_waits_for_a_permission_or_to_be_pulled_is_bounded():
    bench = Bench(settings=TurnSettings(max_queued=3, max_unsent=5, bind_after=0)).allocate()
    bench.client.send(PEER, [b"%d" % number for number in range(5)])
    bench.exchange()
    assert [data for _, _, data in bench.server.relayed] == [b"0", b"1", b"2"]
    bench.client.send(PEER, [b"x"] * 4)
    bench.client.send(PEER, [b"x"] * 2)
    bench.client.send(PEER, [b"x"])
    bench.exchange()
    assert len(bench.server.relayed) == 3 + 5
    assert bench.client.statistics().dropped_unsent == 2 + 2


def test_data_for_who_is_refused_is_dropped():
    bench = Bench(Behaviour(denied={PEER.host})).allocate()
    bench.client.send(PEER, [b"x", b"y"])
    bench.exchange()
    assert bench.events_of(PermissionRefused) == [PermissionRefused(PEER, 403, "Forbidden")]
    bench.client.send(PEER, [b"z"])
    bench.exchange()
    assert bench.client.statistics().dropped_unsent == 3
    assert bench.server.count(Method.CREATE_PERMISSION) == 1


def test_data_without_an_allocation_is_dropped():
    bench = Bench()
    bench.client.send(PEER, [b"x"])
    bench.allocate()
    bench.client.close()
    bench.client.send(PEER, [b"x"])
    assert bench.client.statistics().dropped_unsent == 2
    assert bench.server.relayed == []


def test_a_channel_over_a_stream_is_padded():
    bench = Bench(is_stream=True).allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    bench.client.send(PEER, [b"12345"])
    bench.exchange()
    assert bench.sent[-1] == bytes.fromhex("4000 0005") + b"12345" + bytes(3)
    bench.from_peer(PEER, b"abcde")
    assert bench.client.take_data() == [PeerData(PEER, [b"abcde"])]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("is_bound", [False, True])
def test_what_is_larger_than_a_datagram_is_refused_at_the_call(is_stream, is_bound):
    bench = Bench(is_stream=is_stream).allocate()
    if is_bound:
        bench.client.bind_channel(PEER)
        bench.exchange()
    with pytest.raises(ValueError, match="datagram"):
        bench.client.send(PEER, [b"fine", bytes(65_536)])


def test_addresses_are_numeric_and_however_they_are_written():
    bench = Bench().allocate()
    for peer in (TransportAddress("peer.local", 5000), TransportAddress("192.0.2.1", 0)):
        with pytest.raises(ValueError, match=r"peer\.local|port 0"):
            bench.client.create_permission([peer])
        with pytest.raises(ValueError, match=r"peer\.local|port 0"):
            bench.client.send(peer, [b"x"])


def test_ipv6_in_another_spelling_is_the_same_peer():
    from rtcpeer.turn import AddressFamily

    bench = Bench(family=AddressFamily.IPV6).allocate()
    bench.client.create_permission([TransportAddress("2001:DB8:0::10", 5000)])
    bench.client.bind_channel(PEER6)
    bench.exchange()
    bench.client.send(TransportAddress("2001:DB8:0::10", 5000), [b"x"])
    bench.exchange()
    assert [peer for _, peer, _ in bench.server.relayed] == [PEER6]
    assert bench.client.statistics().channel_data_sent == 1


def test_a_refused_channel_leaves_indications():
    bench = Bench(Behaviour(errors={Method.CHANNEL_BIND: (508, "full")})).allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    assert bench.events_of(ChannelRefused) == [ChannelRefused(PEER, 508, "full")]
    bench.client.send(PEER, [b"x"] * 20)
    bench.exchange()
    assert len(bench.server.relayed) == 20
    assert bench.server.count(Method.CHANNEL_BIND) == 1
    bench.server.behaviour.errors.clear()
    bench.client.bind_channel(PEER)
    bench.exchange()
    assert bench.events_of(ChannelBound) == [ChannelBound(PEER)]
