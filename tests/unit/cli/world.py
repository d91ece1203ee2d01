"""A laptop in the simulated internet for the commands to run on, and what they show."""

import asyncio

from rtcpeer.cli.doctor import Doctor, DoctorSettings
from rtcpeer.cli.report import Check, Report
from rtcpeer.core import TransportAddress
from rtcpeer.stack.servers import ServerUrl
from rtcpeer.turn import Credentials
from tests.scenario.turn_world import SimulatedServer
from tests.sim.aio_network import SimulatedNetwork
from tests.sim.link import LinkSettings
from tests.sim.nat import NatSettings
from tests.sim.network import Network
from tests.sim.stun_server import StunBehaviour, StunServer
from tests.unit.turn.server import Behaviour

HONEST = StunBehaviour()
LINK = LinkSettings(delay=0.02)
TURN_HOST = "203.0.113.210"
ADA = Credentials("ada", "lovelace")


class Recorder:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.works: list[str] = []
        self.begun: list[str] = []
        self.checks: list[Check] = []

    def begin(self, work: str) -> None:
        self.works.append(work)
        self.begun.append(work)

    def end(self, work: str) -> None:
        self.works.remove(work)

    def show(self, check: Check) -> None:
        self.checks.append(check)


class LaptopWorld:
    """To be made inside a running virtual loop."""

    def __init__(self, nat: NatSettings | None = None, *addresses: str, firewall: NatSettings | None = None) -> None:
        self.network = Network(timeline=asyncio.get_running_loop())
        segment = None
        if nat is not None or firewall is not None:
            segment = self.network.router("home", "198.51.100.1", nat=nat, firewall=firewall).inside
        hosts = addresses or (("192.168.1.2",) if nat else ("198.51.100.2",))
        self.laptop = SimulatedNetwork(self.network.host("laptop", *hosts, segment=segment, up=LINK))
        self.watcher = Recorder()

    def stun_server(self, behaviour: StunBehaviour = HONEST) -> StunServer:
        return StunServer(self.network, "stun.example.org", "203.0.113.1", "203.0.113.2", behaviour=behaviour)

    def turn_server(self, behaviour: Behaviour | None = None) -> SimulatedServer:
        host = self.network.host("turn.example.org", TURN_HOST, up=LINK)
        self.network.names["turn.example.org"] = [TURN_HOST]
        return SimulatedServer(host, TransportAddress(TURN_HOST, 3478), behaviour or Behaviour(has_ipv6=False))

    async def examine(self, *urls: str, **settings) -> Report:
        servers = [ServerUrl.parse(url, ADA if url.startswith("turn") else None) for url in urls]
        doctor = Doctor(servers, self.laptop, DoctorSettings(**settings), self.watcher, "1.2.3")
        report = await doctor.examine()
        assert self.watcher.works == []
        assert tuple(self.watcher.checks) == report.checks
        assert self.laptop.open_sockets == 0
        await asyncio.sleep(1)  # for what is still on its way
        return report


def statuses(report: Report) -> dict[str, str]:
    """The worst status of each kind of check."""
    order = ["ok", "skipped", "warning", "problem"]
    worst: dict[str, str] = {}
    for check in report.checks:
        known = worst.get(check.kind, "ok")
        worst[check.kind] = max(known, check.status.value, key=order.index)
    return worst


def names(report: Report) -> list[str]:
    """What was found."""
    return [finding.name for finding in report.findings]
