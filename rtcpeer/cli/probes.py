"""What the doctor tries on the network, each probe by itself: results without judgement."""

import asyncio
import ipaddress
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from rtcpeer.aio.interfaces import Interface, select_addresses
from rtcpeer.aio.nat_discovery import discover_nat_behavior
from rtcpeer.aio.network import HopNetwork, MdnsNetwork, Network
from rtcpeer.core import Entropy, TransportAddress
from rtcpeer.stack.nat_behavior import NatBehavior
from rtcpeer.stack.nat_discovery import NatDiscoverySettings
from rtcpeer.stack.servers import ServerUrl

__all__ = [
    "MdnsResult",
    "NameResult",
    "UdpResult",
    "family_name",
    "list_interfaces",
    "local_addresses",
    "probe_mdns",
    "probe_name",
    "probe_udp",
    "udp_endpoints",
]

# A machine may have a bridge for each of its containers; a few addresses tell enough.
MAX_LOCAL_ADDRESSES = 6

_PRIVATE_BLOCKS = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))


@dataclass(frozen=True, slots=True)
class NameResult:
    """What the resolver made of a server's host."""

    host: str
    addresses: tuple[str, ...]
    seconds: float
    error: str | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether there was nothing to resolve."""
        return _is_numeric(self.host)


@dataclass(frozen=True, slots=True)
class UdpResult:
    """STUN and NAT behaviour over one address family, from the local address that got furthest."""

    is_ipv6: bool
    behavior: NatBehavior | None  # None: no local address could be used
    seconds: float
    unanswered: tuple[str, ...] = ()  # local addresses from which nobody was reached, although from another one
    hops: tuple[str | None, ...] = ()  # the first routers on the way, as far as they told

    @property
    def private_hops(self) -> tuple[str, ...]:
        """Those with addresses of private networks or of a carrier's (RFC 1918, RFC 6598): a NAT is beyond them."""
        return tuple(hop for hop in self.hops if hop is not None and _private_block(hop) is not None)

    @property
    def is_double_nat(self) -> bool:
        """Whether a translating path leads through two kinds of private networks: a NAT stands between them."""
        is_translated = self.behavior is not None and self.behavior.is_translated
        return is_translated and len(set(map(_private_block, self.private_hops))) > 1


@dataclass(frozen=True, slots=True)
class MdnsResult:
    """Whether a name that we published was found again."""

    is_supported: bool
    seconds: float = 0.0
    error: str | None = None


def family_name(is_ipv6: bool) -> str:
    """As people write it."""
    return "IPv6" if is_ipv6 else "IPv4"


def list_interfaces(network: Network) -> list[Interface]:
    """The interfaces; none where the system does not tell."""
    try:
        return network.interfaces()
    except OSError:
        return []


async def probe_name(network: Network, host: str, port: int, timeout: float) -> NameResult:  # noqa: ASYNC109 reported
    """Resolve a server's name."""
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    error, addresses = None, []
    try:
        async with asyncio.timeout(timeout):
            addresses = await network.resolve(host, port)
    except TimeoutError:
        error = f"no answer from DNS within {timeout:g} s"
    except (OSError, UnicodeError) as problem:
        error = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
    return NameResult(host, tuple(address.host for address in addresses), loop.time() - started_at, error)


def udp_endpoints(
    servers: Sequence[ServerUrl], names: dict[str, NameResult], *, is_ipv6: bool
) -> dict[TransportAddress, ServerUrl]:
    """Where the servers are asked over UDP without encryption: the first address of the family, as for gathering."""
    endpoints: dict[TransportAddress, ServerUrl] = {}
    for server in servers:
        if server.is_stream or server.scheme.is_secure:
            continue
        for address in names[server.host].addresses:
            if (":" in address) == is_ipv6:
                endpoints.setdefault(TransportAddress(address, server.port), server)
                break
    return endpoints


async def probe_udp(
    network: Network,
    endpoints: Sequence[TransportAddress],
    settings: NatDiscoverySettings,
    entropy: Entropy = os.urandom,
    *,
    is_ipv6: bool,
) -> UdpResult:
    """Ask all endpoints of one family from each local address that would give a candidate."""
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    hosts = local_addresses(network, is_ipv6=is_ipv6)[:MAX_LOCAL_ADDRESSES]

    async def from_host(host: str) -> tuple[NatBehavior, tuple[str | None, ...]] | None:
        discovery = discover_nat_behavior(host, endpoints, settings=settings, network=network, entropy=entropy)
        try:
            behavior, hops = await asyncio.gather(discovery, _hops(network, host, endpoints[0]))
        except OSError:  # the address has gone
            return None
        return behavior, hops

    results = [result for result in await asyncio.gather(*map(from_host, hosts)) if result is not None]
    # The first of those that reached most: the preferred address, unless it is a bridge that leads nowhere.
    best, hops = max(results, key=lambda result: _answer_count(result[0]), default=(None, ()))
    silent = [behavior.local.host for behavior, _ in results if not behavior.is_reached]
    return UdpResult(
        is_ipv6,
        best,
        loop.time() - started_at,
        tuple(silent) if best is not None and best.is_reached else (),
        hops,
    )


def local_addresses(network: Network, *, is_ipv6: bool) -> list[str]:
    """The addresses that give candidates, the preferred one first; loopback where a machine has nothing else."""
    interfaces = list_interfaces(network)
    usable = select_addresses(interfaces) or select_addresses(interfaces, include_loopback=True)
    return [host for host in usable if (":" in host) == is_ipv6]


async def probe_mdns(network: Network, timeout: float) -> MdnsResult:  # noqa: ASYNC109 of the questions
    """Publish a random name for one of our addresses, and ask the link for it."""
    hosts = local_addresses(network, is_ipv6=False) or local_addresses(network, is_ipv6=True)
    if not isinstance(network, MdnsNetwork) or not hosts:
        return MdnsResult(is_supported=False)
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    name = f"{uuid.uuid4()}.local"
    error = None
    try:
        withdraw = await network.publish_mdns(name, hosts[0])
        try:
            found = await network.resolve_mdns(name, timeout)
        finally:
            withdraw()
        if hosts[0] not in found:
            error = f"{name} was answered with {', '.join(found)}, not with {hosts[0]}"
    except OSError as problem:
        error = problem.strerror or str(problem)
    return MdnsResult(True, loop.time() - started_at, error)


async def _hops(network: Network, host: str, server: TransportAddress) -> tuple[str | None, ...]:
    return tuple(await network.trace_hops(host, server)) if isinstance(network, HopNetwork) else ()


def _private_block(host: str) -> ipaddress.IPv4Network | None:
    address = ipaddress.ip_address(host)
    return next((block for block in _PRIVATE_BLOCKS if address in block), None)


def _answer_count(behavior: NatBehavior) -> int:
    return sum(answer.mapped is not None for answer in behavior.answers)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
