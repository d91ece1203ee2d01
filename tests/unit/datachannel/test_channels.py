from collections.abc import Callable, Sequence

import pytest

from rtcpeer.datachannel.channels import Channel, ChannelState, DataChannels
from rtcpeer.datachannel.dcep import ACK, OpenMessage, Ppid
from rtcpeer.datachannel.events import (
    AssociationClosed,
    AssociationEstablished,
    ChannelAnnounced,
    ChannelBufferedAmountLow,
    ChannelClosed,
    ChannelClosing,
    ChannelMessage,
    ChannelOpened,
)
from rtcpeer.datachannel.settings import DataChannelSettings
from rtcpeer.errors import InvalidStateError, OperationError
from rtcpeer.sctp.events import IncomingStreamsReset, MessageReceived, StreamResetFailed
from rtcpeer.sctp.settings import SctpSettings
from tests.sim.pipe import Pipe
from tests.unit.datachannel.peers import DELAY, Peers, Rogue, announced, association, channels, closed, messages


def kinds(events: Sequence[object]) -> list[str]:
    """What happened, without the buffered amounts that fall whenever something was sent."""
    return [type(event).__name__ for event in events if not isinstance(event, ChannelBufferedAmountLow)]


def test_a_channel_is_announced_opened_and_carries_messages_both_ways() -> None:
    peers = Peers().connect()
    ours, theirs = peers.pair("chat", protocol="irc")
    assert (theirs.label, theirs.protocol, theirs.ordered, theirs.negotiated) == ("chat", "irc", True, False)
    ours.send("hello")
    theirs.send(b"\x00\x01")
    peers.run(lambda: bool(messages(peers.a) and messages(peers.b)))
    assert messages(peers.b) == ["hello"]
    assert messages(peers.a) == [b"\x00\x01"]
    assert kinds(peers.b.events) == ["AssociationEstablished", "ChannelAnnounced", "ChannelOpened", "ChannelMessage"]
    assert kinds(peers.a.events) == ["AssociationEstablished", "ChannelOpened", "ChannelMessage"]


def test_a_channel_opened_before_the_association_opens_with_it_and_its_open_travels_early() -> None:
    peers = Peers()
    ours = peers.client.open("early")
    assert ours.state is ChannelState.CONNECTING
    with pytest.raises(InvalidStateError, match="connecting"):
        ours.send("too soon")
    peers.connect()
    peers.run(lambda: bool(announced(peers.b)))
    assert ours.state is ChannelState.OPEN
    assert kinds(peers.a.events) == ["ChannelOpened", "AssociationEstablished"]  # it may send with COOKIE ECHO


def test_our_channel_opens_when_its_event_is_polled_and_does_not_wait_for_the_ack() -> None:
    peers = Peers().connect()
    ours = peers.client.open("x")
    assert ours.state is ChannelState.CONNECTING
    assert peers.client.poll_events() == [ChannelOpened(ours)]
    assert ours.state is ChannelState.OPEN
    assert not announced(peers.b)


@pytest.mark.parametrize("data", ["text \u20ac", b"binary", "", b"", "x" * 100_000, bytes(100_000)])
def test_what_is_sent_arrives_as_the_same_type_and_value(data: str | bytes) -> None:
    peers = Peers().connect()
    ours, theirs = peers.pair()
    ours.send(data)
    peers.run(lambda: bool(messages(peers.b)))
    assert messages(peers.b, theirs) == [data]
    size = len(data.encode()) if isinstance(data, str) else len(data)
    assert (ours.messages_sent, ours.bytes_sent) == (theirs.messages_received, theirs.bytes_received) == (1, size)


def test_other_buffers_and_strings_of_javascript_are_converted() -> None:
    peers = Peers().connect()
    ours, _ = peers.pair()

    class Name(str):
        __slots__ = ()

    for data in (bytearray(b"one"), memoryview(b"two"), Name("three"), "\ud800"):
        ours.send(data)
    peers.run(lambda: len(messages(peers.b)) == 4)
    assert messages(peers.b) == [b"one", b"two", "three", "\ufffd"]
    with pytest.raises(TypeError, match="int"):
        ours.send(5)  # type: ignore[arg-type]


