"""Who repeats what, and when: the timers and the wire of `Handshake`, watched through two endpoints."""

import pytest

from rtcpeer.dtls import DtlsSettings, DtlsState, HandshakeFailed
from rtcpeer.dtls.flight import Flight, Sender
from rtcpeer.dtls.records import split_records
from tests.unit.dtls.link import Link

WHOLE = DtlsSettings(own_records=False)


def drop_nth(link: Link, sender, *positions: int) -> None:
    count = {"sent": -1}

    def drop(who, datagram) -> bool:
        if who is not sender:
            return False
        count["sent"] += 1
        return count["sent"] in positions

    link.drop = drop


def starts(link: Link, sender) -> list[int]:
    """The message type that each datagram begins with; 20 for ChangeCipherSpec."""
    return [datagram[13] if datagram[0] == 22 else 20 for datagram in link.sent[sender]]


@pytest.mark.parametrize("settings", [DtlsSettings(), WHOLE])
@pytest.mark.parametrize("lost", ["client 0", "client 1", "server 0", "server 1"])
def test_each_flight_can_be_lost(settings, lost):
    who, position = lost.split()
    link = Link(client_settings=settings, server_settings=settings)
    drop_nth(link, link.client if who == "client" else link.server, int(position))
    link.connect()
    assert link.client.state is link.server.state is DtlsState.CONNECTED
    # One loss costs about one initial timeout.
    assert link.now - 1000.0 < 0.45


def test_a_lost_last_flight_is_repeated_on_request_only():
    link = Link()
    drop_nth(link, link.server, 1)
    link.connect()
    assert starts(link, link.server) == [2, 20, 20]
    assert starts(link, link.client) == [1, 11, 11]
    assert link.server.statistics().flight_retransmissions == 1


def test_the_timer_doubles_and_gives_up():
    link = Link(client_settings=DtlsSettings(handshake_timeout=5.0, retransmit_initial=0.5, retransmit_max=1.5))
    link.drop = lambda sender, datagram: True
    link.start()
    times = []
    while link.client.state is DtlsState.CONNECTING:
        before = len(link.sent[link.client])
        link.step()
        if len(link.sent[link.client]) > before:
            times.append(link.now - 1000.0)
    # Up to 5 % later than 0.5, +1.0, +1.5 and +1.5; the same stretch for all of them.
    stretch = times[0] / 0.5
    assert 1.0 <= stretch <= 1.05
    assert [when / stretch for when in times] == pytest.approx([0.5, 1.5, 3.0, 4.5])
    failed = link.events[link.client][-1]
    assert isinstance(failed, HandshakeFailed)
    assert "did not answer our ClientHello within 5 s" in failed.reason
    assert "nothing came" in failed.reason
    assert link.client.next_timeout() is None


def test_a_server_that_is_never_called_says_so():
    link = Link(server_settings=DtlsSettings(handshake_timeout=2.0))
    link.drop = lambda sender, datagram: True
    link.connect()
    assert link.events[link.server][-1].reason == "the peer sent no ClientHello within 2 s"


@pytest.mark.parametrize(
    ("mute", "expected"),
    [("client", "certificate, key exchange and Finished"), ("server", "ServerHello, certificate and key exchange")],
)
def test_the_flight_that_nobody_answered_is_named(mute, expected):
    link = Link()
    sender = link.client if mute == "server" else link.server
    count = {"sent": 0}

    def drop(who, datagram) -> bool:
        count["sent"] += who is sender
        return who is sender and count["sent"] > 1

    link.drop = drop
    link.connect()
    other = link.server if mute == "server" else link.client
    assert expected in link.events[other][-1].reason


def test_a_repeated_flight_is_answered_without_waiting_for_the_timer():
    patient = DtlsSettings(retransmit_initial=10.0, retransmit_max=10.0, handshake_timeout=30.0)
    link = Link(client_settings=patient)
    drop_nth(link, link.client, 1)  # the flight with the Finished
    link.connect()
    assert link.client.state is DtlsState.CONNECTED
    assert link.now - 1000.0 < 10.0


def test_what_openssl_repeats_by_its_own_clock_is_dropped():
    """Its timer reads the real clock; here it seems to have fired before every step."""
    link = Link()
    link.start()
    repeated = 0
    while link.server.state is not DtlsState.CONNECTED and link.step():
        for peer in link.peers:
            handshake = peer._handshake
            flight = handshake._flight
            if handshake.is_complete or flight is None:
                continue
            plain = [record for record in flight.records if not record.is_protected]
            raw = b"".join(Sender().flight(Flight(plain)))
            handshake._take_flight(split_records(raw)[0])
            assert handshake._flight is flight
            assert not handshake.is_flight_due
            repeated += 1
    assert repeated > 3
    link.run()
    assert link.client.state is link.server.state is DtlsState.CONNECTED
    assert starts(link, link.client) == [1, 11]


def test_nothing_is_sent_to_a_peer_with_the_wrong_certificate():
    link = Link()
    link.start(client_knows=link.client.certificate.fingerprints)
    link.run()
    # The ClientHello and the alert: neither our certificate nor a Finished.
    assert starts(link, link.client)[0] == 1
    assert [datagram[0] for datagram in link.sent[link.client]] == [22, 21]


def test_a_high_record_number_from_nowhere_does_not_stop_the_handshake():
    link = Link()
    link.start()
    link.drain()
    hello = bytes.fromhex("16 fefd 0000 ffffffffffff 000c 01 000000 0000 000000 000000")
    server_hello = bytes.fromhex("16 fefd 0000 ffffffffffff 000c 02 000000 0009 000000 000000")
    link.client.receive(server_hello, link.now)
    link.server.receive(hello.replace(b"\x01\x00\x00\x00\x00\x00", b"\x0b\x00\x00\x00\x00\x09"), link.now)
    link.run()
    assert link.client.state is link.server.state is DtlsState.CONNECTED
