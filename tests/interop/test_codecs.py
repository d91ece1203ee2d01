"""Real encoders and decoders (PyAV): what goes through packets decodes as what does not, to the last byte."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
import pytest

from rtcpeer.payload import (
    AudioDepacketizer,
    AudioPacketizer,
    Av1Depacketizer,
    Av1Packetizer,
    Depacketizer,
    H264Depacketizer,
    H264Packetizer,
    OpusMode,
    OpusPacket,
    Packetizer,
    ProfileLevelId,
    Vp8Depacketizer,
    Vp8Packetizer,
    Vp9Depacketizer,
    Vp9Packetizer,
    nal_units,
)

pytestmark = [pytest.mark.interop, pytest.mark.slow]

WIDTH, HEIGHT, COUNT, KEY_INTERVAL = 320, 240, 12, 5


@dataclass(frozen=True)
class Codec:
    encoder: str
    decoder: str
    options: dict[str, str]
    packetizer: Callable[[], Packetizer]
    depacketizer: Callable[[], Depacketizer]
    sizes: tuple[int, ...] = (50, 300, 1200)  # of payloads


REALTIME = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
AV1 = {"preset": "11"}
CODECS = [
    Codec("libvpx", "libvpx", REALTIME, lambda: Vp8Packetizer(0x7FFA), Vp8Depacketizer),
    Codec("libvpx-vp9", "libvpx-vp9", REALTIME, lambda: Vp9Packetizer(0x7FFA), Vp9Depacketizer),
    Codec("libvpx-vp9", "vp9", REALTIME, lambda: Vp9Packetizer(0, is_flexible=True), Vp9Depacketizer),
    Codec("libx264", "h264", {"preset": "ultrafast", "tune": "zerolatency"}, H264Packetizer, H264Depacketizer),
    Codec(
        "libx264",
        "h264",
        {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "slice-max-size=1000"},
        lambda: H264Packetizer(packetization_mode=0),
        H264Depacketizer,
        (1200,),
    ),
    Codec("libsvtav1", "libdav1d", AV1 | {"svtav1-params": "pred-struct=1:rc=2:lp=1"}, Av1Packetizer, Av1Depacketizer),
    Codec("libsvtav1", "libdav1d", AV1 | {"svtav1-params": "pred-struct=2:rc=1:lp=1"}, Av1Packetizer, Av1Depacketizer),
]


def pictures():
    """A moving pattern over noise, so that frames take more than one packet."""
    generator = random.Random(1)
    noise = generator.randbytes(WIDTH * HEIGHT)
    for index in range(COUNT):
        picture = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for number, plane in enumerate(picture.planes):
            shifted = noise[index * 7 :] + noise[: index * 7] if number == 0 else bytes([128 + index]) * WIDTH * HEIGHT
            plane.update(bytes(octet >> 2 for octet in shifted)[: plane.buffer_size].ljust(plane.buffer_size, b"\x40"))
        picture.pts = index
        picture.time_base = Fraction(1, 30)
        yield picture


def encoded(codec: Codec) -> list[tuple[bytes, bool]]:
    context = av.CodecContext.create(codec.encoder, "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.bit_rate, context.gop_size = Fraction(1, 30), 1_000_000, KEY_INTERVAL
    context.thread_count = 1
    context.options = codec.options
    packets = [packet for picture in pictures() for packet in context.encode(picture)] + context.encode(None)
    return [(bytes(packet), packet.is_keyframe) for packet in packets]


def decoded(name: str, frames: list[bytes]) -> list[bytes]:
    context = av.CodecContext.create(name, "r")
    context.thread_count = 1
    pictures = [picture for frame in frames for picture in context.decode(av.Packet(frame))] + context.decode(None)
    return [b"".join(map(visible, picture.planes)) for picture in pictures]


def visible(plane: av.video.plane.VideoPlane) -> bytes:
    """A plane without what pads its lines, which may be anything."""
    data = bytes(plane)
    return b"".join(data[line * plane.line_size :][: plane.width] for line in range(plane.height))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: f"{codec.encoder}-{codec.decoder}")
def test_video_decodes_behind_packets_as_before(codec):
    frames = encoded(codec)
    expected = decoded(codec.decoder, [data for data, _ in frames])
    assert len(expected) == COUNT
    assert sum(is_keyframe for _, is_keyframe in frames) == -(-COUNT // KEY_INTERVAL)
    for size in codec.sizes:
        packetizer, depacketizer = codec.packetizer(), codec.depacketizer()
        got = []
        for data, is_keyframe in frames:
            payloads = packetizer.packetize(data, size)
            assert max(map(len, payloads)) <= size
            assert depacketizer.is_first_of_frame(payloads[0]) is not False
            frame = depacketizer.depacketize(payloads)
            assert frame.is_keyframe == is_keyframe == any(map(depacketizer.starts_keyframe, payloads))
            got.append(frame.data)
        assert decoded(codec.decoder, got) == expected


def test_a_sequence_parameter_set_tells_the_profile():
    codec = CODECS[3]
    sps = next(unit for unit in nal_units(encoded(codec)[0][0]) if unit[0] & 0x1F == 7)
    assert ProfileLevelId.of_sequence_parameter_set(sps).profile.value == "Constrained Baseline"


def sound(context):
    generator = random.Random(2)
    for index in range(20):
        frame = av.AudioFrame("s16", "stereo", 960)
        frame.sample_rate, frame.pts, frame.time_base = 48000, index * 960, Fraction(1, 48000)
        frame.planes[0].update(generator.randbytes(frame.planes[0].buffer_size))
        yield from context.encode(frame)
    yield from context.encode(None)


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ({"application": "audio"}, OpusMode.CELT),
        ({"application": "voip", "fec": "1", "packet_loss": "30", "b": "24000"}, OpusMode.SILK),
    ],
)
def test_opus_tells_what_the_encoder_has_made(options, mode):
    context = av.CodecContext.create("libopus", "w")
    context.format, context.layout, context.sample_rate = "s16", "stereo", 48000
    context.options = options
    packets = [bytes(packet) for packet in sound(context)]
    got = []
    for data in packets:
        (payload,) = AudioPacketizer().packetize(data, 1500)
        packet = OpusPacket.parse(payload)
        assert (packet.duration_ticks, packet.is_dtx) == (960, False)
        got.append(AudioDepacketizer().depacketize([payload]).data)
    read = [OpusPacket.parse(data) for data in got]
    assert all(packet.mode is mode and packet.is_stereo for packet in read)
    assert [packet.has_fec for packet in read] == [False] + [mode is OpusMode.SILK] * (len(read) - 1)
    assert decoded_sound(got) == decoded_sound(packets)


def decoded_sound(packets):
    context = av.CodecContext.create("libopus", "r")
    context.sample_rate, context.layout = 48000, "stereo"
    return [bytes(plane) for data in packets for frame in context.decode(av.Packet(data)) for plane in frame.planes]
