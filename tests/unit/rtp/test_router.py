"""Sections are named by their receivers: "audio" with payload type 111, "video" and "screen" with 96 and its RTX 97."""

import pytest

from rtcpeer.rtp import rtcp
from rtcpeer.rtp.extensions import HeaderExtensions
from rtcpeer.rtp.header import RtpHeader
from rtcpeer.rtp.router import ReceiveSection, Router, RouterSettings, UnsignalledPolicy

AUDIO = ReceiveSection("audio", frozenset({111}), mid="0")
VIDEO = ReceiveSection("video", frozenset({96, 97}), mid="1", repair_payload_types=frozenset({97}))
SCREEN = ReceiveSection("screen", frozenset({96, 97}), mid="2", repair_payload_types=frozenset({97}))


def make(*sections, senders=None, **settings):
    router = Router(RouterSettings(**settings))
    router.configure(sections or (AUDIO, VIDEO, SCREEN), senders or {})
    return router


def send(router, ssrc, payload_type, sequence_number=0, **extensions):
    return router.route(RtpHeader(payload_type, sequence_number, 0, ssrc), HeaderExtensions(**extensions))


def receiver(router, ssrc, payload_type, sequence_number=0, **extensions):
    stream = send(router, ssrc, payload_type, sequence_number, **extensions)
    return stream and stream.receiver


class TestByMid:
    def test_the_mid_decides_and_is_remembered(self):
        router = make()
        assert receiver(router, 1, 96, mid="2") == "screen"
        assert receiver(router, 1, 96) == "screen"

    def test_an_unknown_mid_goes_nowhere(self):
        router = make()
        assert receiver(router, 1, 111, mid="9") is None
        assert router.statistics().unknown_mid == 1
        assert router.statistics().streams == 0

    def test_an_unknown_mid_of_a_known_stream(self):
        router = make()
        send(router, 1, 96, mid="1")
        assert receiver(router, 1, 96, 1, mid="9") is None
        assert receiver(router, 1, 96, 2) == "video"
        assert router.statistics().unknown_mid == 1

    def test_a_stream_moves_with_its_mid(self):
        router = make()
        send(router, 1, 96, 10, mid="1")
        assert receiver(router, 1, 96, 11, mid="2") == "screen"
        assert receiver(router, 1, 96, 12) == "screen"

    def test_an_older_packet_moves_nothing(self):
        router = make()
        send(router, 1, 96, 0xFFFF, mid="1")
        send(router, 1, 96, 3, mid="2")
        assert receiver(router, 1, 96, 2, mid="1") == "screen"

    def test_the_mid_overrules_what_was_announced(self):
        router = make(ReceiveSection("video", frozenset({96}), mid="1", ssrcs=frozenset({1})), SCREEN)
        assert receiver(router, 1, 96, mid="2") == "screen"


class TestByPayloadType:
    def test_one_that_a_single_section_receives(self):
        router = make()
        assert receiver(router, 1, 111) == "audio"
        assert receiver(router, 1, 111, 1) == "audio"

    def test_one_that_two_sections_receive(self):
        router = make()
        assert receiver(router, 1, 96) is None
        assert router.statistics().unsignalled == 1

    def test_one_that_nobody_receives(self):
        router = make()
        assert receiver(router, 1, 5) is None
        assert router.statistics().unsignalled == 1

    def test_it_does_not_move_a_stream(self):
        router = make()
        send(router, 1, 111)
        assert receiver(router, 1, 96) is None
        assert router.statistics().wrong_payload_type == 1

    def test_the_section_of_the_mid_does_not_receive_it(self):
        router = make()
        assert receiver(router, 1, 111, mid="1") is None
        assert router.statistics().wrong_payload_type == 1
        assert router.statistics().streams == 0


class TestPolicies:
    def test_drop(self):
        router = make(unsignalled=UnsignalledPolicy.DROP)
        assert receiver(router, 1, 111) is None
        assert receiver(router, 1, 111, mid="0") == "audio"

    def test_first_free(self):
        router = make(unsignalled=UnsignalledPolicy.FIRST_FREE)
        assert [receiver(router, ssrc, 96) for ssrc in (1, 2, 3)] == ["video", "screen", None]
        assert receiver(router, 1, 96) == "video"
        assert receiver(router, 4, 111) == "audio"


