"""Which of this host's addresses, and which ports, an agent binds: the settings' say in it."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from rtcpeer.aio.interfaces import Interface, select_addresses
from rtcpeer.aio.network import Network
from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.ice.events import FilterFailed
from rtcpeer.ice.filters import Filter, address_test, name_test
from rtcpeer.ice.settings import IceSettings

__all__ = ["bind_in_range", "choose_hosts", "report_failed_filter"]

PortT = TypeVar("PortT")

# Somebody else has the port, or may not be asked for it: the next one may be free.
_PORT_TAKEN = (errno.EADDRINUSE, errno.EACCES)


def choose_hosts(network: Network, settings: IceSettings, report: Callable[[FilterFailed], None]) -> list[str]:
    """The addresses to bind, most preferred first; ``report`` hears of filters that raise."""
    admits = _address_filter(settings, report)
    if settings.bind_addresses:
        return [host for host in dict.fromkeys(settings.bind_addresses) if admits(host)]
    # Before the selection, so that what is filtered out does not keep out others, as global IPv6 does unique-local.
    interfaces = [
        replace(interface, addresses=tuple(each for each in interface.addresses if admits(each.host)))
        for interface in _interfaces(network, settings, report)
    ]
    unique_local = settings.include_unique_local
    hosts = select_addresses(interfaces, include_loopback=settings.include_loopback, include_unique_local=unique_local)
    # A machine without a network still talks to itself.
    return hosts or select_addresses(interfaces, include_loopback=True, include_unique_local=unique_local)


async def bind_in_range(
    bind: Callable[[TransportAddress], Awaitable[PortT]],
    host: str,
    port_range: tuple[int, int] | None,
    entropy: Entropy,
) -> PortT:
    """Bind to any port of a range, from a random one on. Raises OSError where none can be had."""
    if port_range is None:
        return await bind(TransportAddress(host, 0))
    for port in _ports(port_range, entropy):
        try:
            return await bind(TransportAddress(host, port))
        except OSError as error:
            if error.errno not in _PORT_TAKEN:
                raise
    raise OSError(errno.EADDRINUSE, f"no port from {port_range[0]} to {port_range[1]} is free at {host}")


def report_failed_filter(failure: FilterFailed) -> None:
    """Tell the event loop's exception handler, as of any callback of the program's that raises."""
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"{failure.setting} failed for {failure.subject}", "exception": failure.error}
    )


def _ports(port_range: tuple[int, int], entropy: Entropy) -> Iterator[int]:
    first, last = port_range
    count = last - first + 1
    start = int.from_bytes(entropy(4), "big") % count
    return (first + (start + index) % count for index in range(count))


def _address_filter(settings: IceSettings, report: Callable[[FilterFailed], None]) -> Callable[[str], bool]:
    rule = settings.local_address_filter
    if rule is None:
        return _admit
    return Filter("local_address_filter", address_test("local_address_filter", rule), report).admits


def _admit(host: str) -> bool:  # noqa: ARG001 whatever it is
    return True


def _interfaces(network: Network, settings: IceSettings, report: Callable[[FilterFailed], None]) -> list[Interface]:
    try:
        interfaces = network.interfaces()
    except OSError:
        return []
    rule = settings.interface_filter
    if rule is None:
        return interfaces
    admits = Filter("interface_filter", name_test("interface_filter", rule), report).admits
    return [interface for interface in interfaces if admits(interface.name)]
