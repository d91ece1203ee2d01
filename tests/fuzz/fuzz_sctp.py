"""Fuzz target of the SCTP parsers and of an association that is up, which takes the input as chunks under its tag.

`python -m tests.fuzz.fuzz_sctp [SECONDS]`; with atheris installed, coverage guides.
"""

import contextlib
from functools import cache

from rtcpeer.errors import MalformedPacketError
from rtcpeer.sctp.chunks import parse_forward_tsn, parse_sack, parse_tsn
from rtcpeer.sctp.handshake import parse_init
from rtcpeer.sctp.packet import HEADER_SIZE, chunk_at, parse_header
from rtcpeer.sctp.parameters import iterate_parameters, parse_causes
from tests.fuzz.mutation import main
from tests.unit.sctp.lossy_pipe import LossyPipe

PARSERS = (parse_init, parse_sack, parse_forward_tsn, parse_tsn, parse_causes, parse_header)


@cache
def seeds() -> list[bytes]:
    """The chunks of an association's whole life, with losses."""
    pipe = LossyPipe(1, loss=0.1, reorder=0.1)
    pipe.is_recording = True
    pipe.established()
    pipe.left.send(1, 51, b"a" * 3000)
    pipe.left.send(2, 51, b"b" * 5000, max_retransmits=0)
    pipe.left.reset_streams([2])
    pipe.run(duration=60)
    pipe.left.shutdown()
    pipe.run(duration=60)
    return [packet[HEADER_SIZE:] for sent in pipe.packets for packet in sent]


def target(data: bytes) -> None:
    """One input of the fuzzer."""
    for parse in PARSERS:
        with contextlib.suppress(MalformedPacketError):
            parse(data)
    with contextlib.suppress(MalformedPacketError):
        list(iterate_parameters(data))
    with contextlib.suppress(MalformedPacketError):
        offset = 0
        while offset < len(data):
            offset = chunk_at(data, offset)[3]
    pipe = LossyPipe(1).established()
    link = pipe.left._endpoint.link
    assert link is not None
    pipe.left.send(1, 51, b"c" * 3000)
    pipe.right.receive(link.envelope.seal(data), pipe.now)
    pipe.run(duration=3)
    for end in pipe.ends:
        endpoint = end._endpoint
        if endpoint.link is not None and not endpoint.is_ended:
            assert endpoint.link.receiver.reassembly.held <= 3 * endpoint.settings.receive_window
            assert endpoint.link.sender.outstanding.flight >= 0


if __name__ == "__main__":
    main(target, seeds())
