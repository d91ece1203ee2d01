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
        ("transport_policy", "some"), ("trickle", "perhaps"), ("gathering_policy", "never"), ("bulk_wait", -0.1),
        ("network_poll_interval", 0),
        ("renomination_interval", 0), ("renomination_rtt_gain", -1), ("renomination_score_gain", -1),
        ("lite_disconnected_timeout", -1), ("disconnected_timeout", -1), ("failed_timeout", -1),
        ("host_acceptance_wait", -1), ("consent_interval", 0), ("max_early_checks", -1),
        ("candidate_types", ["prflx"]), ("candidate_types", "host"), ("candidate_types", ()),
        ("interface_filter", "eth0"), ("interface_filter", [""]), ("candidate_filter", "host"),
        ("local_address_filter", "10.0.0.1"), ("local_address_filter", ["eth0"]),
        ("remote_address_filter", ["10.0.0.0/99"]), ("address_rewrites", ["198.51.100.1"]),
        ("bind_addresses", "10.0.0.1"), ("bind_addresses", ["eth0"]), ("bind_addresses", ["0.0.0.0"]),
        ("bind_addresses", ["ff02::1"]), ("port_range", (0, 10)), ("port_range", (20, 10)), ("port_range", (1, 65536)),
        ("port_range", (5000,)),
        ("network_types", ("udp",)), ("tcp_candidates", ("sometimes",)), ("tcp_check_timeout", 0),
        ("tcp_accept_timeout", 0), ("max_tcp_connections", 0), ("tcp_acceptance_wait", -1),
    ],
)  # fmt: skip
def test_settings_that_can_not_work_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        IceSettings(**{field: value})


def test_a_choice_that_the_policy_leaves_nothing_of_is_refused():
    with pytest.raises(ValueError, match="candidate_types leaves nothing of what transport_policy and lite allow"):
        IceSettings(candidate_types=["host", "srflx"], transport_policy="relay")


def test_credentials_are_random_and_as_long_as_asked():
    entropy = random.Random(1).randbytes
    first, second = (generate_parameters(IceSettings(), entropy) for _ in range(2))
    assert (len(first.username_fragment), len(first.password)) == (8, 24)
    assert first.password != second.password
    assert first.options == ("trickle", "renomination")
    assert generate_parameters(IceSettings(renomination=False), entropy).options == ("trickle",)
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
