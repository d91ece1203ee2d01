"""What the kernel says of IPv6 addresses, and which of them become candidates."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtcpeer.aio.interfaces import Interface, InterfaceAddress, list_interfaces, select_addresses

pytestmark = pytest.mark.interop

NAME = "rtc7"
SETTINGS = Path(f"/proc/sys/net/ipv6/conf/{NAME}")


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


def until_temporary() -> None:
    """Even without questions to the neighbours it takes the kernel a moment."""
    deadline = time.monotonic() + 20
    while not any(each.is_temporary and not each.is_tentative for each in addresses().values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def addresses() -> dict[str, InterfaceAddress]:
    """Of the interface, by host."""
    (made,) = (one for one in list_interfaces() if one.name == NAME)
    return {each.host: each for each in made.addresses}


@pytest.fixture
def interface() -> Iterator[None]:
    """One with an address of each kind."""
    ip(f"link add {NAME} type veth peer name rtc8")
    try:
        (SETTINGS / "accept_dad").write_text("1")
        (SETTINGS / "dad_transmits").write_text("0")
        (SETTINGS / "use_tempaddr").write_text("2")
        ip(f"link set {NAME} up")
        ip("link set rtc8 up")
        ip(f"addr add fd77:7::dead/64 dev {NAME} nodad preferred_lft 0")
        ip(f"addr add fd77:7::1/64 dev {NAME} nodad")
        ip(f"addr add 2001:db8:77::1/64 dev {NAME} nodad mngtmpaddr")  # the kernel adds a temporary one
        until_temporary()
        (SETTINGS / "dad_transmits").write_text("1000")  # so that it is not over before we look
        ip(f"addr add 2001:db8:7::7e/64 dev {NAME}")
        yield
    finally:
        ip(f"link del {NAME}")


def test_flags_are_the_kernels(interface: None) -> None:
    found = addresses()
    assert found["fd77:7::dead"].is_deprecated
    assert found["2001:db8:7::7e"].is_tentative
    assert found["fd77:7::1"] == InterfaceAddress("fd77:7::1", 64)
    assert found["2001:db8:77::1"] == InterfaceAddress("2001:db8:77::1", 64)
    (temporary,) = (host for host, each in found.items() if each.is_temporary)
    assert temporary.startswith("2001:db8:77:")
    assert any(host.startswith("fe80:") for host in found)
    made = Interface(NAME, 7, tuple(found.values()))
    assert select_addresses([made]) == [temporary]
    assert set(select_addresses([made], include_unique_local=True)) == {temporary, "fd77:7::1"}
