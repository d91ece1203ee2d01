"""NAT behaviour discovery (RFC 5780) on an event loop: two sockets around `rtcpeer.stack.nat_discovery`."""

import asyncio
import os
from collections.abc import Sequence

from rtcpeer.aio.driver import Driver
from rtcpeer.aio.network import Network, SystemNetwork, UdpPort
from rtcpeer.core import Datagrams, Entropy, TransportAddress
from rtcpeer.stack.nat_behavior import NatBehavior
from rtcpeer.stack.nat_discovery import NatBehaviorDiscovered, NatDiscovery, NatDiscoveryEvent, NatDiscoverySettings

__all__ = ["discover_nat_behavior"]


async def discover_nat_behavior(
    host: str,
    servers: Sequence[TransportAddress],
    *,
    settings: NatDiscoverySettings | None = None,
    network: Network | None = None,
    entropy: Entropy = os.urandom,
) -> NatBehavior:
    """Find out what NATs do between a local address and servers, and which servers answer.

    Takes as long as silence is listened to, some seconds, unless everything answers. Raises OSError when the address
    can not be bound.

    Args:
        host: numeric; a local address of the servers' family.
        servers: where STUN requests are answered over UDP.
        settings: how long silence is listened to.
        network: the system's unless given.
        entropy: for transaction ids.
    """
    sockets = _Sockets()
    try:
        bases = [await sockets.open(network or SystemNetwork(), host) for _ in range(2)]
        core = NatDiscovery(bases[0], bases[1], servers, settings or NatDiscoverySettings(), entropy)
        return await sockets.drive(core)
    finally:
        sockets.close()


class _Sockets:
    """The two sockets of one discovery, and the driver between them and the core."""

    def __init__(self) -> None:
        self._ports: dict[TransportAddress, UdpPort] = {}
        self._driver: Driver[Datagrams, NatDiscoveryEvent] | None = None
        self._found: asyncio.Future[NatBehavior] = asyncio.get_running_loop().create_future()

    async def open(self, network: Network, host: str) -> TransportAddress:
        port = await network.open_udp(TransportAddress(host, 0), self._received, _ignore)
        self._ports[port.local] = port
        return port.local

    async def drive(self, core: NatDiscovery) -> NatBehavior:
        self._driver = Driver(core, self._send, self._on_event, asyncio.get_running_loop())
        self._driver.wake()
        return await self._found

    def close(self) -> None:
        if self._driver is not None:
            self._driver.close()
        for port in self._ports.values():
            port.close()

    def _received(self, packet: Datagrams) -> None:
        if self._driver is not None:
            self._driver.received(packet)

    def _send(self, packets: list[Datagrams]) -> int:
        # What a full socket does not take is repeated as if it had been lost.
        for local, remote, payloads in packets:
            self._ports[local].send(remote, payloads)
        return len(packets)

    def _on_event(self, event: NatDiscoveryEvent) -> None:
        if isinstance(event, NatBehaviorDiscovered) and not self._found.done():
            self._found.set_result(event.behavior)


def _ignore() -> None:
    pass
