"""A client at a server's side, without a network between them: time and packets are the test's."""

import random

from rtcpeer.core import TransportAddress
from rtcpeer.turn import AddressFamily, Credentials, TurnClient, TurnEvent, TurnSettings
from tests.unit.turn.server import CLIENT, SERVER, Behaviour, FakeServer

PEER = TransportAddress("192.0.2.10", 5000)
OTHER = TransportAddress("192.0.2.11", 5001)
PEER6 = TransportAddress("2001:db8::10", 5000)
DEFAULTS = TurnSettings()
ADA = Credentials("ada", "lovelace")


class Bench:
    """`run` lets time pass; everything arrives at once unless the server is silent."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        settings: TurnSettings = DEFAULTS,
        *,
        family: AddressFamily = AddressFamily.IPV4,
        credentials: Credentials | None = ADA,
        is_stream: bool = False,
    ) -> None:
        self.now = 100.0
        self.server = FakeServer(behaviour)
        self.server.padding_wanted = is_stream
        self.client = TurnClient(
            SERVER, credentials, settings, random.Random(1).randbytes, family=family, is_stream=is_stream
        )
        self.events: list[TurnEvent] = []
        self.sent: list[bytes] = []  # all that the client has sent

    def exchange(self) -> None:
        """Packets and answers until neither side has more to say."""
        for _ in range(100):
            packets = self.client.packets_to_send(self.now)
            self.sent += packets
            for packet in packets:
                for answer in self.server.receive(CLIENT, packet, self.now):
                    self.client.receive(answer, self.now)
            self.events += self.client.poll_events()
            if not packets:
                return
        raise AssertionError("the client never has enough")

    def run(self, seconds: float) -> None:
        """Let time pass from deadline to deadline."""
        end = self.now + seconds
        self.exchange()
        for _ in range(10_000):
            deadline = self.client.next_timeout()
            if deadline is None or deadline > end:
                self.now = end
                return
            self.now = max(self.now, deadline)
            self.client.handle_timeout(self.now)
            self.exchange()
        raise AssertionError("the client has deadlines without end")

    def allocate(self) -> "Bench":
        """Have an allocation."""
        self.client.allocate()
        self.exchange()
        return self

    def from_peer(self, peer: TransportAddress, payload: bytes) -> None:
        """A peer sends to the relayed address."""
        for packet in self.server.peer_sends(CLIENT, peer, payload, self.now):
            self.client.receive(packet, self.now)

    def events_of(self, *kinds: type) -> list[TurnEvent]:
        """What the client said of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]
