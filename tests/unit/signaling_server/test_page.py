import pytest

from signaling_server.page import content_security_policy


def test_policy_allows_the_websocket_of_this_host() -> None:
    policy = content_security_policy("example.org:8080")
    assert "connect-src 'self' ws://example.org:8080 wss://example.org:8080;" in policy
    assert "default-src 'self';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("host", ["", "x; script-src *", "a b", "x'", "h" * 300])
def test_host_header_adds_no_directive(host: str) -> None:
    assert "connect-src 'self';" in content_security_policy(host)
