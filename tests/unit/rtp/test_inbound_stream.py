import pytest

from rtcpeer.payload import H264Depacketizer, Vp8Packetizer
from rtcpeer.rtp.extension_values import AbsoluteCaptureTime, PlayoutDelay
from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.formats import depacketizer_of
from rtcpeer.rtp.header import RtpHeader, RtpPacket
from rtcpeer.rtp.inbound_stream import Format, InboundStream
from rtcpeer.rtp.parameters import CodecParameters
from rtcpeer.rtp.reports import ntp_timestamp
from rtcpeer.rtp.rtcp import SenderReport
from rtcpeer.rtp.settings import MediaSettings

VP8 = CodecParameters("video", "VP8", 96, 90000, feedback=frozenset({"nack", "nack pli"}))
H264 = CodecParameters("video", "H264", 102, 90000, feedback=frozenset({"nack", "nack pli"}))
OPUS = CodecParameters("audio", "opus", 111, 48000, 2)
PCMU = CodecParameters("audio", "PCMU", 0, 8000)
EVENTS = CodecParameters("audio", "telephone-event", 110, 48000)
NOTHING = HeaderExtensions()


class Receiving:
    """A stream that is fed by hand."""

    def __init__(self, codec=VP8):
        self.stream = InboundStream(20, None, codec.kind, codec, MediaSettings())
        self.codec = codec
        self.frames = []

    def take(self, number, timestamp, payload, now, marker=True, codec=None, extensions=NOTHING, padding=0, **more):
        codec = codec or self.codec
        header = RtpHeader(codec.payload_type, number & 0xFFFF, timestamp, 20, marker)
        form = Format(codec, depacketizer_of(codec))
        self.stream.receive(RtpPacket(header, payload, padding), extensions, form, now, **more)
        self.play(now)

    def play(self, now):
        self.frames += self.stream.frames(now)

    def data(self):
        return [frame.data for frame in self.frames]


def picture(number, size=10, is_key=False):
    return bytes((0 if is_key else 1, number)) + bytes(size)


def test_sound_comes_out_in_order():
    receiving = Receiving(OPUS)
    for number in (0, 2, 1, 3):
        receiving.take(number, number * 960, bytes((number,)), 1.0 + number * 0.02)
    receiving.play(1.2)
    assert receiving.data() == [b"\0", b"\1", b"\2", b"\3"]
    assert receiving.frames[0].codec == OPUS
    assert receiving.frames[0].ssrc == 20
    assert receiving.frames[0].is_keyframe


def test_a_picture_is_joined_from_its_packets_and_what_is_missing_is_asked_for():
    receiving = Receiving()
    payloads = Vp8Packetizer(0).packetize(picture(0, 3000, is_key=True), 1000)
    for number, payload in enumerate(payloads):
        if number != 1:
            receiving.take(number, 0, payload, 1.0, marker=number == len(payloads) - 1)
    receiving.play(1.011)
    assert receiving.stream.missing(1.011) == (1,)
    receiving.take(1, 0, payloads[1], 1.05, marker=False, is_repair=True)
    assert receiving.data() == [picture(0, 3000, is_key=True)]
    told = receiving.stream.statistics("0")
    assert (told.nack_count, told.retransmitted_packets_received, told.key_frames_received) == (1, 1, 1)
    assert told.jitter_buffer_delay == pytest.approx(0.05)


def test_padding_and_events_leave_no_gap():
    receiving = Receiving()
    packetizer = Vp8Packetizer(0)
    receiving.take(0, 0, packetizer.packetize(picture(0, is_key=True), 1000)[0], 1.0)
    receiving.take(1, 0, b"", 1.01, marker=False, padding=200)
    receiving.take(2, 3000, packetizer.packetize(picture(1), 1000)[0], 1.03)
    receiving.play(1.2)
    assert receiving.data() == [picture(0, is_key=True), picture(1)]
    sound = Receiving(OPUS)
    sound.take(0, 0, b"before", 1.0)
    sound.take(1, 960, b"\5\x8a\0\xa0", 1.02, codec=EVENTS)
    sound.take(2, 1920, b"after", 1.04)
    sound.play(1.3)
    assert sound.data() == [b"before", b"after"]
    assert sound.stream.statistics(None).codec == OPUS
    assert sound.stream.statistics(None).packets_lost == 0


