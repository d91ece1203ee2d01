from rtcpeer.sctp.chunks import DATA, ForwardTsn, parse_sack
from rtcpeer.sctp.reassembly import OVERHEAD
from rtcpeer.sctp.receiver import Receiver
from rtcpeer.sctp.settings import SctpSettings

WINDOW = 10_000


def receiver(streams: int = 10) -> Receiver:
    return Receiver(SctpSettings(receive_window=WINDOW), 1, streams)


def data(tsn: int, payload: bytes, flags: int = 3, stream_id: int = 0, ssn: int = 0) -> bytes:
    header = DATA.pack(0, flags, 16 + len(payload), tsn, stream_id, ssn, 53)
    return header + payload + bytes(-len(payload) % 4)


def take(half: Receiver, *chunks: bytes, now: float = 0.0) -> None:
    body = b"".join(chunks)
    assert half.take_data(body, 0) == len(body)
    half.note_packet(now)


def payloads(half: Receiver) -> list[bytes]:
    return [event.data for event in half.release_events()]  # type: ignore[union-attr]


def test_bundled_chunks_are_taken_in_one_go() -> None:
    half = receiver()
    take(half, data(1, b"a"), data(2, b"bc", ssn=1), data(3, b"def", ssn=2))
    assert payloads(half) == [b"a", b"bc", b"def"]
    assert half.tracker.next == 4


def test_what_is_no_data_ends_the_run() -> None:
    half = receiver()
    body = data(1, b"a") + bytes.fromhex("0b000004")
    assert half.take_data(body, 0) == len(body) - 4
    assert half.take_data(body, len(body) - 4) == len(body) - 4
    assert half.take_data(data(2, b""), 0) == 0  # without user data: not for this loop


def test_sacks_wait_for_a_second_packet_or_the_timer() -> None:
    half = receiver()
    take(half, data(1, b"a"), now=5.0)
    assert half.has_news
    assert not half.is_sack_due
    assert half.sack_timer.deadline == 5.02
    take(half, data(2, b"b", ssn=1), now=5.0)
    assert half.is_sack_due
    sack = parse_sack(half.sack(1180)[4:])
    assert (sack.cumulative_tsn, sack.receive_window) == (2, WINDOW - 2 * (1 + OVERHEAD))
    assert not half.has_news
    assert half.sack_timer.deadline is None


def test_gaps_duplicates_and_the_i_bit_are_acknowledged_at_once() -> None:
    half = receiver()
    take(half, data(2, b"b", ssn=1))
    assert half.is_sack_due
    assert parse_sack(half.sack(1180)[4:]).blocks == (2, 2)
    take(half, data(1, b"a"))
    assert half.is_sack_due  # a gap closed
    half.sack(1180)
    take(half, data(1, b"a"))
    assert half.is_sack_due
    assert parse_sack(half.sack(1180)[4:]).duplicates == (1,)
    take(half, data(3, b"c", flags=0xB, ssn=2))
    assert half.is_sack_due
    assert payloads(half) == [b"a", b"b", b"c"]


def test_the_window_counts_what_was_not_polled_and_reopens() -> None:
    half = receiver()
    for number in range(9):
        take(half, data(1 + number, bytes(1000 - OVERHEAD), ssn=number))
    assert half.window == 1000
    half.sack(1180)
    assert len(payloads(half)) == 9
    assert half.window == WINDOW
    assert half.is_sack_due  # it was nearly shut: the peer is told


def test_beyond_the_window_only_what_is_next_gets_in() -> None:
    half = receiver()
    for number in range(10):
        take(half, data(2 + number, bytes(1000 - OVERHEAD), ssn=1 + number))
    take(half, data(20, b"more", ssn=19))
    assert half.dropped == 1
    take(half, data(1, b"the missing one"))
    assert len(payloads(half)) == 11


def test_an_invalid_stream_is_acknowledged_and_reported() -> None:
    half = receiver(streams=2)
    take(half, data(1, b"a", stream_id=2))
    assert half.invalid_streams == [2]
    assert half.tracker.next == 2
    assert payloads(half) == []


def test_forward_tsn_moves_on() -> None:
    half = receiver()
    take(half, data(3, b"c", ssn=2))
    assert payloads(half) == []
    half.take_forward_tsn(ForwardTsn(2, ((0, 1),)))
    assert half.tracker.next == 4
    assert payloads(half) == [b"c"]
    assert half.has_all_until(3)
    assert not half.has_all_until(4)


def test_an_unfinished_message_larger_than_the_window_is_noticed() -> None:
    half = receiver()
    for number in range(14):
        take(half, data(1 + number, bytes(1000), flags=0 if number else 2))
    assert half.is_exhausted
