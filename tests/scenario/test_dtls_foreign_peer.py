"""Against bare OpenSSL, which numbers, repeats and drops replays as it sees fit: what another stack's peer is."""

from collections.abc import Callable

import pytest
from OpenSSL import SSL

from rtcpeer.dtls import DtlsEndpoint, DtlsRole, DtlsSettings, DtlsState
from tests.unit.dtls.link import EC_1, EC_2, RSA, Certificate


class Foreign:
    """An OpenSSL connection whose timers never run, driven by what arrives."""

    def __init__(self, certificate: Certificate, *, is_client: bool, has_cookie: bool = False) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        if has_cookie:
            context.set_options(SSL.OP_COOKIE_EXCHANGE)
            context.set_cookie_generate_callback(lambda _: b"cookie")
            context.set_cookie_verify_callback(lambda _, cookie: cookie == b"cookie")
        context.use_certificate(certificate.x509)
        context.use_privatekey(certificate.private_key)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
        context.set_options(SSL.OP_NO_QUERY_MTU)
        self.connection = SSL.Connection(context, None)
        self.connection.set_ciphertext_mtu(1200)
        if is_client:
            self.connection.set_connect_state()
        else:
            self.connection.set_accept_state()
        self.received: list[bytes] = []
        self.is_closed = False

    def turn(self, datagrams: list[bytes]) -> list[bytes]:
        """Take what came and give what is to be sent, a record a datagram."""
        for datagram in datagrams or [b""]:
            if datagram:
                self.connection.bio_write(datagram)
            try:
                self.connection.do_handshake()
                while True:
                    self.received.append(self.connection.recv(20000))
            except SSL.WantReadError:
                pass
            except SSL.ZeroReturnError:
                self.is_closed = True
        return self.output()

    def output(self) -> list[bytes]:
        try:
            data = self.connection.bio_read(65536)
        except SSL.WantReadError:
            return []
        records = []
        while data:
            length = 13 + int.from_bytes(data[11:13], "big")
            records.append(data[:length])
            data = data[length:]
        return records

    def seal(self, data: bytes) -> bytes:
        self.connection.send(data)
        return self.connection.bio_read(65536)


def talk(
    endpoint: DtlsEndpoint, foreign: Foreign, lost: Callable[[str, int], bool] = lambda who, position: False
) -> float:
    """Hand datagrams over until both are quiet; what ``lost`` picks never arrives. The virtual seconds it took."""
    now = 0.0
    ours = theirs = 0
    back = foreign.turn([])
    for _ in range(60):
        out = []
        for datagram in endpoint.packets_to_send(now):
            if not lost("ours", ours):
                out.append(datagram)
            ours += 1
        back += foreign.turn(out)
        for datagram in back:
            if not lost("theirs", theirs):
                endpoint.receive(datagram, now)
            theirs += 1
        is_quiet = not out and not back
        back = []
        if is_quiet:
            due = endpoint.next_timeout()
            if due is None:
                return now
            now = max(now, due)
            endpoint.handle_timeout(now)
    return now


def make(*, is_client: bool, foreign_certificate: Certificate = EC_2) -> tuple[DtlsEndpoint, Foreign]:
    endpoint = DtlsEndpoint(EC_1, DtlsSettings(), bytes)
    endpoint.start(DtlsRole.CLIENT if is_client else DtlsRole.SERVER, foreign_certificate.fingerprints)
    return endpoint, Foreign(foreign_certificate, is_client=not is_client)


@pytest.mark.parametrize("is_client", [True, False])
@pytest.mark.parametrize("certificate", [EC_2, RSA])
def test_handshake_data_keys_and_goodbye(is_client, certificate):
    endpoint, foreign = make(is_client=is_client, foreign_certificate=certificate)
    talk(endpoint, foreign)
    assert endpoint.state is DtlsState.CONNECTED
    foreign.turn([endpoint.seal(b"from us"), *endpoint.seal_many([b"again", bytes(1200)])])
    assert foreign.received == [b"from us", b"again", bytes(1200)]
    endpoint.receive(foreign.seal(b"from them"), 1.0)
    assert endpoint.take_data() == [b"from them"]
    assert endpoint.srtp_profile == "SRTP_AES128_CM_SHA1_80"
    material = foreign.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 60)
    assert {endpoint.srtp_keys().local_key, endpoint.srtp_keys().remote_key} == {material[:16], material[16:32]}
    assert endpoint.srtp_keys().local_key == (material[:16] if is_client else material[16:32])
    endpoint.close()
    foreign.turn(endpoint.packets_to_send(1.0))
    assert foreign.is_closed


def test_their_goodbye():
    endpoint, foreign = make(is_client=True)
    talk(endpoint, foreign)
    foreign.connection.shutdown()
    for record in foreign.output():
        endpoint.receive(record, 1.0)
    assert endpoint.state is DtlsState.CLOSED
    foreign.turn(endpoint.packets_to_send(1.0))
    assert foreign.is_closed


def test_a_server_that_lost_its_last_flight_repeats_it_for_our_fresh_finished():
    """It answers a repeated Finished only if that passes its replay window, so a verbatim copy would not do."""
    endpoint, foreign = make(is_client=True)
    # Theirs: ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone; then CCS and Finished.
    spent = talk(endpoint, foreign, lambda who, position: who == "theirs" and position in {5, 6})
    assert endpoint.state is DtlsState.CONNECTED
    assert 0.0 < spent < 1.0
    foreign.turn([endpoint.seal(b"data")])
    assert foreign.received == [b"data"]
    endpoint.receive(foreign.seal(b"back"), spent)
    assert endpoint.take_data() == [b"back"]


# Not a server's last flight: a client without a timer never asks for it.
@pytest.mark.parametrize(("is_client", "position"), [(True, 0), (True, 1), (False, 0)])
def test_our_flights_can_be_lost(is_client, position):
    endpoint, foreign = make(is_client=is_client)
    spent = talk(endpoint, foreign, lambda who, index: who == "ours" and index == position)
    assert endpoint.state is DtlsState.CONNECTED
    assert 0.0 < spent < 1.0


@pytest.mark.parametrize("position", [None, 0, 1, 2])
def test_a_server_may_ask_for_a_cookie(position):
    """HelloVerifyRequest (RFC 6347 section 4.2.1), also when one of our three flights is lost."""
    endpoint = DtlsEndpoint(EC_1, DtlsSettings(), bytes)
    endpoint.start(DtlsRole.CLIENT, EC_2.fingerprints)
    foreign = Foreign(EC_2, is_client=False, has_cookie=True)
    talk(endpoint, foreign, lambda who, index: who == "ours" and index == position)
    assert endpoint.state is DtlsState.CONNECTED
    foreign.turn([endpoint.seal(b"data")])
    assert foreign.received == [b"data"]


def test_a_whole_openssl_client_repeats_by_the_real_clock(monkeypatch):
    """Where OpenSSL has the keys, its own timer is asked whenever ours fires."""
    endpoint = DtlsEndpoint(EC_1, DtlsSettings(own_records=False), bytes)
    endpoint.start(DtlsRole.CLIENT, EC_2.fingerprints)
    foreign = Foreign(EC_2, is_client=False)
    asked = []

    def handle_timeout(connection: SSL.Connection) -> None:
        asked.append(connection)

    monkeypatch.setattr(SSL.Connection, "DTLSv1_handle_timeout", handle_timeout)
    talk(endpoint, foreign, lambda who, position: who == "theirs" and position >= 5)
    assert endpoint.state is DtlsState.FAILED
    assert len(asked) > 3
    assert foreign.connection not in asked
