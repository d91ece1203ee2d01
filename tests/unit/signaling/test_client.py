import pytest

from rtcpeer.errors import RtcpeerError
from rtcpeer.signaling import SignalingClient, SignalingConnectionError
from rtcpeer.signaling.client import websocket_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("http://127.0.0.1:8080/", "ws://127.0.0.1:8080/ws"),
        ("https://example.org", "wss://example.org/ws"),
        ("ws://[::1]:9/ws", "ws://[::1]:9/ws"),
        ("wss://example.org/signal/ws?a=b", "wss://example.org/signal/ws?a=b"),
    ],
)
def test_server_address_becomes_the_websockets(url: str, expected: str) -> None:
    assert websocket_url(url) == expected


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://x", "http://", "/ws"])
def test_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="is no address of a signalling server"):
        SignalingClient(url, "room")


def test_outside_of_a_room_there_is_no_id() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        _ = SignalingClient("http://x", "room").id


def test_lost_server_is_caught_as_ours_and_as_pythons() -> None:
    assert issubclass(SignalingConnectionError, RtcpeerError)
    assert issubclass(SignalingConnectionError, ConnectionError)
