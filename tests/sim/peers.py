"""Peer connections in a simulated network, and the signalling between them."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

from rtcpeer import RTCPeerConnection, Settings
from rtcpeer.core import Datagrams
from rtcpeer.stun.attributes import AttributeType
from rtcpeer.stun.message import MessageClass, Method, StunMessage
from tests.sim.aio_network import SimulatedNetwork, SimulatedTcpNetwork
from tests.sim.link import LinkSettings
from tests.sim.loop import run
from tests.sim.nat import NatSettings
from tests.sim.network import Host, Network

LINK = LinkSettings(delay=0.02)


class World:
    """A network in the running loop, with two peer connections, ``a`` and ``b``, once `connect_hosts` made them."""

    a: RTCPeerConnection
    b: RTCPeerConnection

    def __init__(self, seed: int | str = 0, *, has_tcp: bool = False) -> None:
        self._make_network = SimulatedTcpNetwork if has_tcp else SimulatedNetwork
        self.network = Network(seed, timeline=asyncio.get_running_loop())
        self.networks: list[SimulatedNetwork] = []
        self._subnets = 0
        self._entropy = random.Random(f"entropy of {seed}").randbytes

    def host(self, link: LinkSettings = LINK, nat: NatSettings | None = None) -> SimulatedNetwork:
        """The network of a new host: on the internet, or alone behind a NAT."""
        self._subnets += 1
        number = self._subnets
        if nat is None:
            host = self.network.host(f"host{number}", f"203.0.113.{number}", up=link)
        else:
            router = self.network.router(f"nat{number}", f"198.51.100.{number}", nat=nat)
            host = self.network.host(f"host{number}", f"10.0.{number}.2", segment=router.inside, up=link)
        self.networks.append(self._make_network(host))
        return self.networks[-1]

    def stun_server(self, name: str = "stun.example.org", address: str = "203.0.113.200") -> Host:
        """A STUN server under that name."""
        host = self.network.host(name, address, up=LINK)
        self.network.names[name] = [address]
        socket = host.bind(address, 3478, lambda packet: answer_binding(packet, socket.send))
        return host

    def peer(self, configuration: Any = None, settings: Settings | None = None, **place: Any) -> RTCPeerConnection:
        """A peer connection on a host of its own."""
        return RTCPeerConnection(configuration, settings, network=self.host(**place), entropy=self._entropy)

    def pair(self, settings: Settings | None = None, **place: Any) -> tuple[RTCPeerConnection, RTCPeerConnection]:
        """Two peer connections, `a` and `b`."""
        self.a, self.b = self.peer(settings=settings, **place), self.peer(settings=settings, **place)
        return self.a, self.b

    async def close(self) -> None:
        """Close both; nothing may be left."""
        await asyncio.gather(self.a.close(), self.b.close())
        assert [network.open_sockets for network in self.networks] == [0] * len(self.networks)


def answer_binding(packet: Datagrams, send: Any) -> None:
    """What a STUN server does."""
    for payload in packet.payloads:
        request = StunMessage.parse(payload)
        if request.message_class is MessageClass.REQUEST and request.method == Method.BINDING:
            answer = request.success_response()
            answer.add_address(AttributeType.XOR_MAPPED_ADDRESS, packet.remote)
            send(packet.remote, [answer.serialize(fingerprint=True)])


async def exchange(offerer: RTCPeerConnection, answerer: RTCPeerConnection) -> None:
    """One offer and its answer, at once."""
    await offerer.setLocalDescription()
    assert offerer.localDescription is not None
    await answerer.setRemoteDescription(offerer.localDescription)
    await answerer.setLocalDescription()
    assert answerer.localDescription is not None
    await offerer.setRemoteDescription(answerer.localDescription)


def trickle(source: RTCPeerConnection, target: RTCPeerConnection, delay: float = 0.02) -> None:
    """Carry candidates from one to the other as a browser's program would."""

    async def carry(candidate: Any) -> None:
        await asyncio.sleep(delay)
        if target.signalingState != "closed":
            await target.addIceCandidate(candidate and candidate.toJSON())

    source.on("icecandidate", carry)


async def until(condition: Any, timeout: float = 60.0) -> None:
    """Let time pass until the condition holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while not condition():
        assert loop.time() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)


async def connected(*peers: RTCPeerConnection, timeout: float = 60.0) -> None:
    """Wait until all are connected."""
    await until(lambda: all(peer.connectionState == "connected" for peer in peers), timeout)


def simulated(main: Any) -> Any:
    """Make a test of a coroutine function: it runs in virtual time, and nothing may be left behind."""

    def test(*args: Any, **parameters: Any) -> None:
        coroutine: Coroutine[Any, Any, None] = main(*args, **parameters)
        run(coroutine)

    test.__name__, test.__doc__, test.__module__ = main.__name__, main.__doc__, main.__module__
    test.__signature__ = __import__("inspect").signature(main)  # type: ignore[attr-defined]  # pytest reads parameters
    return test
