import pytest

from rtcpeer.dtls.alerts import CLOSE_NOTIFY, Alert, AlertDescription, AlertLevel, parse_alert


def test_an_alert_says_what_it_is():
    alert = parse_alert(bytes([2, 42]))
    assert alert == Alert(AlertLevel.FATAL, AlertDescription.BAD_CERTIFICATE)
    assert str(alert) == "bad_certificate (fatal)"
    assert alert.is_fatal
    assert not alert.is_close


def test_close_notify_is_a_warning_that_closes():
    assert bytes(CLOSE_NOTIFY) == bytes([1, 0])
    assert CLOSE_NOTIFY.is_close
    assert not CLOSE_NOTIFY.is_fatal


def test_an_unregistered_description_keeps_its_number():
    assert parse_alert(bytes([1, 200])).name == "alert_200"


@pytest.mark.parametrize("body", [b"", b"\x02", b"\x02\x2a\x00", b"\x03\x2a", b"\x00\x00"])
def test_what_is_no_alert_is_none(body):
    assert parse_alert(body) is None
