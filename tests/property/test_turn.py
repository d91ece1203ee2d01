"""TURN: streams are cut the same however they come, and nothing that a server sends raises or grows without bound."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage
from rtcpeer.turn import StreamFramer, TurnClient, TurnOverStream, TurnSettings
from rtcpeer.turn.credentials import Challenge
from rtcpeer.turn.framing import encode_channel_data
from tests.unit.turn.bench import ADA, PEER, Bench
from tests.unit.turn.server import CLIENT, SERVER, data_indication

NUMBERS = st.integers(0x4000, 0x4FFF)
channel_messages = st.builds(
    lambda number, data: encode_channel_data(number, data, is_padded=True), NUMBERS, st.binary(max_size=60)
)
stun_messages = st.binary(max_size=60).map(lambda data: data_indication(PEER, data))
streams = st.lists(st.one_of(channel_messages, stun_messages), max_size=8)


def drain(client, now):
    client.poll_events()
    client.take_data()
    client.packets_to_send(now)
    deadline = client.next_timeout()
    assert deadline is None or isinstance(deadline, float)


def busy(is_stream=False):
    """A client in the middle of everything: allocated, a channel bound, a permission and a refresh on their way."""
    bench = Bench(is_stream=is_stream).allocate()
    bench.client.bind_channel(PEER)
    bench.exchange()
    bench.now += 545
    bench.client.create_permission([TransportAddress("192.0.2.77", 9)])
    pending = bench.client.packets_to_send(bench.now)
    assert len(pending) >= 2
    return bench, pending


@settings(max_examples=150)
@given(streams, st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_a_stream_is_cut_the_same_however_it_comes(messages, sizes):
    stream = b"".join(messages)
    framer, cut, start, turn = StreamFramer(), [], 0, 0
    while start < len(stream):
        size = sizes[turn % len(sizes)]
        cut += framer.feed(stream[start : start + size])
        start, turn = start + size, turn + 1
    assert cut == messages
    assert framer.buffered == 0


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=200), max_size=8))
def test_a_framer_raises_one_exception_and_keeps_at_most_one_message(chunks):
    framer = StreamFramer()
    for chunk in chunks:
        try:
            framer.feed(chunk)
        except MalformedPacketError:
            assert framer.buffered == 0
        assert framer.buffered < 20 + 0xFFFF + 3


@settings(max_examples=100)
@given(st.integers(0x4000, 0x4FFF), st.binary(max_size=100), st.booleans())
def test_every_prefix_of_channel_data_is_no_data(number, payload, is_padded):
    message = encode_channel_data(0x4000, payload, is_padded=is_padded)
    bench, _ = busy()
    for length in range(4 + len(payload)):
        bench.client.receive(message[:length], bench.now)
    assert bench.client.take_data() == []
    bench.client.receive(message, bench.now)
    assert [run.payloads for run in bench.client.take_data()] == [[payload]]


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=120), max_size=6), st.booleans())
def test_random_packets_never_raise(packets, is_stream):
    bench, _ = busy(is_stream)
    for packet in packets:
        bench.client.receive(packet, bench.now)
        drain(bench.client, bench.now)
    bench.client.handle_timeout(bench.now + 1000.0)
    drain(bench.client, bench.now + 1000.0)


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_random_streams_never_raise(chunks):
    path = TurnOverStream(TurnClient(SERVER, ADA, TurnSettings(), random.Random(1).randbytes, is_stream=True))
    path.client.allocate()
    path.packets_to_send(0.0)
    for chunk in chunks:
        path.receive(chunk, 0.0)
        drain(path.client, 0.0)


def answers(bench, pending, code):
    """What a server would say to requests on their way: yes, a challenge, or no."""
    for packet in pending:
        request = StunMessage.parse(packet) if packet[0] < 4 else None
        if request is None or request.message_class is not MessageClass.REQUEST:
            continue
        yield from bench.server.receive(CLIENT, packet, bench.now)
        refusal = request.error_response(code)
        refusal.add_text(AttributeType.REALM, "example.org")
        refusal.add(AttributeType.NONCE, b"obMatJos2gAAAx")
        refusal.add(AttributeType.PASSWORD_ALGORITHMS, bytes.fromhex("0002 0000"))
        refusal.add_address(AttributeType.ALTERNATE_SERVER, SERVER)
        yield refusal.serialize()


@settings(max_examples=150)
@given(st.sampled_from([300, 400, 401, 403, 437, 438, 441, 500]), st.data())
def test_mutated_answers_never_raise(code, data):
    bench, pending = busy()
    for answer in [*answers(bench, pending, code), data_indication(PEER, b"data")]:
        packet = bytearray(answer)
        for _ in range(data.draw(st.integers(0, 3))):
            packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
        bench.client.receive(bytes(packet), bench.now)
        drain(bench.client, bench.now)
    bench.client.handle_timeout(bench.now + 1000.0)
    drain(bench.client, bench.now + 1000.0)


@settings(max_examples=60)
@given(st.sampled_from([401, 438, 500]))
def test_every_prefix_of_an_answer_is_dropped(code):
    bench, pending = busy()
    for answer in answers(bench, pending, code):
        before = bench.client.statistics()
        for length in range(len(answer)):
            bench.client.receive(answer[:length], bench.now)
        after = bench.client.statistics()
        assert after.responses_received == before.responses_received
        assert after.malformed_packets == before.malformed_packets + len(answer)


@settings(max_examples=100)
@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=40))
def test_challenges_are_read_or_refused(realm, nonce, algorithms):
    response = StunMessage(Method.ALLOCATE, MessageClass.ERROR, bytes(12))
    response.add(AttributeType.REALM, realm)
    response.add(AttributeType.NONCE, nonce)
    response.add(AttributeType.PASSWORD_ALGORITHMS, algorithms)
    try:
        challenge = Challenge.parse(response, None)
    except MalformedPacketError:
        return
    assert challenge.nonce == nonce
    assert challenge.algorithm in {1, 2}
