import asyncio
import errno

import pytest

from rtcpeer.aio.address_choice import bind_in_range, choose_hosts, report_failed_filter
from rtcpeer.aio.network import Interface, InterfaceAddress
from rtcpeer.ice.events import FilterFailed
from rtcpeer.ice.settings import IceSettings
from tests.sim.peers import simulated


class FakeNetwork:
    """Interfaces by name, addresses as text."""

    def __init__(self, **interfaces):
        self.found = [
            Interface(name, index, tuple(InterfaceAddress(host, 64) for host in hosts))
            for index, (name, hosts) in enumerate(interfaces.items(), 1)
        ]

    def interfaces(self):
        return self.found


USUAL = FakeNetwork(
    lo=["127.0.0.1", "::1"], eth0=["192.0.2.1", "2001:db8::1", "fd00::1"], docker0=["172.17.0.1"], wlan0=["192.0.2.9"]
)


def hosts(network=USUAL, failures=None, **settings):
    return choose_hosts(network, IceSettings(**settings), [].append if failures is None else failures.append)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["2001:db8::1", "192.0.2.1", "172.17.0.1", "192.0.2.9"]),
        ({"interface_filter": ["eth0"]}, ["2001:db8::1", "192.0.2.1"]),
        ({"interface_filter": lambda name: name != "docker0"}, ["2001:db8::1", "192.0.2.1", "192.0.2.9"]),
        ({"interface_filter": ["eth9"]}, []),
        ({"local_address_filter": ["172.16.0.0/12"]}, ["172.17.0.1"]),
        ({"local_address_filter": ["10.0.0.0/8"]}, []),
        # Without the global address the unique-local one is the only IPv6 there is.
        ({"interface_filter": ["eth0"], "local_address_filter": lambda host: host != "2001:db8::1"},
         ["fd00::1", "192.0.2.1"]),
        ({"interface_filter": ["eth0"], "include_unique_local": True}, ["2001:db8::1", "fd00::1", "192.0.2.1"]),
        ({"interface_filter": ["lo", "eth0"], "include_loopback": True, "local_address_filter": ["127.0.0.0/8"]},
         ["127.0.0.1"]),
        ({"bind_addresses": ["192.0.2.9", "127.0.0.1", "192.0.2.9"]}, ["192.0.2.9", "127.0.0.1"]),
        ({"bind_addresses": ["192.0.2.9", "127.0.0.1"], "local_address_filter": ["127.0.0.1"]}, ["127.0.0.1"]),
    ],
)  # fmt: skip
def test_the_settings_choose(settings, expected):
    assert hosts(**settings) == expected


def test_without_a_network_it_is_loopback_and_without_interfaces_nothing():
    assert hosts(FakeNetwork(lo=["127.0.0.1", "::1"])) == ["::1", "127.0.0.1"]

    class Broken:
        def interfaces(self):
            raise OSError

    assert hosts(Broken()) == []


def test_a_filter_that_raises_keeps_out_what_it_raised_for():
    failures = []

    def interface_filter(name):
        return {"eth0": True, "lo": False, "wlan0": True}[name]

    assert hosts(failures=failures, interface_filter=interface_filter) == ["2001:db8::1", "192.0.2.1", "192.0.2.9"]
    assert [(each.setting, each.subject) for each in failures] == [("interface_filter", "docker0")]


class Ports:
    """Some ports are taken."""

    def __init__(self, *taken, error=errno.EADDRINUSE):
        self.taken = taken
        self.error = error
        self.tried = []

    async def bind(self, address):
        self.tried.append(address.port)
        if address.port in self.taken:
            raise OSError(self.error, "taken")
        return address.port


def bind(ports, port_range, start=0):
    return asyncio.run(bind_in_range(ports.bind, "192.0.2.1", port_range, lambda count: start.to_bytes(count, "big")))


def test_without_a_range_the_system_chooses():
    ports = Ports()
    assert bind(ports, None) == 0


def test_a_range_is_tried_from_a_random_port_on_and_round():
    ports = Ports(5002, 5003, 5000)
    assert bind(ports, (5000, 5003), start=4 * 1000 + 2) == 5001
    assert ports.tried == [5002, 5003, 5000, 5001]
    assert bind(Ports(5000, error=errno.EACCES), (5000, 5001)) == 5001


def test_an_exhausted_range_says_so_and_another_error_ends_the_search():
    with pytest.raises(OSError, match=r"no port from 5000 to 5001 is free at 192\.0\.2\.1"):
        bind(Ports(5000, 5001), (5000, 5001))
    ports = Ports(5000, error=errno.EADDRNOTAVAIL)
    with pytest.raises(OSError, match="taken"):
        bind(ports, (5000, 5001))
    assert ports.tried == [5000]


@simulated
async def test_failed_filters_go_to_the_loops_exception_handler():
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
    error = ValueError("x")
    report_failed_filter(FilterFailed("interface_filter", "eth0", error))
    assert told == [{"message": "interface_filter failed for eth0", "exception": error}]
