"""A certificate that nobody signalled: the side that verifies fails, says why, and tells the peer, also under loss."""

import pytest

from rtcpeer.dtls import AlertDescription, DtlsSettings, DtlsState, HandshakeFailed
from tests.unit.dtls.link import RSA, Link


@pytest.mark.parametrize("settings", [DtlsSettings(), DtlsSettings(own_records=False)])
@pytest.mark.parametrize("verifier", ["client", "server"])
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_the_verifying_side_fails_and_tells_the_peer(settings, verifier, loss):
    for seed in range(20):
        link = Link(seed, loss=loss, jitter=0.03, client_settings=settings, server_settings=settings)
        if verifier == "client":
            link.start(client_knows=RSA.fingerprints)
            one, other = link.client, link.server
        else:
            link.start(server_knows=RSA.fingerprints)
            one, other = link.server, link.client
        link.run()
        failed = link.events[one][-1]
        assert isinstance(failed, HandshakeFailed), seed
        assert failed.is_fingerprint_mismatch
        assert failed.sent_alert.description == AlertDescription.BAD_CERTIFICATE
        told = link.events[other][-1]
        assert isinstance(told, HandshakeFailed), seed
        assert told.received_alert == failed.sent_alert
        assert one.state is other.state is DtlsState.FAILED
        assert one.take_data() == other.take_data() == []
        assert one.srtp_keys() is other.srtp_keys() is None
