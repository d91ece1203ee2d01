"""Two agents with all their gathering in a drawn network, with signalling as random as the rest."""

import random
from collections.abc import Sequence

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice import Agent, Candidate, IceSettings
from rtcpeer.stack.connectivity import Connectivity, ConnectivityEvent
from rtcpeer.stack.gathering import CandidateGathered, Gatherer, GatheringCompleted
from rtcpeer.stack.servers import ServerUrl
from tests.scenario.ice_topology import STUN, TURN, Topology
from tests.scenario.turn_world import SimulatedServer
from tests.sim.network import Host
from tests.sim.peers import answer_binding
from tests.unit.turn.bench import ADA
from tests.unit.turn.server import Behaviour

STUN_URL = ServerUrl.parse(f"stun:{STUN.host}")
TURN_URL = ServerUrl.parse(f"turn:{TURN.host}", ADA)


class OwnClock:
    """A core whose clock is ahead of the simulation's by so many seconds."""

    def __init__(self, core: Connectivity, ahead: float) -> None:
        self.core = core
        self._ahead = ahead

    def receive(self, packet: Datagrams, now: float) -> None:
        self.core.receive(packet, now + self._ahead)

    def handle_timeout(self, now: float) -> None:
        self.core.handle_timeout(now + self._ahead)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        return self.core.packets_to_send(now + self._ahead)

    def poll_events(self) -> list[ConnectivityEvent]:
        return self.core.poll_events()

    def next_timeout(self) -> float | None:
        due = self.core.next_timeout()
        return None if due is None else due - self._ahead


class Side:
    """An agent, its gatherer and its host; remembers over which path data came last."""

    def __init__(
        self, host: Host, dice: random.Random, settings: IceSettings, *, is_controlling: bool, has_relay: bool
    ) -> None:
        self.agent = Agent(settings, is_controlling=is_controlling, entropy=dice.randbytes)
        self.core = Connectivity(self.agent, Gatherer(settings, dice.randbytes))
        self.endpoint = host.drive(OwnClock(self.core, dice.uniform(0, 1e6)))
        self.heard: tuple[TransportAddress, TransportAddress] | None = None
        self.heard_at = 0.0
        self.dropped_at: list[float] = []
        self._host = host
        note = self.agent.note_data

        def note_data(
            local: TransportAddress, remote: TransportAddress, now: float, payloads: Sequence[bytes] = ()
        ) -> bool:
            is_known = note(local, remote, now, payloads)
            if is_known:
                self.heard, self.heard_at = (local, remote), host.network.timeline.time()
            else:
                self.dropped_at.append(host.network.timeline.time())
            return is_known

        self.agent.note_data = note_data
        gatherer = self.core.gatherer
        gatherer.start()
        for preference, base in enumerate(self.endpoint.addresses):
            gatherer.add_base(base, preference)
        gatherer.end_of_bases()
        gatherer.add_server(STUN_URL, [STUN])
        if has_relay:
            gatherer.add_server(TURN_URL, [TURN])
        gatherer.end_of_servers()
        self.endpoint.flush()

    def send(self) -> None:
        """A datagram of data, where there is a path."""
        if self.agent.send_path() is not None:
            self.core.send(b"\x80data")
            self.endpoint.flush()
        self.core.take_data()

    @property
    def selected(self) -> tuple[TransportAddress, TransportAddress] | None:
        pair = self.agent.selected_pair
        return None if pair is None else pair.path


class IceWorld:
    """Both sides on a drawn topology; each sends a datagram ten times a second as soon as it has a path."""

    def __init__(self, topology: Topology, settings: IceSettings | None = None) -> None:
        dice = self._dice = random.Random(f"world {topology.seed}")
        self.network, hosts = topology.build(topology.link)
        stun = self.network.host("stun", STUN.host)
        socket = stun.bind(STUN.host, STUN.port, lambda run: answer_binding(run, socket.send))
        self.turn = SimulatedServer(self.network.host("turn", TURN.host), TURN, Behaviour(has_ipv6=False)).server
        roles = dice.choice([(True, False), (False, True), (True, True), (False, False)])
        self.sides = [
            Side(host, dice, settings or IceSettings(), is_controlling=role, has_relay=has_relay)
            for host, role, has_relay in zip(hosts, roles, topology.has_relay, strict=True)
        ]
        for one, other in (self.sides, self.sides[::-1]):
            self._signal(one, other)
        self.network.clock.call_later(0.0, self._chat)

    @property
    def now(self) -> float:
        return self.network.clock.time()

    @property
    def agree(self) -> bool:
        """Whether what either has heard in the last quarter of a second came over the pair that it has selected."""
        recent = self.now - 0.25
        return all(side.heard and side.heard == side.selected and side.heard_at > recent for side in self.sides)

    def _signal(self, one: Side, other: Side) -> None:
        clock, dice = self.network.clock, self._dice
        pace = dice.choice([0.0, 0.1, 1.0])
        last = 0.0

        def later(action, *arguments: object) -> float:
            when = clock.time() + dice.random() * pace
            clock.call_at(when, lambda: (action(*arguments), other.endpoint.flush()))
            return when

        def on_event(event: ConnectivityEvent) -> None:
            nonlocal last
            match event:
                case CandidateGathered(candidate):
                    when = later(other.agent.add_remote_candidate, Candidate.parse(candidate.serialize()))
                    last = max(last, when)
                case GatheringCompleted():
                    clock.call_at(
                        max(last, clock.time()),
                        lambda: (other.agent.end_of_remote_candidates(), other.endpoint.flush()),
                    )
                case _:
                    pass

        one.endpoint.on_event = on_event
        later(other.agent.set_remote_parameters, one.agent.local_parameters)

    def _chat(self) -> None:
        for side in self.sides:
            side.send()
        self.network.clock.call_later(0.1, self._chat)
