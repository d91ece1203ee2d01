from struct import pack

from rtcpeer.sctp.stream_reset import IncomingResets, OutgoingResets, Result


def request(number: int, last_tsn: int, *stream_ids: int) -> bytes:
    body = pack(f">III{len(stream_ids)}H", number, 0, last_tsn, *stream_ids)
    return pack(">HH", 13, 4 + len(body)) + body + bytes(-len(body) % 4)


class Peer:
    def __init__(self) -> None:
        self.done: list[tuple[int, ...]] = []
        self.has_all = True
        self.resets = IncomingResets(
            100,
            has_all_until=lambda tsn: self.has_all,
            reset=self.done.append,
            reset_ours=bool,
            add=lambda count: count <= 64,
        )

    def result(self, value: bytes) -> tuple[int, int]:
        (answer,), responses = self.resets.take(value)
        assert not responses
        assert answer[0] == 0x82
        return int.from_bytes(answer[8:12], "big"), int.from_bytes(answer[12:16], "big")


def test_performed_once_and_answered_again() -> None:
    peer = Peer()
    assert peer.result(request(100, 5, 1, 2, 3)) == (100, Result.PERFORMED)
    assert peer.result(request(100, 5, 1, 2, 3)) == (100, Result.PERFORMED)
    assert peer.done == [(1, 2, 3)]
    assert peer.result(request(105, 5, 1)) == (105, Result.BAD_SEQUENCE_NUMBER)
    assert peer.result(request(101, 5)) == (101, Result.PERFORMED)
    assert peer.done == [(1, 2, 3), ()]


def test_in_progress_until_all_has_arrived() -> None:
    peer = Peer()
    peer.has_all = False
    assert peer.result(request(100, 5, 1)) == (100, Result.IN_PROGRESS)
    assert peer.done == []
    peer.has_all = True
    assert peer.result(request(100, 5, 1)) == (100, Result.PERFORMED)
    assert peer.done == [(1,)]


def test_adding_streams_is_answered() -> None:
    peer = Peer()
    assert peer.result(pack(">HHIHH", 17, 12, 100, 64, 0)) == (100, Result.PERFORMED)
    assert peer.result(pack(">HHIHH", 17, 12, 101, 65, 0)) == (101, Result.DENIED)


def test_what_nobody_in_webrtc_asks_for_is_denied() -> None:
    """Deviation: RFC 6525 sections 5.2.4 and 5.2.6 (SSN/TSN reset, adding incoming streams)."""
    peer = Peer()
    assert peer.result(pack(">HHIHH", 18, 12, 100, 64, 0)) == (100, Result.DENIED)
    assert peer.result(pack(">HHI", 15, 8, 101)) == (101, Result.DENIED)
    assert peer.done == []


def test_request_is_repeated_until_answered() -> None:
    resets = OutgoingResets(7, 1180)
    streams = list(range(1000))
    resets.ask(streams, 50, 99)
    assert streams == list(range(512, 1000))
    first = resets.chunk_due(1.0, 0.5)
    assert len(first) <= 1180
    assert resets.chunk_due(1.0, 0.5) == b""
    assert resets.handle_timeout(1.5)
    assert resets.chunk_due(1.5, 0.5) == first
    assert resets.take_response(pack(">II", 8, 1)) is None
    assert resets.take_response(pack(">II", 7, Result.IN_PROGRESS)) is None
    assert resets.handle_timeout(2.0)
    assert resets.chunk_due(2.0, 0.5) == first
    settled = resets.take_response(pack(">II", 7, Result.DENIED))
    assert settled is not None
    assert settled[0].stream_ids == tuple(range(512))
    assert resets.timer.deadline is None
