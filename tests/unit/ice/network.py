"""Agents over a small lossy network in virtual time."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice import (
    Agent,
    Candidate,
    CandidateType,
    IceEvent,
    IceSettings,
    IceState,
    StateChanged,
    candidate_priority,
    compute_foundation,
)


def host(address: str, port: int = 5000, preference: int = 65535) -> Candidate:
    return Candidate(
        compute_foundation(CandidateType.HOST, address), 1, "udp",
        candidate_priority(CandidateType.HOST, preference), address, port, CandidateType.HOST,
    )  # fmt: skip


def reflexive(address: str, port: int, base: TransportAddress, preference: int = 65535) -> Candidate:
    return Candidate(
        compute_foundation(CandidateType.SERVER_REFLEXIVE, base.host), 1, "udp",
        candidate_priority(CandidateType.SERVER_REFLEXIVE, preference), address, port, CandidateType.SERVER_REFLEXIVE,
        base.host, base.port, base=base,
    )  # fmt: skip


@dataclass
class SymmetricNat:
    """A mapping of its own for each destination, open for that destination only."""

    public: str
    outside: dict[tuple[TransportAddress, TransportAddress], int] = field(default_factory=dict)
    inside: dict[tuple[int, TransportAddress], TransportAddress] = field(default_factory=dict)

    def outbound(self, source: TransportAddress, destination: TransportAddress) -> TransportAddress:
        port = self.outside.setdefault((source, destination), 40000 + len(self.outside))
        self.inside[port, destination] = source
        return TransportAddress(self.public, port)


@dataclass
class Node:
    agent: Agent
    hosts: frozenset[str]
    nat: SymmetricNat | None = None
    events: list[tuple[float, IceEvent]] = field(default_factory=list)
    blocked_until: float = 0.0
    backlog: list[Datagrams] = field(default_factory=list)
    reads_first: bool = False  # which of the two an event loop does first after it was blocked
    packets_sent: int = 0

    def states(self) -> list[tuple[float, IceState]]:
        return [(at, event.state) for at, event in self.events if isinstance(event, StateChanged)]

    def when(self, state: IceState) -> float:
        return next(at for at, entered in self.states() if entered is state)


class Network:
    def __init__(
        self, seed: int = 0, *, loss: float = 0.0, delay: float = 0.02, jitter: float = 0.0, duplication: float = 0.0
    ) -> None:
        self.random = random.Random(seed)
        self.loss, self.delay, self.jitter, self.duplication = loss, delay, jitter, duplication
        self.now = 1000.0
        self.nodes: list[Node] = []
        self.is_cut = False
        self.drop: Callable[[TransportAddress, TransportAddress, bytes], bool] = lambda source, destination, data: False
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def agent(self, *, is_controlling: bool, settings: IceSettings | None = None) -> Agent:
        return Agent(settings or IceSettings(), is_controlling=is_controlling, entropy=self.random.randbytes)

    def add(self, agent: Agent, *hosts: str, nat: SymmetricNat | None = None) -> Node:
        node = Node(agent, frozenset(hosts), nat)
        self.nodes.append(node)
        return node

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Do something at a moment relative to the start (1000)."""
        self._count += 1
        heapq.heappush(self._queue, (moment, self._count, action))

    def run(self, duration: float, until: Callable[[], bool] = lambda: False) -> bool:
        end = self.now + duration
        self._drain_all()
        while not until():
            moment = min(
                [entry[0] for entry in self._queue[:1]] + [self._wakeup(node) for node in self.nodes], default=end
            )
            if moment > end:
                self.now = end
                return until()
            self.now = max(self.now, moment)
            if self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
            for node in self.nodes:
                self._wake(node)
            self._drain_all()
        return True

    def _wakeup(self, node: Node) -> float:
        due = node.agent.next_timeout()
        if due is None:
            return node.blocked_until if node.backlog else float("inf")
        return max(due, node.blocked_until, self.now)

    def _wake(self, node: Node) -> None:
        if self.now < node.blocked_until:
            return
        if node.reads_first:
            self._read(node)
        due = node.agent.next_timeout()
        if due is not None and due <= self.now:
            node.agent.handle_timeout(self.now)
        self._read(node)

    def _read(self, node: Node) -> None:
        backlog, node.backlog = node.backlog, []
        for packet in backlog:
            node.agent.receive(packet, self.now)

    def _drain_all(self) -> None:
        for node in self.nodes:
            if self.now < node.blocked_until:
                continue
            node.events += [(self.now - 1000.0, event) for event in node.agent.poll_events()]
            for packet in node.agent.packets_to_send(self.now):
                for payload in packet.payloads:
                    node.packets_sent += 1
                    self._send(node, packet.local, packet.remote, payload)
            node.events += [(self.now - 1000.0, event) for event in node.agent.poll_events()]

    def _send(self, node: Node, source: TransportAddress, destination: TransportAddress, payload: bytes) -> None:
        if self.is_cut or self.drop(source, destination, payload):
            return
        if node.nat is not None:
            source = node.nat.outbound(source, destination)
        copies = 2 if self.random.random() < self.duplication else 1
        for _ in range(copies):
            if self.random.random() >= self.loss:
                arrival = self.now + self.delay + self.random.random() * self.jitter
                self.at(arrival, lambda: self._arrive(source, destination, payload))

    def _arrive(self, source: TransportAddress, destination: TransportAddress, payload: bytes) -> None:
        for node in self.nodes:
            local = destination
            if node.nat is not None:
                if destination.host != node.nat.public:
                    continue
                inside = node.nat.inside.get((destination.port, source))
                if inside is None:
                    return
                local = inside
            if local.host in node.hosts:
                packet = Datagrams(local, source, [payload])
                if self.now < node.blocked_until:
                    node.backlog.append(packet)
                else:
                    node.agent.receive(packet, self.now)


def introduce(a: Agent, b: Agent) -> None:
    """What signalling does: each learns the other's credentials."""
    a.set_remote_parameters(b.local_parameters)
    b.set_remote_parameters(a.local_parameters)


def connect_hosts(
    network: Network, *, controlling: tuple[bool, bool] = (True, False), **settings: float
) -> tuple[Node, Node]:
    """Two agents with a host candidate each, all of them signalled."""
    chosen = IceSettings(**settings)  # type: ignore[arg-type]
    nodes = []
    for address, role in zip(("192.0.2.1", "192.0.2.2"), controlling, strict=True):
        agent = network.agent(is_controlling=role, settings=chosen)
        agent.add_local_candidate(host(address))
        agent.end_of_local_candidates()
        nodes.append(network.add(agent, address))
    a, b = nodes
    introduce(a.agent, b.agent)
    for one, other in ((a, b), (b, a)):
        for candidate in other.agent.local_candidates:
            one.agent.add_remote_candidate(candidate)
        one.agent.end_of_remote_candidates()
    return a, b


def agree(a: Node, b: Node) -> bool:
    """Whether both have selected the same pair, seen from both ends (one of them may be behind a NAT)."""
    ours, theirs = a.agent.selected_pair, b.agent.selected_pair
    if ours is None or theirs is None:
        return False
    (a_local, a_remote), (b_local, b_remote) = ours.path, theirs.path
    return (a_remote == b_local or b.nat is not None) and (b_remote == a_local or a.nat is not None)