def test_a_message_beyond_the_peers_limit_is_a_type_error_and_counts_nothing() -> None:
    peers = Peers().connect()
    ours, _ = peers.pair()
    peers.client.association.set_max_message_size(1000)
    with pytest.raises(TypeError, match="1001"):
        ours.send(bytes(1001))
    ours.send(bytes(1000))
    assert (ours.messages_sent, ours.bytes_sent) == (1, 1000)


def test_ids_follow_the_role_even_for_channels_opened_before_it() -> None:
    for is_client, first in ((True, 0), (False, 1)):
        ends = DataChannels(association("roles"))
        before = ends.open("before")
        assert before.stream_id is None
        assert ends.channels == [before]
        ends.set_role(is_dtls_client=is_client)
        assert before.stream_id == first
        assert [ends.open("x").stream_id for _ in range(2)] == [first + 2, first + 4]
        assert ends.channel(first) is before


def test_both_sides_may_open_at_once() -> None:
    peers = Peers().connect()
    ours = [peers.client.open(f"client {index}") for index in range(5)]
    theirs = [peers.server.open(f"server {index}") for index in range(5)]
    peers.run(lambda: len(announced(peers.a)) == len(announced(peers.b)) == 5)
    assert [channel.label for channel in announced(peers.b).values()] == [channel.label for channel in ours]
    assert sorted(announced(peers.a)) == sorted(channel.stream_id or 0 for channel in theirs) == [1, 3, 5, 7, 9]


def test_negotiated_channels_meet_without_an_open() -> None:
    peers = Peers().connect()
    ours = peers.client.open("ours", negotiated=True, stream_id=7)
    theirs = peers.server.open("theirs", negotiated=True, stream_id=7)
    peers.run(lambda: ours.state is theirs.state is ChannelState.OPEN)
    ours.send("hello")
    peers.run(lambda: messages(peers.b, theirs) == ["hello"])
    assert not announced(peers.a)
    assert not announced(peers.b)


def test_messages_wait_for_a_negotiated_channel_within_bounds() -> None:
    peers = Peers(settings=DataChannelSettings(max_early_messages=3)).connect()
    ours = peers.client.open("x", negotiated=True, stream_id=7)
    peers.run(lambda: ours.state is ChannelState.OPEN)
    for index in range(5):
        ours.send(f"{index}")
    peers.run_for(1.0)
    assert peers.server.statistics().messages_dropped == 2
    theirs = peers.server.open("x", negotiated=True, stream_id=7)
    peers.run(lambda: bool(messages(peers.b)))
    assert messages(peers.b, theirs) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("open_wrong", "error"),
    [
        (lambda ends: ends.open("x", negotiated=True), TypeError),
        (lambda ends: ends.open("x", negotiated=True, stream_id=65535), TypeError),
        (lambda ends: ends.open("x", negotiated=True, stream_id=-1), TypeError),
        (lambda ends: ends.open("x", negotiated=True, stream_id=4), OperationError),
        (lambda ends: ends.open("x", max_retransmits=1, max_packet_life_time_ms=1), TypeError),
        (lambda ends: ends.open("x" * 65536), TypeError),
    ],
)
def test_parameters_that_can_not_be_are_refused(
    open_wrong: Callable[[DataChannels], Channel], error: type[Exception]
) -> None:
    ends = channels("x", is_client=True)
    ends.open("taken", negotiated=True, stream_id=4)
    with pytest.raises(error):
        open_wrong(ends)
    assert len(ends.channels) == 1


def test_an_id_counts_only_for_a_negotiated_channel() -> None:
    assert channels("x", is_client=True).open("x", stream_id=1001).stream_id == 0


def test_there_are_no_more_channels_than_the_settings_allow() -> None:
    ends = DataChannels(association("x"), DataChannelSettings(max_channels=2))
    ends.open("before the role")
    ends.open("before the role")
    with pytest.raises(OperationError, match="2 channels"):
        ends.open("one too many")
    ends.set_role(is_dtls_client=True)
    with pytest.raises(OperationError, match="2 channels"):
        ends.open("one too many")


