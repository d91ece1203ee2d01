import pytest

from rtcpeer import (
    InvalidAccessError,
    NotSupportedError,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    Settings,
)
from rtcpeer.errors import SyntaxError as RTCSyntaxError


def test_dictionary_and_object_are_the_same():
    as_dict = RTCConfiguration.of({"iceServers": [{"urls": ["stun:a", "turn:b"], "username": "u", "credential": "c"}]})
    assert as_dict == RTCConfiguration(iceServers=[RTCIceServer(["stun:a", "turn:b"], "u", "c")])
    assert [server.host for server in as_dict.server_urls()] == ["a", "b"]
    assert RTCConfiguration.of(None) == RTCConfiguration.of({}) == RTCConfiguration()
    assert RTCConfiguration.of(as_dict) is as_dict


def test_policies_have_names():
    named = RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE, iceTransportPolicy=RTCIceTransportPolicy.RELAY)
    assert named == RTCConfiguration(bundlePolicy="max-bundle", iceTransportPolicy="relay")
    assert {type(named.bundlePolicy), type(named.iceTransportPolicy)} == {str}
    assert Settings().configured(named).ice.transport_policy == "relay"


@pytest.mark.parametrize(
    ("configuration", "error"),
    [
        ({"iceServers": [{"urls": "http://x"}]}, RTCSyntaxError),
        ({"iceServers": [{"urls": []}]}, RTCSyntaxError),
        ({"iceServers": [{"urls": 5}]}, TypeError),
        ({"iceServers": [{"urls": [5]}]}, TypeError),
        ({"iceServers": [{}]}, TypeError),
        ({"iceServers": [{"urls": "turn:x"}]}, InvalidAccessError),
        ({"iceServers": [{"urls": "stun:x", "credentialType": "oauth"}]}, NotSupportedError),
        ({"iceTransportPolicy": "none"}, TypeError),
        ({"bundlePolicy": "x"}, TypeError),
        ({"rtcpMuxPolicy": "negotiate"}, TypeError),
        ({"iceCandidatePoolSize": 256}, TypeError),
        ({"iceServer": []}, TypeError),
    ],
)
def test_errors_are_the_w3cs(configuration, error):
    with pytest.raises(error):
        RTCPeerConnection(configuration)


def test_the_association_outlives_ice():
    # All retransmissions of one chunk: from rto_min on, doubled up to rto_max.
    sctp = Settings().sctp
    waits = [min(sctp.rto_min * 2**number, sctp.rto_max) for number in range(sctp.max_retransmits)]
    ice = Settings().ice
    assert sum(waits) > ice.disconnected_timeout + ice.failed_timeout
    assert sum(waits) > ice.consent_timeout


def test_credentials_may_be_a_function_in_place_of_both():
    def make():
        return "ada", "lovelace"

    server = RTCIceServer(["turn:x", "turns:x?transport=udp", "stun:x"], credential=make)
    assert [url.credential_source for url in server.parsed_urls()] == [make] * 3
    assert all(url.credentials is None for url in server.parsed_urls())


def test_a_credential_is_not_shown_by_accident():
    configuration = RTCConfiguration(iceServers=[{"urls": "turn:x", "username": "ada", "credential": "lovelace"}])
    assert "lovelace" not in repr(configuration)
    assert "lovelace" not in repr(configuration.server_urls())
