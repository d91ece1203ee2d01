import socket
from typing import Any

import pytest

from rtcpeer.aio import network
from rtcpeer.aio.network import Interface, SystemNetwork
from rtcpeer.core import TransportAddress
from tests.sim.loop import run


def test_interfaces_are_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [Interface("eth0", 1, ())]
    monkeypatch.setattr(network, "list_interfaces", lambda: listed)
    assert SystemNetwork().interfaces() is listed


@pytest.mark.parametrize(
    ("host", "expected"),
    [("192.0.2.1", "192.0.2.1"), ("[2001:DB8::0:1]", "2001:db8::1"), ("2001:db8::1", "2001:db8::1")],
)
def test_numbers_need_no_resolver(host: str, expected: str) -> None:
    async def main() -> list[TransportAddress]:
        return await SystemNetwork().resolve(host, 3478)

    assert run(main()) == [TransportAddress(expected, 3478)]


def test_names_go_to_the_systems_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def getaddrinfo(host: str, port: int, *arguments: Any) -> list[Any]:
        asked.append((host, port))
        return [
            (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("2001:db8::1", 3478, 0, 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.1", 3478)),
            (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.1", 3478)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    async def main() -> list[TransportAddress]:
        return await SystemNetwork().resolve("stun.example", 3478)

    assert run(main()) == [TransportAddress("2001:db8::1", 3478), TransportAddress("192.0.2.1", 3478)]
    assert asked == [("stun.example", 3478)]


def test_a_name_without_addresses_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*arguments: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    async def main() -> None:
        with pytest.raises(OSError, match="not known"):
            await SystemNetwork().resolve("nowhere.example", 3478)

    run(main())