def test_the_peers_channels_are_bounded_too() -> None:
    rogue = Rogue(DataChannelSettings(max_channels=2))
    for stream_id in (0, 2, 4, 6):
        rogue.say(stream_id, Ppid.DCEP, OpenMessage("x").serialize())
    assert sorted(announced(rogue.b)) == [0, 2]
    assert rogue.server.statistics().opens_refused == 2


def test_a_peer_with_few_streams_limits_the_ids() -> None:
    server = channels("many", is_client=False)
    client = DataChannels(association("few", SctpSettings(outbound_streams=16, inbound_streams=16)))
    client.set_role(is_dtls_client=True)
    beyond = server.open("beyond", negotiated=True, stream_id=100)
    within = server.open("within")
    pipe = Pipe(client, server, DELAY)
    client.connect()
    server.connect()
    pipe.run(lambda: within.state is ChannelState.OPEN)
    assert beyond.state is ChannelState.CLOSED
    assert [event.error for event in pipe.b.events if isinstance(event, ChannelClosed)] == [
        "the association has 16 streams; 100 is none of them"
    ]
    with pytest.raises(OperationError, match="below 16"):
        server.open("x", negotiated=True, stream_id=16)
    for _ in range(7):
        server.open("x")
    with pytest.raises(OperationError, match="no stream"):
        server.open("x")


@pytest.mark.parametrize("by_server", [False, True])
def test_closing_delivers_what_was_sent_and_frees_the_id(by_server: bool) -> None:
    peers = Peers().connect()
    ours, theirs = peers.pair()
    first, second = (theirs, ours) if by_server else (ours, theirs)
    closing_side, other_side = (peers.b, peers.a) if by_server else (peers.a, peers.b)
    for index in range(100):
        first.send(f"{index}")
    first.close()
    first.close()
    assert first.state is ChannelState.CLOSING
    with pytest.raises(InvalidStateError):
        first.send("too late")
    peers.run(lambda: bool(closed(peers.a) and closed(peers.b)))
    assert messages(other_side, second) == [str(index) for index in range(100)]
    assert kinds(other_side.events)[-2:] == ["ChannelClosing", "ChannelClosed"]
    assert not closing_side.events_of(ChannelClosing)
    assert first.state is second.state is ChannelState.CLOSED
    assert peers.client.channels == peers.server.channels == []
    assert peers.client.open("again").stream_id == ours.stream_id
    for ends in (peers.client, peers.server):
        assert (ends.statistics().channels_opened, ends.statistics().channels_closed) == (1, 1)


def test_both_sides_may_close_at_once() -> None:
    peers = Peers().connect()
    ours, theirs = peers.pair()
    ours.close()
    theirs.close()
    peers.run(lambda: bool(closed(peers.a) and closed(peers.b)))
    assert len(closed(peers.a)) == len(closed(peers.b)) == 1
    assert not peers.a.events_of(ChannelClosing)
    assert not peers.b.events_of(ChannelClosing)


def test_an_id_is_not_used_again_while_it_is_being_reset() -> None:
    peers = Peers().connect()
    ours, _ = peers.pair()
    ours.close()
    assert peers.client.open("meanwhile").stream_id == 2
    with pytest.raises(OperationError, match="taken"):
        peers.client.open("x", negotiated=True, stream_id=0)


def test_ids_are_used_again_and_again() -> None:
    peers = Peers().connect()
    for index in range(20):
        ours, theirs = peers.pair(f"{index}")
        assert (ours.stream_id, theirs.label) == (0, f"{index}")
        theirs.send("x")
        peers.run(lambda channel=ours: messages(peers.a, channel) == ["x"])
        (ours if index % 2 else theirs).close()
        peers.run(lambda channels=(ours, theirs): all(one.state is ChannelState.CLOSED for one in channels))


def test_a_channel_closed_before_the_association_is_up() -> None:
    ends = DataChannels(association("x"))
    without_role = ends.open("x")
    without_role.close()
    assert ends.poll_events() == [ChannelClosed(without_role, None)]
    peers = Peers()
    with_id = peers.client.open("x")
    with_id.close()
    peers.connect()
    peers.run(lambda: with_id.state is ChannelState.CLOSED)
    peers.run(lambda: len(closed(peers.b)) == 1)
    assert peers.client.channels == peers.server.channels == []


