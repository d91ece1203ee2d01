"""Fuzz target of RTP: header, extensions, retransmission and router; what is read is written back.

`python -m tests.fuzz.fuzz_rtp [SECONDS]`; with atheris installed, coverage guides.
"""

import contextlib
from functools import cache

from rtcpeer.errors import MalformedPacketError
from rtcpeer.rtp import (
    AbsoluteCaptureTime,
    AudioLevel,
    ExtensionMap,
    HeaderExtensions,
    PlayoutDelay,
    ReceiveSection,
    Router,
    RouterSettings,
    RtpHeader,
    RtpPacket,
    UnsignalledPolicy,
    VideoOrientation,
    is_rtcp,
    parse_header,
    parse_packet,
    replace_fixed,
    rtx,
)
from rtcpeer.rtp.extension_values import CODECS
from tests.fuzz.mutation import main

URIS = {uri: number for number, (uri, _, _) in enumerate(CODECS.values(), 1)}
SHORT = ExtensionMap(URIS)
MIXED = ExtensionMap(URIS, allow_two_byte=True)


@cache
def seeds() -> list[bytes]:
    """Packets with every extension, in both forms, with sources and padding."""
    values = HeaderExtensions(
        mid="0",
        rid="h",
        absolute_send_time=1,
        transport_sequence_number=2,
        audio_level=AudioLevel(3),
        video_orientation=VideoOrientation(90),
        playout_delay=PlayoutDelay(1, 2),
        absolute_capture_time=AbsoluteCaptureTime(4, 5),
    )
    long = HeaderExtensions(mid="m" * 20, repaired_rid="h")
    header = RtpHeader(96, 0xFFFF, 1, 2, True, (3, 4))
    made = []
    for numbers, said in ((SHORT, values), (MIXED, long)):
        profile, extension = numbers.encode(said)
        extended = header._replace(extension_profile=profile, extension=extension)
        made.append(RtpPacket(extended, b"payload", 4).serialize())
    return [*made, RtpPacket(RtpHeader(97, 1, 2, 3), b"\0\1payload").serialize()]


def router() -> Router[str, str]:
    """One that takes nearly everything, into a small table."""
    made: Router[str, str] = Router(RouterSettings(UnsignalledPolicy.FIRST_FREE, max_latched_streams=4))
    payload_types = frozenset(range(90, 100))
    made.configure(
        [
            ReceiveSection("a", payload_types, mid="0", rids=frozenset("hl")),
            ReceiveSection("b", payload_types, mid="1", repair_payload_types=frozenset({97}), ssrcs=frozenset({2})),
        ],
        {},
    )
    return made


ROUTER = router()


def target(data: bytes) -> None:
    """One input of the fuzzer."""
    is_rtcp(data)
    try:
        packet = parse_packet(data)
    except MalformedPacketError:
        return
    header = packet.header
    assert parse_header(data) == header
    assert parse_packet(packet.serialize()) == packet
    assert header.size + len(packet.payload) + packet.padding_size == len(data)
    assert replace_fixed(data, header) == data
    with contextlib.suppress(MalformedPacketError):
        rtx.unwrap(packet, payload_type=96, ssrc=1)
    try:
        values = MIXED.decode(header)
    except MalformedPacketError:
        return
    profile, extension = MIXED.encode(values)
    assert MIXED.decode(header._replace(extension_profile=profile, extension=extension)) == values
    stream = ROUTER.route(header, values)
    if stream is not None:
        assert header.payload_type in stream.section.payload_types
        ROUTER.repaired(stream)
    assert ROUTER.statistics().streams <= 5


if __name__ == "__main__":
    main(target, seeds())
