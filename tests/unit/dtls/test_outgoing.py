import pytest

from rtcpeer.dtls.alerts import CLOSE_NOTIFY, Alert
from rtcpeer.dtls.handshake import Handshake
from rtcpeer.dtls.outgoing import FAREWELLS, OutgoingAlerts
from rtcpeer.dtls.records import ContentType, Record
from rtcpeer.dtls.settings import DtlsSettings
from tests.unit.dtls.link import EC_1, EC_2, Link

DATA = Record(ContentType.APPLICATION_DATA, 1 << 48, bytes(14))


@pytest.fixture
def handshake():
    return Handshake(EC_1, DtlsSettings(), bytes, EC_2.fingerprints, is_client=False)


def test_an_alert_before_the_keys_is_plain(handshake):
    alerts = OutgoingAlerts()
    alerts.queue(Alert(2, 42), handshake)
    # type 21, DTLS 1.2, epoch 0, sequence_number 0, length 2, fatal, bad_certificate
    assert alerts.take() == [bytes.fromhex("15 fefd 0000 000000000000 0002 02 2a")]
    assert alerts.take() == []


def test_an_alert_after_our_finished_is_protected():
    link = Link().connect()
    alerts = OutgoingAlerts()
    alerts.queue(CLOSE_NOTIFY, link.client._handshake)
    (record,) = alerts.take()
    assert record[:5] == bytes.fromhex("15 fefd 0001")
    link.server.receive(record, link.now)
    assert link.server.state.value == "closed"


def test_the_last_word_is_repeated_so_often_and_not_for_alerts(handshake):
    alerts = OutgoingAlerts()
    alerts.say_again(DATA, handshake)
    assert alerts.take() == []  # nothing was said yet
    alerts.queue(CLOSE_NOTIFY, handshake)
    alerts.say_again(DATA, handshake)
    assert len(alerts.take()) == 1  # it was still to be said
    alerts.say_again(Record(ContentType.ALERT, 1 << 48, bytes(15)), handshake)
    assert alerts.take() == []
    said = 0
    for _ in range(FAREWELLS + 5):
        alerts.say_again(DATA, handshake)
        alerts.say_again(DATA, handshake)
        said += len(alerts.take())
    assert said == FAREWELLS