class TestByRid:
    SIMULCAST = ReceiveSection(
        "video", frozenset({96, 97}), mid="1", repair_payload_types=frozenset({97}), rids=frozenset({"hi", "lo"})
    )

    def test_streams_know_their_rid(self):
        router = make(self.SIMULCAST)
        stream = send(router, 1, 96, mid="1", rid="hi")
        assert (stream.receiver, stream.rid, stream.is_repair) == ("video", "hi", False)
        assert send(router, 1, 96).rid == "hi"

    def test_a_rid_without_a_mid(self):
        router = make(self.SIMULCAST, SCREEN)
        assert receiver(router, 1, 96, rid="hi") == "video"

    def test_repair_with_a_rid_of_its_own(self):
        router = make(self.SIMULCAST, SCREEN)
        repair = send(router, 3, 97, rid="own", repaired_rid="hi")
        assert (repair.receiver, repair.is_repair, repair.repaired_rid) == ("video", True, "hi")

    def test_a_rid_that_two_sections_have(self):
        router = make(self.SIMULCAST, ReceiveSection("screen", frozenset({96}), mid="2", rids=frozenset({"hi"})))
        assert receiver(router, 1, 96, rid="hi") is None
        assert receiver(router, 1, 96, rid="lo") == "video"

    def test_an_unknown_rid(self):
        router = make(self.SIMULCAST)
        assert receiver(router, 1, 96, mid="1", rid="other") is None
        assert router.statistics().unknown_rid == 1

    def test_rids_where_none_were_negotiated(self):
        assert send(make(), 1, 96, mid="1", rid="any").rid == "any"

    def test_repair_by_its_rid(self):
        router = make(self.SIMULCAST)
        low, high = (send(router, ssrc, 96, mid="1", rid=rid) for ssrc, rid in ((1, "lo"), (2, "hi")))
        repair = send(router, 3, 97, mid="1", repaired_rid="hi")
        assert repair.is_repair
        assert router.repaired(repair) is high
        assert router.repaired(repair) is high
        router.forget(2)
        assert router.repaired(repair) is None
        assert send(router, 1, 96) is low


class TestAnnounced:
    SECTION = ReceiveSection(
        "video",
        frozenset({96, 97}),
        mid="1",
        repair_payload_types=frozenset({97}),
        ssrcs=frozenset({1}),
        repairs={2: 1},
    )

    def test_ssrcs_are_known_from_the_start(self):
        router = make(self.SECTION, SCREEN)
        assert receiver(router, 1, 96) == "video"
        repair = send(router, 2, 97)
        assert repair.is_repair
        assert router.repaired(repair).ssrc == 1

    def test_announced_repair_stays_repair(self):
        router = make(self.SECTION, SCREEN)
        assert send(router, 2, 96, rid="own").is_repair

    def test_they_are_not_forgotten(self):
        router = make(self.SECTION, SCREEN)
        router.forget(1)
        assert receiver(router, 1, 96) == "video"

    def test_repair_of_the_only_stream(self):
        router = make(VIDEO)
        repair = send(router, 5, 97, mid="1")
        assert repair.is_repair
        assert router.repaired(repair) is None
        media = send(router, 6, 96, mid="1")
        assert router.repaired(repair) is media

    def test_a_stream_of_media_repairs_nothing(self):
        router = make(VIDEO)
        assert router.repaired(send(router, 6, 96, mid="1")) is None


class TestConfiguring:
    def test_latched_streams_stay_with_their_receiver(self):
        router = make()
        audio, video = send(router, 1, 111), send(router, 2, 96, mid="1")
        router.configure([ReceiveSection("audio", frozenset({111, 9}), mid="0"), SCREEN], {})
        assert send(router, 1, 9) is audio
        assert send(router, 2, 96) is not video
        assert router.statistics().streams == 2

    def test_a_latched_stream_that_is_announced_later(self):
        router = make()
        stream = send(router, 1, 96, mid="1")
        router.configure([AUDIO, ReceiveSection("video", frozenset({96}), mid="1", ssrcs=frozenset({1}))], {})
        assert send(router, 1, 96) is stream
        router.forget(1)
        assert send(router, 1, 96) is stream

    def test_what_is_announced_no_longer_is_gone(self):
        announced = ReceiveSection("video", frozenset({96}), mid="1", ssrcs=frozenset({1}))
        router = make(announced, SCREEN)
        router.configure([VIDEO, SCREEN], {})
        assert receiver(router, 1, 96) is None