def test_the_end_of_the_association_closes_every_channel_with_an_error_where_it_was_not_asked_for() -> None:
    peers = Peers().connect()
    ours, theirs = peers.pair()
    peers.client.abort("enough")
    peers.run(lambda: bool(peers.b.events_of(AssociationClosed)))
    assert [event.error for event in peers.a.events if isinstance(event, ChannelClosed)] == [None]
    errors = [event.error for event in peers.b.events if isinstance(event, ChannelClosed)]
    assert len(errors) == 1
    assert errors == ["User-Initiated Abort, reason=enough"]
    causes = [event.cause for event in peers.b.events if isinstance(event, ChannelClosed)]
    assert causes == peers.b.events_of(AssociationClosed)
    assert isinstance(peers.b.events[-1], AssociationClosed)
    assert ours.state is theirs.state is ChannelState.CLOSED
    for ends in (peers.client, peers.server):
        with pytest.raises(InvalidStateError):
            ends.open("x")


def test_aborting_before_anything_happened_closes_the_channels() -> None:
    ends = DataChannels(association("x"))
    waiting = ends.open("x")
    ends.set_role(is_dtls_client=True)
    ends.open("y")
    ends.abort()
    events = ends.poll_events()
    assert next(event for event in events if isinstance(event, ChannelClosed)) == ChannelClosed(waiting, None)
    assert ends.channels == []


def test_buffered_amount_counts_messages_only_and_ends_low() -> None:
    peers = Peers().connect()
    ours, _ = peers.pair("a long label that is not the application's data")
    assert ours.buffered_amount == 0
    ours.buffered_amount_low_threshold = 1000
    assert ours.buffered_amount_low_threshold == 1000
    ours.send(bytes(100_000))
    ours.send("\u20ac" * 1000)
    assert ours.buffered_amount == 103_000
    peers.run(lambda: bool(peers.a.events_of(ChannelBufferedAmountLow)))
    assert ours.buffered_amount <= 1000
    with pytest.raises(ValueError, match="negative"):
        ours.buffered_amount_low_threshold = -1


def test_opening_a_channel_is_not_reported_as_low() -> None:
    peers = Peers().connect()
    peers.pair()
    peers.run_for(1.0)
    assert not peers.a.events_of(ChannelBufferedAmountLow)
    assert not peers.b.events_of(ChannelBufferedAmountLow)


def test_nobody_is_told_that_it_is_low_who_does_not_want_to_know() -> None:
    peers = Peers().connect()
    ours, _ = peers.pair()
    ours.tells_low = False
    ours.send(b"x")
    peers.run_for(1.0)
    assert not peers.a.events_of(ChannelBufferedAmountLow)
    ours.tells_low = True
    ours.send(b"x")
    peers.run_for(1.0)
    assert len(peers.a.events_of(ChannelBufferedAmountLow)) == 1


def test_what_was_never_sent_stays_in_the_buffered_amount() -> None:
    peers = Peers().connect()
    ours, _ = peers.pair()
    ours.send(bytes(1000))
    peers.client.abort()
    assert ours.state is ChannelState.CLOSED
    assert ours.buffered_amount == 1000


@pytest.mark.parametrize(("ppid", "data"), [(Ppid.DCEP, ACK), (Ppid.STRING, b"x"), (Ppid.BINARY_EMPTY, b"\0")])
def test_an_unordered_channel_sends_in_order_until_something_comes_back(ppid: int, data: bytes) -> None:
    rogue = Rogue()
    ours = rogue.server.open("x", ordered=False)
    rogue.run(lambda: ours.state is ChannelState.OPEN)
    assert ours.sends_ordered
    rogue.say(1, ppid, data)
    assert not ours.sends_ordered


def test_an_ordered_channel_and_the_end_that_was_told_of_the_channel_know_their_order() -> None:
    peers = Peers().connect()
    ours, theirs = peers.pair()
    peers.run_for(1.0)
    assert ours.sends_ordered
    assert theirs.sends_ordered
    _, theirs = peers.pair(ordered=False)
    assert not theirs.sends_ordered


