"""An association's life under bad weather: opening, giving up messages, resets, a slow owner, the end."""

import pytest

from rtcpeer.errors import InvalidStateError
from rtcpeer.sctp import Association, SctpSettings
from rtcpeer.sctp.events import (
    AssociationClosed,
    AssociationEstablished,
    CloseReason,
    IncomingStreamsReset,
    OutgoingStreamsReset,
    PeerAnswered,
)
from tests.unit.sctp.lossy_pipe import LossyPipe

PATIENT = SctpSettings(max_retransmits=50, max_init_retransmits=50)


def chunk_kind(packet: bytes) -> int:
    return packet[12]


@pytest.mark.parametrize("seed", range(20))
def test_both_sides_start_at_once_under_loss(seed: int) -> None:
    pipe = LossyPipe(seed, loss=0.3, reorder=0.2, duplicate=0.2, settings=PATIENT).established()
    pipe.left.send(0, 51, b"left")
    pipe.right.send(0, 51, b"right")
    assert pipe.run(lambda: bool(pipe.messages(0) and pipe.messages(1)))
    for index in (0, 1):
        assert len(pipe.of_type(index, AssociationEstablished)) == 1
        first = next(event for event in pipe.events[index] if not isinstance(event, PeerAnswered))
        assert isinstance(first, AssociationEstablished)


def test_one_side_connects() -> None:
    pipe = LossyPipe()
    pipe.left.connect()
    pipe.left.send(1, 51, b"first")
    assert pipe.run(lambda: bool(pipe.messages(1)))
    # INIT, INIT ACK, COOKIE ECHO with the message: one and a half round trips.
    assert pipe.now == pytest.approx(100 + 3 * pipe.delay)


@pytest.mark.parametrize("kind", [1, 2, 10, 11])
def test_each_handshake_chunk_may_be_lost(kind: int) -> None:
    pipe = LossyPipe()
    lost: set[int] = set()

    def lose_first(index: int, packet: bytes) -> bool:
        if chunk_kind(packet) == kind and index not in lost:
            lost.add(index)
            return False
        return True

    pipe.filter = lose_first
    pipe.left.send(1, 51, b"rides with the cookie")
    pipe.established()
    assert lost
    assert pipe.run(lambda: bool(pipe.messages(1)))
    assert [message.data for message in pipe.messages(1)] == [b"rides with the cookie"]


def test_nobody_answers() -> None:
    pipe = LossyPipe()
    pipe.filter = lambda index, packet: False
    pipe.left.connect()
    assert pipe.run(lambda: bool(pipe.of_type(0, AssociationClosed)))
    assert pipe.events[0] == [
        AssociationClosed(CloseReason.HANDSHAKE_TIMEOUT, (), "the peer did not answer the handshake")
    ]


def test_path_failure_is_reported() -> None:
    pipe = LossyPipe().established()
    pipe.filter = lambda index, packet: False
    pipe.left.send(1, 51, b"into the void")
    assert pipe.run(lambda: bool(pipe.of_type(0, AssociationClosed)))
    assert pipe.of_type(0, AssociationClosed)[0].reason is CloseReason.PATH_FAILURE  # type: ignore[union-attr]
    with pytest.raises(InvalidStateError):
        pipe.left.send(1, 51, b"late")


def test_idle_path_failure_is_found_by_heartbeats() -> None:
    pipe = LossyPipe(settings=SctpSettings(max_retransmits=3)).established()
    assert not pipe.run(lambda: bool(pipe.of_type(0, AssociationClosed)), duration=1000)
    pipe.filter = lambda index, packet: False
    assert pipe.run(lambda: bool(pipe.of_type(0, AssociationClosed)), duration=1000)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("limit", [{"max_retransmits": 0}, {"max_retransmits": 2}, {"lifetime": 0.3}])
def test_partial_reliability_gives_up_and_lives_on(seed: int, ordered: bool, limit: dict[str, int]) -> None:
    pipe = LossyPipe(seed, loss=0.2, reorder=0.1, duplicate=0.05, settings=PATIENT).established()
    sent = [bytes([number % 251]) * (10 + 997 * (number % 7)) for number in range(300)]
    for message in sent:
        pipe.left.send(1, 53, message, ordered=ordered, **limit)  # type: ignore[arg-type]
    pipe.left.send(2, 51, b"reliable")
    pipe.left.send(1, 51, b"the end", ordered=True)
    assert pipe.run(lambda: any(message.data == b"the end" for message in pipe.messages(1)))
    assert pipe.run(lambda: not pipe.left._endpoint.link.sender.has_work)
    received = [message.data for message in pipe.messages(1) if message.ppid == 53]
    assert pipe.left.statistics().messages_abandoned > 0
    assert len(received) + pipe.left.statistics().messages_abandoned >= len(sent)
    assert set(received) <= set(sent)
    if ordered:
        remaining = iter(sent)
        assert all(message in remaining for message in received)  # a subsequence
    assert b"reliable" in [message.data for message in pipe.messages(1)]
    assert pipe.right.statistics().receive_window == PATIENT.receive_window
    outstanding = pipe.left._endpoint.link.sender.outstanding
    left_over = (outstanding.limited, outstanding.abandoned, outstanding.attempts, outstanding.flight)
    assert not any(left_over)


