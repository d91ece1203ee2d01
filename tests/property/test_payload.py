"""RTP payload formats: frames come back whatever their size and the packets', and no bytes raise another error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import (
    Av1Depacketizer,
    Av1Packetizer,
    H264Depacketizer,
    H264Packetizer,
    Obu,
    Vp8Depacketizer,
    Vp8Packetizer,
    Vp8Rewriter,
    Vp9Depacketizer,
    Vp9Packetizer,
    Vp9Rewriter,
    annex_b,
)
from tests.fuzz import fuzz_payload

DATA = st.binary(min_size=1, max_size=5000)
SIZES = st.integers(6, 1500)
# A NAL unit has no start code in it, and ends in no zero.
NAL_UNITS = st.builds(
    lambda kind, data: bytes([0x60 | kind]) + data.replace(b"\0", b"\1"),
    st.sampled_from([1, 5, 6, 7, 8, 12, 23]),
    st.binary(max_size=2000),
)
OBUS = st.builds(
    lambda kind, layer, data: Obu(bytes([kind << 3 | 4, layer << 3] if layer is not None else [kind << 3]), data),
    st.sampled_from([1, 3, 4, 5, 6, 7, 15]),
    st.none() | st.integers(0, 31),
    st.binary(max_size=2000),
)


def comes_back(packetizer, depacketizer, frame, size):
    payloads = packetizer.packetize(frame, size)
    assert max(map(len, payloads)) <= size
    assert depacketizer.is_first_of_frame(payloads[0]) is not False
    assert not any(depacketizer.is_first_of_frame(payload) for payload in payloads[1:])
    got = depacketizer.depacketize(payloads)
    assert got.data == frame
    assert not got.is_keyframe or any(map(depacketizer.starts_keyframe, payloads))
    return payloads


@settings(max_examples=150)
@given(DATA, SIZES, st.integers(0, 0x7FFF))
def test_vp8(frame, size, picture_id):
    comes_back(Vp8Packetizer(picture_id), Vp8Depacketizer(), frame, size)


@settings(max_examples=150)
@given(DATA, SIZES, st.integers(0, 0x7FFF), st.booleans())
def test_vp9(frame, size, picture_id, is_flexible):
    frame = bytes([0x80 | frame[0] & 0x3F]) + frame[1:]
    comes_back(Vp9Packetizer(picture_id, is_flexible=is_flexible), Vp9Depacketizer(), frame, size)


@settings(max_examples=150)
@given(st.lists(NAL_UNITS, min_size=1, max_size=8), SIZES)
def test_h264(units, size):
    comes_back(H264Packetizer(), H264Depacketizer(), annex_b(units), size)


@settings(max_examples=150)
@given(st.lists(OBUS, min_size=1, max_size=8), st.integers(2, 1500))
def test_av1(units, size):
    frame = b"".join(unit.with_size() for unit in units)
    payloads = comes_back(Av1Packetizer(), Av1Depacketizer(), frame, size)
    # Each but the last is full up to what an element's length takes, unless another layer or a sequence begins.
    if all(unit.layer is None and unit.type != 1 for unit in units):
        assert all(len(payload) >= size - 3 for payload in payloads[:-1])


@pytest.mark.parametrize("seed", fuzz_payload.seeds(), ids=lambda seed: f"{fuzz_payload.FORMATS[seed[0]][1].__name__}")
def test_truncated_at_every_prefix(seed):
    for size in range(len(seed)):
        fuzz_payload.target(seed[:size])
        # The same, with a length that tells of no more than there is
        payload = seed[2 : 2 + size]
        fuzz_payload.target(bytes([seed[0], len(payload)]) + payload)


@settings(max_examples=500)
@given(st.integers(0, 5), st.lists(st.binary(max_size=60), max_size=6))
def test_any_payloads(kind, payloads):
    fuzz_payload.target(bytes([kind]) + b"".join(bytes([len(one)]) + one for one in payloads))


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=12)), max_size=50))
def test_rewriters_take_any_payloads_in_any_order(steps):
    for rewriter in (Vp8Rewriter(), Vp9Rewriter()):
        for step, payload in steps:
            try:
                if step == 0:
                    rewriter.switch()
                elif step == 1 and isinstance(rewriter, Vp8Rewriter):
                    rewriter.drop_picture(payload)
                else:
                    assert len(rewriter.rewrite(payload)) <= len(payload) + 1
            except MalformedPacketError:
                continue
