import pytest

from rtcpeer.errors import SyntaxError as RTCSyntaxError
from rtcpeer.stack.servers import ServerScheme, ServerUrl


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("stun:example.org", (ServerScheme.STUN, "example.org", 3478, "udp")),
        ("STUN:example.org:19302", (ServerScheme.STUN, "example.org", 19302, "udp")),
        ("stuns:example.org", (ServerScheme.STUNS, "example.org", 5349, "tcp")),
        ("turn:192.0.2.1", (ServerScheme.TURN, "192.0.2.1", 3478, "udp")),
        ("turn:[2001:db8::1]:80?transport=TCP", (ServerScheme.TURN, "2001:db8::1", 80, "tcp")),
        ("turns:example.org?transport=udp", (ServerScheme.TURNS, "example.org", 5349, "udp")),
    ],
)
def test_parses(url, expected):
    server = ServerUrl.parse(url)
    assert (server.scheme, server.host, server.port, server.transport) == expected
    assert server.url == url


@pytest.mark.parametrize(
    "url",
    ["", "stun:", "stun", "http://example.org", "stun://example.org", "stun:example.org:0", "stun:example.org:65536",
     "stun:example.org?transport=udp", "turn:example.org?transport=sctp", "turn:example.org?", "stun:a b", "stun:[:::]",
     "stun:2001:db8::1", "stun:example.org\n", "turn:user@example.org", "stun:example.org:\uff13"],
)  # fmt: skip
def test_refuses_by_the_name_of_the_w3c(url):
    with pytest.raises(RTCSyntaxError) as caught:
        ServerUrl.parse(url)
    assert caught.value.name == "SyntaxError"