@pytest.mark.parametrize("seed", range(20))
def test_stream_resets_under_loss(seed: int) -> None:
    pipe = LossyPipe(seed, loss=0.25, reorder=0.2, duplicate=0.1, settings=PATIENT).established()
    for generation in range(4):
        for _ in range(5):
            pipe.left.send(1, 53, bytes([generation]) * 5000)
            pipe.right.send(1, 53, bytes([generation]) * 5000)
        pipe.left.reset_streams([1])
        pipe.right.reset_streams([1])
    # The fourth reset came while the first was under way: it is the same one.
    done = lambda: all(  # noqa: E731
        pipe.of_type(i, OutgoingStreamsReset) and pipe.of_type(i, IncomingStreamsReset) and len(pipe.messages(i)) == 20
        for i in (0, 1)
    )
    assert pipe.run(done)
    for index in (0, 1):
        # All five messages of before came before the reset, all others after it.
        order = [
            type(e).__name__
            for e in pipe.events[index]
            if type(e).__name__ in ("MessageReceived", "IncomingStreamsReset")
        ]
        assert order.index("IncomingStreamsReset") == 5
        assert [m.data[0] for m in pipe.messages(index)] == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5
    assert pipe.left._endpoint.queue.streams[1].next_ssn == 15


@pytest.mark.parametrize("seed", range(20))
def test_shutdown_under_loss_delivers_everything(seed: int) -> None:
    pipe = LossyPipe(seed, loss=0.2, reorder=0.1, duplicate=0.1, settings=PATIENT).established()
    for number in range(40):
        pipe.left.send(1, 53, bytes([number]) * 3000)
    pipe.left.shutdown()
    if seed % 2:
        pipe.right.shutdown()
    with pytest.raises(InvalidStateError):
        pipe.left.send(1, 53, b"late")
    assert pipe.run(lambda: bool(pipe.of_type(1, AssociationClosed)), duration=5000)
    assert [message.data[0] for message in pipe.messages(1)] == list(range(40))
    assert pipe.events[1][-1] == AssociationClosed(CloseReason.SHUTDOWN)
    assert pipe.run(lambda: bool(pipe.of_type(0, AssociationClosed)), duration=5000)


def test_abort_carries_its_reason() -> None:
    pipe = LossyPipe().established()
    pipe.left.abort("enough")
    assert pipe.run(lambda: bool(pipe.of_type(1, AssociationClosed)))
    closed = pipe.of_type(1, AssociationClosed)[0]
    assert closed == AssociationClosed(CloseReason.ABORTED_BY_PEER, ((12, b"enough"),))
    assert pipe.of_type(0, AssociationClosed)[0].reason is CloseReason.ABORTED_LOCALLY  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [100, 16384])
def test_window_closes_while_the_owner_does_not_poll(size: int) -> None:
    settings = SctpSettings(receive_window=100_000)
    pipe = LossyPipe(settings=settings).established()
    pipe.polls[1] = False
    count = 2_000_000 // size
    for number in range(count):
        pipe.left.send(1, 53, number.to_bytes(4, "big") * (size // 4))
    pipe.run(duration=60)
    statistics = pipe.right.statistics()
    assert statistics.receive_window < 2000
    assert pipe.right._endpoint.link.receiver.reassembly.held <= 2 * settings.receive_window
    assert pipe.left.state.value == "established"  # a shut window is not a dead path
    pipe.polls[1] = True
    assert pipe.run(lambda: len(pipe.messages(1)) == count)
    assert [int.from_bytes(message.data[:4], "big") for message in pipe.messages(1)] == list(range(count))


def test_bulk_does_not_starve_another_stream() -> None:
    pipe = LossyPipe().established()
    for _ in range(100):
        pipe.left.send(1, 53, bytes(16384))
    pipe.left.send(2, 51, b"hello")
    assert pipe.run(lambda: any(message.data == b"hello" for message in pipe.messages(1)))
    assert len(pipe.messages(1)) <= 3


def test_restarted_peer_begins_anew() -> None:
    pipe = LossyPipe().established()
    pipe.left.send(1, 51, b"before")
    assert pipe.run(lambda: bool(pipe.messages(1)))
    pipe.ends[0] = pipe.left = Association(SctpSettings(), pipe.random.randbytes)
    pipe.left.connect()
    pipe.left.send(1, 51, b"after")
    assert pipe.run(lambda: len(pipe.messages(1)) == 2)
    assert [e.is_restart for e in pipe.of_type(1, AssociationEstablished)] == [False, True]  # type: ignore[union-attr]
    pipe.right.send(1, 51, b"back")
    assert pipe.run(lambda: any(message.data == b"back" for message in pipe.messages(0)))


def test_stale_cookie_begins_again() -> None:
    pipe = LossyPipe(settings=SctpSettings(cookie_lifetime=5.0))
    held: list[bytes] = []

    def hold_cookie(index: int, packet: bytes) -> bool:
        if index == 0 and chunk_kind(packet) == 10 and pipe.now < 110:
            held.append(packet)
            return False
        return True

    pipe.filter = hold_cookie
    pipe.left.connect()
    pipe.left.send(1, 51, b"hello")
    assert pipe.run(lambda: bool(pipe.messages(1)))
    assert held
    assert pipe.run(lambda: pipe.left.state.value == "established")
    assert len(pipe.messages(1)) == 1
