"""ICE: candidate lines survive a round trip, and an agent survives whatever comes in."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice import Candidate, CandidateType, TcpType
from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage
from tests.unit.ice.network import host
from tests.unit.ice.peer import LOCAL, Peer

tokens = st.text("abcdefghijklmnopqrstuvwxyz0123456789+/-.", min_size=1, max_size=12)
numbers = st.one_of(st.none(), st.integers(0, 0xFFFF))
known = {"raddr", "rport", "tcptype", "generation", "ufrag", "network-id", "network-cost"}
candidates = st.builds(
    Candidate,
    foundation=tokens,
    component=st.integers(1, 256),
    protocol=st.sampled_from(["udp", "tcp"]),
    priority=st.integers(0, 0xFFFFFFFF),
    address=st.one_of(st.ip_addresses().map(str), tokens),
    port=st.integers(0, 0xFFFF),
    type=st.sampled_from(CandidateType),
    related_address=st.one_of(st.none(), tokens),
    related_port=numbers,
    tcp_type=st.one_of(st.none(), st.sampled_from(TcpType)),
    username_fragment=st.one_of(st.none(), tokens),
    generation=numbers,
    network_id=numbers,
    network_cost=numbers,
    extensions=st.lists(st.tuples(tokens.filter(lambda name: name not in known), tokens), max_size=3).map(tuple),
)


@settings(max_examples=200)
@given(candidates, st.sampled_from(["", "a="]))
def test_candidate_lines_round_trip(candidate, prefix):
    line = candidate.serialize()
    assert Candidate.parse(prefix + line) == candidate
    assert Candidate.parse(line.removeprefix("candidate:")) == candidate


@settings(max_examples=200)
@given(
    st.one_of(
        st.text(max_size=80), st.lists(st.one_of(tokens, st.sampled_from(["typ", "udp", "host", "1"]))).map(" ".join)
    )
)
def test_any_other_line_is_a_value_error_or_a_candidate(line):
    with contextlib.suppress(ValueError):
        Candidate.parse(line)


@settings(max_examples=100)
@given(candidates, st.data())
def test_every_shortened_line_is_a_value_error_or_a_candidate(candidate, data):
    line = candidate.serialize()
    with contextlib.suppress(ValueError):
        Candidate.parse(line[: data.draw(st.integers(0, len(line)))])


attributes = st.one_of(
    st.tuples(
        st.sampled_from([0x0020, 0x0024, 0x0025, 0x0009, 0x8029, 0x802A, 0x0006, 0xC001]), st.binary(max_size=20)
    ),
    st.tuples(
        st.integers(0x7000, 0xFFFF).filter(lambda number: number != AttributeType.FINGERPRINT), st.binary(max_size=8)
    ),
)
sources = st.builds(
    TransportAddress, st.sampled_from(["192.0.2.2", "192.0.2.3", "fe80::9"]), st.integers(1, 5), st.just("udp")
)


def drain(peer):
    sent = peer.pull()
    peer.agent.poll_events()
    due = peer.agent.next_timeout()
    if due is not None and due <= peer.now:
        peer.agent.handle_timeout(peer.now)
        sent += peer.pull()
        due = peer.agent.next_timeout()
    assert due is None or due > peer.now
    return sent


@settings(max_examples=150)
@given(st.data())
def test_an_agent_survives_signed_nonsense_and_always_makes_progress(data):
    peer = Peer(is_controlling=data.draw(st.booleans()))
    peer.agent.add_remote_candidate(host("192.0.2.2", 1))
    sent = drain(peer)
    for _ in range(data.draw(st.integers(1, 12))):
        source = data.draw(sources)
        requests = [message for _, message in sent if message.message_class is MessageClass.REQUEST]
        message = StunMessage(
            data.draw(st.sampled_from([Method.BINDING, Method.BINDING, Method.ALLOCATE])),
            data.draw(st.sampled_from(MessageClass)),
            data.draw(st.sampled_from([each.transaction_id for each in requests] or [bytes(12)])),
        )
        if data.draw(st.booleans()):
            message.attributes = peer.request(nominate=data.draw(st.booleans())).attributes
        for number, value in data.draw(st.lists(attributes, max_size=4)):
            message.add(number, value)
        key = "the password of the peer" if message.message_class & 2 else ""
        peer.send(message, source, key, data.draw(st.sampled_from([LOCAL, TransportAddress("192.0.2.99", 1)])))
        peer.now += data.draw(st.sampled_from([0.0, 0.01, 0.6, 5.0, 45.0]))
        if data.draw(st.booleans()):
            peer.agent.handle_timeout(peer.now)
        sent = drain(peer)
    assert len(peer.agent.statistics().pairs) <= 100


@settings(max_examples=150)
@given(st.binary(max_size=100), sources)
def test_an_agent_survives_random_bytes(payload, source):
    peer = Peer()
    peer.agent.receive(Datagrams(LOCAL, source, [payload]), peer.now)
    header = b"\x00\x01" + (len(payload) // 4 * 4).to_bytes(2, "big") + bytes.fromhex("2112a442") + bytes(12)
    peer.agent.receive(Datagrams(LOCAL, source, [header + payload[: len(payload) // 4 * 4]]), peer.now)
    drain(peer)
    assert peer.agent.remote_candidates == []
