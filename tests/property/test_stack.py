"""The stack takes any bytes at any time, and raises nothing."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.datachannel.channels import DataChannels
from rtcpeer.dtls.certificate import Certificate, Fingerprint
from rtcpeer.dtls.endpoint import DtlsEndpoint, DtlsRole
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.errors import SyntaxError as RTCSyntaxError
from rtcpeer.ice.agent import Agent
from rtcpeer.ice.candidate import Candidate
from rtcpeer.ice.parameters import IceParameters
from rtcpeer.ice.settings import IceSettings
from rtcpeer.sctp.association import Association
from rtcpeer.sctp.settings import SctpSettings
from rtcpeer.stack.bundle import Bundle
from rtcpeer.stack.connectivity import Connectivity
from rtcpeer.stack.gathering import Gatherer
from rtcpeer.stack.servers import ServerUrl

LOCAL = TransportAddress("192.0.2.1", 5000)
REMOTE = TransportAddress("192.0.2.2", 6000)
STRANGER = TransportAddress("192.0.2.3", 6000)
CERTIFICATE = Certificate.generate(__import__("datetime").datetime.now(__import__("datetime").UTC))
SERVER = ServerUrl.parse("stun:192.0.2.9")


def bundle(seed):
    entropy = random.Random(seed).randbytes
    connectivity = Connectivity(
        Agent(IceSettings(), is_controlling=True, entropy=entropy), Gatherer(IceSettings(), entropy)
    )
    core = Bundle(
        connectivity,
        DtlsEndpoint(CERTIFICATE, DtlsSettings(), entropy),
        DataChannels(Association(SctpSettings(), entropy)),
    )
    connectivity.gatherer.start()
    connectivity.gatherer.add_base(LOCAL, 0)
    connectivity.gatherer.add_server(SERVER, [TransportAddress("192.0.2.9", 3478)])
    connectivity.poll_events()
    connectivity.agent.add_remote_candidate(Candidate.parse("1 1 udp 2130706431 192.0.2.2 6000 typ host"))
    connectivity.agent.set_remote_parameters(IceParameters("ufrag", "p" * 24))
    core.start_dtls(DtlsRole.SERVER, [Fingerprint("sha-256", ":".join(["00"] * 32))])
    core.start_sctp(5000, 65536)
    return core


datagrams = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda first, rest: bytes([first]) + rest, st.sampled_from([0, 1, 20, 22, 23, 64, 128]), st.binary(max_size=80)
    ),
    st.builds(lambda rest: b"\x01\x01\x00\x0c\x21\x12\xa4\x42" + rest, st.binary(min_size=24, max_size=24)),
)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from([REMOTE, STRANGER]), st.lists(datagrams, max_size=4), st.floats(0, 3)), max_size=12
    )
)
def test_random_bytes_never_raise(packets):
    core, now = bundle(1), 100.0
    for remote, payloads, pause in packets:
        before = core.connectivity.strange_packets
        core.receive(Datagrams(LOCAL, remote, payloads), now)
        if remote is STRANGER:
            assert core.connectivity.strange_packets - before == sum(
                not payload or payload[0] > 3 for payload in payloads
            ) or any(payload and payload[0] <= 3 for payload in payloads)
        core.packets_to_send(now)
        core.poll_events()
        now += pause
        core.handle_timeout(now)
        deadline = core.next_timeout()
        assert deadline is None or isinstance(deadline, float)
    core.close()
    core.packets_to_send(now)
    assert core.next_timeout() is None


@settings(max_examples=150)
@given(st.one_of(st.text(max_size=40), st.from_regex(r"(stuns?|turns?):[a-z0-9.\[\]:?=]*", fullmatch=True)))
def test_a_url_is_parsed_or_a_syntax_error(text):
    try:
        server = ServerUrl.parse(text)
    except RTCSyntaxError:
        return
    assert server.url == text
    assert 0 < server.port < 65536
    assert server.host
