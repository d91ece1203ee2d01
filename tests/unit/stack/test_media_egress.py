import pytest

from rtcpeer.rtp.bandwidth import BandwidthSettings
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.rtp.extensions import ExtensionMap
from rtcpeer.rtp.header import parse_packet
from rtcpeer.rtp.rtcp import Arrival, TransportWideFeedback
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.stack.media_egress import Egress
from tests.unit.stack.media_parts import IDS, WALL, PlainSession, packets_of, video_stream


class Leaving:
    """An egress, the targets it told and the packets that left."""

    def __init__(self, ids=IDS, *, is_estimating=True):
        self.targets = []
        self.settings = MediaSettings(bandwidth=BandwidthSettings())
        self.egress = Egress(self.settings, WALL, self.targets.append)
        self.egress.session = PlainSession()
        self.egress.is_estimating = is_estimating
        self.stream = video_stream(ids=ids)
        self.egress.streams = [self.stream]
        self.map = ExtensionMap(dict(ids))

    def pull(self, now):
        packets = [parse_packet(packet) for packet in self.egress.packets_to_send(now)]
        return [(packet, self.map.decode(packet.header)) for packet in packets]

    def drain(self, start, end):
        left = self.pull(start)
        while (due := self.egress.next_timeout()) is not None and due <= end:
            start = max(start, due)
            self.egress.handle_timeout(start)
            left += self.pull(start)
        return left


def test_packets_wait_for_keys():
    leaving = Leaving()
    leaving.egress.session = None
    assert not leaving.egress.is_open
    leaving.egress.enqueue(packets_of(leaving.stream, 1.0), 1.0)
    assert leaving.pull(1.0) == []
    leaving.egress.session = PlainSession()
    assert len(leaving.pull(1.0)) == 1


def test_what_leaves_is_numbered_in_the_order_in_which_it_leaves():
    leaving = Leaving()
    leaving.egress.enqueue(packets_of(leaving.stream, 1.0, 20000), 1.0)
    left = leaving.drain(1.0, 2.0)
    assert [told.transport_sequence_number for _, told in left] == list(range(len(left)))
    assert [told.mid for _, told in left] == ["0"] * len(left)
    assert leaving.stream.statistics().packets_sent == len(left) == 18
    assert leaving.stream.statistics().total_packet_send_delay > 0


def test_the_send_time_is_written_where_no_numbers_were_agreed_on():
    leaving = Leaving(((ExtensionUri.ABSOLUTE_SEND_TIME, 2),), is_estimating=False)
    leaving.egress.enqueue(packets_of(leaving.stream, 1.5), 1.5)
    ((_, told),) = leaving.pull(1.5)
    assert told.absolute_send_time == 1.5 * (1 << 18)


def test_probes_are_padded_once_there_is_a_stream_for_it():
    leaving = Leaving()
    leaving.egress.start(1.0)
    assert leaving.drain(1.0, 1.5) == []  # nothing was sent yet that padding could follow
    leaving.egress.enqueue(packets_of(leaving.stream, 2.0), 2.0)
    assert len(leaving.pull(2.0)) == 1
    left = leaving.drain(2.0, 2.1)
    assert len(left) >= 5
    assert {(packet.header.ssrc, packet.payload) for packet, _ in left} == {(11, b"")}


def test_feedback_moves_the_target():
    leaving = Leaving()
    leaving.egress.start(1.0)
    now = 1.0
    for index in range(300):
        now += 1 / 30
        leaving.egress.enqueue(packets_of(leaving.stream, now, 1000, 3000 * index), now)
        told = [each.transport_sequence_number for _, each in leaving.drain(now, now + 0.02)]
        if told:
            arrivals = [Arrival(number, round(now * 4000) + place) for place, number in enumerate(told)]
            leaving.egress.receive_feedback(TransportWideFeedback.of(1, 2, index, arrivals), now + 0.03)
    assert leaving.egress.target > 300_000
    assert leaving.egress.target == leaving.targets[-1]
    assert leaving.egress.statistics().target_bitrate == pytest.approx(leaving.egress.target, rel=0.02)


def test_feedback_on_what_was_never_sent_is_of_no_effect():
    leaving = Leaving()
    leaving.egress.start(1.0)
    before = leaving.egress.statistics()
    leaving.egress.receive_feedback(TransportWideFeedback(1, 2, 0, 5000, 65535, 0, (Arrival(5000, 7),)), 1.0)
    assert leaving.egress.statistics() == before


def test_a_peer_without_feedback_is_followed_by_its_reports():
    leaving = Leaving(is_estimating=False)
    leaving.egress.start(1.0)
    leaving.egress.limit(2_000_000, 1.0)
    leaving.egress.receive_loss(0.0, 2.0)
    assert leaving.egress.target == pytest.approx(324_000)
    leaving.egress.receive_loss(0.5, 3.0)
    assert leaving.egress.target == pytest.approx(243_000)
    leaving.egress.receive_remote_bitrate(100_000, 4.0)
    assert leaving.targets[-1] == 100_000
    assert leaving.egress.next_timeout() is None


def test_reports_do_not_count_where_there_is_better():
    leaving = Leaving()
    leaving.egress.start(1.0)
    leaving.egress.receive_loss(1.0, 2.0)
    assert leaving.egress.target == 300_000
    assert leaving.egress.queue_time == 0
