"""Round trips, truncation and garbage for the SCTP codec and core."""

import contextlib
import random

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import (
    ChunkType,
    ForwardTsn,
    Sack,
    pack_chunk,
    pack_forward_tsn,
    pack_sack,
    parse_forward_tsn,
    parse_sack,
)
from rtcpeer.sctp.handshake import Capabilities, Cookie, CookieJar, Init, pack_init, parse_init
from rtcpeer.sctp.intervals import Intervals
from rtcpeer.sctp.packet import chunk_at
from rtcpeer.sctp.parameters import iterate_parameters, pack_parameter, parse_causes
from tests.unit.sctp.lossy_pipe import LossyPipe

u8, u16, u32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)


@given(u32, u32, st.lists(st.tuples(u16, u16), max_size=30), st.lists(u32, max_size=10))
def test_sack_round_trip(tsn: int, window: int, blocks: list[tuple[int, int]], duplicates: list[int]) -> None:
    flat = [offset for block in blocks for offset in block]
    kind, _, value, end = chunk_at(chunk := pack_sack(tsn, window, flat, duplicates), 0)
    assert (kind, end) == (ChunkType.SACK, len(chunk))
    assert parse_sack(value) == Sack(tsn, window, tuple(flat), tuple(duplicates))
    for length in range(len(value)):
        with pytest.raises(MalformedPacketError):
            parse_sack(value[:length])


@given(u32, st.lists(st.tuples(u16, u16), max_size=30))
def test_forward_tsn_round_trip(tsn: int, skipped: list[tuple[int, int]]) -> None:
    value = chunk_at(pack_forward_tsn(tsn, skipped), 0)[2]
    assert parse_forward_tsn(value) == ForwardTsn(tsn, tuple(skipped))


@given(u32, u32, u16, u16, u32, st.binary(max_size=80), st.booleans())
def test_init_round_trip(
    tag: int, window: int, outbound: int, inbound: int, tsn: int, cookie: bytes, has_unknown: bool
) -> None:
    unrecognized = (pack_parameter(0xC123, b"??"),) if has_unknown else ()
    init = Init(tag, window, outbound, inbound, tsn, cookie=cookie, unrecognized=unrecognized)
    value = chunk_at(pack_init(ChunkType.INIT_ACK, init), 0)[2]
    assert parse_init(value) == Init(tag, window, outbound, inbound, tsn, Capabilities(True, True), cookie)
    for length in range(16):
        with pytest.raises(MalformedPacketError):
            parse_init(value[:length])
    for length in range(16, len(value)):
        with contextlib.suppress(MalformedPacketError):
            parse_init(value[:length])


@given(st.binary(max_size=60))
def test_parsers_raise_one_exception(data: bytes) -> None:
    for parse in (parse_init, parse_sack, parse_forward_tsn, parse_causes, lambda d: list(iterate_parameters(d))):
        with contextlib.suppress(MalformedPacketError):
            parse(data)


@given(st.integers(0, 131))
def test_a_changed_cookie_is_not_ours(position: int) -> None:
    jar = CookieJar(b"k" * 32)
    cookie = Cookie(1.5, 1, 2, 3, 4, 5, 6, 7, 3, 0, 0)
    sealed = jar.seal(cookie)
    assert jar.open(sealed) == cookie
    position %= len(sealed)
    changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
    assert jar.open(changed) is None
    assert jar.open(sealed[:position]) is None
    assert CookieJar(b"l" * 32).open(sealed) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=30), st.integers(0, 70))
def test_intervals_are_a_set(ranges: list[tuple[int, int]], bound: int) -> None:
    intervals, model = Intervals(), set()
    for start, length in ranges:
        new = set(range(start, start + length))
        fresh = intervals.add(start, start + length)
        assert {value for a, b in fresh for value in range(a, b)} == new - model
        model |= new
    assert {v for a, b in zip(intervals.starts, intervals.ends, strict=True) for v in range(a, b)} == model
    assert all(end < start for end, start in zip(intervals.ends, intervals.starts[1:], strict=False))
    assert {v for a, b in intervals.holes(5, 50) for v in range(a, b)} == set(range(5, 50)) - model
    removed = intervals.remove_below(bound)
    assert {v for a, b in removed for v in range(a, b)} == {v for v in model if v < bound}
    assert all((value in intervals) == (value in model and value >= bound) for value in range(80))


