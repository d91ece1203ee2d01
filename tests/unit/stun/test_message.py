"""STUN messages, against the vectors of RFC 5769 and RFC 8489 appendix B.1 (with erratum 6268)."""

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import (
    AttributeType,
    MessageClass,
    Method,
    StunMessage,
    is_stun,
    long_term_key,
    short_term_key,
    user_hash,
)

TRANSACTION_ID = "b7e7a701bc34d686fa87dfae"
KEY = short_term_key("VOkJxbRl1RmTxUk/WvJxBt")

SAMPLE_REQUEST = bytes.fromhex(
    "00010058 2112a442" + TRANSACTION_ID + "80220010 5354554e207465737420636c69656e74"  # SOFTWARE "STUN test client"
    "00240004 6e0001ff"  # PRIORITY
    "80290008 932ff9b151263b36"  # ICE-CONTROLLED
    "00060009 6576746a3a68367659 202020"  # USERNAME "evtj:h6vY", padded with spaces
    "00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"  # MESSAGE-INTEGRITY
    "80280004 e57a3bcf"  # FINGERPRINT
)
SAMPLE_IPV4_RESPONSE = bytes.fromhex(
    "0101003c 2112a442" + TRANSACTION_ID + "8022000b 7465737420766563746f72 20"  # SOFTWARE "test vector"
    "00200008 0001a147e112a643"  # XOR-MAPPED-ADDRESS
    "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004 c07d4c96"
)
SAMPLE_IPV6_RESPONSE = bytes.fromhex(
    "01010048 2112a442" + TRANSACTION_ID + "8022000b 7465737420766563746f72 20"
    "00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014 a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004 c8fb0b4c"
)
LONG_TERM_REQUEST = bytes.fromhex(
    "00010060 2112a442 78ad3433c6ad72c029da412e"
    "00060012 e3839ee38388e383aae38383e382afe382b9 0000"  # USERNAME
    "0015001c 662f2f3439396b39353464364f4c33346f4c394653547679363473 41"  # NONCE
    "0014000b 6578616d706c652e6f7267 00"  # REALM
    "00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666"
)
SHA256_REQUEST = bytes.fromhex(
    "00010090 2112a442 78ad3433c6ad72c029da412e"
    "001e0020 4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"  # USERHASH
    "00150029 6f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341 000000"  # NONCE
    "0014000b 6578616d706c652e6f7267 00"  # REALM
    "001d0004 00020000"  # PASSWORD-ALGORITHM
    "001c0020 b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65"
)
USERNAME = "マトリックス"


def test_sample_request():
    message = StunMessage.parse(SAMPLE_REQUEST)
    assert (message.method, message.message_class) == (Method.BINDING, MessageClass.REQUEST)
    assert message.transaction_id.hex() == TRANSACTION_ID
    assert message.text(AttributeType.SOFTWARE) == "STUN test client"
    assert message.uint32(AttributeType.PRIORITY) == 0x6E0001FF
    assert message.uint64(AttributeType.ICE_CONTROLLED) == 0x932FF9B151263B36
    assert message.text(AttributeType.USERNAME) == "evtj:h6vY"
    assert message.has_fingerprint
    assert message.verify_integrity(KEY)
    assert not message.verify_integrity(KEY + b"x")


