import pytest

from rtcpeer.dtls import DtlsSettings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mtu", 255),
        ("mtu", 20000),
        ("retransmit_initial", 0.0),
        ("retransmit_max", 0.1),
        ("handshake_timeout", 0.0),
        ("cipher_suites", ()),
        ("srtp_profiles", ("SRTP_NULL",)),
        ("replay_window", 63),
        ("early_records", -1),
    ],
)
def test_a_wrong_value_names_its_field(field, value):
    with pytest.raises(ValueError, match=field):
        DtlsSettings(**{field: value})


def test_retransmission_is_quicker_than_the_rfc_says():
    """The deviation of docs/deviations.md: RFC 6347 section 4.2.4.1 has 1 s."""
    assert DtlsSettings().retransmit_initial == 0.2
