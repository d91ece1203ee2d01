import ifaddr
import pytest

from rtcpeer.aio import interfaces
from rtcpeer.aio.interfaces import (
    Interface,
    InterfaceAddress,
    list_interfaces,
    parse_if_inet6,
    preference_order,
    select_addresses,
)
from rtcpeer.aio.rtnetlink import NetlinkAddress

IF_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000001 02 40 00 00     eth0
20010db80000000000000000000000aa 02 40 00 01     eth0
20010db80000000000000000000000bb 02 40 00 21     eth0
20010db80000000000000000000000cc 02 40 00 40     eth0
20010db80000000000000000000000dd 02 40 00 48     eth0
a line that is cut
"""


def address(text: str) -> InterfaceAddress:
    """`"2001:db8::1 temporary"`."""
    host, *flags = text.split()
    return InterfaceAddress(
        host,
        64,
        is_temporary="temporary" in flags,
        is_deprecated="deprecated" in flags,
        is_tentative="tentative" in flags,
    )


def host(*interfaces: list[str]) -> list[Interface]:
    return [
        Interface(f"eth{index}", index, tuple(address(text) for text in texts))
        for index, texts in enumerate(interfaces, start=1)
    ]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        pytest.param([["192.0.2.1"]], ["192.0.2.1"], id="one"),
        pytest.param([["127.0.0.1", "::1"], ["192.0.2.1"]], ["192.0.2.1"], id="loopback"),
        pytest.param([["fe80::1", "192.0.2.1"]], ["192.0.2.1"], id="link-local IPv6"),
        pytest.param([["169.254.1.1"]], ["169.254.1.1"], id="link-local IPv4 stays"),
        pytest.param([["fec0::1", "2001:db8::1"]], ["2001:db8::1"], id="site-local"),
        pytest.param([["::ffff:192.0.2.1", "2001:db8::1"]], ["2001:db8::1"], id="mapped"),
        pytest.param([["0.0.0.0", "::", "ff02::1", "224.0.0.1"]], [], id="no unicast address"),
        pytest.param([["2001:db8::1 deprecated", "2001:db8::2"]], ["2001:db8::2"], id="deprecated"),
        pytest.param([["2001:db8::1 tentative", "192.0.2.1"]], ["192.0.2.1"], id="tentative"),
        pytest.param([["2001:db8::1", "2001:db8::a temporary"]], ["2001:db8::a"], id="temporary before stable"),
        pytest.param(
            [["2001:db8::1", "2001:db8::a temporary deprecated"]], ["2001:db8::1"], id="deprecated temporary is none"
        ),
        pytest.param(
            [["2001:db8::1"], ["2001:db8:1::a temporary"]],
            ["2001:db8::1", "2001:db8:1::a"],
            id="temporary of another interface",
        ),
        pytest.param(
            [["2001:db8::1", "fd00::a temporary"]], ["2001:db8::1"], id="temporary of another scope does not cover"
        ),
        pytest.param([["fd00::1", "2001:db8::1"]], ["2001:db8::1"], id="unique-local beside global"),
        pytest.param([["fd00::1"], ["2001:db8::1"]], ["2001:db8::1"], id="even on another interface"),
        pytest.param([["fd00::1", "192.0.2.1"]], ["fd00::1", "192.0.2.1"], id="unique-local is the only IPv6"),
        pytest.param([["192.0.2.1"], ["192.0.2.1"]], ["192.0.2.1"], id="twice"),
        pytest.param([], [], id="offline"),
    ],
)
def test_selection(addresses: list[list[str]], expected: list[str]) -> None:
    assert select_addresses(host(*addresses)) == expected


def test_loopback_on_request_counts_neither_as_global_nor_as_covered() -> None:
    found = select_addresses(
        host(["127.0.0.1", "::1"], ["fd00::1", "fd00::a temporary"]),
        include_loopback=True,
    )
    assert found == ["::1", "fd00::a", "127.0.0.1"]


def test_unique_local_on_request() -> None:
    found = select_addresses(host(["fd00::1", "2001:db8::1"]), include_unique_local=True)
    assert found == ["fd00::1", "2001:db8::1"]


def test_one_family_alone() -> None:
    both = host(["2001:db8::1", "192.0.2.1"])
    assert select_addresses(both, include_ipv6=False) == ["192.0.2.1"]
    assert select_addresses(both, include_ipv4=False) == ["2001:db8::1"]


@pytest.mark.parametrize(
    ("ipv6", "ipv4", "expected"),
    [
        (0, 0, ""),
        (2, 0, "66"),
        (0, 2, "44"),
        (1, 1, "64"),
        (2, 2, "6644"),
        (6, 2, "66664664"),  # RFC 8421 section 4's example: an IPv4 address after four of IPv6
        (1, 3, "6444"),
        (5, 1, "666664"),
        (3, 2, "66464"),
    ],
)
def test_order(ipv6: int, ipv4: int, expected: str) -> None:
    hosts = [f"192.0.2.{n}" for n in range(ipv4)] + [f"2001:db8::{n:x}" for n in range(ipv6)]
    ordered = preference_order(hosts)
    assert "".join("6" if ":" in host else "4" for host in ordered) == expected
    assert sorted(ordered) == sorted(hosts)
    for family in (":", "."):
        assert [host for host in ordered if family in host] == [host for host in hosts if family in host]


def test_the_kernels_flags() -> None:
    assert parse_if_inet6(IF_INET6) == {
        "::1": 0x80,
        "2001:db8::1": 0x00,
        "2001:db8::aa": 0x01,
        "2001:db8::bb": 0x21,
        "2001:db8::cc": 0x40,
        "2001:db8::dd": 0x48,
    }


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[NetlinkAddress]:
        raise OSError("no netlink here")

    monkeypatch.setattr(interfaces, "list_addresses", refuse)
    names = ["1", "aa", "bb", "cc", "dd"]
    ips = [ifaddr.IP((f"2001:db8::{name}", 0, 2), 64, "eth0") for name in names]
    ips += [ifaddr.IP("192.0.2.1", 24, "eth0"), ifaddr.IP(("fe80::1%eth0", 0, 2), 64, "eth0")]
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [ifaddr.Adapter("eth0", "eth0", ips, index=2)])


def test_linux_tells_addresses_and_flags_together(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        NetlinkAddress(1, "127.0.0.1", 8, 0x80),
        NetlinkAddress(2, "192.0.2.1", 24, 0x01),  # of IPv4 this is a second address, not a temporary one
        NetlinkAddress(2, "2001:db8::aa", 64, 0x21),
        NetlinkAddress(2, "2001:db8::dd", 64, 0x48),
        NetlinkAddress(3, "198.51.100.1", 24, 0x80),
    ]
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(interfaces, "list_addresses", lambda: told)
    monkeypatch.setattr("socket.if_indextoname", lambda index: {1: "lo", 2: "eth0", 3: "unplugged"}[index])
    monkeypatch.setattr(interfaces, "_names_of_down", {"unplugged"}.intersection)
    assert list_interfaces() == [
        Interface("lo", 1, (InterfaceAddress("127.0.0.1", 8),)),
        Interface(
            "eth0",
            2,
            (
                InterfaceAddress("192.0.2.1", 24),
                address("2001:db8::aa temporary deprecated"),
                address("2001:db8::dd tentative"),
            ),
        ),
    ]


@pytest.mark.usefixtures("adapters")
def test_an_interface_that_goes_away_meanwhile_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(interfaces, "list_addresses", lambda: [NetlinkAddress(1 << 30, "192.0.2.9", 24, 0)])
    assert [interface.name for interface in list_interfaces()] == ["eth0"]


@pytest.mark.usefixtures("adapters")
def test_listing_joins_addresses_and_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "_ipv6_flags", lambda: parse_if_inet6(IF_INET6))
    assert list_interfaces() == [
        Interface(
            "eth0",
            2,
            (
                address("2001:db8::1"),
                address("2001:db8::aa temporary"),
                address("2001:db8::bb temporary deprecated"),
                address("2001:db8::cc tentative"),
                address("2001:db8::dd tentative"),
                InterfaceAddress("192.0.2.1", 24),
                address("fe80::1"),
            ),
        )
    ]


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_without_the_kernels_flags_all_addresses_are_plain(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(interfaces, "_IF_INET6", interfaces.Path("/nonexistent/if_inet6"))
    (interface,) = list_interfaces()
    assert not any(entry.is_temporary or entry.is_tentative for entry in interface.addresses)
    assert len(interface.addresses) == 7