@pytest.mark.parametrize(
    ("packet", "host"),
    [(SAMPLE_IPV4_RESPONSE, "192.0.2.1"), (SAMPLE_IPV6_RESPONSE, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_sample_responses(packet, host):
    message = StunMessage.parse(packet)
    assert message.message_class is MessageClass.SUCCESS
    assert message.mapped_address == TransportAddress(host, 32853)
    assert message.verify_integrity(KEY)


def test_long_term_request():
    message = StunMessage.parse(LONG_TERM_REQUEST)
    assert message.text(AttributeType.USERNAME) == USERNAME
    assert message.verify_integrity(long_term_key(USERNAME, "example.org", "TheMatrIX"))
    assert not message.has_fingerprint


def test_sha256_request_is_verified_and_built_alike():
    key = long_term_key(USERNAME, "example.org", "TheMatrIX", "sha256")
    message = StunMessage.parse(SHA256_REQUEST)
    assert message.verify_integrity(key)
    assert message.value(AttributeType.USERHASH) == user_hash(USERNAME, "example.org")
    assert message.serialize(sha256_key=key) == SHA256_REQUEST


def test_building_gives_the_sample_response():
    request = StunMessage.parse(SAMPLE_REQUEST)
    response = request.success_response()
    response.add_address(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress("192.0.2.1", 32853))
    # The vector pads SOFTWARE with a space where we write zeros, and so differs in integrity: compare what follows it.
    packet = response.serialize(KEY, fingerprint=True)
    assert packet[20:32] == SAMPLE_IPV4_RESPONSE[36:48]
    assert StunMessage.parse(packet).verify_integrity(KEY)


def test_both_integrities_and_the_stronger_decides():
    request = StunMessage.request(Method.BINDING, bytes)
    both = request.serialize(b"weak", sha256_key=b"strong", fingerprint=True)
    message = StunMessage.parse(both)
    assert message.verify_integrity(b"strong")
    assert not message.verify_integrity(b"weak")


def test_any_changed_byte_spoils_integrity_or_format():
    intact = StunMessage.parse(SAMPLE_REQUEST[:-8][:2] + b"\x00\x50" + SAMPLE_REQUEST[4:-8])
    assert intact.verify_integrity(KEY)
    for index in range(len(SAMPLE_REQUEST) - 8):
        changed = bytearray(SAMPLE_REQUEST[:2] + b"\x00\x50" + SAMPLE_REQUEST[4:-8])
        changed[index] ^= 0x01
        try:
            message = StunMessage.parse(bytes(changed))
        except MalformedPacketError:
            continue
        assert not message.verify_integrity(KEY), index


def test_attributes_behind_integrity_are_ignored_except_fingerprint():
    request = StunMessage.request(Method.BINDING, bytes)
    signed = bytearray(request.serialize(b"key"))
    smuggled = bytes.fromhex("00250000")  # USE-CANDIDATE
    signed += smuggled
    signed[2:4] = (len(signed) - 20).to_bytes(2, "big")
    message = StunMessage.parse(bytes(signed))
    assert message.verify_integrity(b"key")
    assert AttributeType.USE_CANDIDATE not in message


def test_wrong_fingerprint_is_malformed():
    with pytest.raises(MalformedPacketError, match="FINGERPRINT"):
        StunMessage.parse(SAMPLE_REQUEST[:-1] + b"\x00")


def test_attribute_behind_fingerprint_is_malformed():
    request = StunMessage.request(Method.BINDING, bytes)
    packet = bytearray(request.serialize(fingerprint=True) + bytes.fromhex("80220000"))
    packet[2:4] = (len(packet) - 20).to_bytes(2, "big")
    packet[24:28] = b"\0\0\0\0"
    with pytest.raises(MalformedPacketError):
        StunMessage.parse(bytes(packet))


def test_every_truncation_is_malformed():
    for length in range(len(SAMPLE_REQUEST)):
        with pytest.raises(MalformedPacketError):
            StunMessage.parse(SAMPLE_REQUEST[:length])


@pytest.mark.parametrize("method", [*Method, 0x000, 0xFFF, 0xABC])
@pytest.mark.parametrize("message_class", MessageClass)
def test_method_and_class_bits_round_trip(method, message_class):
    packet = StunMessage(method, message_class, bytes(12)).serialize()
    assert packet[0] < 0x40
    message = StunMessage.parse(packet)
    assert (message.method, message.message_class) == (method, message_class)


def test_type_bits_are_where_the_rfc_has_them():
    assert StunMessage(Method.BINDING, MessageClass.ERROR, bytes(12)).serialize()[:2].hex() == "0111"
    assert StunMessage(Method.ALLOCATE, MessageClass.SUCCESS, bytes(12)).serialize()[:2].hex() == "0103"
    assert StunMessage(Method.DATA, MessageClass.INDICATION, bytes(12)).serialize()[:2].hex() == "0017"


def test_error_response_and_unknown_attributes():
    request = StunMessage.parse(SAMPLE_REQUEST)
    response = request.error_response(420)
    response.add_unknown_attributes([0x0024, 0x7ABC])
    parsed = StunMessage.parse(response.serialize())
    assert parsed.error == (420, "Unknown Attribute")
    assert parsed.unknown_attributes == [0x0024, 0x7ABC]
    assert parsed.transaction_id == request.transaction_id
    assert StunMessage.parse(request.error_response(599, "odd").serialize()).error == (599, "odd")


def test_unknown_required_lists_each_once_and_ignores_optional():
    message = StunMessage(Method.BINDING, MessageClass.REQUEST, bytes(12))
    for attribute_type in (0x7001, 0x0024, 0x7001, 0x7000, 0xC123):
        message.add(attribute_type, b"abc")
    parsed = StunMessage.parse(message.serialize(b"key", fingerprint=True))
    assert parsed.unknown_required({AttributeType.PRIORITY}) == [0x7001, 0x7000]


def test_mapped_address_falls_back_to_the_plain_form():
    message = StunMessage(Method.BINDING, MessageClass.SUCCESS, bytes(range(12)))
    message.add_address(AttributeType.MAPPED_ADDRESS, TransportAddress("198.51.100.7", 9))
    parsed = StunMessage.parse(message.serialize())
    assert parsed.value(AttributeType.MAPPED_ADDRESS) == bytes.fromhex("00010009c6336407")
    assert parsed.mapped_address == TransportAddress("198.51.100.7", 9)


@pytest.mark.parametrize(
    "attribute_type",
    [
        AttributeType.XOR_PEER_ADDRESS, AttributeType.XOR_RELAYED_ADDRESS, AttributeType.ALTERNATE_SERVER,
        AttributeType.RESPONSE_ORIGIN, AttributeType.OTHER_ADDRESS,
    ],
)  # fmt: skip
@pytest.mark.parametrize("host", ["198.51.100.7", "2001:db8::1"])
def test_all_address_attributes_round_trip(attribute_type, host):
    message = StunMessage(Method.BINDING, MessageClass.SUCCESS, bytes(range(12)))
    message.add_address(attribute_type, TransportAddress(host, 3478))
    assert StunMessage.parse(message.serialize()).address(attribute_type) == TransportAddress(host, 3478)


def test_broken_values_raise_malformed_and_missing_ones_are_none():
    message = StunMessage(Method.BINDING, MessageClass.SUCCESS, bytes(12))
    message.add(AttributeType.PRIORITY, b"abc")
    message.add(AttributeType.XOR_MAPPED_ADDRESS, bytes.fromhex("0001000901"))
    message.add(AttributeType.USERNAME, b"\xff")
    message.add(AttributeType.ERROR_CODE, bytes(4))
    message.add(AttributeType.UNKNOWN_ATTRIBUTES, b"abc")
    for access in (
        lambda: message.uint32(AttributeType.PRIORITY),
        lambda: message.mapped_address,
        lambda: message.text(AttributeType.USERNAME),
        lambda: message.error,
        lambda: message.unknown_attributes,
    ):
        with pytest.raises(MalformedPacketError):
            access()
    assert message.uint64(AttributeType.ICE_CONTROLLED) is None
    assert message.text(AttributeType.REALM) is None


def test_the_first_of_several_counts():
    message = StunMessage(Method.BINDING, MessageClass.REQUEST, bytes(12))
    message.add_uint32(AttributeType.PRIORITY, 1)
    message.add_uint32(AttributeType.PRIORITY, 2)
    assert StunMessage.parse(message.serialize()).uint32(AttributeType.PRIORITY) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (SAMPLE_REQUEST, True),
        (b"", False),
        (SAMPLE_REQUEST[:19], False),
        (b"\x14" + SAMPLE_REQUEST[1:], False),  # DTLS by RFC 7983
        (SAMPLE_REQUEST[:4] + b"\0\0\0\0" + SAMPLE_REQUEST[8:], False),
        (SAMPLE_REQUEST[:3] + b"\x59" + SAMPLE_REQUEST[4:], False),
    ],
)
def test_is_stun(data, expected):
    assert is_stun(data) is expected
    assert is_stun(memoryview(data)) is expected


def test_opaque_string_maps_spaces_and_composes():
    assert short_term_key("a\u00a0b\u0065\u0301") == "a b\u00e9".encode()
