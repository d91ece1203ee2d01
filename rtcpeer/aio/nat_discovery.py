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
    loop = asyncio.get_running_loop()
    found: asyncio.Future[NatBehavior] = loop.create_future()
    driver: Driver[Datagrams, NatDiscoveryEvent] | None = None
    ports: dict[TransportAddress, UdpPort] = {}

    def on_event(event: NatDiscoveryEvent) -> None:
        if isinstance(event, NatBehaviorDiscovered) and not found.done():
            found.set_result(event.behavior)

    def send(packets: list[Datagrams]) -> int:
        # What a full socket does not take is repeated as if it had been lost.
        for local, remote, payloads in packets:
            ports[local].send(remote, payloads)
        return len(packets)

    def received(packet: Datagrams) -> None:
        if driver is not None:
            driver.received(packet)

    try:
        bases: list[TransportAddress] = []
        for _ in range(2):
            port = await (network or SystemNetwork()).open_udp(TransportAddress(host, 0), received, _ignore)
            ports[port.local] = port
            bases.append(port.local)
        core = NatDiscovery(bases[0], bases[1], servers, settings or NatDiscoverySettings(), entropy)
        driver = Driver(core, send, on_event, loop)
        driver.wake()
        return await found
    finally:
        if driver is not None:
            driver.close()
        for port in ports.values():
            port.close()


def _ignore() -> None:
    pass
