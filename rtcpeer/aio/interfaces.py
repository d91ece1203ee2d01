"""The addresses of this host, and which of them become host candidates in which order (RFC 8445 5.1.1, RFC 8421)."""

import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import ifaddr

from rtcpeer.aio.rtnetlink import NetlinkAddress, list_addresses

if sys.platform == "linux":
    import fcntl

__all__ = ["Interface", "InterfaceAddress", "list_interfaces", "parse_if_inet6", "preference_order", "select_addresses"]

# linux/if_addr.h, the low byte that /proc/net/if_inet6 shows
IFA_F_TEMPORARY = 0x01
IFA_F_DADFAILED = 0x08
IFA_F_DEPRECATED = 0x20
IFA_F_TENTATIVE = 0x40

# linux/sockios.h, linux/if.h
SIOCGIFFLAGS = 0x8913
_IFF_RUNNING = 0x1 | 0x40  # IFF_UP and IFF_RUNNING

_IF_INET6 = Path("/proc/net/if_inet6")

_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")  # deprecated by RFC 3879
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")  # RFC 4193

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address of an interface; the flags stay False where the operating system does not tell."""

    host: str  # numeric, without zone
    prefix_length: int
    is_temporary: bool = False  # RFC 8981
    is_deprecated: bool = False  # RFC 4862 5.5.4: for connections that exist, not for new ones
    is_tentative: bool = False  # not yet, or never, found to be unique: it can not be bound


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface that has addresses."""

    name: str
    index: int
    addresses: tuple[InterfaceAddress, ...]