def test_data_that_overtakes_the_open_waits_for_it() -> None:
    rogue = Rogue()
    rogue.say(0, Ppid.STRING, b"first")
    rogue.say(0, Ppid.BINARY, b"second")
    assert not messages(rogue.b)
    rogue.say(0, Ppid.DCEP, OpenMessage("x", ordered=False).serialize())
    assert kinds(rogue.b.events)[1:] == ["ChannelAnnounced", "ChannelOpened", "ChannelMessage", "ChannelMessage"]
    assert messages(rogue.b) == ["first", b"second"]
    assert MessageReceived(0, Ppid.DCEP, ACK) in rogue.a.events


def test_early_data_is_forgotten_when_its_stream_is_reset() -> None:
    rogue = Rogue()
    rogue.say(0, Ppid.STRING, b"old")
    rogue.rogue.reset_streams([0])
    rogue.run_for(1.0)
    rogue.say(0, Ppid.DCEP, OpenMessage("x").serialize())
    assert sorted(announced(rogue.b)) == [0]
    assert not messages(rogue.b)


@pytest.mark.parametrize(
    ("stream_id", "data"),
    [
        (1, OpenMessage("wrong parity").serialize()),
        (2, OpenMessage("broken").serialize()[:-1]),
        (2, bytes.fromhex("03 7f 0100 00000000 0000 0000")),
        (2, bytes.fromhex("03")),
    ],
)
def test_an_open_that_breaks_a_rule_gets_a_reset_and_no_ack(stream_id: int, data: bytes) -> None:
    rogue = Rogue()
    rogue.say(stream_id, Ppid.DCEP, data)
    assert IncomingStreamsReset((stream_id,)) in rogue.a.events
    assert not rogue.a.events_of(MessageReceived)
    assert kinds(rogue.b.events) == ["AssociationEstablished"]
    assert rogue.server.channels == []
    # Once the peer has closed as well, the stream is as good as new.
    rogue.rogue.reset_streams([stream_id])
    rogue.run_for(1.0)
    if stream_id == 2:
        rogue.say(stream_id, Ppid.DCEP, OpenMessage("right").serialize())
        assert announced(rogue.b)[2].label == "right"
    else:
        assert rogue.server.open("ours").stream_id == 1


def test_an_open_on_a_channel_closes_it() -> None:
    rogue = Rogue()
    rogue.say(0, Ppid.DCEP, OpenMessage("first").serialize())
    rogue.say(2, Ppid.DCEP, OpenMessage("bystander").serialize())
    rogue.say(0, Ppid.DCEP, OpenMessage("second").serialize())
    assert [event.channel.label for event in rogue.b.events if isinstance(event, ChannelAnnounced)] == [
        "first",
        "bystander",
    ]
    assert [event.channel.label for event in rogue.b.events if isinstance(event, ChannelClosing)] == ["first"]
    assert IncomingStreamsReset((0,)) in rogue.a.events
    assert announced(rogue.b)[2].state is ChannelState.OPEN


@pytest.mark.parametrize(("ppid", "data"), [(Ppid.DCEP, b"\x09"), (Ppid.DCEP, ACK), (99, b"x"), (0, b"x")])
def test_what_means_nothing_changes_nothing(ppid: int, data: bytes) -> None:
    rogue = Rogue()
    rogue.say(0, Ppid.DCEP, OpenMessage("x").serialize())
    rogue.say(0, ppid, data)
    rogue.say(4, ppid, data)
    rogue.say(0, Ppid.STRING, b"still here")
    assert messages(rogue.b) == ["still here"]


def test_bytes_that_are_no_utf8_are_shown_as_browsers_do() -> None:
    rogue = Rogue()
    rogue.say(0, Ppid.DCEP, OpenMessage("x").serialize())
    rogue.say(0, Ppid.STRING, b"a\xffb")
    assert messages(rogue.b) == ["a\ufffdb"]


def test_deprecated_partial_messages_are_put_together_within_bounds() -> None:
    rogue = Rogue(DataChannelSettings(max_partial_size=10))
    rogue.say(0, Ppid.DCEP, OpenMessage("x").serialize())
    for ppid, data in ((54, b"one "), (54, b"two "), (51, b"three"), (52, b"\x01"), (53, b"\x02"), (51, b"plain")):
        rogue.say(0, ppid, data)
    assert messages(rogue.b) == ["one two three", b"\x01\x02", "plain"]
    rogue.say(0, 52, bytes(11))
    rogue.say(0, 53, b"after")
    assert messages(rogue.b)[-1] == b"after"
    assert rogue.server.statistics().messages_dropped == 1


