import random
from datetime import UTC, datetime
from functools import partial

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.datachannel.channels import DataChannels
from rtcpeer.datachannel.events import ChannelAnnounced, ChannelClosed, ChannelMessage, ChannelOpened
from rtcpeer.dtls.certificate import Certificate
from rtcpeer.dtls.endpoint import DtlsEndpoint, DtlsRole, DtlsState
from rtcpeer.dtls.events import EndpointClosed, HandshakeCompleted
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.rtp.events import FrameReceived, StreamEnded
from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.parameters import EncodingParameters, ReceiveParameters, SendParameters
from rtcpeer.rtp.receiver import RtpReceiver
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings
from rtcpeer.sctp.association import Association
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.stack.bundle import Bundle, BundleStatistics
from rtcpeer.stack.media import Media, MediaLine
from tests.sim.media import opus
from tests.unit.stack.test_connectivity import A, B, connectivity

CERTIFICATES = [Certificate.generate(datetime.now(UTC)) for _ in range(2)]


class Ends:
    """Two bundles and what happened on each."""

    def __init__(self):
        self.now = 0.0
        self.bundles = []
        for index, base in enumerate((A, B)):
            entropy = random.Random(index).randbytes
            path = connectivity(base, is_controlling=not index)
            path.gatherer.end_of_servers()
            endpoint = DtlsEndpoint(CERTIFICATES[index], DtlsSettings(), entropy)
            self.bundles.append(Bundle(path, endpoint, DataChannels(Association(SctpSettings(), entropy))))
        self.events = [bundle.poll_events() for bundle in self.bundles]

    def start(self):
        for index, bundle in enumerate(self.bundles):
            agent, other = bundle.connectivity.agent, self.bundles[1 - index].connectivity.agent
            agent.set_remote_parameters(other.local_parameters)
            for candidate in other.local_candidates:
                agent.add_remote_candidate(candidate)
            role = DtlsRole.CLIENT if index else DtlsRole.SERVER
            bundle.start_dtls(role, CERTIFICATES[1 - index].fingerprints)
            bundle.start_sctp(5000, 65536)
        return self

    def run(self, seconds=2.0):
        end = self.now + seconds
        while self.now < end:
            for index, bundle in enumerate(self.bundles):
                bundle.handle_timeout(self.now)
                for packet in bundle.packets_to_send(self.now):
                    self.bundles[1 - index].receive(Datagrams(packet.remote, packet.local, packet.payloads), self.now)
                self.events[index] += bundle.poll_events()
            self.now += 0.01

    def of(self, index, kind):
        return [event for event in self.events[index] if isinstance(event, kind)]


def test_everything_comes_up_and_a_message_passes_through_all_layers():
    ends = Ends()
    channel = ends.bundles[0].channels.open("chat")
    ends.start().run()
    assert len(ends.of(0, HandshakeCompleted)) == len(ends.of(1, HandshakeCompleted)) == 1
    assert [event.channel for event in ends.of(0, ChannelOpened)] == [channel]
    channel.send("hello")
    ends.run(0.1)
    assert [event.channel.label for event in ends.of(1, ChannelAnnounced)] == ["chat"]
    assert [event.data for event in ends.of(1, ChannelMessage)] == ["hello"]


def test_media_has_keys_once_the_handshake_is_done_and_says_bye_at_the_end():
    ends = Ends()
    lines = []
    for index, bundle in enumerate(ends.bundles):
        rng = random.Random(index)
        if not index:
            bundle.add_media(Media(MediaSettings(), rng.randbytes, 0.0))
        sender, receiver = (
            kind("audio", MediaSettings()) for kind in (partial(RtpSender, entropy=rng.randbytes), RtpReceiver)
        )
        send = SendParameters("0", opus(), (), (EncodingParameters(10 + index),), "us")
        lines.append(MediaLine(sender, send, receiver, ReceiveParameters("0", opus(), (), (11 - index,))))
    ends.start().run()
    ends.bundles[1].add_media(Media(MediaSettings(), random.Random(5).randbytes, 0.0))  # after the handshake
    for bundle, line in zip(ends.bundles, lines, strict=True):
        bundle.media.configure([line], ends.now)
        assert line.sender.can_send
    lines[0].sender.send(EncodedFrame(b"sound", 0, True, opus()[0]), ends.now)
    ends.run(0.2)
    assert [event.frame.data for event in ends.of(1, FrameReceived)] == [b"sound"]
    ends.bundles[0].close()
    ends.run(0.1)
    assert [event.ssrc for event in ends.of(1, StreamEnded)] == [10]
    assert not lines[0].sender.can_send
    assert not lines[1].sender.can_send


def test_close_says_goodbye_in_one_pull_and_the_other_side_hears_why():
    ends = Ends()
    ends.bundles[0].channels.open("chat")
    ends.start().run()
    ends.bundles[0].channels.abort("Close called")
    ends.bundles[0].close()
    (last,) = ends.bundles[0].packets_to_send(ends.now)
    assert (last.local, last.remote) == (A, B)
    assert ends.bundles[0].packets_to_send(ends.now) == []
    ends.bundles[1].receive(Datagrams(B, A, last.payloads), ends.now)
    ends.events[1] += ends.bundles[1].poll_events()
    (closed,) = ends.of(1, ChannelClosed)
    assert closed.error == "User-Initiated Abort, reason=Close called"
    assert ends.of(1, EndpointClosed)
    assert ends.bundles[1].dtls.state is DtlsState.CLOSED


def test_close_before_there_is_a_path_sends_nothing():
    ends = Ends()
    ends.bundles[0].close()
    assert ends.bundles[0].packets_to_send(0.0) == []
    assert ends.bundles[0].next_timeout() is None


def test_without_a_path_the_clocks_of_the_upper_protocols_stand():
    ends = Ends()
    bundle = ends.bundles[1]
    bundle.start_dtls(DtlsRole.CLIENT, CERTIFICATES[0].fingerprints)
    for now in range(60):
        bundle.handle_timeout(float(now))
        assert bundle.packets_to_send(float(now)) == []
    assert bundle.dtls.state is DtlsState.CONNECTING


def test_what_belongs_to_nobody_is_counted():
    ends = Ends().start()
    ends.run()
    bundle = ends.bundles[0]
    bundle.receive(Datagrams(A, B, [b"\x80rtp", b"\x50turn", b"\xff", b""]), ends.now)
    assert bundle.statistics() == BundleStatistics(packets_of_unknown_kind=3, packets_without_owner=1)
    bundle.receive(Datagrams(A, TransportAddress("192.0.2.66", 1), [b"\x80rtp"]), ends.now)
    assert bundle.statistics().packets_without_owner == 1
