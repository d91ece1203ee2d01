import gc
import weakref

import pytest

from rtcpeer.dtls.alerts import AlertDescription
from rtcpeer.dtls.records import ContentType
from rtcpeer.dtls.settings import DtlsSettings
from rtcpeer.dtls.tls import OpenSslRecords, TlsError, TlsMachine
from tests.unit.dtls.link import EC_1, EC_2, RSA


def machines(settings=DtlsSettings(), server_certificate=EC_2):  # noqa: B008
    client = TlsMachine(EC_1, settings, is_client=True)
    server = TlsMachine(server_certificate, settings, is_client=False)
    client.advance()
    return client, server


def finish(client, server):
    for _ in range(3):
        for one, other in ((client, server), (server, client)):
            for record in one.output():
                other.advance(record.raw)
    assert client.is_complete
    assert server.is_complete
    return client, server


def test_secrets_are_known_before_the_handshake_ends():
    client, server = machines()
    assert client.secrets() is None
    for record in client.output():
        server.advance(record.raw)
    assert server.secrets() is None
    for record in server.output():
        client.advance(record.raw)
    for record in client.output():
        if record.epoch == 0:
            server.advance(record.raw)
    assert not client.is_complete
    assert not server.is_complete
    assert client.secrets() == server.secrets()
    assert len(client.secrets().master) == 48


def test_both_sides_see_each_others_certificate():
    client, server = finish(*machines())
    assert client.peer_chain() == [EC_2.der]
    assert server.peer_chain() == [EC_1.der]
    assert client.export(b"EXPORTER-x", 20) == server.export(b"EXPORTER-x", 20)


def test_messages_are_cut_to_the_mtu():
    client, server = machines(DtlsSettings(mtu=300), RSA)
    for record in client.output():
        server.advance(record.raw)
    assert max(len(record.raw) for record in server.output()) <= 300


def test_the_suites_offered_are_those_of_the_settings():
    client, _ = finish(*machines(DtlsSettings(cipher_suites=("ECDHE-ECDSA-CHACHA20-POLY1305",))))
    assert client.cipher_suite == "ECDHE-ECDSA-CHACHA20-POLY1305"


def test_srtp_takes_the_best_of_both_and_none_when_not_offered():
    assert finish(*machines())[0].srtp_profile == "SRTP_AEAD_AES_128_GCM"
    assert finish(*machines(DtlsSettings(srtp_profiles=())))[1].srtp_profile is None


def test_an_error_tells_the_alert():
    client = TlsMachine(EC_1, DtlsSettings(cipher_suites=("ECDHE-ECDSA-AES128-GCM-SHA256",)), is_client=True)
    server = TlsMachine(EC_2, DtlsSettings(cipher_suites=("ECDHE-ECDSA-CHACHA20-POLY1305",)), is_client=False)
    client.advance()
    with pytest.raises(TlsError, match="no shared cipher") as caught:
        server.advance(client.output()[0].raw)
    assert caught.value.sent_alert.description == AlertDescription.HANDSHAKE_FAILURE
    alert = server.output()[-1]
    assert alert.content_type == ContentType.ALERT
    with pytest.raises(TlsError) as caught:
        client.advance(alert.raw)
    assert caught.value.received_alert.description == AlertDescription.HANDSHAKE_FAILURE


def test_application_records_through_openssl():
    client, server = (OpenSslRecords(machine) for machine in finish(*machines()))
    records = client.seal_many([b"one", b"two"])
    assert [server.open(record) for record in records] == [b"one", b"two"]
    assert server.open(records[0]) == b""
    assert server.unauthenticated == 1
    assert server.open(records[0] + records[1]) is None
    assert server.open(b"\x16" + records[0][1:]) is None
    with pytest.raises(ValueError, match="16384"):
        client.seal(bytes(16385))


def test_a_released_machine_leaves_no_cycle():
    gc.disable()
    try:
        client, server = finish(*machines())
        alive = weakref.ref(client)
        del client, server
        assert alive() is None
    finally:
        gc.enable()
