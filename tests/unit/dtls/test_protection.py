import pytest

from rtcpeer.dtls.keys import RecordKeys
from rtcpeer.dtls.protection import MAX_PLAINTEXT, AeadProtection, ReplayWindow
from rtcpeer.dtls.records import EPOCH_1, ContentType, split_records
from rtcpeer.errors import OperationError

A = RecordKeys(b"a" * 16, b"salt")
B = RecordKeys(b"b" * 32, b"SALT")


@pytest.fixture
def pair():
    return AeadProtection(A, B, 64), AeadProtection(B, A, 64)


def only(data: bytes):
    (record,), is_sound = split_records(data)
    assert is_sound
    return record


def test_what_is_sealed_can_be_opened(pair):
    for one, other in (pair, pair[::-1]):
        for payload in (b"x", bytes(1200), bytes(MAX_PLAINTEXT)):
            assert other.open(one.seal(payload)) == payload


def test_the_record_on_the_wire(pair):
    pair[0].seal(b"")
    record = pair[0].seal(b"abc")
    # type 23, DTLS 1.2, epoch 1, sequence_number 1, length 8 + 3 + 16, nonce_explicit = epoch and sequence_number
    assert record[:21] == bytes.fromhex("17 fefd 0001 000000000001 001b 0001000000000001")
    assert len(record) == 13 + 27


def test_no_nonce_is_used_twice(pair):
    records = [pair[0].seal(b"x"), pair[0].seal_record(22, b"x"), *pair[0].seal_many([b"x", b"y"])]
    assert len({record[13:21] for record in records}) == 4
    assert all(record[13:21] == record[3:11] for record in records)


def test_a_replay_is_dropped_and_counted(pair):
    record = pair[0].seal(b"x")
    assert pair[1].open(record) == b"x"
    assert pair[1].open(record) == b""
    assert pair[1].open_record(only(record)) is None
    assert pair[1].replayed == 2


def test_any_order_within_the_window(pair):
    records = pair[0].seal_many([bytes([index + 1]) for index in range(64)])
    assert [pair[1].open(record) for record in reversed(records)] == [bytes([64 - index]) for index in range(64)]
    assert [pair[1].open(record) for record in records] == [b""] * 64
    assert pair[1].replayed == 64


def test_what_is_older_than_the_window_is_dropped(pair):
    records = pair[0].seal_many([b"x"] * 66)
    assert pair[1].open(records[65]) == b"x"
    assert pair[1].open(records[1]) == b""
    assert pair[1].open(records[2]) == b"x"


@pytest.mark.parametrize("position", [0, 3, 5, 10, 13, 20, 21, 25, -1])
def test_a_changed_record_is_not_believed(pair, position):
    record = bytearray(pair[0].seal(b"payload"))
    record[position] ^= 0x01
    assert not pair[1].open(bytes(record))
    assert pair[1].open(pair[0].seal(b"next")) == b"next"


def test_a_forgery_does_not_move_the_window(pair):
    forged = bytearray(pair[0].seal(b"payload"))
    forged[5] = 0x70  # a sequence number far ahead
    assert pair[1].open(bytes(forged)) == b""
    assert pair[1].unauthenticated == 1
    assert pair[1].open(pair[0].seal(b"next")) == b"next"


def test_what_is_not_one_data_record_is_left_to_others(pair):
    record = pair[0].seal(b"payload")
    alert = pair[0].seal_record(ContentType.ALERT, b"\x01\x00")
    for datagram in (b"", record[:36], record + b"x", alert, record + record, b"\x16" + record[1:]):
        assert pair[1].open(datagram) is None
    assert pair[1].open_record(only(alert)) == b"\x01\x00"


def test_own_records_can_be_read_back(pair):
    assert pair[0].open_own(only(pair[0].seal_record(22, b"Finished"))) == b"Finished"
    assert pair[0].open_own(only(pair[1].seal_record(22, b"Finished"))) is None


def test_too_short_for_a_tag(pair):
    assert pair[1].open_record(only(bytes.fromhex("15 fefd 0001 000000000000 0002 0100"))) is None
    assert pair[1].unauthenticated == 1


def test_too_large_is_the_callers_mistake(pair):
    with pytest.raises(ValueError, match="16384"):
        pair[0].seal(bytes(MAX_PLAINTEXT + 1))


def test_numbers_never_wrap(pair):
    pair[0].next_numbers = (EPOCH_1 << 1) - 1
    assert pair[1].open(pair[0].seal(b"last")) == b"last"
    with pytest.raises(OperationError):
        pair[0].seal(b"one more")


def test_the_window_stays_small():
    window = ReplayWindow(64)
    for numbers in range(EPOCH_1, EPOCH_1 + 10**12, 10**9):
        window.note(numbers)
    for numbers in range(window.next, window.next + 2000, 2):
        window.note(numbers)
    assert len(window._missing) <= 128
    assert window.is_new(window.next - 2)
    assert not window.is_new(window.next - 1)
