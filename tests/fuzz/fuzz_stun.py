"""Fuzz target of the STUN codec: `MalformedPacketError` is the only way to refuse; what is read is written back.

`python -m tests.fuzz.fuzz_stun [SECONDS]`; with atheris installed, coverage guides.
"""

import contextlib
import random

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import AttributeType, MessageClass, StunMessage, is_stun
from tests.fuzz.mutation import main

KEY = b"key"


def seeds() -> list[bytes]:
    """One message of each kind that ICE and its servers send."""
    generator = random.Random(1)
    request = StunMessage.request(1, generator.randbytes)
    request.add_text(AttributeType.USERNAME, "remote:local")
    request.add_uint32(AttributeType.PRIORITY, 0x6E7F1EFF)
    request.add_uint64(AttributeType.ICE_CONTROLLING, 0x0102030405060708)
    request.add(AttributeType.USE_CANDIDATE)
    response = request.success_response()
    response.add_address(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress("192.0.2.1", 5000))
    response.add_address(AttributeType.MAPPED_ADDRESS, TransportAddress("2001:db8::1", 5000))
    error = request.error_response(420)
    error.add_unknown_attributes([0x7FFF, 0x0001])
    return [
        request.serialize(KEY),
        request.serialize(sha256_key=KEY),
        response.serialize(KEY),
        error.serialize(),
        StunMessage.indication(1, generator.randbytes).serialize(),
    ]


def read_everything(message: StunMessage) -> None:
    """Every reader of every attribute."""
    message.verify_integrity(KEY)
    message.unknown_required(())
    for number in AttributeType:
        for read in (message.value, message.text, message.uint32, message.uint64, message.address):
            with contextlib.suppress(MalformedPacketError):
                read(number)
    for name in ("error", "mapped_address", "unknown_attributes"):
        with contextlib.suppress(MalformedPacketError):
            getattr(message, name)


def target(data: bytes) -> None:
    """One input of the fuzzer."""
    is_stun(data)
    try:
        message = StunMessage.parse(data)
    except MalformedPacketError:
        return
    assert isinstance(message.message_class, MessageClass)
    read_everything(message)
    assert StunMessage.parse(message.serialize()) == message


if __name__ == "__main__":
    main(target, seeds())
