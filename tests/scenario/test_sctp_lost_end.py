"""A peer that missed how the association ended, and goes on, is told again."""

from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.events import AssociationClosed, CloseReason
from tests.unit.sctp.lossy_pipe import LossyPipe


def reasons(pipe: LossyPipe, index: int) -> list[CloseReason]:
    return [event.reason for event in pipe.events[index] if isinstance(event, AssociationClosed)]


def without_first(pipe: LossyPipe, kind: int) -> list[bytes]:
    lost: list[bytes] = []

    def drop(_index: int, packet: bytes) -> bool:
        if packet[12] == kind and not lost:
            lost.append(packet)
            return False
        return True

    pipe.filter = drop
    return lost


def test_a_lost_abort_is_repeated_when_data_comes() -> None:
    pipe = LossyPipe().established()
    lost = without_first(pipe, ChunkType.ABORT)
    pipe.left.abort("gone")
    pipe.run(duration=1)
    assert lost
    assert reasons(pipe, 1) == []
    pipe.right.send(1, 51, b"hello?")
    assert pipe.run(lambda: bool(reasons(pipe, 1)))
    assert reasons(pipe, 1) == [CloseReason.ABORTED_BY_PEER]
    assert pipe.messages(0) == []


def test_a_batch_is_answered_once_and_an_abort_never() -> None:
    pipe = LossyPipe().established()
    pipe.left.abort()
    pipe.left.packets_to_send(pipe.now)
    pipe.left.poll_events()
    pipe.right.send(1, 51, bytes(10_000))
    batch = pipe.right.packets_to_send(pipe.now)
    assert len(batch) > 5
    for packet in batch:
        pipe.left.receive(packet, pipe.now)
    (answer,) = pipe.left.packets_to_send(pipe.now)
    assert answer[12] == ChunkType.ABORT
    assert pipe.left.packets_to_send(pipe.now) == []
    pipe.right.receive(answer, pipe.now)
    pipe.right.receive(answer, pipe.now)
    assert pipe.right.packets_to_send(pipe.now) == []
    assert pipe.right.statistics().packets_dropped == 1


def test_a_lost_shutdown_complete_is_repeated() -> None:
    pipe = LossyPipe().established()
    lost = without_first(pipe, ChunkType.SHUTDOWN_COMPLETE)
    pipe.left.shutdown()
    assert pipe.run(lambda: bool(reasons(pipe, 1)))
    assert lost
    assert (reasons(pipe, 0), reasons(pipe, 1)) == ([CloseReason.SHUTDOWN], [CloseReason.SHUTDOWN])


def test_foreign_packets_are_never_answered_with_an_abort() -> None:
    """Deviation from section 8.4 rule 8: inside a DTLS connection they are stray packets of our own peer."""
    pipe = LossyPipe().established()
    pipe.run(duration=1)
    other = LossyPipe(5).established()
    link = other.left._endpoint.link
    assert link is not None
    before = pipe.right.statistics().packets_dropped
    for kind in (ChunkType.DATA, ChunkType.SACK, ChunkType.HEARTBEAT, ChunkType.COOKIE_ACK):
        pipe.right.receive(link.envelope.seal(pack_chunk(kind, bytes(20))), pipe.now)
    assert pipe.right.packets_to_send(pipe.now) == []
    assert pipe.right.statistics().packets_dropped == before + 4
    assert pipe.right.state.value == "established"
