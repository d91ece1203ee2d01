import pytest

from rtcpeer.turn import TurnSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("refresh_margin", -1.0),
        ("refresh_grace", -1.0),
        ("close_timeout", -0.1),
        ("bind_after", -1),
        ("max_redirects", -1),
        ("max_queued", -1),
        ("max_lifetime", 0.0),
        ("min_refresh_interval", 0.0),
        ("retry_interval", 0.0),
        ("rto", 0.0),
        ("reliable_timeout", 0.0),
        ("max_hosts_per_request", 0),
        ("max_requests", 0),
        ("last_wait_factor", 0),
        ("max_challenges", 0),
        ("max_peers", 0),
        ("max_unsent", 0),
        ("max_received", 0),
        ("lifetime", 0),
        ("lifetime", 1 << 32),
        ("permission_interval", 0.0),
        ("permission_interval", 300.0),
        ("channel_interval", 0.0),
        ("channel_interval", 600.0),
        ("software", "x" * 764),
    ],
)
def test_nonsense_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        TurnSettings(**{name: value})


def test_the_protocol_s_numbers_are_the_defaults():
    settings = TurnSettings()
    assert (settings.permission_interval, settings.channel_interval) == (240.0, 540.0)
    assert (settings.rto, settings.max_requests, settings.reliable_timeout) == (0.5, 7, 39.5)
