"""A TURN client inside DTLS (RFC 8656 section 3.1, RFC 7350): over the socket of its base, as over plain UDP."""

from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.dtls import (
    DtlsEndpoint,
    DtlsRole,
    DtlsSettings,
    DtlsState,
    EndpointClosed,
    HandshakeFailed,
    ServerIdentity,
)
from rtcpeer.turn import TurnClient, TurnEvent

__all__ = ["TurnOverDtls"]

# Towards a server the RFC's own first timeout: nothing has measured the path yet (RFC 6347 section 4.2.4.1).
_SETTINGS = DtlsSettings(srtp_profiles=(), retransmit_initial=1.0)


class TurnOverDtls:
    """Core[Datagrams, TurnEvent]: the client on one base; what it says waits until the server has proved its name."""

    def __init__(self, client: TurnClient, base: TransportAddress, identity: ServerIdentity, entropy: Entropy) -> None:
        self.client = client
        self.base = base
        self._identity = identity
        self._entropy = entropy
        self._server = client.server
        self._dtls: DtlsEndpoint | None = None  # none before the first pull, and after a redirection
        self._ended: list[tuple[TransportAddress, DtlsEndpoint]] = []  # still to say goodbye

    def receive(self, packet: Datagrams, now: float) -> None:
        """Take records of the server's association."""
        dtls = self._dtls
        if dtls is None or packet.remote != self._server or packet.local != self.base:
            return
        for payload in packet.payloads:
            dtls.receive(payload, now)
        for data in dtls.take_data():
            self.client.receive(data, now)
        self._follow(dtls)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        if self._dtls is not None:
            self._dtls.handle_timeout(now)
            self._follow(self._dtls)
        self.client.handle_timeout(now)

    def packets_to_send(self, now: float) -> list[Datagrams]:
        """A flight of the handshake, or one run of what the client says."""
        dtls = self._dtls or self._start()
        payloads = dtls.packets_to_send(now)
        if dtls.state is DtlsState.CONNECTED:
            payloads += dtls.seal_many(self.client.packets_to_send(now))
        packets = self.farewell(now)
        if payloads:
            packets.append(Datagrams(self.base, self._server, payloads))
        return packets

    def poll_events(self) -> list[TurnEvent]:
        """The client's events."""
        return self.client.poll_events()

    def next_timeout(self) -> float | None:
        """The association's deadline or the client's."""
        deadlines = (None if self._dtls is None else self._dtls.next_timeout(), self.client.next_timeout())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def redirect(self, host: str) -> None:
        """Go on with the server that `Redirected` named, whose certificate has to be for that host."""
        self.end()
        self._identity = ServerIdentity(host, self._identity.trust)
        self._server = self.client.server

    def end(self) -> None:
        """The association is needed no more; the goodbye goes with the next pull, or `farewell`."""
        if self._dtls is not None:
            self._dtls.close()
            self._ended.append((self._server, self._dtls))
            self._dtls = None

    def farewell(self, now: float) -> list[Datagrams]:
        """What is left to say to associations that have ended."""
        ended, self._ended = self._ended, []
        runs = [Datagrams(self.base, server, dtls.packets_to_send(now)) for server, dtls in ended]
        return [run for run in runs if run.payloads]

    def _start(self) -> DtlsEndpoint:
        self._dtls = dtls = DtlsEndpoint(None, _SETTINGS, self._entropy)
        dtls.start(DtlsRole.CLIENT, self._identity)
        self._follow(dtls)
        return dtls

    def _follow(self, dtls: DtlsEndpoint) -> None:
        for event in dtls.poll_events():
            match event:
                case HandshakeFailed(reason):
                    self.client.connection_lost(f"no DTLS with {self._identity.host}: {reason}")
                case EndpointClosed():
                    self.client.connection_lost("the server has ended the DTLS association")
                case _:
                    pass