def with_checksum(packet: bytes) -> bytes:
    """Garbage only reaches the core when its checksum is right."""
    if len(packet) < 12:
        return packet
    zeroed = packet[:8] + bytes(4) + packet[12:]
    return zeroed[:8] + google_crc32c.value(zeroed).to_bytes(4, "little") + packet[12:]


def recorded(seed: int) -> LossyPipe:
    pipe = LossyPipe(seed, loss=0.1, reorder=0.1)
    pipe.is_recording = True
    pipe.established()
    pipe.left.send(1, 51, b"a" * 3000)
    pipe.left.send(2, 51, b"b" * 5000, max_retransmits=0)
    pipe.left.reset_streams([2])
    pipe.run(duration=5)
    return pipe


def moves_data(pipe: LossyPipe) -> None:
    pipe.loss = pipe.reorder = 0.0
    before = [len(pipe.messages(0)), len(pipe.messages(1))]
    pipe.left.send(7, 53, b"still" * 1000)
    pipe.right.send(7, 53, b"here" * 1000)
    assert pipe.run(lambda: len(pipe.messages(1)) > before[1] and len(pipe.messages(0)) > before[0])
    assert pipe.messages(1)[-1].data == b"still" * 1000
    assert pipe.messages(0)[-1].data == b"here" * 1000


def test_every_prefix_of_every_packet_is_harmless() -> None:
    pipe = recorded(1)
    for index in (0, 1):
        for packet in set(pipe.packets[1 - index]):
            for length in range(len(packet)):
                pipe.ends[index].receive(packet[:length], pipe.now)
    dropped = pipe.left.statistics().packets_dropped
    assert dropped > 100
    moves_data(pipe)


@settings(max_examples=100)
@given(st.integers(0, 1 << 32), st.lists(st.binary(max_size=100), max_size=10))
def test_random_bytes_are_dropped(seed: int, blobs: list[bytes]) -> None:
    pipe = LossyPipe(seed).established()
    for blob in blobs:
        for index in (0, 1):
            pipe.ends[index].receive(blob, pipe.now)
            pipe.ends[index].receive(with_checksum(blob), pipe.now)
    moves_data(pipe)


@settings(max_examples=60)
@given(st.integers(0, 1 << 32))
def test_mutated_packets_never_raise(seed: int) -> None:
    """With a right checksum and tag a mutation may end the association, but nothing raises, and timers end."""
    pipe = recorded(seed % 7)
    generator = random.Random(seed)
    for _ in range(60):
        index = generator.randrange(2)
        packet = bytearray(generator.choice(pipe.packets[1 - index]))
        for _ in range(generator.randrange(1, 4)):
            position = generator.randrange(12, len(packet))
            packet[position] = generator.randrange(256)
        pipe.ends[index].receive(with_checksum(bytes(packet)), pipe.now)
        if generator.random() < 0.2:
            pipe.step()
    pipe.run(duration=30)
    for end in pipe.ends:
        if end._endpoint.link is not None and not end._endpoint.is_ended:
            assert end._endpoint.link.receiver.reassembly.held <= 3 * end._endpoint.settings.receive_window
            assert end._endpoint.link.sender.outstanding.flight >= 0


@settings(max_examples=100)
@given(st.integers(0, 1 << 32), st.lists(st.tuples(u8, u8, st.binary(max_size=60)), min_size=1, max_size=5))
def test_any_chunk_under_the_right_tag_never_raises(seed: int, chunks: list[tuple[int, int, bytes]]) -> None:
    pipe = LossyPipe(seed).established()
    body = b"".join(pack_chunk(kind, value, flags) for kind, flags, value in chunks)
    pipe.left.receive(pipe.right._endpoint.link.envelope.seal(body), pipe.now)
    pipe.run(duration=20)
    kinds = {kind for kind, _, _ in chunks}
    if not kinds & {0, 3, 6, 7, 0x82, 0xC0}:  # chunks that say nothing about data or the end change nothing
        moves_data(pipe)
