"""``rtcpeer doctor``: one probe after the other, each as soon as it can be."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from rtcpeer.aio.network import Network
from rtcpeer.cli import checks
from rtcpeer.cli.conclusions import conclude
from rtcpeer.cli.facts import Facts
from rtcpeer.cli.probes import (
    UdpResult,
    family_name,
    list_interfaces,
    local_addresses,
    probe_mdns,
    probe_name,
    probe_udp,
    udp_endpoints,
)
from rtcpeer.cli.report import Check, Report
from rtcpeer.cli.turn_probe import ServerResult, probe_server
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.nat_discovery import NatDiscoverySettings
from rtcpeer.stack.servers import ServerUrl

__all__ = ["Doctor", "DoctorSettings", "Watcher"]

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class DoctorSettings:
    """How long the doctor listens to silence; seconds."""

    timeout: float = 5.0  # for an answer of any server
    mdns_timeout: float = 2.0
    tls_ca_file: str | None = None  # PEM: who may vouch for turns: servers; None: whom the system trusts

    def __post_init__(self) -> None:
        """Refuse what can not work, naming the field."""
        for name in ("timeout", "mdns_timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0")


class Watcher(Protocol):
    """Who wants to see it happen."""

    def begin(self, work: str) -> None:
        """Something is being tried."""

    def end(self, work: str) -> None:
        """It is over."""

    def show(self, check: Check) -> None:
        """What came of it."""


class Doctor:
    """One examination. Contacts the given servers and nobody else; multicast DNS stays on the link."""

    def __init__(
        self, servers: Sequence[ServerUrl], network: Network, settings: DoctorSettings, watcher: Watcher, version: str
    ) -> None:
        self.facts = Facts(tuple(servers))
        self._network = network
        self._settings = settings
        self._watcher = watcher
        self._version = version
        self._checks: list[Check] = []

    async def examine(self) -> Report:
        """All of it; takes some seconds."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        self._look_at_interfaces()
        await self._resolve_names()
        self._set_aside_unreachable()
        await self._ask_over_udp()
        await self._try_servers()
        await self._try_mdns()
        return Report(
            self._version,
            tuple(server.url for server in self.facts.servers),
            self.facts.kind and self.facts.kind.value,
            tuple(self._checks),
            tuple(conclude(self.facts)),
            loop.time() - started_at,
        )

    def _look_at_interfaces(self) -> None:
        facts = self.facts
        facts.interfaces = list_interfaces(self._network)
        facts.local_hosts = [
            host for is_ipv6 in (False, True) for host in local_addresses(self._network, is_ipv6=is_ipv6)
        ]
        self._show(checks.interfaces_check(facts.interfaces, facts.local_hosts))

    async def _resolve_names(self) -> None:
        ports = {server.host: server.port for server in self.facts.servers}
        runs = [
            self._watched(f"resolving {host}", probe_name(self._network, host, port, self._settings.timeout))
            for host, port in ports.items()
        ]
        for result in await asyncio.gather(*runs):
            self.facts.names[result.host] = result
            if not result.is_numeric:
                self._show(checks.name_check(result))

    def _set_aside_unreachable(self) -> None:
        """Servers that have no address of a family that this machine has are not the ones to blame."""
        facts = self.facts
        here = {":" in host for host in facts.local_hosts}
        for server in facts.servers:
            name = facts.names[server.host]
            there = {":" in address for address in name.addresses}
            if there and not here & there:
                facts.out_of_reach.append(server)
                self._show(checks.out_of_reach_check(server, is_ipv6=there == {True}))

    async def _ask_over_udp(self) -> None:
        facts = self.facts
        families = [family for family in (False, True) if self._endpoints(is_ipv6=family)]
        for result in await asyncio.gather(*(self._ask_family(is_ipv6=family) for family in families)):
            facts.udp[result.is_ipv6] = result
            for check in checks.stun_checks(result, facts.endpoints[result.is_ipv6]):
                self._show(check)
            self._show(checks.nat_check(result))
        if not facts.udp:
            self._show(checks.skipped("nat", self._why_no_udp()))
        is_tested = True in facts.udp
        self._show(checks.ipv6_check(facts.local_hosts, is_tested=is_tested, is_reached=facts.is_reached(is_ipv6=True)))

    async def _ask_family(self, *, is_ipv6: bool) -> UdpResult:
        timeout = self._settings.timeout
        settings = NatDiscoverySettings(answer_timeout=timeout, silence_timeout=min(timeout, 3.0))
        endpoints = list(self.facts.endpoints[is_ipv6])
        return await self._watched(
            f"asking {len(endpoints)} servers over {family_name(is_ipv6)}"
            if len(endpoints) > 1
            else f"asking {endpoints[0]} over UDP",
            probe_udp(self._network, endpoints, settings, is_ipv6=is_ipv6),
        )

    def _endpoints(self, *, is_ipv6: bool) -> bool:
        """Find where to ask over a family; False where there is nobody, or nothing to ask from."""
        facts = self.facts
        facts.endpoints[is_ipv6] = udp_endpoints(facts.servers, facts.names, is_ipv6=is_ipv6)
        has_local = any((":" in host) == is_ipv6 for host in facts.local_hosts)
        return has_local and bool(facts.endpoints[is_ipv6])

    def _why_no_udp(self) -> str:
        if not self.facts.servers:
            return "not tested: no server was named (--server), and none is contacted unless it is named"
        return "not tested: no server that is asked over UDP has an address that can be reached from here"

    async def _try_servers(self) -> None:
        servers = [one for one in self.facts.servers if one.scheme.is_turn or one.scheme.is_secure]
        servers = [one for one in servers if self.facts.names[one.host].error is None]
        servers = [one for one in servers if one not in self.facts.out_of_reach]
        if not servers and not any(one.scheme.is_turn for one in self.facts.servers):
            self._show(checks.skipped("turn", "not tested: no TURN server was named"))

        async def probe(server: ServerUrl) -> None:
            result = await self._watched(f"trying {server.url}", self._probe(server))
            self.facts.results.append(result)
            self._show(checks.server_check(result))

        await asyncio.gather(*map(probe, servers))

    async def _probe(self, server: ServerUrl) -> ServerResult:
        timeout = self._settings.timeout
        settings = IceSettings(
            dns_timeout=timeout,
            stun_timeout=timeout,
            turn_timeout=timeout,
            gathering_timeout=timeout,
            tls_ca_file=self._settings.tls_ca_file,
        )
        policy = replace(settings, transport_policy="relay" if server.scheme.is_turn else "nohost")
        return await probe_server(server, self._network, policy)

    async def _try_mdns(self) -> None:
        timeout = self._settings.mdns_timeout
        self.facts.mdns = await self._watched("looking for our own .local name", probe_mdns(self._network, timeout))
        self._show(checks.mdns_check(self.facts.mdns))

    async def _watched(self, work: str, awaitable: Awaitable[ResultT]) -> ResultT:
        self._watcher.begin(work)
        try:
            return await awaitable
        finally:
            self._watcher.end(work)

    def _show(self, check: Check) -> None:
        self._checks.append(check)
        self._watcher.show(check)
