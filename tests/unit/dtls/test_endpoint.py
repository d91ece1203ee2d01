import pytest

from rtcpeer.dtls import (
    AlertDescription,
    AlertReceived,
    CloseReason,
    DtlsEndpoint,
    DtlsRole,
    DtlsSettings,
    DtlsState,
    EarlyDataAllowed,
    EndpointClosed,
    HandshakeCompleted,
    HandshakeFailed,
)
from rtcpeer.dtls.records import split_records
from rtcpeer.errors import InvalidStateError
from tests.unit.dtls.link import EC_1, EC_2, RSA, Link

WHOLE = DtlsSettings(own_records=False)
CBC = DtlsSettings(cipher_suites=("ECDHE-ECDSA-AES128-SHA",))
CHACHA = DtlsSettings(cipher_suites=("ECDHE-ECDSA-CHACHA20-POLY1305",))
AES_256 = DtlsSettings(cipher_suites=("ECDHE-ECDSA-AES256-GCM-SHA384",))


def exchange(link: Link) -> None:
    for sender, receiver in (link.peers, link.peers[::-1]):
        payloads = [bytes([index]) * (index + 1) for index in range(20)] + [bytes(1200)]
        for record in [*sender.seal_many(payloads[:10]), *map(sender.seal, payloads[10:])]:
            link.send(sender, record)
        link.run()
        assert receiver.take_data() == payloads
        assert receiver.take_data() == []


@pytest.mark.parametrize("client", [DtlsSettings(), WHOLE, CBC, CHACHA, AES_256])
@pytest.mark.parametrize("server", [DtlsSettings(), WHOLE])
def test_data_flows_whoever_makes_the_records(client, server):
    link = Link(client_settings=client, server_settings=server).connect()
    assert link.client.state is link.server.state is DtlsState.CONNECTED
    assert link.client.cipher_suite == link.server.cipher_suite
    assert link.client.version == "FEFD"
    exchange(link)
    assert link.client.statistics().records_received == 21


def test_both_sides_know_whom_they_talk_to():
    link = Link(server_certificate=RSA).connect()
    completed = HandshakeCompleted("ECDHE-RSA-AES128-GCM-SHA256", "SRTP_AEAD_AES_128_GCM")
    assert link.events == {link.client: [completed], link.server: [completed]}
    assert link.client.remote_certificates == [RSA.der]
    assert link.server.remote_certificates == [EC_1.der]
    assert (link.client.role, link.server.role) == (DtlsRole.CLIENT, DtlsRole.SERVER)
    exchange(link)


def test_two_rsa_certificates_and_a_small_mtu():
    settings = DtlsSettings(mtu=256)
    link = Link(
        client_certificate=RSA, server_certificate=RSA, client_settings=settings, server_settings=settings
    ).connect()
    assert link.server.state is DtlsState.CONNECTED
    assert max(map(len, [*link.sent[link.client], *link.sent[link.server]])) <= 256


def test_a_flight_is_packed_into_few_datagrams():
    link = Link().connect()
    assert len(link.sent[link.client]) == 2
    assert len(link.sent[link.server]) == 2


@pytest.mark.parametrize("settings", [DtlsSettings(), WHOLE])
@pytest.mark.parametrize("profile", ["SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM"])
def test_srtp_keys_mirror_each_other(settings, profile):
    only = DtlsSettings(srtp_profiles=(profile,), own_records=settings.own_records)
    link = Link(client_settings=only).connect()
    client, server = link.client.srtp_keys(), link.server.srtp_keys()
    assert client.profile == server.profile == profile
    assert (client.local_key, client.local_salt) == (server.remote_key, server.remote_salt)
    assert (client.remote_key, client.remote_salt) == (server.local_key, server.local_salt)
    assert client.local_key != client.remote_key


def test_there_are_no_srtp_keys_without_a_common_profile():
    link = Link(client_settings=DtlsSettings(srtp_profiles=())).connect()
    assert link.client.state is DtlsState.CONNECTED
    assert link.client.srtp_keys() is None
    assert link.server.srtp_profile is None


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512"])
def test_any_accepted_fingerprint_will_do(algorithm):
    link = Link()
    link.start([EC_2.fingerprint(algorithm)], [EC_1.fingerprint(algorithm)])
    link.run()
    assert link.client.state is link.server.state is DtlsState.CONNECTED


