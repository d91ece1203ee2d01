"""``rtcpeer doctor``: makes the probes, tells what they found as it comes, and concludes."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rtcpeer.aio.network import Network
from rtcpeer.cli import checks
from rtcpeer.cli.conclusions import conclude
from rtcpeer.cli.facts import Facts
from rtcpeer.cli.gathering import gathering_settings
from rtcpeer.cli.probes import (
    MdnsResult,
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
        try:
            await self._try_everything()
        except ExceptionGroup as group:  # whoever watches has gone
            raise group.exceptions[0] from None
        return Report(
            self._version,
            tuple(server.url for server in self.facts.servers),
            self.facts.kind and self.facts.kind.value,
            tuple(self._checks),
            tuple(conclude(self.facts)),
            loop.time() - started_at,
        )

    async def _try_everything(self) -> None:
        """At once, but told in order."""
        async with asyncio.TaskGroup() as group:
            families = {is_ipv6: group.create_task(self._ask_family(is_ipv6=is_ipv6)) for is_ipv6 in self._families()}
            results = [group.create_task(self._try_server(server)) for server in self._to_be_tried()]
            mdns = group.create_task(self._try_mdns())
            await self._tell_udp(families, results)
            await self._tell_servers(results)
            self.facts.mdns = await mdns
            self._show(checks.mdns_check(self.facts.mdns))

    def _look_at_interfaces(self) -> None:
        facts = self.facts
        facts.interfaces = list_interfaces(self._network)
        facts.local_hosts = [
            host for is_ipv6 in (False, True) for host in local_addresses(self._network, is_ipv6=is_ipv6)
        ]
        self._show(checks.interfaces_check(facts.interfaces, facts.local_hosts, is_offline=facts.is_offline))

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

    def _families(self) -> list[bool]:
        """Whether IPv6, for each address family that there is somebody to ask over and something to ask from."""
        facts = self.facts
        for is_ipv6 in (False, True):
            facts.endpoints[is_ipv6] = udp_endpoints(facts.servers, facts.names, is_ipv6=is_ipv6)
        here = {":" in host for host in facts.local_hosts}
        return [is_ipv6 for is_ipv6 in (False, True) if is_ipv6 in here and facts.endpoints[is_ipv6]]

    def _to_be_tried(self) -> list[ServerUrl]:
        """Servers that take more than a question over UDP; also finds those that are out of reach."""
        facts = self.facts
        here = {":" in host for host in facts.local_hosts}
        for server in facts.servers:
            there = {":" in address for address in facts.names[server.host].addresses}
            if there and not here & there:
                facts.out_of_reach.append(server)
        return [
            server
            for server in facts.servers
            if (server.scheme.is_turn or server.scheme.is_secure)
            and facts.names[server.host].error is None
            and server not in facts.out_of_reach
        ]

    async def _tell_udp(
        self, families: dict[bool, asyncio.Task[UdpResult]], results: list[asyncio.Task[ServerResult]]
    ) -> None:
        facts = self.facts
        self._tell_out_of_reach(is_turn=False)
        for is_ipv6, task in families.items():
            facts.udp[is_ipv6] = await task
            for check in checks.stun_checks(facts.udp[is_ipv6], facts.endpoints[is_ipv6]):
                self._show(check)
        if results and not all(facts.is_reached(is_ipv6=is_ipv6) for is_ipv6 in families):
            await asyncio.wait(results)  # a relay may know better
        for is_ipv6 in families:
            self._show(checks.nat_check(facts.udp[is_ipv6], facts.kind_over(is_ipv6=is_ipv6)))
        if not families:
            self._show(checks.skipped("nat", self._why_no_udp()))
        is_reached = facts.is_reached(is_ipv6=True)
        self._show(checks.ipv6_check(facts.local_hosts, is_tested=True in families, is_reached=is_reached))

    async def _ask_family(self, *, is_ipv6: bool) -> UdpResult:
        timeout = self._settings.timeout
        settings = NatDiscoverySettings(answer_timeout=timeout, silence_timeout=min(timeout, 3.0))
        probe = probe_udp(self._network, list(self.facts.endpoints[is_ipv6]), settings, is_ipv6=is_ipv6)
        return await self._watched(f"testing UDP and the NAT over {family_name(is_ipv6)}", probe)

    def _why_no_udp(self) -> str:
        if not self.facts.servers:
            return "not tested: no server was named (--server), and none is contacted unless it is named"
        return "not tested: no server that is asked over UDP has an address that can be reached from here"

    async def _tell_servers(self, results: list[asyncio.Task[ServerResult]]) -> None:
        self._tell_out_of_reach(is_turn=True)
        for task in results:
            self._show(checks.server_check(await task))
        self.facts.results = [task.result() for task in results]  # in the servers' order
        if not any(server.scheme.is_turn for server in self.facts.servers):
            self._show(checks.skipped("turn", "not tested: no TURN server was named"))

    def _tell_out_of_reach(self, *, is_turn: bool) -> None:
        for server in self.facts.out_of_reach:
            if server.scheme.is_turn == is_turn:
                is_ipv6 = ":" in self.facts.names[server.host].addresses[0]
                self._show(checks.out_of_reach_check(server, is_ipv6=is_ipv6))

    async def _try_server(self, server: ServerUrl) -> ServerResult:
        settings = gathering_settings(
            "relay" if server.scheme.is_turn else "nohost", self._settings.timeout, self._settings.tls_ca_file
        )
        result = await self._watched(f"trying {server.url}", probe_server(server, self._network, settings))
        self.facts.results.append(result)
        return result

    async def _try_mdns(self) -> MdnsResult:
        probe = probe_mdns(self._network, self._settings.mdns_timeout)
        return await self._watched("looking for our own .local name", probe)

    async def _watched(self, work: str, awaitable: Awaitable[ResultT]) -> ResultT:
        self._watcher.begin(work)
        try:
            return await awaitable
        finally:
            self._watcher.end(work)

    def _show(self, check: Check) -> None:
        self._checks.append(check)
        self._watcher.show(check)
