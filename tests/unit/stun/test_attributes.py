import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun.attributes import (
    decode_address,
    decode_error,
    encode_address,
    encode_error,
    is_comprehension_required,
    reason_phrase,
)


def test_address_layout():
    #                                               zero  family  port  address
    assert encode_address(TransportAddress("1.2.3.4", 5)) == bytes.fromhex("00 01 0005 01020304")
    assert decode_address(bytes.fromhex("ff 01 0005 01020304")) == TransportAddress("1.2.3.4", 5)


@pytest.mark.parametrize("value", ["", "0001", "00010005010203", "0003000501020304", "0002000501020304"])
def test_broken_addresses(value):
    with pytest.raises(MalformedPacketError):
        decode_address(bytes.fromhex(value))


def test_error_layout_and_limits():
    assert encode_error(487, "Role Conflict") == bytes.fromhex("0000 04 57") + b"Role Conflict"
    assert decode_error(bytes.fromhex("0000 04 57 ff")) == (487, "\ufffd")
    assert len(encode_error(400, "x" * 2000)) == 4 + 127
    for code in (299, 700):
        with pytest.raises(ValueError, match=str(code)):
            encode_error(code, "")
    for value in ("", "0000", "00000200", "00000464"):
        with pytest.raises(MalformedPacketError):
            decode_error(bytes.fromhex(value))


def test_ranges_and_phrases():
    assert is_comprehension_required(0x7FFF)
    assert not is_comprehension_required(0x8000)
    assert reason_phrase(487) == "Role Conflict"
    assert reason_phrase(599) == ""
