"""A peer that holds the keys and means harm can not make us keep more than the window."""

import random
import tracemalloc

import pytest

from rtcpeer.sctp import SctpSettings
from rtcpeer.sctp.chunks import DATA, ChunkType, pack_chunk, pack_forward_tsn
from rtcpeer.sctp.endpoint import MAX_READY_PACKETS
from rtcpeer.sctp.events import AssociationClosed, CloseReason
from rtcpeer.sctp.receive_tracker import MAX_GAPS
from tests.unit.sctp.lossy_pipe import LossyPipe

SMALL = SctpSettings(receive_window=100_000)


def attacked() -> tuple[LossyPipe, int]:
    pipe = LossyPipe(settings=SMALL).established()
    return pipe, pipe.right._endpoint.link.receiver.tracker.next


def strike(pipe: LossyPipe, *chunks: bytes) -> None:
    pipe.right.receive(pipe.left._endpoint.link.envelope.seal(b"".join(chunks)), pipe.now)
    pipe.right.packets_to_send(pipe.now)


def data(tsn: int, payload: bytes, flags: int = 3, stream_id: int = 0, ssn: int = 0) -> bytes:
    padding = bytes(-len(payload) % 4)
    return DATA.pack(0, flags, 16 + len(payload), tsn & 0xFFFFFFFF, stream_id, ssn, 53) + payload + padding


@pytest.mark.parametrize("flags", [0, 1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("step", [1, 2, 997])
def test_memory_is_bounded_whatever_fragments_come(flags: int, step: int) -> None:
    pipe, tsn = attacked()
    tracemalloc.start()
    for number in range(3000):
        strike(pipe, data(tsn + 1 + number * step, b"x" * 400, flags, number % 60_000, number & 0xFFFF))
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    receiver = pipe.right._endpoint.link.receiver
    assert receiver.reassembly.held <= 2 * SMALL.receive_window
    assert len(receiver.tracker.gaps) <= MAX_GAPS
    assert used < 20 * SMALL.receive_window


def test_far_tsns_are_dropped() -> None:
    pipe, tsn = attacked()
    for distance in (0x10000, 0x100000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0):
        strike(pipe, data(tsn + distance, b"far"))
    assert pipe.right._endpoint.link.receiver.tracker.next == tsn
    assert not pipe.right._endpoint.link.receiver.tracker.gaps
    assert pipe.right.statistics().chunks_dropped == 5


def test_an_endless_message_ends_the_association() -> None:
    pipe, tsn = attacked()
    for number in range(1000):
        strike(pipe, data(tsn + number, b"x" * 1000, 2 if not number else 0))
        pipe.flush()
    closed = pipe.of_type(1, AssociationClosed)
    assert [event.reason for event in closed] == [CloseReason.OUT_OF_RESOURCE]  # type: ignore[union-attr]


def test_unpolled_messages_stop_at_the_window() -> None:
    pipe, tsn = attacked()
    for number in range(5000):
        strike(pipe, data(tsn + number, b"x", ssn=number))
    assert pipe.right._endpoint.link.receiver.reassembly.held <= 2 * SMALL.receive_window + 200
    assert pipe.right.state.value == "established"


def test_skipped_sequence_numbers_do_not_pile_up() -> None:
    pipe, tsn = attacked()
    for number in range(5000):
        strike(pipe, data(tsn + number, b"x" * 100, ssn=(number % 0x7000) + 1))
        pipe.flush()
    assert (
        pipe.right._endpoint.link is None
        or pipe.right._endpoint.link.receiver.reassembly.held <= 2 * SMALL.receive_window + 300
    )


def test_requests_are_answered_a_bounded_number_of_times() -> None:
    pipe, _ = attacked()
    heartbeat = pack_chunk(ChunkType.HEARTBEAT, bytes(100))
    for _ in range(10_000):
        pipe.right.receive(pipe.left._endpoint.link.envelope.seal(heartbeat), pipe.now)
    assert sum(map(len, pipe.right.packets_to_send(pipe.now))) < 20_000


def test_inits_are_answered_a_bounded_number_of_times() -> None:
    pipe = LossyPipe()
    pipe.left.connect()
    (init,) = pipe.left.packets_to_send(pipe.now)
    for _ in range(1000):
        pipe.right.receive(init, pipe.now)
    assert len(pipe.right.packets_to_send(pipe.now)) == MAX_READY_PACKETS
    assert pipe.right._endpoint.link is None  # a first INIT costs us no state


def test_data_without_user_data_is_an_abort() -> None:
    pipe, tsn = attacked()
    strike(pipe, data(tsn, b""))
    pipe.flush()
    assert [event.reason for event in pipe.of_type(1, AssociationClosed)] == [CloseReason.PROTOCOL_VIOLATION]  # type: ignore[union-attr]


def test_forward_tsn_far_ahead_is_ignored() -> None:
    pipe, tsn = attacked()
    strike(pipe, pack_forward_tsn((tsn + 0x7000_0000) & 0xFFFFFFFF, [(1, 1)]))
    assert pipe.right._endpoint.link.receiver.tracker.next == tsn


def test_sacks_for_what_was_never_sent_are_ignored() -> None:
    pipe, _ = attacked()
    generator = random.Random(1)
    for _ in range(2000):
        value = generator.randbytes(12)[:8] + bytes((0, 1, 0, 0)) + generator.randbytes(4)
        pipe.right.receive(pipe.left._endpoint.link.envelope.seal(pack_chunk(ChunkType.SACK, value)), pipe.now)
    pipe.right.send(1, 51, b"fine")
    assert pipe.run(lambda: bool(pipe.messages(0)))