def test_where_the_payload_does_not_tell_a_frame_begins_after_another():
    receiving = Receiving(H264)
    assert H264Depacketizer().is_first_of_frame(b"\x41\x9a") is None
    receiving.take(0, 0, b"\x67sps", 1.0, marker=False)
    receiving.take(1, 0, b"\x65\x88slice", 1.0)
    receiving.take(2, 3000, b"\x41\x9aone", 1.03, marker=False)
    receiving.take(3, 3000, b"\x41\x9atwo", 1.03)
    receiving.play(1.2)
    assert [frame.is_keyframe for frame in receiving.frames] == [True, False]
    assert receiving.frames[1].data.count(b"\0\0\0\1") == 2


def test_a_frame_that_is_malformed_is_counted_and_a_keyframe_asked_for():
    receiving = Receiving()
    receiving.take(0, 0, b"\x90", 1.0)  # a descriptor without its end
    assert receiving.stream.statistics(None).frames_malformed == 1
    packets = Vp8Packetizer(0).packetize(picture(0, 100, is_key=True), 60)
    receiving.take(1, 3000, packets[0], 1.03, marker=False)
    receiving.take(2, 3000, packets[0], 1.03)
    receiving.play(1.2)
    assert receiving.frames == []
    assert receiving.stream.statistics(None).frames_malformed == 2
    assert receiving.stream.keyframes.is_wanted


def test_a_stream_that_begins_in_the_middle_asks_for_a_keyframe():
    receiving = Receiving()
    packetizer = Vp8Packetizer(0)
    receiving.take(0, 0, packetizer.packetize(picture(0), 1000)[0], 1.0)
    receiving.play(1.2)
    assert receiving.stream.keyframes.is_wanted
    assert receiving.stream.statistics(None).frames_dropped == 1


def test_another_codec_on_another_clock_begins_a_new_buffer():
    receiving = Receiving(OPUS)
    receiving.take(0, 0, b"opus", 1.0)
    receiving.play(1.1)
    receiving.take(1, 160, b"pcmu", 1.2, codec=PCMU)
    receiving.play(1.4)
    assert [(frame.data, frame.codec.name) for frame in receiving.frames] == [(b"opus", "opus"), (b"pcmu", "PCMU")]


def test_the_sender_s_clock_tells_when_a_frame_was_captured():
    receiving = Receiving(OPUS)
    report = SenderReport(20, ntp_timestamp(1.79e9), 96_000, 5, 500)
    receiving.stream.receive_sender_report(report, 1.0)
    receiving.take(0, 96_000 + 48_000, b"sound", 2.0)
    capture = HeaderExtensions(absolute_capture_time=AbsoluteCaptureTime(ntp_timestamp(5e8)))
    receiving.take(1, 96_000 + 48_960, b"sound", 2.02, extensions=capture)
    receiving.take(2, 96_000 + 49_920, b"sound", 2.04)
    receiving.play(2.2)
    assert [frame.captured_at for frame in receiving.frames] == pytest.approx([1.79e9 + 1, 5e8, 5e8 + 0.02], abs=1e-5)
    told = receiving.stream.statistics(None)
    assert told.estimated_playout_timestamp == pytest.approx(1.79e9 + 1.04, abs=1e-4)
    assert (told.remote.packets_sent, told.remote.bytes_sent, told.remote.reports_sent) == (5, 500, 1)
    assert receiving.stream.report_block(2.5).last_sr


def test_the_sender_s_wish_for_a_delay_is_granted_unless_the_program_wants_more():
    receiving = Receiving(OPUS)
    wish = HeaderExtensions(playout_delay=PlayoutDelay(10, 50))
    receiving.take(0, 0, b"sound", 1.0, extensions=wish)
    assert receiving.stream.statistics(None).current_delay == pytest.approx(0.1)
    receiving.stream.set_jitter_target(0.3)
    assert receiving.stream.statistics(None).current_delay == pytest.approx(0.3)


def test_who_is_not_read_keeps_nothing_and_counts_on():
    receiving = Receiving()
    receiving.stream.set_read(is_read=False)
    packetizer = Vp8Packetizer(0)
    for number in range(5):
        receiving.take(2 * number, 3000 * number, packetizer.packetize(picture(number), 1000)[0], 1.0 + number / 30)
    told = receiving.stream.statistics(None)
    assert (told.packets_received, told.packets_lost, told.frames_received, told.frames_dropped) == (5, 4, 5, 5)
    assert receiving.stream.missing(2.0) == ()
    assert receiving.stream.deadline is None
    receiving.stream.set_read(is_read=True)
    assert receiving.stream.keyframes.is_wanted
