"""Random networks with two hosts in them, and an oracle that tells whether these two can reach each other at all."""

import random
from dataclasses import dataclass, field

from rtcpeer.core import Datagrams, TransportAddress
from tests.sim.link import IDEAL, LinkSettings
from tests.sim.nat import (
    ADDRESS_RESTRICTED,
    ADDRESS_SYMMETRIC,
    BLOCKED,
    FULL_CONE,
    PORT_RESTRICTED,
    SYMMETRIC,
    Dependence,
    NatSettings,
    PortAssignment,
)
from tests.sim.network import Host, Network, Segment, Socket

STUN = TransportAddress("203.0.113.200", 3478)
TURN = TransportAddress("203.0.113.210", 3478)

_KINDS = [FULL_CONE, ADDRESS_RESTRICTED, PORT_RESTRICTED, SYMMETRIC, ADDRESS_SYMMETRIC]
_FIREWALL = NatSettings()


@dataclass
class Box:
    """A router: inside which other one it stands (None: on the internet), and what it does."""

    outside: int | None
    nat: NatSettings
    has_ipv6: bool


@dataclass
class Topology:
    """What a seed has drawn; `build` makes networks of it, all alike."""

    seed: int
    boxes: list[Box] = field(default_factory=list)
    places: list[list[tuple[int | None, bool, bool]]] = field(default_factory=list)  # a side: box, IPv4, IPv6
    has_relay: tuple[bool, bool] = (False, False)
    link: LinkSettings = IDEAL

    def build(self, link: LinkSettings) -> tuple[Network, list[Host]]:
        """A network with both hosts, whose interfaces have that link."""
        network = Network(self.seed)
        insides: list[Segment] = []
        for number, box in enumerate(self.boxes):
            outside = None if box.outside is None else insides[box.outside]
            address = f"198.51.100.{number + 1}" if box.outside is None else f"10.{box.outside}.0.{number + 100}"
            firewall = BLOCKED if box.nat.blocks_udp else _FIREWALL
            router = network.router(f"box{number}", address, nat=box.nat, firewall=firewall, outside=outside)
            insides.append(router.inside)
        hosts = []
        for side, places in enumerate(self.places):
            host = network.host("ab"[side])
            for index, (box, has_ipv4, has_ipv6) in enumerate(places):
                number = side * 10 + index + 1
                addresses = [f"203.0.113.{number}" if box is None else f"10.{box}.0.{number}"] * has_ipv4
                addresses += [f"2001:db8:{240 if box is None else box + 1}::{number}"] * has_ipv6
                host.attach(network.internet if box is None else insides[box], *addresses, up=link)
            hosts.append(host)
        return network, hosts


def draw(seed: int) -> Topology:
    """One to three interfaces a side, up to four boxes of any kind, some inside others, some shared by both sides."""
    dice = random.Random(f"topology {seed}")
    topology = Topology(seed)
    for _ in range(dice.choice([0, 1, 2, 2, 3, 4])):
        outside = dice.randrange(len(topology.boxes)) if topology.boxes and dice.random() < 0.3 else None
        nat = NatSettings(
            mapping=(kind := dice.choice(_KINDS)).mapping,
            filtering=dice.choice(list(Dependence)) if dice.random() < 0.3 else kind.filtering,
            hairpinning=dice.random() < 0.5,
            ports=dice.choice(list(PortAssignment)),
            blocks_udp=dice.random() < 0.04,
        )
        has_ipv6 = dice.random() < 0.6 and (outside is None or topology.boxes[outside].has_ipv6)
        topology.boxes.append(Box(outside, nat, has_ipv6))
    for _ in range(2):
        places = []
        for _ in range(dice.choice([1, 1, 1, 2, 2, 3])):
            box = dice.randrange(len(topology.boxes)) if topology.boxes and dice.random() < 0.85 else None
            has_ipv6 = (box is None or topology.boxes[box].has_ipv6) and dice.random() < 0.5
            places.append((box, not has_ipv6 or dice.random() < 0.85, has_ipv6))
        topology.places.append(places)
    topology.has_relay = (dice.random() < 0.15, dice.random() < 0.15)
    loss = dice.choice([0.0, 0.0, 0.05, 0.1])
    topology.link = LinkSettings(
        delay=dice.choice([0.001, 0.01, 0.04]),
        jitter=dice.choice([0.0, 0.01]),
        loss=loss,
        duplication=dice.choice([0.0, 0.05]),
        reordering=dice.choice([0.0, 0.1]),
    )
    return topology


class Oracle:
    """Tries everything, many times over, on a copy of the network that loses nothing."""

    def __init__(self, topology: Topology) -> None:
        self._network, hosts = topology.build(IDEAL)
        for server in (STUN, TURN):
            self._serve(server)
        self._sides = [_Prober(host) for host in hosts]
        self._topology = topology

    def has_path(self) -> bool:
        """Whether a packet and its answer can pass between the two, directly or over a relay."""
        for side in self._sides:
            side.ask()
        self._network.clock.run_for(0.1)
        if self._has_relayed_path():
            return True
        for _ in range(5):
            for side, other in (self._sides, self._sides[::-1]):
                side.probe(other.candidates)
            self._network.clock.run_for(0.1)
            if any(side.has_path for side in self._sides):
                return True
        return False

    def _has_relayed_path(self) -> bool:
        """Whoever reaches the internet reaches a relay, and from there whoever else reaches it."""
        return any(self._topology.has_relay) and all(side.mapped for side in self._sides)

    def _serve(self, server: TransportAddress) -> None:
        socket: Socket = self._network.host(str(server), server.host).bind(
            server.host,
            server.port,
            lambda run: socket.send(run.remote, [f"mapped {run.remote.host} {run.remote.port}".encode()]),
        )


class _Prober:
    def __init__(self, host: Host) -> None:
        self.sockets = [host.bind(address, 5000, self._take) for address in host.addresses]
        self.mapped: list[TransportAddress] = []
        self.has_path = False
        self._seen: dict[TransportAddress, dict[TransportAddress, None]] = {each.local: {} for each in self.sockets}

    @property
    def candidates(self) -> list[TransportAddress]:
        return [socket.local for socket in self.sockets] + self.mapped

    def ask(self) -> None:
        for socket in self.sockets:
            if ":" not in socket.local.host:
                socket.send(STUN, [b"?"])

    def probe(self, candidates: list[TransportAddress]) -> None:
        for socket in self.sockets:
            for remote in dict.fromkeys([*candidates, *self._seen[socket.local]]):
                if (":" in remote.host) == (":" in socket.local.host):
                    socket.send(remote, [f"probe {remote.host} {remote.port}".encode()])

    def _take(self, run: Datagrams) -> None:
        socket = next(each for each in self.sockets if each.local == run.local)
        for payload in run.payloads:
            kind, host, port = payload.decode().split()
            address = TransportAddress(host, int(port))
            match kind:
                case "mapped":
                    self.mapped.append(address)
                case "probe":
                    self._seen[run.local][run.remote] = None
                    socket.send(run.remote, [f"answer {host} {port}".encode()])
                case "answer":
                    # RFC 8445 section 7.2.5.2.1: from where the probe went to.
                    self.has_path |= address == run.remote
