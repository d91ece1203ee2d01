import io
from fractions import Fraction

import av
import pytest

from rtcpeer.media.codec_contract import CodecError
from rtcpeer.media.codecs import create_decoder
from rtcpeer.media.packets import PacketReader
from rtcpeer.media.rtp_clock import RtpClock
from rtcpeer.payload import H264Packetizer
from tests.unit.media.codec_samples import codec, pictures, tone
from tests.unit.media.test_sending import Script, Sending


def packets(container, encoder, frames, **options):
    """Of a file that was written and is read again."""
    data = io.BytesIO()
    with av.open(data, "w", format=container) as output:
        frames = list(frames)
        if isinstance(frames[0], av.VideoFrame):
            stream = output.add_stream(encoder, 30, options=options)
            stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        else:
            stream = output.add_stream(encoder, frames[0].sample_rate, layout="mono", options=options)
        for frame in frames:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    data.seek(0)
    with av.open(data) as opened:
        yield from opened.demux()


def read(container, encoder, frames, agreed, **options):
    reader, clock = PacketReader(), RtpClock(agreed.clock_rate)
    return [
        frame
        for packet in packets(container, encoder, frames, **options)
        for frame in reader.read(packet, agreed, clock)
    ]


def test_h264_of_mp4_becomes_a_byte_stream():
    frames = read("mp4", "libx264", pictures(6), codec("H264"), tune="zerolatency", bf="0")
    begin = frames[0].timestamp
    assert [frame.timestamp - begin for frame in frames] == [index * 3000 for index in range(6)]
    assert [frame.is_keyframe for frame in frames] == [True, False, False, False, False, False]
    decoder = create_decoder(codec("H264"))
    assert len([picture for frame in frames for picture in decoder.decode(frame)]) == 6
    assert H264Packetizer().packetize(frames[0].data, 1200)


def test_b_pictures_keep_their_times():
    frames = read("mp4", "libx264", pictures(8), codec("H264"), bf="2", b_strategy="0")
    times = [frame.timestamp for frame in frames]
    assert times != sorted(times)
    assert sorted(time - min(times) for time in times) == [index * 3000 for index in range(8)]


@pytest.mark.parametrize(
    ("container", "encoder", "name", "frames"),
    [
        ("webm", "libvpx", "VP8", list(pictures(4))),
        ("webm", "libopus", "opus", list(tone(10))),
        ("wav", "pcm_mulaw", "PCMU", list(tone(10, rate=8000, samples=160))),
    ],
)
def test_other_codecs_as_they_are(container, encoder, name, frames):
    got = read(container, encoder, frames, codec(name))
    assert got[0].is_keyframe
    decoder = create_decoder(codec(name))
    assert [piece for frame in got for piece in decoder.decode(frame)]
    times = [frame.timestamp for frame in got]
    assert times == sorted(set(times))


def test_what_was_not_agreed_is_refused():
    with pytest.raises(CodecError, match="packets of vp8, and video/VP9 was agreed"):
        read("webm", "libvpx", pictures(1), codec("VP9"))
    packet = av.Packet(b"data")
    packet.pts, packet.time_base = 0, Fraction(1, 90000)
    with pytest.raises(CodecError, match="without a stream"):
        PacketReader().read(packet, codec("VP8"), RtpClock(90000))


async def test_a_track_of_packets_needs_no_encoder():
    async with Sending(Script(packets("webm", "libvpx", pictures(3)))) as sending:
        frames = await sending.got(3)
        assert [frame.is_keyframe for frame in frames] == [True, False, False]
        assert sending.encoder.statistics()[0].encoder_implementation == "unknown"
