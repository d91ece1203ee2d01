import random

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from rtcpeer.dtls import DtlsEndpoint, DtlsRole, DtlsSettings, DtlsState, HandshakeFailed, ServerIdentity, TrustStore
from rtcpeer.dtls.server_identity import names_host
from tests.unit.dtls.link import EC_1
from tests.unit.dtls.server import DAY, NOW, Authority, DtlsServer

AUTHORITY = Authority()


@pytest.fixture
def trust(tmp_path):
    return TrustStore(AUTHORITY.write(tmp_path))


def meet(server, identity):
    """A client that goes as far as it gets, and its events."""
    client = DtlsEndpoint(None, DtlsSettings(srtp_profiles=()), random.Random(1).randbytes)
    client.start(DtlsRole.CLIENT, identity)
    for _ in range(10):
        for packet in client.packets_to_send(0.0):
            for answer in server.receive(packet):
                client.receive(answer, 0.0)
    return client, client.poll_events()


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["turn.example.org"], "turn.example.org"),
        (["other.example.org", "turn.example.org"], "TURN.example.org."),
        (["*.example.org"], "turn.example.org"),
        (["192.0.2.1"], "192.0.2.1"),
        (["2001:db8::1"], "2001:db8:0::1"),
    ],
)
def test_a_server_proves_its_name(trust, names, host):
    server = DtlsServer(*AUTHORITY.issue(names))
    server.answer = lambda request: [request[::-1]]
    client, events = meet(server, ServerIdentity(host, trust))
    assert client.state is DtlsState.CONNECTED, events
    assert client.srtp_profile is None
    for answer in server.receive(client.seal(b"hello")):
        client.receive(answer, 0.0)
    assert client.take_data() == [b"olleh"]


def test_the_client_hello_says_the_name_but_no_address(trust):
    server = DtlsServer(*AUTHORITY.issue(["turn.example.org", "192.0.2.1"]))
    meet(server, ServerIdentity("turn.example.org", trust))
    assert server.asked_for == b"turn.example.org"
    server = DtlsServer(*AUTHORITY.issue(["turn.example.org", "192.0.2.1"]))
    client, _ = meet(server, ServerIdentity("192.0.2.1", trust))
    assert client.state is DtlsState.CONNECTED
    assert server.asked_for is None


@pytest.mark.parametrize(
    ("issued", "reason"),
    [
        (lambda: AUTHORITY.issue(["evil.example.org"]), "not for turn.example.org"),
        (lambda: AUTHORITY.issue([]), "not for turn.example.org"),
        (lambda: AUTHORITY.issue(["turn.example.org"], until=NOW - DAY), "it has expired"),
        (lambda: AUTHORITY.issue(["turn.example.org"], until=NOW + 20 * DAY), "it is not valid yet"),
        (lambda: Authority("another").issue(["turn.example.org"]), "somebody who is not trusted"),
        (lambda: Authority().issue(["turn.example.org"]), "signature is wrong"),
        (lambda: (EC_1.x509, EC_1.private_key), "it is self-signed"),
    ],
)
def test_who_is_not_the_server_is_refused(trust, issued, reason):
    client, events = meet(DtlsServer(*issued()), ServerIdentity("turn.example.org", trust))
    assert client.state is DtlsState.FAILED
    (failed,) = [event for event in events if isinstance(event, HandshakeFailed)]
    assert reason in failed.reason
    assert failed.sent_alert is not None


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org", False),
        ("t*.example.org", "turn.example.org", False),
        ("turn.example.org", "turn.example.or", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_names_match_by_whole_labels(name, host, expected):
    certificate, _ = AUTHORITY.issue([name])
    assert names_host(certificate.public_bytes(Encoding.DER), host) is expected


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_what_is_no_certificate_names_nobody():
    assert not names_host(b"\x30\x00", "turn.example.org")
    certificate, _ = AUTHORITY.issue(["turn.example.org"])
    der = certificate.public_bytes(Encoding.DER)
    noise = random.Random(5)
    for _ in range(2000):
        changed = bytearray(der)
        changed[noise.randrange(len(der))] = noise.randrange(256)
        names_host(bytes(changed), "turn.example.org")


def test_trust_needs_a_file_with_certificates(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(OSError, match=r"no certificates can be read from .*\.pem"):
            TrustStore(str(path))
    TrustStore()  # whom the system trusts, be it nobody


def test_towards_a_peer_a_certificate_is_needed():
    client = DtlsEndpoint(None, DtlsSettings(), random.Random(1).randbytes)
    with pytest.raises(ValueError, match="certificate of our own"):
        client.start(DtlsRole.CLIENT, [EC_1.fingerprint()])
