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
