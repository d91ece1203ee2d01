import random
from datetime import UTC, datetime

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.datachannel.channels import DataChannels
from rtcpeer.datachannel.events import ChannelAnnounced, ChannelClosed, ChannelMessage, ChannelOpened
from rtcpeer.dtls.certificate import Certificate
from rtcpeer.dtls.endpoint import DtlsEndpoint, DtlsRole, DtlsState
from rtcpeer.dtls.events import EndpointClosed, HandshakeCompleted
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.sctp.association import Association
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.stack.bundle import Bundle, BundleStatistics
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
