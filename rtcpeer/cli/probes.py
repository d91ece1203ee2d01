"""What the doctor tries on the network, each probe by itself: results without judgement."""

import asyncio
import ipaddress
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from rtcpeer.aio.interfaces import Interface, select_addresses
from rtcpeer.aio.nat_discovery import discover_nat_behavior
from rtcpeer.aio.network import MdnsNetwork, Network
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
    runs = (
        discover_nat_behavior(host, endpoints, settings=settings, network=network, entropy=entropy) for host in hosts
    )
    results = await asyncio.gather(*runs, return_exceptions=True)
    behaviors: list[NatBehavior] = []
    for result in results:
        if isinstance(result, NatBehavior):
            behaviors.append(result)
        elif not isinstance(result, OSError):
            raise result
    # The first of those that reached most: the preferred address, unless it is a bridge that leads nowhere.
    best = max(behaviors, key=_answer_count, default=None)
    silent = [one.local.host for one in behaviors if not one.is_reached]
    return UdpResult(
        is_ipv6,
        best,
        loop.time() - started_at,
        tuple(silent) if best is not None and best.is_reached else (),
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


def _answer_count(behavior: NatBehavior) -> int:
    return sum(answer.mapped is not None for answer in behavior.answers)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