def list_interfaces() -> list[Interface]:
    """Ask the operating system for the interfaces that are up; it takes a fraction of a millisecond."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return _by_interface(list_addresses())
    flags = _ipv6_flags()
    adapters = list(ifaddr.get_adapters())
    down = _names_of_down(adapter.nice_name for adapter in adapters)
    return [
        Interface(
            name=adapter.nice_name,
            index=adapter.index or 0,
            addresses=tuple(_address(ip, flags) for ip in adapter.ips),
        )
        for adapter in adapters
        if adapter.nice_name not in down
    ]


def parse_if_inet6(text: str) -> dict[str, int]:
    """Flags by address from /proc/net/if_inet6: address, index, prefix length, scope, flags (all hex), name."""
    flags: dict[str, int] = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 6:
            flags[str(ipaddress.IPv6Address(bytes.fromhex(fields[0])))] = int(fields[4], 16)
    return flags


def select_addresses(
    interfaces: Iterable[Interface],
    *,
    include_loopback: bool = False,
    include_unique_local: bool = False,
    include_ipv4: bool = True,
    include_ipv6: bool = True,
) -> list[str]:
    """The hosts worth a candidate, most preferred first (see `preference_order`).

    Left out are link-local IPv6, loopback unless asked for, deprecated, tentative and site-local addresses; stable IPv6
    addresses of an interface that has a temporary one of the same scope (RFC 8981: the stable one identifies the
    machine); and unique-local IPv6 when there is other IPv6, unless asked for.
    """
    kept: list[_IPAddress] = []
    for interface in interfaces:
        kept += _usable(interface, include_loopback)
    if not include_unique_local and any(address.version == 6 and not _is_local(address) for address in kept):
        kept = [address for address in kept if address.version == 4 or not _is_unique_local(address)]
    families = (4,) * include_ipv4 + (6,) * include_ipv6
    return preference_order(str(address) for address in dict.fromkeys(kept) if address.version in families)


def preference_order(hosts: Iterable[str]) -> list[str]:
    """Interleave the families, each in its given order, IPv6 first (RFC 8421 section 4).

    IPv6 has the RFC's head start of (N4 + N6) / N4 addresses before an IPv4 one, and again after it: a broken IPv6 then
    delays by a few checks, not by all of them.
    """
    ipv6: list[str] = []
    ipv4: list[str] = []
    for host in hosts:
        (ipv6 if ":" in host else ipv4).append(host)
    if not ipv4:
        return ipv6
    head_start = (len(ipv4) + len(ipv6)) // len(ipv4)
    ordered: list[str] = []
    for index, host in enumerate(ipv4):
        ordered += ipv6[index * head_start : (index + 1) * head_start]
        ordered.append(host)
    return ordered + ipv6[len(ipv4) * head_start :]


def _names_of_down(names: Iterable[str]) -> set[str]:
    """Interfaces that are switched off or have no carrier: they keep their IPv4 addresses, which reach nobody."""
    if sys.platform != "linux":
        return set()
    down = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name in names:
            request = struct.pack("16sH22x", name.encode()[:15], 0)
            try:
                (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request), 16)
            except OSError:  # it went this moment, or is an alias of ours
                continue
            if flags & _IFF_RUNNING != _IFF_RUNNING:
                down.add(name)
    return down


def _by_interface(addresses: list[NetlinkAddress]) -> list[Interface]:
    found: dict[int, list[InterfaceAddress]] = {}
    for index, host, prefix_length, flags in addresses:
        found.setdefault(index, []).append(_flagged(host, prefix_length, flags if ":" in host else 0))
    names = {index: socket.if_indextoname(index) for index in found}
    down = _names_of_down(names.values())
    return [Interface(name, index, tuple(found[index])) for index, name in names.items() if name not in down]


def _ipv6_flags() -> dict[str, int]:
    if sys.platform != "linux":
        return {}
    try:
        return parse_if_inet6(_IF_INET6.read_text(encoding="ascii"))
    except OSError:  # IPv6 is off, or /proc is not there
        return {}


def _address(ip: ifaddr.IP, flags: dict[str, int]) -> InterfaceAddress:
    if isinstance(ip.ip, str):
        return InterfaceAddress(ip.ip, ip.network_prefix)
    host = str(ipaddress.IPv6Address(ip.ip[0].partition("%")[0]))
    return _flagged(host, ip.network_prefix, flags.get(host, 0))


def _flagged(host: str, prefix_length: int, flag: int) -> InterfaceAddress:
    return InterfaceAddress(
        host,
        prefix_length,
        is_temporary=bool(flag & IFA_F_TEMPORARY),
        is_deprecated=bool(flag & IFA_F_DEPRECATED),
        is_tentative=bool(flag & (IFA_F_TENTATIVE | IFA_F_DADFAILED)),
    )


def _usable(interface: Interface, include_loopback: bool) -> list[_IPAddress]:
    """What of one interface can be used at all, and is not better left to its temporary address."""
    usable: list[tuple[_IPAddress, bool]] = []
    for entry in interface.addresses:
        address = ipaddress.ip_address(entry.host)
        if entry.is_deprecated or entry.is_tentative or not _is_usable(address, include_loopback):
            continue
        usable.append((address, entry.is_temporary))
    # Only a temporary address of the same scope can stand in for a stable one.
    covered = {_is_unique_local(address) for address, is_temporary in usable if is_temporary}
    return [
        address
        for address, is_temporary in usable
        if address.version == 4 or is_temporary or _is_unique_local(address) not in covered
    ]


def _is_usable(address: _IPAddress, include_loopback: bool) -> bool:
    if address.is_loopback:
        return include_loopback
    if address.is_unspecified or address.is_multicast:
        return False
    if address.version == 4:
        # 169.254/16 stays: a cable between two machines has nothing else, and RFC 8445 leaves out only IPv6's.
        return True
    return not (address.is_link_local or address in _SITE_LOCAL or address.ipv4_mapped)


def _is_local(address: _IPAddress) -> bool:
    return address.is_loopback or _is_unique_local(address)


def _is_unique_local(address: _IPAddress) -> bool:
    return address.version == 6 and address in _UNIQUE_LOCAL