class TestBounds:
    def test_the_table_holds_no_more_than_it_may(self):
        router = make(max_latched_streams=8)
        for ssrc in range(1000):
            assert receiver(router, ssrc, 111) == "audio"
        assert router.statistics().streams == 8
        assert router.statistics().evicted_streams == 992

    def test_what_is_in_use_stays(self):
        router = make(max_latched_streams=8)
        in_use = send(router, 5000, 96, mid="1")
        for ssrc in range(100):
            send(router, ssrc, 111)
            assert send(router, 5000, 96) is in_use

    def test_what_was_announced_stays(self):
        router = make(AUDIO, ReceiveSection("video", frozenset({96}), ssrcs=frozenset({1})), max_latched_streams=1)
        for ssrc in range(10, 20):
            send(router, ssrc, 111)
        assert receiver(router, 1, 96) == "video"
        assert router.statistics().streams == 2

    def test_forgotten_streams_make_room(self):
        router = make(max_latched_streams=1)
        send(router, 1, 111)
        router.forget(1)
        router.forget(1)
        send(router, 2, 111)
        assert router.statistics().evicted_streams == 0

    def test_a_table_for_nothing(self):
        with pytest.raises(ValueError, match="max_latched_streams"):
            RouterSettings(max_latched_streams=0)


class TestRtcp:
    def test_reports_and_byes_go_to_the_streams_of_their_sources(self):
        router = make()
        audio, video = send(router, 1, 111), send(router, 2, 96, mid="1")
        assert router.route_rtcp(rtcp.SenderReport(1, 0, 0, 0, 0)).streams == [audio]
        assert router.route_rtcp(rtcp.Bye((2, 1, 2, 99))).streams == [video, audio]

    def test_feedback_goes_to_senders_once(self):
        router = make(senders={10: "camera", 11: "camera", 12: "microphone"})
        blocks = tuple(rtcp.ReportBlock(ssrc, 0, 0, 0, 0, 0, 0) for ssrc in (10, 11, 12, 13))
        assert router.route_rtcp(rtcp.ReceiverReport(1, blocks)).senders == ["camera", "microphone"]
        assert router.route_rtcp(rtcp.Nack(1, 11, (5,))).senders == ["camera"]
        assert router.route_rtcp(rtcp.PictureLossIndication(1, 99)).senders == []

    def test_feedback_on_the_transport_is_about_nobody(self):
        router = make(senders={10: "camera"})
        assert router.route_rtcp(rtcp.TransportWideFeedback(1, 10, 0, 0, 0, 0, ())) == ([], [])

    def test_a_description_latches(self):
        router = make()
        described = rtcp.SourceDescription((rtcp.Chunk(1, ((rtcp.SdesItem.MID, b"2"),)), rtcp.Chunk(3)))
        assert [stream.receiver for stream in router.route_rtcp(described).streams] == ["screen"]
        assert receiver(router, 1, 96) == "screen"

    def test_a_description_moves_what_no_packet_has_placed(self):
        router = make(unsignalled=UnsignalledPolicy.FIRST_FREE)
        assert receiver(router, 1, 96) == "video"
        described = rtcp.SourceDescription((rtcp.Chunk(1, ((rtcp.SdesItem.MID, b"2"),)),))
        router.route_rtcp(described)
        assert receiver(router, 1, 96) == "screen"
        send(router, 1, 96, 5, mid="1")
        router.route_rtcp(described)
        assert receiver(router, 1, 96) == "video"

    def test_a_description_with_an_unknown_mid(self):
        router = make()
        described = rtcp.SourceDescription((rtcp.Chunk(1, ((rtcp.SdesItem.MID, b"\xff"),)),))
        assert router.route_rtcp(described).streams == []
        assert router.statistics().streams == 0
