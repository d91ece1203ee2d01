import math

from rtcpeer.sctp import SctpSettings
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.packet import chunk_at
from tests.unit.sctp.lossy_pipe import LossyPipe


def kinds(packet: bytes) -> list[int]:
    found, offset, body = [], 0, packet[12:]
    while offset < len(body):
        kind, _, _, offset = chunk_at(body, offset)
        found.append(kind)
    return found


def test_the_order_within_packets_of_an_opening() -> None:
    pipe = LossyPipe()
    pipe.is_recording = True
    pipe.left.send(1, 51, b"early")
    pipe.right.send(1, 51, b"answer")
    pipe.left.connect()
    pipe.run(duration=0.2)
    assert [kinds(packet) for packet in pipe.packets[0]][:2] == [
        [ChunkType.INIT],
        [ChunkType.COOKIE_ECHO, ChunkType.DATA],
    ]
    assert [kinds(packet) for packet in pipe.packets[1]][:2] == [
        [ChunkType.INIT_ACK],
        [ChunkType.COOKIE_ACK, ChunkType.SACK, ChunkType.DATA],
    ]


def test_a_repeated_cookie_carries_the_same_data() -> None:
    pipe = LossyPipe()
    pipe.is_recording = True
    pipe.filter = lambda index, packet: packet[12] != ChunkType.COOKIE_ECHO
    pipe.left.send(1, 51, b"early")
    pipe.left.connect()
    pipe.run(duration=3)
    echoes = [packet for packet in pipe.packets[0] if packet[12] == ChunkType.COOKIE_ECHO]
    assert len(echoes) == 3  # after 1 s, then after 2
    assert {packet[-8:-3] for packet in echoes} == {b"early"}
    assert len({len(packet) for packet in echoes}) == 1


def test_control_chunks_share_packets_and_overflow_into_further_ones() -> None:
    pipe = LossyPipe(settings=SctpSettings(max_packet_size=512)).established()
    pipe.run(duration=1)
    link = pipe.left._endpoint.link
    assert link is not None
    for _ in range(5):
        pipe.right.receive(link.envelope.seal(pack_chunk(ChunkType.HEARTBEAT, bytes(196))), pipe.now)
    packets = pipe.right.packets_to_send(pipe.now)
    assert [kinds(packet) for packet in packets] == [[5, 5], [5, 5], [5]]
    assert max(map(len, packets)) <= 512


def test_nothing_to_say_is_no_packet() -> None:
    pipe = LossyPipe().established()
    pipe.run(duration=1)
    assert pipe.left.packets_to_send(pipe.now) == []


def answering(settings: SctpSettings | None = None) -> LossyPipe:
    """The left side has sent a message, and been answered by a message with a SACK that it has not pulled behind."""
    pipe = LossyPipe(settings=settings or SctpSettings()).established()
    pipe.run(duration=1)
    pipe.left.send(1, 53, bytes(500))
    (packet,) = pipe.left.packets_to_send(pipe.now)
    pipe.right.receive(packet, pipe.now)
    pipe.right.send(1, 53, b"answer")
    (packet,) = pipe.right.packets_to_send(pipe.now)
    assert kinds(packet) == [ChunkType.SACK, ChunkType.DATA]
    pipe.left.poll_events()
    pipe.left.receive(packet, pipe.now)
    return pipe


def test_an_answer_goes_out_before_the_sack_is_taken_that_came_with_the_question() -> None:
    pipe = answering()
    pipe.left.send(1, 53, b"next")
    (packet,) = pipe.left.packets_to_send(pipe.now)
    assert kinds(packet) == [ChunkType.SACK, ChunkType.DATA]
    assert pipe.left.next_timeout() == -math.inf  # for whoever does not poll after a pull
    assert pipe.left.statistics().bytes_in_flight == 516 + 20
    assert pipe.left.poll_events()
    assert pipe.left.statistics().bytes_in_flight == 20
    assert pipe.left.next_timeout() > pipe.now


def test_a_sack_is_passed_by_one_pull_at_most() -> None:
    pipe = answering()
    pipe.left.send(1, 53, b"next")
    pipe.left.packets_to_send(pipe.now)
    pipe.left.send(1, 53, b"more")
    pipe.left.packets_to_send(pipe.now)
    assert pipe.left.statistics().bytes_in_flight == 20 + 20


def test_a_sack_that_opens_the_window_lets_the_rest_follow() -> None:
    pipe = answering(SctpSettings(initial_window_packets=1))
    window = pipe.left.statistics().congestion_window
    pipe.left.send(1, 53, bytes(4 * window))
    pipe.left.packets_to_send(pipe.now)
    pipe.left.poll_events()
    assert pipe.left.next_timeout() == -math.inf
    assert pipe.left.packets_to_send(pipe.now)


def test_a_sack_is_taken_without_a_message_to_send() -> None:
    pipe = answering()
    pipe.left.packets_to_send(pipe.now)
    assert pipe.left.statistics().bytes_in_flight == 0


def test_a_retransmission_timeout_hears_the_sack_first() -> None:
    pipe = answering()
    pipe.left.handle_timeout(pipe.now + 60)
    assert pipe.left.statistics().timeouts == 0
