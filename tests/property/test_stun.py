"""STUN: what is written is read back, and nothing that comes in raises anything but `MalformedPacketError`."""

import contextlib
import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import Attribute, AttributeType, MessageClass, StunMessage
from rtcpeer.stun.attributes import decode_error, decode_type_list, encode_error, encode_type_list

SEALS = {AttributeType.MESSAGE_INTEGRITY, AttributeType.MESSAGE_INTEGRITY_SHA256, AttributeType.FINGERPRINT}
attributes = st.builds(
    Attribute, st.integers(0, 0xFFFF).filter(lambda number: number not in SEALS), st.binary(max_size=40)
)
messages = st.builds(
    StunMessage,
    st.integers(0, 0xFFF),
    st.sampled_from(MessageClass),
    st.binary(min_size=12, max_size=12),
    st.lists(attributes, max_size=6),
)
addresses = st.builds(
    TransportAddress,
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str),
    st.integers(0, 0xFFFF),
    st.just("udp"),
)
keys = st.one_of(st.none(), st.binary(min_size=1, max_size=40))


@settings(max_examples=150)
@given(messages, keys, keys, st.booleans())
def test_round_trip(message, key, sha256_key, fingerprint):
    packet = message.serialize(key, sha256_key=sha256_key, fingerprint=fingerprint)
    parsed = StunMessage.parse(packet)
    assert parsed == message
    assert parsed.has_fingerprint is fingerprint
    assert parsed.has_integrity is (key is not None or sha256_key is not None)
    strongest = sha256_key if sha256_key is not None else key
    if strongest is not None:
        assert parsed.verify_integrity(strongest)
        assert not parsed.verify_integrity(strongest + b"?")


@settings(max_examples=100)
@given(messages, keys)
def test_every_prefix_is_malformed(message, key):
    packet = message.serialize(key, fingerprint=True)
    for length in range(len(packet)):
        with pytest.raises(MalformedPacketError):
            StunMessage.parse(packet[:length])


def touch_everything(packet):
    with contextlib.suppress(MalformedPacketError):
        message = StunMessage.parse(packet)
        message.verify_integrity(b"key")
        message.unknown_required(())
        accesses = (
            lambda: message.error,
            lambda: message.mapped_address,
            lambda: message.unknown_attributes,
            *(lambda number=number: message.text(number) for number in AttributeType),
            *(lambda number=number: message.uint32(number) for number in AttributeType),
            *(lambda number=number: message.uint64(number) for number in AttributeType),
            *(lambda number=number: message.address(number) for number in AttributeType),
        )
        for access in accesses:
            with contextlib.suppress(MalformedPacketError):
                access()


@settings(max_examples=150)
@given(st.binary(max_size=120))
def test_random_bytes_never_raise(data):
    touch_everything(data)
    header = b"\x00\x01" + (len(data) // 4 * 4).to_bytes(2, "big") + bytes.fromhex("2112a442") + bytes(12)
    touch_everything(header + data[: len(data) // 4 * 4])


@settings(max_examples=150)
@given(messages, st.data())
def test_mutated_messages_never_raise(message, data):
    packet = bytearray(message.serialize(b"key"))
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    touch_everything(bytes(packet))


@settings(max_examples=100)
@given(addresses, st.binary(min_size=12, max_size=12))
def test_addresses_round_trip(address, transaction_id):
    message = StunMessage(1, MessageClass.SUCCESS, transaction_id)
    for attribute_type in (AttributeType.XOR_MAPPED_ADDRESS, AttributeType.MAPPED_ADDRESS):
        message.add_address(attribute_type, address)
    parsed = StunMessage.parse(message.serialize())
    assert parsed.address(AttributeType.XOR_MAPPED_ADDRESS) == address
    assert parsed.address(AttributeType.MAPPED_ADDRESS) == address
    assert ipaddress.ip_address(address.host).packed in parsed.value(AttributeType.MAPPED_ADDRESS)


@settings(max_examples=100)
@given(st.integers(300, 699), st.text(max_size=100), st.lists(st.integers(0, 0xFFFF), max_size=10))
def test_errors_and_type_lists_round_trip(code, reason, types):
    assert decode_error(encode_error(code, reason)) == (code, reason)
    assert decode_type_list(encode_type_list(types)) == types
