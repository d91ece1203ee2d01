import pytest

from rtcpeer.api.states import connection_state, gathering_state, ice_connection_state


@pytest.mark.parametrize(
    ("transports", "together"),
    [
        ("new", "new"),
        ("complete complete", "complete"),
        ("complete new", "new"),
        ("complete gathering new", "gathering"),
    ],
)
def test_gathering(transports, together):
    assert gathering_state(transports.split()) == together


@pytest.mark.parametrize(
    ("transports", "together"),
    [
        ("new closed", "new"),
        ("closed", "new"),
        ("new connected", "checking"),
        ("checking completed", "checking"),
        ("connected completed", "connected"),
        ("completed closed", "completed"),
        ("completed disconnected new", "disconnected"),
        ("disconnected failed connected", "failed"),
    ],
)
def test_ice(transports, together):
    assert ice_connection_state(transports.split()) == together


@pytest.mark.parametrize(
    ("ice", "dtls", "together"),
    [
        ("new new", "new new", "new"),
        ("closed new", "closed new", "new"),
        ("checking new", "new new", "connecting"),
        ("completed connected", "connected connecting", "connecting"),
        ("completed new", "connected new", "connecting"),
        ("completed connected", "connected closed", "connected"),
        ("completed disconnected", "connected connected", "disconnected"),
        ("completed disconnected", "connected failed", "failed"),
        ("completed failed", "connected connected", "failed"),
    ],
)
def test_connection(ice, dtls, together):
    assert connection_state(zip(ice.split(), dtls.split(), strict=True)) == together
