import random

import pytest

from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.formats import depacketizer_of
from rtcpeer.rtp.header import RtpHeader, RtpPacket
from rtcpeer.rtp.inbound_stream import Format, InboundStream
from rtcpeer.rtp.rtcp import (
    Bye,
    Nack,
    PictureLossIndication,
    ReceiverReport,
    SdesItem,
    SenderReport,
    SourceDescription,
    TransportWideFeedback,
    parse_compound,
)
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.srtp import MAX_PLAIN_RTCP
from rtcpeer.stack.media_control import Control
from tests.sim.media import vp8
from tests.unit.stack.media_parts import WALL, packets_of, video_stream


class Saying:
    """A control with a stream each way."""

    def __init__(self, *, has_sent=True):
        self.control = Control(MediaSettings(), random.Random(1).randbytes, WALL)
        self.control.cname = "us"
        self.outbound = video_stream(10)
        self.control.mids = {10: "0"}
        if has_sent:
            for packet in packets_of(self.outbound, 1.0):
                self.outbound.note_left(packet, b"", 1.0)
        self.control.configure([self.outbound])
        self.inbound = [self.stream(20)]

    def stream(self, ssrc, numbers=(0, 2)):
        codec = vp8()[0]
        stream = InboundStream(ssrc, None, "video", codec, MediaSettings())
        for number in numbers:
            packet = RtpPacket(RtpHeader(96, number, 0, ssrc), b"\x10\0")
            stream.receive(packet, HeaderExtensions(), Format(codec, depacketizer_of(codec)), 1.0)
        return stream

    def said(self, now, asking=None):
        plain = self.control.compounds(self.inbound, self.inbound if asking is None else asking, 300_000, now)
        return [parse_compound(each) for each in plain]


def kinds(packets):
    return [type(packet) for packet in packets]


def test_feedback_goes_behind_an_empty_report_unless_reduced_size_was_agreed_on():
    saying = Saying()
    saying.inbound[0].keyframes.is_wanted = True
    (compound,) = saying.said(1.02)
    assert kinds(compound) == [ReceiverReport, SourceDescription, Nack, PictureLossIndication]
    assert compound[2] == Nack(10, 20, (1,))
    saying = Saying()
    saying.control.is_reduced_size = True
    assert [kinds(each) for each in saying.said(1.02)] == [[Nack]]


def test_without_anything_to_say_nothing_is_said():
    saying = Saying()
    assert saying.said(1.02, asking=[]) == []
    assert not saying.control.is_due(1.02)
    assert saying.control.next_timeout() is None


def test_a_report_tells_what_is_sent_and_received_and_by_whom():
    saying = Saying()
    saying.control.start_reports(1.0)
    assert saying.control.next_timeout() == pytest.approx(1.1)
    assert saying.control.is_due(1.1)
    (compound,) = saying.said(1.1, asking=[])
    report, description = compound
    assert isinstance(report, SenderReport)
    assert (report.ssrc, [block.ssrc for block in report.reports]) == (10, [20])
    (chunk,) = description.chunks
    assert (chunk.ssrc, chunk.text(SdesItem.CNAME), chunk.text(SdesItem.MID)) == (10, "us", "0")
    assert saying.control.next_timeout() > 1.4


def test_who_sends_nothing_reports_under_an_ssrc_of_its_own():
    saying = Saying(has_sent=False)
    saying.control.start_reports(1.0)
    (compound,) = saying.said(1.1, asking=[])
    assert kinds(compound) == [ReceiverReport, SourceDescription]
    assert compound[0].ssrc == compound[1].chunks[0].ssrc == saying.control.ssrc != 10


def test_many_streams_take_several_reports_in_compounds_that_fit():
    saying = Saying()
    saying.inbound = [saying.stream(ssrc, (0,)) for ssrc in range(100, 200)]
    saying.control.start_reports(1.0)
    plain = saying.control.compounds(saying.inbound, [], 300_000, 1.1)
    compounds = [parse_compound(each) for each in plain]
    assert max(map(len, plain)) <= MAX_PLAIN_RTCP
    assert len(compounds) > 1
    for compound in compounds:
        assert isinstance(compound[0], SenderReport | ReceiverReport)
    told = [block.ssrc for compound in compounds for packet in compound for block in getattr(packet, "reports", ())]
    assert told == list(range(100, 200))


def test_a_bye_is_said_at_once_and_once():
    saying = Saying()
    saying.control.leave([10])
    assert saying.control.is_due(1.0)
    (compound,) = saying.said(1.0, asking=[])
    assert compound[-1] == Bye((10,))
    assert saying.said(1.0, asking=[]) == []


def test_arrivals_are_told_once_an_interval():
    saying = Saying()
    saying.control.is_reduced_size = True
    for number in range(5):
        saying.control.note_arrival(number, 20, 1000, 1.0 + number / 100)
    assert saying.control.next_timeout() == pytest.approx(1.05)
    ((feedback,),) = saying.said(1.05, asking=[])
    assert isinstance(feedback, TransportWideFeedback)
    assert (feedback.sender_ssrc, feedback.media_ssrc, len(feedback.arrivals)) == (10, 20, 5)
    assert saying.control.next_timeout() is None
    saying.control.note_arrival(5, 20, 1000, 1.06)
    assert saying.control.next_timeout() == pytest.approx(1.1)
