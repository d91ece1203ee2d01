import pytest

from rtcpeer.dtls.records import (
    FROM_CLIENT,
    FROM_SERVER,
    ContentType,
    Message,
    Record,
    first_message,
    handshake_is_sound,
    split_records,
)

# type 22, version, epoch 0, sequence_number 5, length 3
PLAIN = bytes.fromhex("16 fefd 0000 000000000005 0003") + b"abc"
# type 23, version, epoch 1, sequence_number 7, length 2
PROTECTED = bytes.fromhex("17 fefd 0001 000000000007 0002") + b"xy"


def message(message_type: int, body: bytes, *, total: int | None = None, offset: int = 0) -> bytes:
    length = (len(body) if total is None else total).to_bytes(3, "big")
    return (
        bytes([message_type]) + length + b"\x00\x01" + offset.to_bytes(3, "big") + len(body).to_bytes(3, "big") + body
    )


def handshake(body: bytes, content_type: int = ContentType.HANDSHAKE) -> Record:
    return Record(content_type, 0, bytes(13) + body)


def test_a_datagram_is_cut_at_its_records():
    records, is_sound = split_records(PLAIN + PROTECTED)
    assert is_sound
    assert [(record.content_type, record.epoch, record.body) for record in records] == [(22, 0, b"abc"), (23, 1, b"xy")]
    assert records[1].numbers == (1 << 48) + 7
    assert records[0].raw == PLAIN


@pytest.mark.parametrize("length", range(1, len(PROTECTED)))
def test_a_cut_record_is_left_out(length):
    records, is_sound = split_records(PLAIN + PROTECTED[:length])
    assert [record.raw for record in records] == [PLAIN]
    assert not is_sound


@pytest.mark.parametrize(
    "bad",
    [
        "13 fefd 0000 000000000000 0001 00",  # a type below
        "18 fefd 0000 000000000000 0001 00",  # and above
        "16 0303 0000 000000000000 0001 00",  # TLS
        "17 feff 0001 000000000000 0001 00",  # DTLS 1.0, protected
        "17 fefd 0002 000000000000 0001 00",  # an epoch that never is
        "16 fefd 0000 000000000000 0000",  # nothing in it
    ],
)
def test_a_wrong_record_does_not_hide_the_next(bad):
    records, is_sound = split_records(bytes.fromhex(bad) + PLAIN)
    assert [record.raw for record in records] == [PLAIN]
    assert not is_sound


def test_a_client_hello_may_have_an_old_version_in_its_header():
    records, is_sound = split_records(bytes.fromhex("16 feff 0000 000000000000 0001 00"))
    assert is_sound
    assert len(records) == 1


def test_a_record_above_the_limit_is_refused():
    assert split_records(bytes.fromhex("17 fefd 0001 000000000000 4801") + bytes(0x4801)) == ([], False)


def test_the_handshake_header():
    assert first_message(message(11, b"abc", total=10, offset=4)) == Message(11, 1, 4, 3)


def test_a_fragment_outside_its_message_is_refused():
    assert first_message(message(11, b"abc", total=6, offset=4)) is None
    assert first_message(message(11, b"abc", total=40000)) is None


def test_several_messages_in_a_record_are_sound():
    assert handshake_is_sound(handshake(message(2, b"a") + message(14, b"")), FROM_SERVER)


@pytest.mark.parametrize("cut", range(1, 15))
def test_a_cut_message_is_not_sound(cut):
    assert not handshake_is_sound(handshake(message(1, b"abc")[:-cut]), FROM_CLIENT)


def test_messages_of_the_wrong_side_are_not_sound():
    assert handshake_is_sound(handshake(message(1, b"")), FROM_CLIENT)
    assert not handshake_is_sound(handshake(message(1, b"")), FROM_SERVER)
    assert not handshake_is_sound(handshake(message(2, b"")), FROM_CLIENT)


def test_a_plaintext_finished_and_a_hello_request_are_never_sound():
    for kind in (0, 20):
        for expected in (FROM_CLIENT, FROM_SERVER):
            assert not handshake_is_sound(handshake(message(kind, b"123456789012")), expected)


def test_change_cipher_spec_is_one_byte():
    assert handshake_is_sound(handshake(b"\x01", ContentType.CHANGE_CIPHER_SPEC), FROM_CLIENT)
    assert not handshake_is_sound(handshake(b"\x02", ContentType.CHANGE_CIPHER_SPEC), FROM_CLIENT)
    assert not handshake_is_sound(handshake(b"\x01\x01", ContentType.CHANGE_CIPHER_SPEC), FROM_CLIENT)
