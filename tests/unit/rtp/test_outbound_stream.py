import random
from dataclasses import replace

import pytest

from rtcpeer.rtp.bandwidth import Priority
from rtcpeer.rtp.extension_values import AudioLevel, ExtensionUri
from rtcpeer.rtp.extensions import ExtensionMap
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.header import parse_packet
from rtcpeer.rtp.outbound_stream import OutboundStream
from rtcpeer.rtp.parameters import CodecParameters, EncodingParameters, SendParameters
from rtcpeer.rtp.reports import compact_ntp, ntp_timestamp
from rtcpeer.rtp.rtcp import ReportBlock
from rtcpeer.rtp.settings import MediaSettings

IDS = ((ExtensionUri.MID, 1), (ExtensionUri.TRANSPORT_WIDE_CC, 4), (ExtensionUri.AUDIO_LEVEL, 5),
       (ExtensionUri.ABSOLUTE_CAPTURE_TIME, 7))  # fmt: skip
VP8 = CodecParameters("video", "VP8", 96, 90000, feedback=frozenset({"nack"}))
RTX = CodecParameters("video", "rtx", 97, 90000, parameters=(("apt", "96"),))
OPUS = CodecParameters("audio", "opus", 111, 48000, 2)
PARAMETERS = SendParameters("0", (VP8, RTX), IDS, (EncodingParameters(10, 11),), "us")
WALL = 1_790_000_000.0


class Sending:
    """A stream, and the packets that left."""

    def __init__(self, parameters=PARAMETERS, kind="video", rtx_ssrc=11):
        self.asked = []
        encoding = EncodingParameters(10, rtx_ssrc)
        self.stream = OutboundStream(kind, encoding, MediaSettings(), random.Random(3).randbytes, self.asked.append)
        self.stream.configure_extensions(parameters)
        self.codec = parameters.codecs[0]

    def send(self, timestamp, now, size=3000, **values):
        frame = EncodedFrame(bytes(size), timestamp, True, self.codec, **values)
        packets = self.stream.packetize(frame, self.codec, now, WALL)
        for packet in packets:
            self.stream.note_left(packet, b"protected" + packet.tail, now)
        return packets


def parsed(packet):
    return parse_packet(packet.head + bytes(packet.departure.size if packet.departure else 0) + packet.tail)


def test_a_frame_becomes_packets_with_one_timestamp_and_a_marker_on_the_last():
    sending = Sending()
    packets = [parsed(packet) for packet in sending.send(0, 1.0)]
    headers = [packet.header for packet in packets]
    assert len({header.timestamp for header in headers}) == 1
    assert [header.marker for header in headers] == [False, False, True]
    first = headers[0].sequence_number
    assert [header.sequence_number - first for header in headers] == [0, 1, 2]
    assert max(len(parsed(packet).serialize()) for packet in sending.send(3000, 1.03)) <= 1200
    assert ExtensionMap(dict(IDS)).decode(headers[0]).mid == "0"


def test_sound_has_no_marker_and_may_not_be_cut():
    sending = Sending(replace(PARAMETERS, codecs=(OPUS,)), "audio", None)
    (packet,) = sending.send(0, 1.0, 80, audio_level=AudioLevel(20))
    assert not parsed(packet).header.marker
    assert ExtensionMap(dict(IDS)).decode(parsed(packet).header).audio_level == AudioLevel(20)
    assert packet.priority is Priority.AUDIO
    with pytest.raises(ValueError, match="does not make one payload"):
        sending.send(960, 1.02, 1500)


def test_timestamps_follow_the_source_and_go_on_where_it_begins_anew():
    sending = Sending()

    def timestamp(value, now):
        return parsed(sending.send(value, now, 100)[0]).header.timestamp

    start = timestamp(0, 1.0)
    assert (timestamp(3000, 1.0333) - start) & 0xFFFFFFFF == 3000
    # A source from elsewhere, one that goes back, and one that has slept.
    assert (timestamp(10**12, 1.0667) - start) & 0xFFFFFFFF == pytest.approx(6000, abs=20)
    assert (timestamp(5, 1.1) - start) & 0xFFFFFFFF == pytest.approx(9000, abs=20)
    assert (timestamp(3005, 11.1) - start) & 0xFFFFFFFF == pytest.approx(909_000, abs=20)


