"""Fuzz target of the RTP payload formats: payloads become a frame, or `MalformedPacketError` says that they do not.

`python -m tests.fuzz.fuzz_payload [SECONDS]`; with atheris installed, coverage guides.

An input is one octet that chooses the format, and payloads behind their lengths of one octet each.
"""

from collections.abc import Callable

from rtcpeer.errors import MalformedPacketError
from rtcpeer.payload import (
    AudioDepacketizer,
    Av1Depacketizer,
    Av1Packetizer,
    Depacketizer,
    Frame,
    H264Depacketizer,
    H264Packetizer,
    H264PayloadSummary,
    OpusPacket,
    TelephoneEvent,
    Vp8Depacketizer,
    Vp8Descriptor,
    Vp8Packetizer,
    Vp8Rewriter,
    Vp9Depacketizer,
    Vp9Descriptor,
    Vp9GroupPicture,
    Vp9Packetizer,
    Vp9Rewriter,
    Vp9ScalabilityStructure,
    annex_b,
    nal_units,
    obu_elements,
)
from tests.fuzz.mutation import main

MAX_FRAME_SIZE = 1000


def opus(payload: bytes) -> None:
    packet = OpusPacket.parse(payload)
    assert 0 < packet.duration_ticks <= 5760
    assert sum(map(len, packet.frames)) < len(payload)
    assert not (packet.is_dtx and max(map(len, packet.frames)) > 1)
    assert packet.has_fec in {True, False}


def telephone_event(payload: bytes) -> None:
    event = TelephoneEvent.parse(payload)
    assert TelephoneEvent.parse(event.serialize()) == event


def vp8(payload: bytes) -> None:
    descriptor, part = Vp8Descriptor.parse(payload)
    assert Vp8Descriptor.parse(descriptor.serialize() + part) == (descriptor, part)
    rewriter = Vp8Rewriter()
    rewriter.drop_picture(payload)
    rewriter.rewrite(payload)
    rewriter.switch()
    rewritten, same_part = Vp8Descriptor.parse(rewriter.rewrite(payload))
    assert (rewritten.temporal_id, rewritten.starts_frame, same_part) == (
        descriptor.temporal_id,
        descriptor.starts_frame,
        part,
    )


def vp9(payload: bytes) -> None:
    descriptor, part = Vp9Descriptor.parse(payload)
    assert Vp9Descriptor.parse(descriptor.serialize() + part) == (descriptor, part)
    rewriter = Vp9Rewriter()
    rewriter.rewrite(payload)
    rewriter.switch()
    rewritten, same_part = Vp9Descriptor.parse(rewriter.rewrite(payload))
    assert (rewritten.spatial_id, rewritten.structure, same_part) == (descriptor.spatial_id, descriptor.structure, part)


def h264(payload: bytes) -> None:
    summary = H264PayloadSummary.parse(payload)
    assert all(0 < kind < 24 for kind in summary.nal_types)
    assert bool(summary.nal_types) is not summary.is_continuation


def av1(payload: bytes) -> None:
    _, elements = obu_elements(payload)
    assert all(elements)
    assert sum(map(len, elements)) < len(payload)


def any_data_comes_back(frame: Frame) -> None:
    for size in (5, 50):
        payloads = Vp8Packetizer(0).packetize(frame.data, size)
        assert Vp8Depacketizer().depacketize(payloads).data == frame.data


def units_come_back(frame: Frame) -> None:
    units = nal_units(frame.data)
    assert nal_units(annex_b(units)) == units


def temporal_unit_comes_back(frame: Frame) -> None:
    for size in (2, 50):
        payloads = Av1Packetizer().packetize(frame.data, size)
        assert Av1Depacketizer().depacketize(payloads).data == frame.data


FORMATS: list[tuple[Depacketizer, Callable[[bytes], None], Callable[[Frame], None]]] = [
    (AudioDepacketizer(), opus, any_data_comes_back),
    (AudioDepacketizer(), telephone_event, any_data_comes_back),
    (Vp8Depacketizer(MAX_FRAME_SIZE), vp8, any_data_comes_back),
    (Vp9Depacketizer(MAX_FRAME_SIZE), vp9, any_data_comes_back),
    (H264Depacketizer(MAX_FRAME_SIZE), h264, units_come_back),
    (Av1Depacketizer(MAX_FRAME_SIZE), av1, temporal_unit_comes_back),
]


def seeds() -> list[bytes]:
    """Each format, in one payload and in several, with all that descriptors can say."""
    key, sps, idr = bytes.fromhex("1200 0a01aa 280161 300310aabb"), b"\x67\x42\xc0\x1f\xda", b"\x65" + bytes(range(40))
    structure = Vp9ScalabilityStructure(2, ((320, 240), (640, 480)), (Vp9GroupPicture(1, True, (1, 2)),))
    layer = Vp9Descriptor(
        True, True, False, picture_id=5, temporal_id=1, spatial_id=0, tl0_picture_index=7, structure=structure
    )
    payloads = [
        (0, [b"\xfb\xc2\x02\x01abb\0\0"]),
        (0, [b"\x08\x40sound"]),
        (1, [TelephoneEvent(5, True, 10, 800).serialize()]),
        (2, Vp8Packetizer(5).packetize(b"\x10" + bytes(40), 20)),
        (2, [Vp8Descriptor(True, 0, True, 127, False, 3, 2, True, 9).serialize() + b"\x11"]),
        (3, Vp9Packetizer(5, is_flexible=True).packetize(b"\x86" + bytes(40), 20)),
        (3, [layer.serialize() + b"\x82"]),
        (4, H264Packetizer().packetize(annex_b([sps, b"\x68\xce", idr]), 20)),
        (4, [b"\x41slice"]),
        (5, Av1Packetizer().packetize(key, 100)),
        (5, Av1Packetizer().packetize(key, 4)),
    ]
    return [bytes([kind]) + b"".join(bytes([len(one)]) + one for one in some) for kind, some in payloads]


def target(data: bytes) -> None:
    """One input of the fuzzer."""
    if not data:
        return
    depacketizer, look, come_back = FORMATS[data[0] % len(FORMATS)]
    payloads, rest = [], data[1:]
    while rest:
        payloads.append(rest[1 : 1 + rest[0]])
        rest = rest[1 + rest[0] :]
    for payload in payloads:
        try:
            is_first = depacketizer.is_first_of_frame(payload)
            assert not (depacketizer.starts_keyframe(payload) and is_first is False)
            look(payload)
        except MalformedPacketError:
            pass
    try:
        frame = depacketizer.depacketize(payloads)
    except MalformedPacketError:
        return
    assert depacketizer.is_first_of_frame(payloads[0]) is not False
    assert 0 < len(frame.data) <= max(MAX_FRAME_SIZE, len(data))
    come_back(frame)


if __name__ == "__main__":
    main(target, seeds())
