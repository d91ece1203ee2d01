"""Real multicast: our resolver and responder, Chromium's, and what a peer connection makes of hidden addresses."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio

from rtcpeer import RTCIceCandidate, RTCPeerConnection
from rtcpeer.aio.interfaces import Interface, list_interfaces
from rtcpeer.aio.mdns import MdnsService, is_port_taken, links_of, multicast_socket, service_of
from rtcpeer.api.configuration import Settings
from rtcpeer.core import TransportAddress
from rtcpeer.ice.dns import DnsMessage, Question, RecordType
from rtcpeer.ice.mdns import GROUP_IPV4, GROUP_IPV6, PORT, generate_name
from rtcpeer.ice.settings import IceSettings
from tests.interop.behaviours import Pair, exchange, remote_candidates
from tests.interop.chromium import Chromium
from tests.interop.firefox import Firefox
from tests.interop.peers.browser_peer import BrowserPeer
from tests.interop.peers.python_peer import OurPeer
from tests.interop.private_network import IPV4, IPV6

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]

GATHER = """async () => {
    const pc = window.pc = new RTCPeerConnection();
    pc.createDataChannel("x");
    const found = [];
    const done = new Promise(resolve => pc.onicecandidate = event =>
        event.candidate ? found.push(event.candidate.candidate) : resolve());
    await pc.setLocalDescription();
    await done;
    return found;
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium(hide_addresses=True) as browser:
        yield browser


def open_sockets() -> int:
    """Sockets on port 5353 in this network namespace, as the kernel tells."""
    lines = []
    for table in ("udp", "udp6"):
        with open(f"/proc/self/net/{table}", encoding="ascii") as file:  # noqa: PTH123
            lines += file.read().splitlines()[1:]
    return sum(line.split()[1].endswith(f":{PORT:04X}") for line in lines)


@pytest.mark.parametrize("address", [IPV4, IPV6])
async def test_our_resolver_finds_our_responder(address: str) -> None:
    name = generate_name(os.urandom)
    before = open_sockets()
    ours, theirs = MdnsService(list_interfaces), MdnsService(list_interfaces)
    withdraw = await theirs.publish(name, address)
    assert {link.is_ipv6 for link in theirs.links} == {True, False}
    assert await ours.resolve(name, 3.0) == [address]
    withdraw()
    assert open_sockets() == before
    with pytest.raises(OSError, match=name):
        await ours.resolve(name, 1.0)
    assert open_sockets() == before


@pytest.mark.parametrize("is_ipv6", [False, True])
async def test_each_family_is_enough(is_ipv6: bool) -> None:
    """Joining and sending work on either, so that a network which blocks one still has names."""

    def only() -> list[Interface]:
        return [
            replace(one, addresses=tuple(address for address in one.addresses if (":" in address.host) == is_ipv6))
            for one in list_interfaces()
        ]

    name = generate_name(os.urandom)
    ours = MdnsService(only)
    theirs = MdnsService(list_interfaces)
    withdraw = await theirs.publish(name, IPV4)
    assert await ours.resolve(name, 3.0) == [IPV4]
    withdraw()


async def test_another_process() -> None:
    """A program on the same machine, which has port 5353 as well."""
    name = generate_name(os.urandom)
    script = f"""
import asyncio
from rtcpeer.aio.mdns import service_of
async def main():
    print(await service_of(asyncio.get_running_loop()).resolve({name!r}, 3.0))
asyncio.run(main())
"""
    service = service_of(asyncio.get_running_loop())
    withdraw = await service.publish(name, IPV4)
    assert is_port_taken()
    assert await service.resolve(name, 3.0) == [IPV4]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, errors = await process.communicate()
    withdraw()
    assert (out.decode().strip(), errors) == (f"['{IPV4}']", b"")


async def test_a_simple_resolver() -> None:
    """One that asks from a port of its own, as any DNS library would (RFC 6762 section 6.7)."""
    name = generate_name(os.urandom)
    withdraw = await service_of(asyncio.get_running_loop()).publish(name, IPV4)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((IPV4, 0))
        question = Question(name, RecordType.A)
        await loop.sock_sendto(sock, DnsMessage(questions=(question,), id=99).serialize(), GROUP_IPV4[:2])
        async with asyncio.timeout(3):
            message = DnsMessage.parse(await loop.sock_recv(sock, 9000))
    withdraw()
    assert (message.id, message.questions) == (99, (question,))
    assert [(record.address, record.ttl) for record in message.answers] == [(IPV4, 10)]


@pytest.mark.parametrize("group", [GROUP_IPV4, GROUP_IPV6])
async def test_each_socket_hears_its_own_link_only(group: TransportAddress) -> None:
    """The two interfaces are ends of one cable, of which only one has an IPv4 address."""
    async with asyncio.timeout(10):  # until the link-local addresses have been found to be unique
        while len({link.index for link in links_of(list_interfaces())}) < 2:
            await asyncio.sleep(0.1)
    links = [link for link in links_of(list_interfaces()) if link.is_ipv6 == (":" in group.host)]
    sockets = [(link, multicast_socket(link)) for link in links]
    try:
        payload = os.urandom(16)
        sockets[0][1].sendto(payload, group[:2])
        await asyncio.sleep(0.2)
        heard = Counter(link.interface for link, sock in sockets for data in received(sock) if data == payload)
        assert heard == {link.interface: 1 for link in links}
    finally:
        for _, sock in sockets:
            sock.close()


def received(sock: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(BlockingIOError):
        while True:
            yield sock.recv(9000)


async def test_chromiums_names(chromium: Chromium) -> None:
    page = await chromium.new_page()
    lines = await page.playwright.evaluate(GATHER)
    names = [line.split()[4] for line in lines]
    assert len(names) == 2
    assert all(name.endswith(".local") for name in names)
    service = service_of(asyncio.get_running_loop())
    found = await asyncio.gather(*(service.resolve(name, 3.0) for name in names))
    assert sorted(found) == sorted([[IPV4], [IPV6]])
    assert service.statistics().malformed_packets == 0
    await page.close()
    assert service.links == []


@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
@pytest.mark.parametrize("mode", ["query", "query_and_gather"])
async def test_a_connection_to_a_visitor(chromium: Chromium, mode: str, we_offer: bool) -> None:
    """Chromium's candidates are resolved; with names of our own neither side ever tells an address."""
    settings = Settings(ice=IceSettings(mdns="query" if mode == "query" else "query_and_gather"))
    async with await BrowserPeer.start(chromium) as theirs, OurPeer(RTCPeerConnection(settings=settings)) as ours:
        pair = Pair(ours, theirs, we_offer=we_offer)
        await pair.connect("trickle")
        await exchange(pair, "chat", ["hello", b"bytes"])
        async with asyncio.timeout(5):  # the connection does not wait for the second candidate
            while {(one.type, one.address) for one in remote_candidates(ours)} != {("host", IPV4), ("host", IPV6)}:
                await asyncio.sleep(0.05)
        described = ours.pc.localDescription.sdp
        if mode == "query_and_gather":
            assert IPV4 not in described
            assert IPV6 not in described
            assert ".local" in described
        else:
            assert IPV4 in described


async def test_chromium_resolves_our_names(chromium: Chromium) -> None:
    """It is told ours and tells us nothing, so that it alone can find the path."""
    settings = Settings(ice=IceSettings(mdns="query_and_gather"))
    pc = RTCPeerConnection(settings=settings)
    page = await chromium.new_page()
    try:
        channel = pc.createDataChannel("chat")
        opened = asyncio.Event()
        channel.on("open", opened.set)
        await pc.setLocalDescription()
        described = await pc.gathered()
        assert described is not None
        assert ".local" in described.sdp
        answer = await page.playwright.evaluate(
            """async sdp => {
                const pc = window.pc = new RTCPeerConnection();
                await pc.setRemoteDescription({type: "offer", sdp});
                await pc.setLocalDescription();
                return pc.localDescription.sdp;
            }""",
            described.sdp,
        )
        answer = "".join(line + "\r\n" for line in answer.splitlines() if not line.startswith("a=candidate:"))
        await pc.setRemoteDescription({"type": "answer", "sdp": answer})
        async with asyncio.timeout(10):
            await opened.wait()
    finally:
        await page.close()
        await pc.close()


@pytest.mark.parametrize("we_offer", [True, False], ids=["we-offer", "they-offer"])
async def test_firefoxs_names(we_offer: bool) -> None:
    async with (
        Firefox(hide_addresses=True) as firefox,
        await BrowserPeer.start(firefox) as theirs,
        OurPeer(RTCPeerConnection()) as ours,
    ):
        pair = Pair(ours, theirs, we_offer=we_offer)
        await pair.connect("trickle")
        await exchange(pair, "chat", ["hello"])
        async with asyncio.timeout(5):
            while any((one.address or "").endswith(".local") for one in udp_candidates(ours)):
                await asyncio.sleep(0.05)
        hosts = {one.address for one in udp_candidates(ours) if one.type == "host"}
        assert hosts
        assert hosts <= {IPV4, IPV6}


def udp_candidates(ours: OurPeer) -> list[RTCIceCandidate]:
    return [one for one in remote_candidates(ours) if one.protocol == "udp"]
