import random

import pytest

from rtcpeer.ice import IceParameters, IceSettings
from rtcpeer.ice.parameters import generate_parameters


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("check_interval", 0.001), ("rto", 0), ("max_requests", 0), ("max_pairs", 0), ("max_remote_candidates", 0),
        ("patience", -1), ("keepalive_interval", -1), ("consent_timeout", 0), ("username_fragment", "abc"),
        ("username_fragment", "a b c"), ("password", "short"), ("username_fragment_length", 3), ("password_length", 21),
        ("transport_policy", "some"), ("trickle", "perhaps"), ("bulk_wait", -0.1),
        ("network_types", ("udp",)), ("tcp_candidates", ("sometimes",)), ("tcp_check_timeout", 0),
        ("tcp_accept_timeout", 0), ("max_tcp_connections", 0), ("tcp_acceptance_wait", -1),
    ],
)  # fmt: skip
def test_settings_that_can_not_work_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        IceSettings(**{field: value})


def test_credentials_are_random_and_as_long_as_asked():
    entropy = random.Random(1).randbytes
    first, second = (generate_parameters(IceSettings(), entropy) for _ in range(2))
    assert (len(first.username_fragment), len(first.password)) == (8, 24)
    assert first.password != second.password
    assert first.options == ("trickle",)
    IceSettings(username_fragment=first.username_fragment, password=first.password)


def test_credentials_by_setting():
    settings = IceSettings(username_fragment="ours", password="x" * 22)
    parameters = generate_parameters(settings, bytes)
    assert (parameters.username_fragment, parameters.password) == ("ours", "x" * 22)


@pytest.mark.parametrize(
    ("ufrag", "password"), [("abc", "x" * 22), ("a:bc", "x" * 22), ("abcd", "x" * 21), ("abcd", "x" * 257)]
)
def test_parameters_of_wrong_length_are_refused(ufrag, password):
    with pytest.raises(ValueError, match="must have"):
        IceParameters(ufrag, password)
