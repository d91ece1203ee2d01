import math

import pytest

from rtcpeer.errors import InvalidStateError
from rtcpeer.sctp import Association, SctpSettings
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.events import BufferedAmountLow, StreamResetFailed
from rtcpeer.sctp.handshake import parse_init
from tests.unit.sctp.lossy_pipe import LossyPipe


def test_misuse_raises_at_the_call() -> None:
    pipe = LossyPipe()
    with pytest.raises(ValueError, match="empty"):
        pipe.left.send(1, 51, b"")
    with pytest.raises(ValueError, match="65535"):
        pipe.left.send(65535, 51, b"x")
    pipe.left.set_max_message_size(10)
    with pytest.raises(ValueError, match="11 bytes"):
        pipe.left.send(1, 51, bytes(11))
    pipe.left.set_max_message_size(0)
    pipe.left.send(1, 51, bytes(1_000_000))
    assert pipe.left.buffered_amount(1) == 1_000_000
    pipe.left.abort()
    with pytest.raises(InvalidStateError):
        pipe.left.send(1, 51, b"x")
    with pytest.raises(InvalidStateError):
        pipe.left.connect()


def test_init_says_what_browsers_expect() -> None:
    pipe = LossyPipe()
    pipe.left.connect()
    (packet,) = pipe.left.packets_to_send(0.0)
    assert packet[:8] == bytes.fromhex("1388 1388 00000000")  # ports 5000, tag 0
    init = parse_init(packet[16:])
    assert (init.outbound_streams, init.inbound_streams) == (65535, 65535)
    assert bytes.fromhex("c0000004") in packet
    assert bytes.fromhex("80080006 82c0") in packet


def test_buffered_amount_falls_and_is_told() -> None:
    pipe = LossyPipe().established()
    pipe.left.set_buffered_amount_low_threshold(1, 1000)
    pipe.left.send(1, 53, bytes(5000))
    pipe.left.send(1, 53, bytes(5000))
    assert pipe.left.buffered_amount(1) == 10_000
    assert pipe.run(lambda: len(pipe.messages(1)) == 2)
    assert pipe.left.buffered_amount(1) == 0
    assert pipe.of_type(0, BufferedAmountLow) == [BufferedAmountLow(1)]


def test_sacks_are_delayed_and_every_second_packet() -> None:
    pipe = LossyPipe().established()
    pipe.run(duration=1)
    pipe.left.send(1, 53, bytes(500))
    (packet,) = pipe.left.packets_to_send(pipe.now)
    pipe.right.receive(packet, pipe.now)
    assert pipe.right.packets_to_send(pipe.now) == []
    assert pipe.right.next_timeout() == pytest.approx(pipe.now + 0.02)
    pipe.left.send(1, 53, bytes(500))
    (packet,) = pipe.left.packets_to_send(pipe.now)
    pipe.right.receive(packet, pipe.now)
    assert [packet[12] for packet in pipe.right.packets_to_send(pipe.now)] == [ChunkType.SACK]


def test_sack_rides_with_data() -> None:
    pipe = LossyPipe().established()
    pipe.run(duration=1)
    pipe.left.send(1, 53, bytes(500))
    (packet,) = pipe.left.packets_to_send(pipe.now)
    pipe.right.receive(packet, pipe.now)
    pipe.right.send(1, 53, b"answer")
    (packet,) = pipe.right.packets_to_send(pipe.now)
    assert (packet[12], packet[28]) == (ChunkType.SACK, ChunkType.DATA)


def test_a_pull_is_a_bounded_burst() -> None:
    pipe = LossyPipe(settings=SctpSettings(initial_window_packets=1000, max_burst_packets=16)).established()
    pipe.left.send(1, 53, bytes(100_000))
    for _ in range(5):
        assert len(pipe.left.packets_to_send(pipe.now)) == 16
        assert pipe.left.next_timeout() == -math.inf  # there is more
    assert 0 < len(pipe.left.packets_to_send(pipe.now)) < 16
    assert pipe.left.next_timeout() > pipe.now


