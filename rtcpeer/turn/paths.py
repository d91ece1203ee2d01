"""A TURN client over plain UDP and over a byte stream: who may speak to it, and where messages end."""

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.turn.client import TurnClient
from rtcpeer.turn.events import TurnEvent
from rtcpeer.turn.framing import StreamFramer

__all__ = ["TurnOverStream", "TurnOverUdp"]


class TurnOverUdp:
    """Core[Datagrams, TurnEvent]: the client on one base; takes from its server alone (RFC 8489 section 6.3.3)."""

    def __init__(self, client: TurnClient, base: TransportAddress) -> None:
        self.client = client
        self.base = base
        self.foreign_packets = 0

    def receive(self, packet: Datagrams, now: float) -> None:
        """Take what comes from the server, and nothing else."""
        if packet.remote != self.client.server or packet.local != self.base:
            self.foreign_packets += len(packet.payloads)
            return
        receive = self.client.receive
        for payload in packet.payloads:
            receive(payload, now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self.client.handle_timeout(now)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """One run for the server."""
        payloads = self.client.packets_to_send(now)
        return [Datagrams(self.base, self.client.server, payloads)] if payloads else []

    def poll_events(self) -> list[TurnEvent]:
        """The client's events."""
        return self.client.poll_events()

    def next_timeout(self) -> float | None:
        """The client's deadline."""
        return self.client.next_timeout()


class TurnOverStream:
    """Core[bytes, TurnEvent]: the client on TCP or TLS; packets are pieces of the stream, cut anywhere.

    After `Redirected` the owner connects to the new server and calls `reconnected`.
    """

    def __init__(self, client: TurnClient) -> None:
        self.client = client
        self._framer = StreamFramer()

    def receive(self, packet: bytes, now: float) -> None:
        """Take a piece of the stream; one that makes no sense ends the client, for nothing behind it can either."""
        try:
            messages = self._framer.feed(packet)
        except MalformedPacketError as error:
            self.client.malformed_packets += 1
            self.client.connection_lost(f"the server's stream is broken: {error}")
            return
        receive = self.client.receive
        for message in messages:
            receive(message, now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self.client.handle_timeout(now)

    def packets_to_send(self, now: float) -> list[bytes]:
        """What is next on the stream, in one piece."""
        packets = self.client.packets_to_send(now)
        return [b"".join(packets)] if packets else []

    def poll_events(self) -> list[TurnEvent]:
        """The client's events."""
        return self.client.poll_events()

    def next_timeout(self) -> float | None:
        """The client's deadline."""
        return self.client.next_timeout()

    def reconnected(self) -> None:
        """A new stream, to the server that `Redirected` named."""
        self._framer = StreamFramer()
        self.client.reconnected()