@pytest.mark.parametrize("settings", [DtlsSettings(), WHOLE])
@pytest.mark.parametrize("closer", [0, 1])
def test_close_notify_ends_both_sides(settings, closer):
    link = Link(client_settings=settings, server_settings=settings).connect()
    one, other = link.peers[closer], link.peers[1 - closer]
    link.send(one, one.seal(b"last words"))
    one.close()
    one.close()
    link.run()
    assert one.state is other.state is DtlsState.CLOSED
    assert link.events[one][1:] == [EndpointClosed(CloseReason.LOCAL)]
    received, closed = link.events[other][1:]
    assert isinstance(received, AlertReceived)
    assert closed == EndpointClosed(CloseReason.REMOTE, received.alert)
    assert other.take_data() == [b"last words"]
    with pytest.raises(InvalidStateError, match="closed"):
        other.seal(b"too late")


def test_a_lost_close_notify_is_said_again_when_the_peer_goes_on():
    link = Link().connect()
    link.drop = lambda sender, datagram: sender is link.client
    link.client.close()
    link.run()
    assert link.server.state is DtlsState.CONNECTED
    link.drop = lambda sender, datagram: False
    link.send(link.server, link.server.seal(b"are you there?"))
    link.run()
    assert link.server.state is DtlsState.CLOSED
    assert link.client.take_data() == []


def test_farewells_are_bounded():
    link = Link().connect()
    link.drop = lambda sender, datagram: sender is link.client
    link.client.close()
    before = len(link.sent[link.client])
    for _ in range(50):
        link.send(link.server, link.server.seal(b"are you there?"))
        link.run()
    assert len(link.sent[link.client]) - before == 17


def test_a_fatal_alert_ends_the_connection():
    link = Link().connect()
    handshake = link.client._handshake
    link.send(link.client, handshake.sender.record(21, b"\x02\x50", is_protected=True))
    link.run()
    assert link.events[link.server][-1].reason is CloseReason.FATAL_ALERT
    assert link.events[link.server][-1].alert.description == AlertDescription.INTERNAL_ERROR


def test_renegotiation_is_refused():
    link = Link().connect()
    hello = bytes.fromhex("01 000000 0007 000000 000000")
    link.send(link.client, link.client._handshake.sender.record(22, hello, is_protected=True))
    link.run()
    assert link.events[link.client][-1].alert.description == AlertDescription.NO_RENEGOTIATION
    exchange(link)


def test_plaintext_means_nothing_once_connected():
    link = Link().connect()
    for content_type, body in ((21, "0200"), (21, "0100"), (23, "6162"), (20, "01")):
        record = bytes.fromhex(f"{content_type:02x} fefd 0000 000000000063 {len(body) // 2:04x} {body}")
        link.send(link.client, record)
    link.run()
    assert link.server.state is DtlsState.CONNECTED
    assert link.server.take_data() == []
    assert link.server.statistics().dropped_malformed == 3
    exchange(link)


def test_several_records_in_one_datagram():
    link = Link().connect()
    link.send(link.client, b"".join(link.client.seal_many([b"one", b"two", b"three"])) + b"\x17\xfe")
    link.run()
    assert link.server.take_data() == [b"one", b"two", b"three"]
    assert link.server.statistics().dropped_malformed == 1


def test_replays_and_forgeries_are_counted():
    link = Link().connect()
    record = link.client.seal(b"once")
    forged = record[:-1] + bytes([record[-1] ^ 1])
    for datagram in (forged, record, record):
        link.send(link.client, datagram)
    link.run()
    assert link.server.take_data() == [b"once"]
    statistics = link.server.statistics()
    assert (statistics.dropped_replayed, statistics.dropped_unauthenticated) == (1, 1)
    link.server.close()
    assert link.server.statistics() == statistics


def test_what_comes_before_the_start_is_kept():
    link = Link()
    link.client.start(DtlsRole.CLIENT, EC_2.fingerprints)
    (hello,) = link.client.packets_to_send(0.0)
    link.server.receive(hello, 0.0)
    assert link.server.packets_to_send(0.0) == []
    link.server.start(DtlsRole.SERVER, EC_1.fingerprints)
    assert link.server.packets_to_send(0.0) != []