def test_messages_on_a_channel_that_we_close_are_dropped() -> None:
    rogue = Rogue()
    rogue.say(0, Ppid.DCEP, OpenMessage("x").serialize())
    announced(rogue.b)[0].close()
    rogue.run_for(1.0)
    rogue.say(0, Ppid.STRING, b"too late")
    assert not messages(rogue.b)
    assert rogue.server.statistics().messages_dropped == 1
    rogue.rogue.reset_streams([0])
    rogue.run_for(1.0)
    assert len(closed(rogue.b)) == 1


def test_events_pass_the_associations_on() -> None:
    peers = Peers().connect()
    established = peers.a.events_of(AssociationEstablished)
    assert len(established) == 1
    peers.client.shutdown()
    peers.run(lambda: bool(peers.a.events_of(AssociationClosed) and peers.b.events_of(AssociationClosed)))


def test_a_message_is_cheap_to_look_at() -> None:
    channel = Channel(association("x"), OpenMessage("x"), lambda channel: None)
    assert tuple(ChannelMessage(channel, "x")) == (channel, "x")


def test_the_next_channel_of_an_id_waits_for_the_end_of_the_last() -> None:
    """The peer has closed, and opened again, while its answer to our reset is lost: nothing is mixed up or lost."""
    rogue = Rogue()
    rogue.say(0, Ppid.DCEP, OpenMessage("first").serialize())
    first = announced(rogue.b)[0]
    # RE-CONFIG is chunk type 130; its parameter 16 is the Re-configuration Response (RFC 6525 sections 3.1, 4.4).
    rogue.filter_ab = lambda packet: None if packet[12] == 130 and packet[16:18] == b"\x00\x10" else packet
    rogue.rogue.reset_streams([0])
    rogue.run_for(0.1)
    assert first.state is ChannelState.CLOSING
    rogue.rogue.send(0, Ppid.DCEP, OpenMessage("second").serialize())
    rogue.rogue.send(0, Ppid.STRING, b"hello")
    rogue.run_for(0.1)
    assert first.state is ChannelState.CLOSING
    assert len(rogue.b.events_of(ChannelAnnounced)) == 1
    rogue.filter_ab = None
    rogue.run(lambda: bool(messages(rogue.b)))
    second = announced(rogue.b)[0]
    assert second.label == "second"
    assert messages(rogue.b, second) == ["hello"]
    assert closed(rogue.b) == [first]


def test_what_the_peer_said_on_a_stream_before_we_took_it_is_for_nobody() -> None:
    rogue = Rogue()
    rogue.say(1, Ppid.STRING, b"nonsense")
    ours = rogue.server.open("ours")
    rogue.run_for(1.0)
    assert (ours.stream_id, messages(rogue.b)) == (1, [])
    assert rogue.server.statistics().messages_dropped == 1


def test_the_open_that_waits_for_the_association_is_not_buffered_data() -> None:
    ends = channels("x", is_client=True)
    waiting = ends.open("a label of some length")
    assert ends.association.buffered_amount(0) > 0
    assert waiting.buffered_amount == 0


def test_a_reused_id_does_not_inherit_the_threshold() -> None:
    peers = Peers().connect()
    for threshold in (50_000, 0):
        seen: list[int] = []
        ours, _ = peers.pair()
        if threshold:
            ours.buffered_amount_low_threshold = threshold
        peers.a.on_event = lambda event, channel=ours, seen=seen: seen.append(channel.buffered_amount)
        ours.send(bytes(100_000))
        ours.close()
        peers.run(lambda channel=ours: channel.state is ChannelState.CLOSED)
        assert (seen[0] > 0) == (threshold > 0)


