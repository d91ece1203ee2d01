import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import OpusMode, OpusPacket
from rtcpeer.payload.opus import duration_ticks


def toc(configuration, *, stereo=False, code=0):
    return bytes([configuration << 3 | stereo << 2 | code])


# RFC 6716 table 2
@pytest.mark.parametrize(
    ("configuration", "mode", "ms"),
    [
        (0, OpusMode.SILK, 10),
        (5, OpusMode.SILK, 20),
        (10, OpusMode.SILK, 40),
        (11, OpusMode.SILK, 60),
        (12, OpusMode.HYBRID, 10),
        (13, OpusMode.HYBRID, 20),
        (14, OpusMode.HYBRID, 10),
        (15, OpusMode.HYBRID, 20),
        (16, OpusMode.CELT, 2.5),
        (21, OpusMode.CELT, 5),
        (26, OpusMode.CELT, 10),
        (31, OpusMode.CELT, 20),
    ],
)
def test_configurations(configuration, mode, ms):
    packet = OpusPacket.parse(toc(configuration) + b"frame")
    assert (packet.mode, packet.duration_ticks / 48) == (mode, ms)
    assert packet.frames == (b"frame",)
    assert not packet.is_stereo
    assert OpusPacket.parse(toc(configuration, stereo=True)).is_stereo


# RFC 6716 section 3.2; 31 is CELT with 20 ms
@pytest.mark.parametrize(
    ("payload", "frames"),
    [
        (toc(31), [b""]),
        (toc(31, code=1) + b"abcd", [b"ab", b"cd"]),
        (toc(31, code=2) + b"\x01abc", [b"a", b"bc"]),
        (toc(31, code=2) + b"\xfc\x01" + bytes(256) + b"b", [bytes(256), b"b"]),
        (toc(31, code=3) + b"\x03abcdef", [b"ab", b"cd", b"ef"]),
        (toc(31, code=3) + b"\x06abcdef", [b"a", b"b", b"c", b"d", b"e", b"f"]),  # 120 ms, the most
        (toc(31, code=3) + b"\x83\x01\x02abbccc", [b"a", b"bb", b"ccc"]),
        (toc(31, code=3) + b"\x42\x03abcd\0\0\0", [b"ab", b"cd"]),
        (toc(31, code=3) + b"\xc2\x02\x01abb\0\0", [b"a", b"bb"]),
        (toc(31, code=3) + b"\x41\xff\x01a" + bytes(255), [b"a"]),
    ],
)
def test_frames(payload, frames):
    packet = OpusPacket.parse(payload)
    assert list(packet.frames) == frames
    assert duration_ticks(payload) == 960 * len(frames)


# The rules of RFC 6716 section 3.4
@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="R1"),
        pytest.param(toc(31) + bytes(1276), id="R2"),
        pytest.param(toc(31, code=1) + b"abc", id="R3"),
        pytest.param(toc(31, code=2), id="R4 without a length"),
        pytest.param(toc(31, code=2) + b"\xfc", id="R4 with half a length"),
        pytest.param(toc(31, code=2) + b"\x03ab", id="R4 with too long a frame"),
        pytest.param(toc(31, code=3), id="R6 without a count"),
        pytest.param(toc(31, code=3) + b"\x00", id="R5 without frames"),
        pytest.param(toc(31, code=3) + b"\x07" + bytes(7), id="R5 with 140 ms"),
        pytest.param(toc(31, code=3) + b"\x03abcd", id="R6 with unequal frames"),
        pytest.param(toc(31, code=3) + b"\x41\x03ab", id="R6 with too much padding"),
        pytest.param(toc(31, code=3) + b"\x82\x03ab", id="R7 with too long a frame"),
        pytest.param(toc(31, code=3) + b"\xc2\x01\x02ab", id="R7 with too much padding"),
    ],
)
def test_malformed(payload):
    with pytest.raises(MalformedPacketError):
        OpusPacket.parse(payload)


def test_silence_is_a_byte_at_most():
    assert OpusPacket.parse(toc(31)).is_dtx
    assert OpusPacket.parse(toc(5) + b"a").is_dtx
    assert OpusPacket.parse(toc(31, code=3) + b"\x02ab").is_dtx
    assert not OpusPacket.parse(toc(5) + b"ab").is_dtx
    assert not OpusPacket.parse(toc(31, code=2) + b"\x01abb").is_dtx


# RFC 6716 sections 4.2.3 and 4.2.4: the voice activity flags of mid, its LBRR flag, and the same for side
@pytest.mark.parametrize(
    ("configuration", "stereo", "flags", "has_fec"),
    [
        (1, False, 0b01_000000, True),  # 20 ms
        (1, False, 0b10_111111, False),
        (0, False, 0b01_000000, True),  # 10 ms
        (2, False, 0b001_00000, True),  # 40 ms
        (2, False, 0b110_11111, False),
        (3, False, 0b0001_0000, True),  # 60 ms
        (3, False, 0b1110_1111, False),
        (1, True, 0b01_00_0000, True),
        (1, True, 0b00_01_0000, True),
        (1, True, 0b10_10_1111, False),
        (3, True, 0b0000_0001, True),
        (3, True, 0b1110_1110, False),
        (13, False, 0b01_000000, True),  # hybrid
        (31, False, 0b11_111111, False),  # CELT has none
    ],
)
def test_fec(configuration, stereo, flags, has_fec):
    assert OpusPacket.parse(toc(configuration, stereo=stereo) + bytes([flags, 0])).has_fec is has_fec


def test_an_empty_frame_has_no_fec():
    assert not OpusPacket.parse(toc(1)).has_fec