def test_what_comes_before_the_start_is_bounded():
    endpoint = DtlsEndpoint(EC_1, DtlsSettings(early_records=3), bytes)
    for _ in range(10):
        endpoint.receive(b"\x16", 0.0)
    assert endpoint.statistics().dropped_early == 7


def test_misuse_is_told():
    endpoint = DtlsEndpoint(EC_1, DtlsSettings(), bytes)
    with pytest.raises(InvalidStateError, match="new"):
        endpoint.seal(b"x")
    with pytest.raises(ValueError, match="fingerprint"):
        endpoint.start(DtlsRole.CLIENT, [])
    endpoint.start(DtlsRole.CLIENT, EC_2.fingerprints)
    with pytest.raises(InvalidStateError, match="connecting"):
        endpoint.seal_many([b"x"])
    with pytest.raises(InvalidStateError, match="once"):
        endpoint.start(DtlsRole.CLIENT, EC_2.fingerprints)


def test_closed_before_it_began():
    endpoint = DtlsEndpoint(EC_1, DtlsSettings(), bytes)
    endpoint.close()
    assert endpoint.state is DtlsState.CLOSED
    assert endpoint.packets_to_send(0.0) == []
    endpoint.receive(b"\x16\xfe", 0.0)
    endpoint.handle_timeout(99.0)
    assert (endpoint.poll_events(), endpoint.next_timeout()) == ([], None)


def test_closing_during_the_handshake_tells_the_peer():
    link = Link()
    link.start()
    link.step()
    link.client.close()
    link.run()
    assert link.client.state is DtlsState.CLOSED
    assert link.server.state is DtlsState.FAILED
    assert link.events[link.server][-1].received_alert.is_close


def test_no_common_suite_fails_on_both_sides():
    link = Link(client_settings=CHACHA, server_settings=AES_256).connect()
    client, server = link.events[link.client][-1], link.events[link.server][-1]
    assert isinstance(server, HandshakeFailed)
    assert "no shared cipher" in server.reason
    assert server.sent_alert.name == client.received_alert.name == "handshake_failure"


def test_data_that_overtakes_the_finished_is_kept_and_bounded():
    link = Link(client_settings=DtlsSettings(early_records=4))
    link.start()
    while link.server.state is not DtlsState.CONNECTED:
        link.step()
    for index in range(6):
        link.client.receive(link.server.seal(bytes([index])), link.now)
    assert link.client.take_data() == []
    link.run()
    assert link.client.take_data() == [bytes([index]) for index in range(4)]
    assert link.client.statistics().dropped_early == 2


def test_false_start_saves_the_client_a_round_trip():
    link = Link(client_settings=DtlsSettings(false_start=True))
    link.start()
    while link.client not in {peer for peer in link.peers if EarlyDataAllowed() in link.events[peer]}:
        link.step()
    allowed_at = link.now
    assert link.client.state is DtlsState.CONNECTING
    link.send(link.client, link.client.seal(b"early"))
    link.run()
    assert link.server.take_data() == [b"early"]
    assert allowed_at == pytest.approx(1000.0 + 2 * link.delay)
    assert link.client.state is DtlsState.CONNECTED
    exchange(link)


def test_without_false_start_the_client_waits():
    link = Link().connect()
    assert EarlyDataAllowed() not in link.events[link.client]


@pytest.mark.parametrize("settings", [CBC, WHOLE])
def test_false_start_needs_records_of_our_own(settings):
    early = DtlsSettings(cipher_suites=settings.cipher_suites, own_records=settings.own_records, false_start=True)
    link = Link(client_settings=early).connect()
    assert EarlyDataAllowed() not in link.events[link.client]
    assert link.client.state is DtlsState.CONNECTED


def test_openssl_is_let_go_after_the_handshake():
    link = Link().connect()
    assert link.client._handshake._tls is None
    exchange(link)


def test_no_record_number_is_used_twice():
    link = Link(3, loss=0.3, duplication=0.0, jitter=0.05)
    link.connect()
    exchange_records = [link.client.seal(b"x"), link.client.seal(b"y")]
    for peer in link.peers:
        sent = link.sent[peer] + (exchange_records if peer is link.client else [])
        numbers = [record.numbers for datagram in sent for record in split_records(datagram)[0]]
        assert len(set(numbers)) == len(numbers)
