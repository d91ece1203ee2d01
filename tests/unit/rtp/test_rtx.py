import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp import rtx
from rtcpeer.rtp.header import RtpHeader, RtpPacket

ORIGINAL = RtpPacket(RtpHeader(96, 0xABCD, 1000, 1, True, (5,), 0xBEDE, bytes.fromhex("10610000")), b"frame")


def test_there_and_back():
    again = rtx.wrap(ORIGINAL, payload_type=97, ssrc=2, sequence_number=7)
    assert again.header == ORIGINAL.header._replace(payload_type=97, ssrc=2, sequence_number=7)
    assert again.payload == bytes.fromhex("abcd") + b"frame"
    assert rtx.unwrap(again, payload_type=96, ssrc=1) == ORIGINAL


def test_views_are_taken_too():
    packet = RtpPacket(ORIGINAL.header, memoryview(b"frame"))
    again = rtx.wrap(packet, payload_type=97, ssrc=2, sequence_number=7)
    assert rtx.unwrap(RtpPacket(again.header, memoryview(again.payload)), payload_type=96, ssrc=1) == ORIGINAL


def test_padding_is_not_sent_again():
    again = rtx.wrap(ORIGINAL._replace(padding_size=9), payload_type=97, ssrc=2, sequence_number=7)
    assert again.padding_size == 0


def test_an_empty_packet_is_sent_again():
    again = rtx.wrap(ORIGINAL._replace(payload=b""), payload_type=97, ssrc=2, sequence_number=7)
    restored = rtx.unwrap(again, payload_type=96, ssrc=1)
    assert restored is not None
    assert restored.payload == b""


def test_probes_carry_nothing():
    probe = RtpPacket(RtpHeader(97, 1, 0, 2), b"", 255)
    assert rtx.unwrap(probe, payload_type=96, ssrc=1) is None


def test_half_a_sequence_number():
    with pytest.raises(MalformedPacketError):
        rtx.unwrap(RtpPacket(RtpHeader(97, 1, 0, 2), b"\xab"), payload_type=96, ssrc=1)
