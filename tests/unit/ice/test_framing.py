import pytest

from rtcpeer.ice.framing import FrameReader, frame_datagrams


def test_each_datagram_stands_behind_its_length():
    assert frame_datagrams([b"abc", b"", b"x" * 258]) == b"\x00\x03abc" + b"\x00\x00" + b"\x01\x02" + b"x" * 258
    assert frame_datagrams([]) == b""
    assert len(frame_datagrams([bytes(65535)])) == 65537
    with pytest.raises(ValueError, match="65536 bytes"):
        frame_datagrams([bytes(65536)])


def test_frames_are_cut_at_every_boundary():
    stream = frame_datagrams([b"one", b"two", b"three"])
    for cut in range(len(stream) + 1):
        reader = FrameReader()
        assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == [b"one", b"two", b"three"]
        assert reader.buffered == 0


def test_byte_by_byte():
    reader = FrameReader()
    got = [payload for byte in frame_datagrams([b"one", b"", b"two"]) for payload in reader.feed(bytes([byte]))]
    assert got == [b"one", b"two"]


def test_null_packets_are_left_out():
    assert FrameReader().feed(b"\x00\x00\x00\x00\x00\x01a\x00\x00") == [b"a"]


def test_an_incomplete_frame_is_kept():
    reader = FrameReader()
    assert reader.feed(b"\x00\x05abc") == []
    assert reader.buffered == 5
    assert reader.feed(b"de\x00") == [b"abcde"]
    assert reader.buffered == 1
