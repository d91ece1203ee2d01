import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice.dns import (
    MAX_MESSAGE_SIZE,
    DnsMessage,
    Question,
    Record,
    RecordType,
    address_record,
    encode_name,
    is_response,
    nsec_record,
)

NAME = "0a1b.local"
WIRE_NAME = "04 30613162 05 6c6f63616c 00"  # "0a1b" "local" ""


def header(*counts: int, flags: int = 0x8400) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in (0, flags, *counts))


def test_a_question_on_the_wire() -> None:
    data = DnsMessage(questions=(Question(NAME, RecordType.AAAA, wants_unicast=True),)).serialize()
    assert data == bytes.fromhex(
        "0000 0000 0001 0000 0000 0000"  # id, flags, counts
        + WIRE_NAME
        + "001c 8001"  # AAAA, IN with the unicast-response bit
    )
    assert not is_response(data)


def test_an_answer_on_the_wire() -> None:
    data = DnsMessage(True, answers=(address_record(NAME, "192.0.2.7", 120),)).serialize()
    assert data == bytes.fromhex(
        "0000 8400 0000 0001 0000 0000"  # id, QR and AA, counts
        + WIRE_NAME
        + "0001 8001 00000078 0004 c0000207"  # A, IN with the cache-flush bit, TTL, length, address
    )
    assert is_response(data)


def test_an_nsec_record_names_the_types_there_are() -> None:
    # RFC 4034 section 4.1: the next name, then window 0 with a bitmap of the types.
    a = nsec_record(NAME, {RecordType.A}, 120)
    assert a.data == bytes.fromhex(WIRE_NAME + "00 01 40")
    both = nsec_record(NAME, {RecordType.A, RecordType.AAAA}, 120)
    assert both.data == bytes.fromhex(WIRE_NAME + "00 04 40000008")


def test_what_chromium_sends() -> None:
    """An NSEC record whose owner and next name are pointers to the answer's name."""
    data = (
        header(0, 1, 0, 1)
        + bytes.fromhex(WIRE_NAME + "0001 8001 00000078 0004 0a4d0002")
        + bytes.fromhex("c00c 002f 8001 00000078 0005 c00c 00 01 40")
    )
    message = DnsMessage.parse(data)
    assert message.answers == (Record(NAME, RecordType.A, bytes([10, 77, 0, 2]), 120, is_flush=True),)
    assert message.answers[0].address == "10.77.0.2"
    (nsec,) = message.additional
    assert (nsec.name, nsec.type, nsec.address) == (NAME, RecordType.NSEC, None)


def test_names_are_compared_in_lower_case() -> None:
    data = DnsMessage(questions=(Question("AbC.LOCAL", 1),)).serialize()
    assert DnsMessage.parse(data).questions == (Question("abc.local", 1),)


def test_a_dot_in_a_label_is_no_separator() -> None:
    data = header(1, 0, 0, 0, flags=0) + b"\x0a0a1b.local\x00" + bytes.fromhex("0001 0001")
    assert DnsMessage.parse(data).questions == (Question("0a1b\\.local", 1),)


def test_other_classes_are_left_out() -> None:
    chaos = bytes.fromhex(WIRE_NAME + "0001 0003")
    internet = bytes.fromhex(WIRE_NAME + "0001 0001")
    assert DnsMessage.parse(header(2, 0, 0, 0, flags=0) + chaos + internet).questions == (Question(NAME, 1),)
    record = bytes.fromhex(WIRE_NAME + "0001 0003 00000078 0004 c0000207")
    assert DnsMessage.parse(header(0, 1, 0, 0) + record).answers == ()


def test_authority_records_are_stepped_over() -> None:
    record = bytes.fromhex(WIRE_NAME + "0001 0001 00000078 0004 c0000207")
    message = DnsMessage.parse(header(0, 0, 1, 1) + record + record)
    assert (message.answers, len(message.additional)) == ((), 1)


@pytest.mark.parametrize(
    ("kind", "data"), [(RecordType.A, bytes(16)), (RecordType.AAAA, bytes(4)), (RecordType.A, b""), (16, bytes(4))]
)
def test_no_address_in_other_data(kind: int, data: bytes) -> None:
    assert Record(NAME, kind, data, 120).address is None


@pytest.mark.parametrize(
    "pointer",
    [
        "c00c",  # to itself
        "c00e",  # to what comes behind
        "c0ff",  # past the end
        "02 6161 c00c",  # to its own beginning: a loop
        "40",  # a label type that does not exist
        "80",
        "05 6161",  # a label that ends too early
    ],
)
def test_bad_names(pointer: str) -> None:
    with pytest.raises(MalformedPacketError):
        DnsMessage.parse(header(1, 0, 0, 0, flags=0) + bytes.fromhex(pointer + "0001 0001"))


def pointer_chain(length: int) -> bytes:
    """Questions of which each points to the one before."""
    data = header(length + 1, 0, 0, 0, flags=0) + bytes.fromhex("0161 00 0001 0001")
    target = 12
    for _ in range(length):
        here = len(data)
        data += bytes([0xC0 | target >> 8, target & 0xFF]) + bytes.fromhex("0001 0001")
        target = here
    return data


def test_pointers_are_followed_but_not_for_ever() -> None:
    assert [question.name for question in DnsMessage.parse(pointer_chain(8)).questions] == ["a"] * 9
    with pytest.raises(MalformedPacketError, match="points"):
        DnsMessage.parse(pointer_chain(9))


def test_names_are_bounded() -> None:
    label = b"\x3f" + b"a" * 63
    assert len(encode_name(".".join(["a" * 63] * 3 + ["a" * 61]))) == 255
    with pytest.raises(ValueError, match="255"):
        encode_name(".".join(["a" * 63] * 4))
    with pytest.raises(MalformedPacketError, match="255"):
        DnsMessage.parse(header(1, 0, 0, 0, flags=0) + label * 4 + b"\0" + bytes(4))


@pytest.mark.parametrize("name", ["", "a..local", ".local", "a" * 64 + ".local"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="label"):
        encode_name(name)


def test_messages_are_bounded() -> None:
    entry = bytes.fromhex("00 0001 0001")
    assert len(DnsMessage.parse(header(256, 0, 0, 0, flags=0) + entry * 256).questions) == 256
    with pytest.raises(MalformedPacketError, match="257"):
        DnsMessage.parse(header(257, 0, 0, 0, flags=0) + entry * 257)
    padding = MAX_MESSAGE_SIZE - 12
    assert DnsMessage.parse(header(0, 0, 0, 0) + bytes(padding)).answers == ()
    with pytest.raises(MalformedPacketError, match="9001"):
        DnsMessage.parse(header(0, 0, 0, 0) + bytes(padding + 1))


def test_many_names_that_point_to_a_long_one_are_bounded() -> None:
    def message(entries: int) -> bytes:
        name = b"\x01a" * 64 + b"\0"
        rest = bytes.fromhex("0001 0001")
        return header(entries, 0, 0, 0, flags=0) + name + rest + (b"\xc0\x0c" + rest) * (entries - 1)

    assert len(DnsMessage.parse(message(16)).questions) == 16
    with pytest.raises(MalformedPacketError, match="labels"):
        DnsMessage.parse(message(17))


@pytest.mark.parametrize("flags", [0x8403, 0x8C00, 0x0800, 0x0001])
def test_other_operations_and_errors_are_not_mdns(flags: int) -> None:
    with pytest.raises(MalformedPacketError, match="flags"):
        DnsMessage.parse(header(0, 0, 0, 0, flags=flags))
