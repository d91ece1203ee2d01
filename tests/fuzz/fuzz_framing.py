"""Fuzz target of RFC 4571 framing, and of what a stranger may say first on a TCP connection.

`python -m tests.fuzz.fuzz_framing [SECONDS]`; with atheris installed, coverage guides.
"""

import random

from rtcpeer.aio.tcp_listener import requested_username_fragment
from rtcpeer.ice.framing import FrameReader, frame_datagrams
from rtcpeer.stun import AttributeType, StunMessage
from tests.fuzz.mutation import main


def seeds() -> list[bytes]:
    """A check, and frames of several sizes."""
    request = StunMessage.request(1, random.Random(1).randbytes)
    request.add_text(AttributeType.USERNAME, "remote:local")
    return [
        frame_datagrams([request.serialize(b"key", fingerprint=True)]),
        frame_datagrams([b"", b"a", b"bc" * 200]),
        b"\x00",
    ]


def target(data: bytes) -> None:
    """One input of the fuzzer: the same datagrams at once and in two pieces, each of which may name somebody."""
    whole = FrameReader().feed(data)
    reader = FrameReader()
    half = len(data) // 2
    assert reader.feed(data[:half]) + reader.feed(data[half:]) == whole
    assert sum(map(len, whole)) + 2 * len(whole) + reader.buffered <= len(data)
    for payload in whole:
        fragment = requested_username_fragment(payload)
        assert fragment is None or ":" not in fragment


if __name__ == "__main__":
    main(target, seeds())
