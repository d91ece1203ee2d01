"""RFC 4571 framing: datagrams come out as they went in, however the stream is cut; what is kept is bounded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.ice.framing import FrameReader, frame_datagrams


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_datagrams_come_out_as_they_went_in(payloads, sizes):
    stream = frame_datagrams(payloads)
    reader, got, start, turn = FrameReader(), [], 0, 0
    while start < len(stream):
        size = sizes[turn % len(sizes)]
        got += reader.feed(stream[start : start + size])
        start, turn = start + size, turn + 1
    assert got == [payload for payload in payloads if payload]
    assert reader.buffered == 0


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_stream_is_read_and_one_frame_at_most_is_kept(chunks):
    reader = FrameReader()
    taken = sum(len(payload) for chunk in chunks for payload in reader.feed(chunk))
    assert taken + reader.buffered <= sum(map(len, chunks))
    assert reader.buffered < 65537
