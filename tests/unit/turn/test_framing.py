import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.turn.framing import StreamFramer, encode_channel_data, is_channel_data

STUN = bytes.fromhex("0101 0004 2112a442") + bytes(12) + b"body"
DATA = bytes.fromhex("4001 0005") + b"hello" + bytes(3)


def test_channel_data_on_the_wire():
    # channel number 0x4001, length 5, data
    assert encode_channel_data(0x4001, b"hello", is_padded=False) == bytes.fromhex("4001 0005") + b"hello"
    assert encode_channel_data(0x4001, b"hello", is_padded=True) == DATA
    assert encode_channel_data(0x4FFF, b"", is_padded=True) == bytes.fromhex("4fff 0000")
    assert len(encode_channel_data(0x4000, b"1234", is_padded=True)) == 8
    with pytest.raises(ValueError, match="65536 bytes"):
        encode_channel_data(0x4000, bytes(65536), is_padded=False)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [(DATA, True), (STUN, False), (b"\x40\x00\x00", False), (b"\x50\0\0\0", False), (b"", False)],
)
def test_channel_data_is_told_by_its_first_byte(packet, expected):
    assert is_channel_data(packet) is expected


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_a_stream_is_cut_into_messages_however_it_comes(size):
    stream = STUN + DATA + DATA + STUN
    framer = StreamFramer()
    messages = []
    for start in range(0, len(stream), size):
        messages += framer.feed(stream[start : start + size])
        assert framer.buffered < max(len(STUN), len(DATA)) + size
    assert messages == [STUN, DATA, DATA, STUN]
    assert framer.buffered == 0


@pytest.mark.parametrize(
    "head", ["8001 0004", "5000 0004", "0101 0003", "0101 0004 2112a443", "0101 0004 22", "ffffffff"]
)
def test_what_is_neither_breaks_the_stream_for_good(head):
    framer = StreamFramer()
    with pytest.raises(MalformedPacketError, match="begins neither"):
        framer.feed(bytes.fromhex(head))
    assert framer.buffered == 0
    with pytest.raises(MalformedPacketError, match="broken before"):
        framer.feed(STUN)


def test_the_longest_messages_fit():
    framer = StreamFramer()
    longest = bytes.fromhex("4000 ffff") + bytes(65536)
    for start in range(0, len(longest) - 1000, 1000):
        assert framer.feed(longest[start : start + 1000]) == []
    assert framer.buffered < len(longest)
    assert framer.feed(longest[framer.buffered :]) == [longest]
