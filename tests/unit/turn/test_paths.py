"""Who may speak to a client, and how it lives on a stream."""

import random

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.turn import (
    Allocated,
    AllocationFailed,
    AllocationLost,
    PeerData,
    Redirected,
    TurnClient,
    TurnOverStream,
    TurnOverUdp,
    TurnSettings,
)
from tests.unit.turn.bench import ADA, PEER
from tests.unit.turn.server import CLIENT, SERVER, Behaviour, FakeServer


def make(is_stream=False):
    return TurnClient(SERVER, ADA, TurnSettings(), random.Random(1).randbytes, is_stream=is_stream)


def exchange(path, server, piece=7):
    for _ in range(20):
        chunks = path.packets_to_send(1.0)
        if not chunks:
            return
        for chunk in chunks:
            for packet in cut(chunk):
                stream = b"".join(server.receive(CLIENT, packet, 1.0))
                for start in range(0, len(stream), piece):
                    path.receive(stream[start : start + piece], 1.0)


def cut(stream):
    from rtcpeer.turn import StreamFramer

    return StreamFramer().feed(stream)


def test_only_the_server_is_listened_to():
    path, server = TurnOverUdp(make(), CLIENT), FakeServer()
    path.client.allocate()
    for _ in range(2):
        (run,) = path.packets_to_send(1.0)
        assert (run.local, run.remote) == (CLIENT, SERVER)
        answers = server.receive(CLIENT, run.payloads[0], 1.0)
        for local, remote in (
            (CLIENT, TransportAddress(SERVER.host, 3479)),
            (CLIENT, TransportAddress("203.0.113.2", 3478)),
            (TransportAddress(CLIENT.host, 1), SERVER),
        ):
            path.receive(Datagrams(local, remote, answers), 1.0)
            assert path.packets_to_send(1.0) == []
        path.receive(Datagrams(CLIENT, SERVER, answers), 1.0)
    assert isinstance(path.poll_events()[0], Allocated)
    assert path.foreign_packets == 6


def test_after_a_redirection_the_other_server_is_the_one():
    other = TransportAddress("203.0.113.9", 3479)
    path, server = TurnOverUdp(make(), CLIENT), FakeServer(Behaviour(alternate=other))
    path.client.allocate()
    for _ in range(2):
        (run,) = path.packets_to_send(1.0)
        path.receive(Datagrams(CLIENT, SERVER, server.receive(CLIENT, run.payloads[0], 1.0)), 1.0)
    assert path.poll_events() == [Redirected(other)]
    (run,) = path.packets_to_send(1.0)
    assert run.remote == other
    path.receive(Datagrams(CLIENT, SERVER, [b"late"]), 1.0)
    assert path.foreign_packets == 1


def test_a_stream_carries_messages_and_channel_data():
    path, server = TurnOverStream(make(is_stream=True)), FakeServer()
    server.padding_wanted = True
    path.client.allocate()
    path.client.bind_channel(PEER)
    exchange(path, server)
    path.client.send(PEER, [b"1", b"22", b"333"])
    exchange(path, server)
    assert [data for _, _, data in server.relayed] == [b"1", b"22", b"333"]
    stream = b"".join(packet for data in (b"a", b"bcdef") for packet in server.peer_sends(CLIENT, PEER, data, 1.0))
    for start in range(len(stream)):
        path.receive(stream[start : start + 1], 1.0)
    assert path.client.take_data() == [PeerData(PEER, [b"a", b"bcdef"])]
    assert path.next_timeout() == 1.0 + 240
    path.handle_timeout(2.0)


def test_a_broken_stream_is_the_end():
    path, server = TurnOverStream(make(is_stream=True)), FakeServer()
    path.client.allocate()
    exchange(path, server)
    path.poll_events()
    path.receive(b"220 mail.example.org", 1.0)
    (event,) = path.poll_events()
    assert isinstance(event, AllocationLost)
    assert "stream is broken" in event.reason
    path = TurnOverStream(make(is_stream=True))
    path.client.allocate()
    path.receive(b"SSH-2.0", 1.0)
    (event,) = path.poll_events()
    assert isinstance(event, AllocationFailed)


def test_a_new_stream_begins_anew():
    other = TransportAddress("203.0.113.9", 3479)
    path, server = TurnOverStream(make(is_stream=True)), FakeServer(Behaviour(alternate=other))
    path.client.allocate()
    exchange(path, server)
    assert path.poll_events() == [Redirected(other)]
    path.receive(b"\x01\x01\x00", 1.0)  # of a message that will not come any more
    server.behaviour.alternate = None
    path.reconnected()
    exchange(path, server)
    assert isinstance(path.poll_events()[0], Allocated)
