import pytest

from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.header import RtpHeader, RtpPacket
from rtcpeer.rtp.parameters import ReceiveParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.router import IncomingStream, ReceiveSection, Router, RouterSettings
from rtcpeer.rtp.rtcp import (
    Application,
    Bye,
    Chunk,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
    ReceiverReport,
    ReportBlock,
    SdesItem,
    SenderReport,
    SourceDescription,
    TransportWideFeedback,
)
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.stack.media_intake import ControlIntake
from tests.sim.media import opus
from tests.unit.stack.media_parts import WALL, packets_of, video_stream


class Egress:
    """Keeps what it is told."""

    wall_clock_offset = WALL

    def __init__(self):
        self.told = []

    def enqueue(self, packets, now):
        self.told.append(("enqueue", len(packets)))

    def receive_feedback(self, feedback, now):
        self.told.append(("feedback", feedback.status_count))

    def receive_remote_bitrate(self, bitrate, now):
        self.told.append(("remote", bitrate))

    def receive_loss(self, share, now):
        self.told.append(("loss", share))


class Hearing:
    """An intake with a stream that we send, 10, and one that we receive, 20."""

    def __init__(self):
        self.egress, self.requests = Egress(), []
        self.stream = video_stream(10, requests=self.requests)
        self.packets = packets_of(self.stream, 1.0)
        for packet in self.packets:
            self.stream.note_left(packet, b"", 1.0)
        self.receiver = RtpReceiver("audio", MediaSettings())
        self.receiver.configure(ReceiveParameters("0", opus(), ()), 0.0)
        source = IncomingStream(20, ReceiveSection(self.receiver, frozenset({111})))
        self.receiver.receive(source, RtpPacket(RtpHeader(111, 0, 0, 20), b"sound"), HeaderExtensions(), 1.0)
        self.intake = ControlIntake(self.egress, Router(RouterSettings()))
        self.intake.outbound, self.intake.receivers = {10: self.stream}, [self.receiver]

    def hear(self, *packets, now=1.5):
        self.intake.receive(b"".join(packet.serialize() for packet in packets), now)


def test_what_is_malformed_is_counted():
    hearing = Hearing()
    hearing.intake.receive(b"\x80\xc8\0", 1.0)
    hearing.intake.receive(b"", 1.0)
    assert hearing.intake.malformed >= 1


def test_requests_reach_the_stream():
    hearing = Hearing()
    hearing.hear(PictureLossIndication(1, 10))
    hearing.hear(FullIntraRequest(1, ((10, 0), (99, 0))), now=3.0)
    hearing.hear(Nack(1, 10, (hearing.packets[0].sequence_number,)))
    assert hearing.requests == [None, None]
    assert hearing.egress.told == [("enqueue", 1)]
    assert hearing.intake.without_stream == 1


def test_estimates_and_arrivals_reach_the_egress():
    hearing = Hearing()
    hearing.hear(ReceiverEstimatedMaxBitrate(1, 128_000, (10,)), TransportWideFeedback(1, 10, 0, 5, 0, 0, ()))
    assert hearing.egress.told == [("remote", 128_000), ("feedback", 0)]


def test_reports_tell_the_round_trip_to_those_who_ask_for_packets():
    hearing = Hearing()
    sent = hearing.stream.report((), WALL, 1.2)
    last = sent.ntp_time >> 16 & 0xFFFFFFFF
    assert not hearing.intake.has_round_trip_time
    hearing.hear(ReceiverReport(1, (ReportBlock(10, 128, 3, 9, 0, last, 0), ReportBlock(11, 0, 0, 0, 0, 0, 0))))
    assert hearing.egress.told == [("loss", 0.5)]
    assert hearing.intake.has_round_trip_time
    assert hearing.stream.statistics().remote.round_trip_time == pytest.approx(0.3, abs=0.001)


def test_a_sender_report_and_a_name_reach_the_stream_that_they_are_about():
    hearing = Hearing()
    name = SourceDescription((Chunk(20, ((int(SdesItem.CNAME), b"them"),)),))
    hearing.hear(SenderReport(20, 1 << 62, 0, 7, 70), name, Application(20, b"name"))
    (told,) = hearing.receiver.statistics()
    assert (told.cname, told.remote.packets_sent) == ("them", 7)
    hearing.hear(SenderReport(99, 0, 0, 0, 0))


def test_a_bye_ends_the_stream():
    hearing = Hearing()
    hearing.hear(Bye((99, 20)))
    assert hearing.receiver.streams == {}
