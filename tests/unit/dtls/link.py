"""Two endpoints over a lossy link in virtual time, as a function of a seed."""

import heapq
import random
from datetime import UTC, datetime

from rtcpeer.dtls import Certificate, DtlsEndpoint, DtlsEvent, DtlsRole, DtlsSettings, Fingerprint, KeyType

WALL_TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EC_1 = Certificate.generate(WALL_TIME)
EC_2 = Certificate.generate(WALL_TIME)
RSA = Certificate.generate(WALL_TIME, key_type=KeyType.RSA_2048)


class Link:
    """A client and a server, and what is under way between them."""

    def __init__(
        self,
        seed: int = 0,
        *,
        loss: float = 0.0,
        duplication: float = 0.0,
        delay: float = 0.02,
        jitter: float = 0.0,
        client_settings: DtlsSettings = DtlsSettings(),  # noqa: B008  (frozen)
        server_settings: DtlsSettings = DtlsSettings(),  # noqa: B008
        client_certificate: Certificate = EC_1,
        server_certificate: Certificate = EC_2,
    ) -> None:
        self.random = random.Random(seed)
        self.loss, self.duplication, self.delay, self.jitter = loss, duplication, delay, jitter
        self.now = 1000.0
        self.client = DtlsEndpoint(client_certificate, client_settings, self.random.randbytes)
        self.server = DtlsEndpoint(server_certificate, server_settings, self.random.randbytes)
        self.peers = (self.client, self.server)
        self.events: dict[DtlsEndpoint, list[DtlsEvent]] = {self.client: [], self.server: []}
        self.sent: dict[DtlsEndpoint, list[bytes]] = {self.client: [], self.server: []}
        self.drop = lambda sender, datagram: False  # a test may say what is lost
        self._underway: list[tuple[float, int, DtlsEndpoint, bytes]] = []
        self._count = 0

    def start(
        self, client_knows: list[Fingerprint] | None = None, server_knows: list[Fingerprint] | None = None
    ) -> None:
        self.server.start(DtlsRole.SERVER, server_knows or [self.client.certificate.fingerprint()])
        self.client.start(DtlsRole.CLIENT, client_knows or [self.server.certificate.fingerprint()])

    def send(self, sender: DtlsEndpoint, datagram: bytes) -> None:
        self.sent[sender].append(datagram)
        receiver = self.server if sender is self.client else self.client
        if self.drop(sender, datagram):
            return
        for _ in range(1 + (self.random.random() < self.duplication)):
            if self.random.random() >= self.loss:
                self._count += 1
                when = self.now + self.delay + self.random.random() * self.jitter
                heapq.heappush(self._underway, (when, self._count, receiver, datagram))

    def drain(self) -> None:
        for peer in self.peers:
            for datagram in peer.packets_to_send(self.now):
                self.send(peer, datagram)
            self.events[peer] += peer.poll_events()

    def step(self) -> bool:
        """Go to the next thing that happens; False when nothing ever will."""
        self.drain()
        times = [when for peer in self.peers if (when := peer.next_timeout()) is not None]
        if self._underway:
            times.append(self._underway[0][0])
        if not times:
            return False
        self.now = max(self.now, min(times))
        while self._underway and self._underway[0][0] <= self.now:
            _, _, receiver, datagram = heapq.heappop(self._underway)
            receiver.receive(datagram, self.now)
        for peer in self.peers:
            peer.handle_timeout(self.now)
        self.drain()
        return True

    def run(self, *, until: float = 60.0) -> None:
        """Until nothing is under way and nothing is due, or that many seconds have passed."""
        end = self.now + until
        while self.now < end and self.step():
            pass

    def connect(self) -> "Link":
        self.start()
        self.run()
        return self