@pytest.mark.parametrize("last", ["open", "reset", "refused open"])
def test_what_came_together_with_the_end_of_the_association_raises_nothing(last: str) -> None:
    """Firefox resets its streams and aborts in one go; by the time we hear of the first, there is nobody to answer."""
    rogue = Rogue()
    rogue.say(0, Ppid.DCEP, OpenMessage("x").serialize())
    rogue.b.events.clear()
    if last == "reset":
        rogue.rogue.reset_streams([0])
    else:
        rogue.rogue.send(2 if last == "open" else 3, Ppid.DCEP, OpenMessage("late").serialize())
    packets = rogue.rogue.packets_to_send(rogue.now)
    rogue.rogue.abort()
    for packet in packets + rogue.rogue.packets_to_send(rogue.now):
        rogue.server.receive(packet, rogue.now)
    events = rogue.server.poll_events()
    assert "ChannelClosed" in kinds(events)
    assert kinds(events)[-1] == "AssociationClosed"
    assert rogue.server.channels == []


def test_closing_a_channel_of_an_association_that_has_just_ended_raises_nothing() -> None:
    rogue = Rogue()
    rogue.say(0, Ppid.DCEP, OpenMessage("x").serialize())
    (channel,) = rogue.server.channels
    rogue.server.association.abort()
    channel.close()
    assert kinds(rogue.server.poll_events()) == ["ChannelClosed", "AssociationClosed"]


def test_a_channel_that_the_peer_does_not_close_is_closed_after_a_while_and_its_stream_is_kept() -> None:
    peers = Peers().connect()
    ours = peers.client.open("only here", negotiated=True, stream_id=8)
    peers.run(lambda: ours.state is ChannelState.OPEN)
    ours.close()
    peers.run_for(9.0)
    assert ours.state is ChannelState.CLOSING
    peers.run_for(2.0)
    assert ours.state is ChannelState.CLOSED
    assert closed(peers.a) == [ours]
    assert [event.error for event in peers.a.events if isinstance(event, ChannelClosed)] == [None]
    assert peers.client.channels == []
    with pytest.raises(OperationError):
        peers.client.open("again", negotiated=True, stream_id=8)
    # Only when the peer has reset its side, too, can nothing of the old channel arrive on a new one.
    peers.server.association.reset_streams([8])
    peers.run_for(1.0)
    again = peers.client.open("again", negotiated=True, stream_id=8)
    peers.run(lambda: again.state is ChannelState.OPEN)
    assert closed(peers.a) == [ours]


def test_a_peer_that_denies_a_reset_does_not_keep_the_channel_open() -> None:
    peers = Peers().connect()
    ours, _ = peers.pair()
    assert ours.stream_id is not None
    failed = StreamResetFailed((ours.stream_id,), "denied")
    peers.client.association.reset_streams = lambda stream_ids: None  # type: ignore[method-assign]
    ours.close()
    peers.client.association._endpoint.events.append(failed)
    peers.run_for(1.0)
    assert ours.state is ChannelState.CLOSED
    errors = [event.error for event in peers.a.events if isinstance(event, ChannelClosed)]
    assert errors == ["the peer did not reset the stream: denied"]
    assert ours.stream_id not in [peers.client.open(f"{number}").stream_id for number in range(3)]


def test_the_opening_message_of_a_channel_is_no_fall_of_its_buffered_amount() -> None:
    """OPEN leaves with COOKIE ECHO, and the news of that comes with COOKIE ACK, when the application has sent more."""
    peers = Peers()
    ours = peers.client.open("chat")
    ours.buffered_amount_low_threshold = 10
    peers.client.connect()
    peers.run(lambda: ours.state is ChannelState.OPEN)
    assert not peers.a.events_of(AssociationEstablished)
    ours.send(bytes(200_000))
    peers.run(lambda: bool(peers.a.events_of(ChannelBufferedAmountLow)))
    assert ours.buffered_amount <= 10
    peers.run_for(2.0)
    assert len(peers.a.events_of(ChannelBufferedAmountLow)) == 1
    ours.send(b"tiny")  # never above the threshold
    peers.run_for(1.0)
    assert len(peers.a.events_of(ChannelBufferedAmountLow)) == 1
    ours.send(bytes(11))
    peers.run_for(1.0)
    assert len(peers.a.events_of(ChannelBufferedAmountLow)) == 2
