"""A TURN server on the simulated internet, with real relayed ports, a client behind a NAT and peers that echo."""

import random

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.turn import Allocated, TurnClient, TurnOverUdp, TurnSettings
from tests.sim.link import LinkSettings
from tests.sim.nat import PORT_RESTRICTED
from tests.sim.network import Host, Network
from tests.unit.turn.bench import ADA
from tests.unit.turn.server import Behaviour, FakeServer

SERVER_HOST = "203.0.113.1"


class SimulatedServer:
    """The fake server on a host, with a socket for each relayed address. Time is the network's."""

    def __init__(self, host: Host, address: TransportAddress, behaviour: Behaviour) -> None:
        self.host = host
        self.server = FakeServer(behaviour, address)
        self.server.to_peer = self._leave
        self.server.on_allocate = self._bind_relay
        self.listener = host.bind(address.host, address.port, self._at_server)
        self.relays = {}

    def _now(self) -> float:
        return self.host.network.timeline.time()

    def _at_server(self, run: Datagrams) -> None:
        for payload in run.payloads:
            answers = self.server.receive(run.remote, payload, self._now())
            if answers:
                self.listener.send(run.remote, answers)

    def _bind_relay(self, relayed: TransportAddress) -> None:
        self.relays[relayed] = self.host.bind(relayed.host, relayed.port, self._at_relay)

    def _leave(self, relayed: TransportAddress, peer: TransportAddress, payload: bytes) -> None:
        self.relays[relayed].send(peer, [payload])

    def _at_relay(self, run: Datagrams) -> None:
        for client, held in list(self.server.allocations.items()):
            if run.local in held.relayed:
                for payload in run.payloads:
                    packets = self.server.peer_sends(client, run.remote, payload, self._now())
                    if packets:
                        self.listener.send(client, packets)


class World:
    """One server, one client, any number of echoing peers."""

    def __init__(self, seed: int, link: LinkSettings, settings: TurnSettings, behaviour: Behaviour) -> None:
        self.network = Network(seed)
        self.clock = self.network.clock
        self.server_host = self.network.host("server", SERVER_HOST)
        self.server = SimulatedServer(self.server_host, TransportAddress(SERVER_HOST, 3478), behaviour).server
        home = self.network.router("home", "198.51.100.1", nat=PORT_RESTRICTED)
        laptop = self.network.host("laptop", "192.168.1.2", segment=home.inside, up=link)
        self.base = TransportAddress("192.168.1.2", 5000)
        self.client = TurnClient(self.server.address, ADA, settings, random.Random(seed).randbytes)
        self.path = TurnOverUdp(self.client, self.base)
        self.endpoint = laptop.drive(self.path, self.base)
        self.got: list[tuple[TransportAddress, bytes]] = []

    @property
    def events(self):
        return self.endpoint.events

    def events_of(self, *kinds: type) -> list[object]:
        return self.endpoint.events_of(*kinds)

    def peer(self, address: str, link: LinkSettings) -> TransportAddress:
        """A host that sends back whatever it gets."""
        host = self.network.host(address, address, up=link)
        socket = host.bind(address, 7000, lambda run: socket.send(run.remote, run.payloads))
        return socket.local

    def allocate(self, timeout: float = 60.0) -> None:
        self.client.allocate()
        self.endpoint.flush()
        self.network.run(lambda: bool(self.events), timeout)
        assert isinstance(self.events[0], Allocated), self.events

    def send(self, peer: TransportAddress, payload: bytes) -> None:
        self.client.send(peer, [payload])
        self.endpoint.flush()

    def take(self) -> list[tuple[TransportAddress, bytes]]:
        """All that has come back so far."""
        for peer, payloads in self.client.take_data():
            self.got += [(peer, payload) for payload in payloads]
        return self.got