def test_packets_keep_their_size() -> None:
    pipe = LossyPipe(loss=0.1, settings=SctpSettings(max_packet_size=600)).established()
    pipe.is_recording = True
    for number in range(200):
        pipe.left.send(number % 7, 53, bytes(1 + number * 13))
    assert pipe.run(lambda: len(pipe.messages(1)) == 200)
    assert max(map(len, pipe.packets[0] + pipe.packets[1])) <= 600


@pytest.mark.parametrize(("kind", "is_reported"), [(0x3F, False), (0x7F, True), (0xBF, False), (0xFF, True)])
def test_unknown_chunks_follow_their_high_bits(kind: int, is_reported: bool) -> None:
    pipe = LossyPipe().established()
    pipe.run(duration=1)
    body = pack_chunk(kind, b"what") + pack_chunk(ChunkType.HEARTBEAT, b"\0\1\0\10abcd")
    pipe.right.receive(pipe.left._endpoint.link.envelope.seal(body), pipe.now)
    kinds = set()
    for packet in pipe.right.packets_to_send(pipe.now):
        kinds |= {packet[12]} | ({4 + 1} if b"abcd" in packet else set())
    assert (ChunkType.ERROR in kinds) == is_reported
    assert (ChunkType.HEARTBEAT_ACK in kinds) == bool(kind & 0x80)


def test_reset_without_the_extension_fails() -> None:
    pipe = LossyPipe().established()
    capabilities = pipe.left._endpoint.link.terms.capabilities
    pipe.left._endpoint.link.terms.capabilities = capabilities._replace(has_reconfiguration=False)
    pipe.left.reset_streams([3])
    pipe.run(duration=1)
    assert isinstance(pipe.of_type(0, StreamResetFailed)[0], StreamResetFailed)


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_packet_size", 1191), ("receive_window", 10), ("rto_min", 2.0), ("sack_delay", 0.6), ("local_port", 0)],
)
def test_settings_name_the_wrong_field(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        SctpSettings(**{field: value})  # type: ignore[arg-type]


def test_remote_port() -> None:
    left = Association(SctpSettings(), lambda n: b"\1" * n)
    left.set_remote_port(5001)
    left.connect()
    assert left.packets_to_send(0.0)[0][2:4] == (5001).to_bytes(2, "big")
    with pytest.raises(InvalidStateError):
        left.set_remote_port(5002)


def test_an_association_at_rest_wakes_by_a_packet_a_command_and_its_deadline() -> None:
    pipe = LossyPipe().established()
    pipe.run(duration=1)
    assert pipe.left.packets_to_send(pipe.now) == []
    at_rest = pipe.left.next_timeout()
    assert at_rest is not None  # the next probe of the path
    assert pipe.left.poll_events() == []
    assert pipe.left.next_timeout() == at_rest

    pipe.left.send(1, 53, b"question")
    (packet,) = pipe.left.packets_to_send(pipe.now)
    assert pipe.right.packets_to_send(pipe.now) == []
    pipe.right.receive(packet, pipe.now)
    assert pipe.right.next_timeout() == pytest.approx(pipe.now + 0.02)
    assert pipe.right.packets_to_send(pipe.now) == []  # a pull before the poll loses no event
    assert len(pipe.right.poll_events()) == 1

    pipe.run(duration=1)
    due = pipe.left.next_timeout()
    assert due is not None
    pipe.left.handle_timeout(due - 1)
    assert pipe.left.packets_to_send(due - 1) == []
    pipe.left.handle_timeout(due)
    assert [packet[12] for packet in pipe.left.packets_to_send(due)] == [ChunkType.HEARTBEAT]


def test_what_a_pull_gives_up_is_told_although_nothing_goes_out() -> None:
    pipe = LossyPipe().established()
    pipe.run(duration=1)
    pipe.left.set_buffered_amount_low_threshold(1, 0)
    pipe.left.send(1, 53, b"too late", lifetime=0.0)
    assert pipe.left.packets_to_send(pipe.now) == []
    assert pipe.left.poll_events() == [BufferedAmountLow(1)]