def test_the_time_of_capture_is_told_once_a_second():
    sending = Sending()
    told = []
    for index in range(40):
        packets = sending.send(3000 * index, index / 30, captured_at=WALL + index / 30)
        values = [ExtensionMap(dict(IDS)).decode(parsed(packet).header) for packet in packets]
        told += [value.absolute_capture_time for value in values if value.absolute_capture_time]
    assert [each.timestamp for each in told] == [ntp_timestamp(WALL), ntp_timestamp(WALL + 1)]


def test_what_was_asked_for_comes_again_once_in_a_round_trip():
    sending = Sending()
    packets = sending.send(0, 1.0)
    number = packets[1].sequence_number
    (again,) = sending.stream.retransmissions((number, 1), 1.05)
    assert parsed(again).header.ssrc == 11
    assert sending.stream.retransmissions((number,), 1.06) == []
    sending.stream.note_left(again, b"", 1.05)
    told = sending.stream.statistics()
    assert (told.nack_count, told.packets_sent, told.retransmitted_packets_sent) == (2, 4, 1)
    assert told.retransmitted_bytes_sent == len(packets[1].payload) + 2


def test_without_repair_what_was_protected_comes_again_as_it_was():
    sending = Sending(replace(PARAMETERS, codecs=(VP8,)), rtx_ssrc=None)
    packets = sending.send(0, 1.0)
    (again,) = sending.stream.retransmissions((packets[0].sequence_number,), 1.05)
    assert again.protected == b"protected" + packets[0].tail
    assert not sending.stream.can_pad
    assert sending.stream.padding(100, 1.0) is None


def test_padding_needs_packets_that_it_may_follow():
    sending = Sending()
    assert not sending.stream.can_pad
    sending.send(0, 1.0)
    assert sending.stream.can_pad
    padding = sending.stream.padding(100, 1.1)
    assert parsed(padding).padding_size == 100
    before = sending.stream.statistics()
    sending.stream.note_left(padding, b"protected", 1.1)
    told = sending.stream.statistics()
    assert (told.packets_sent, told.retransmitted_packets_sent) == (before.packets_sent, 0)
    assert told.header_bytes_sent == before.header_bytes_sent + padding.size  # W3C: with padding


def test_keyframes_are_asked_for_once_an_interval_and_a_repeated_fir_is_none():
    sending = Sending()
    stream = sending.stream
    stream.receive_picture_loss(1.0)
    stream.receive_picture_loss(1.1)
    assert sending.asked == [None]
    stream.receive_full_intra_request(5, 0, 2.0)
    stream.receive_full_intra_request(5, 0, 3.0)
    stream.receive_full_intra_request(5, 1, 4.0)
    assert len(sending.asked) == 3
    told = stream.statistics()
    assert (told.pli_count, told.fir_count) == (2, 2)


def test_reports_say_what_was_sent_and_when():
    sending = Sending()
    assert sending.stream.report((), WALL, 1.0) is None
    timestamp = parsed(sending.send(0, 1.0)[0]).header.timestamp
    report = sending.stream.report((), WALL, 2.0)
    assert (report.ssrc, report.packet_count) == (10, 3)
    assert report.rtp_time == (timestamp + 90000) & 0xFFFFFFFF
    assert report.ntp_time == ntp_timestamp(WALL + 2.0)


def test_the_peer_s_reports_tell_loss_jitter_and_the_round_trip():
    sending = Sending()
    sending.send(0, 1.0)
    assert sending.stream.receive_report(ReportBlock(10, 0, 0, 0, 0, 0, 0), WALL, 1.0) is None
    last = compact_ntp(ntp_timestamp(WALL + 1.0))
    block = ReportBlock(10, 64, 7, 100, 900, last, 65536 // 2)
    assert sending.stream.receive_report(block, WALL, 1.6) == pytest.approx(0.1, abs=0.001)
    remote = sending.stream.statistics().remote
    assert (remote.packets_lost, remote.fraction_lost, remote.jitter) == (7, 0.25, 0.01)
    assert remote.round_trip_time_measurements == 1


def test_counters_of_frames():
    sending = Sending()
    for index in range(10):
        sending.send(3000 * index, index / 30, 500)
    sending.send(30_000, 10 / 30, 5000)
    sending.stream.drop_frame()
    told = sending.stream.statistics()
    assert (told.frames_sent, told.key_frames_sent, told.huge_frames_sent, told.frames_dropped) == (11, 11, 1, 1)
    assert told.codec == VP8
    assert told.bytes_sent > 10_000
    assert told.header_bytes_sent > 11 * 20
