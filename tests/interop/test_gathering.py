"""Gathering with servers that answer and servers that do not, and what the peers do meanwhile."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator

import pytest

from rtcpeer import IceSettings, RTCIceCandidate, RTCIceCandidateError, RTCPeerConnection, Settings
from tests.interop.conftest import require_program
from tests.interop.peers.peer import Trickling, connect
from tests.interop.peers.python_peer import OurPeer
from tests.interop.peers.stun_server import StunServer, is_answering
from tests.interop.private_network import IPV4

pytestmark = pytest.mark.interop

DEFAULTS = IceSettings()
SLACK = 0.4  # for a busy machine
ELSEWHERE = "10.77.0.99"
COTURN_PORT = 34780  # free in a namespace of our own


def peer_with(*servers: StunServer, settings: Settings | None = None, listens: bool = True) -> OurPeer:
    configuration = {"iceServers": [{"urls": server.url} for server in servers]}
    return OurPeer(RTCPeerConnection(configuration, settings), listens=listens)


async def test_nobody_waits_for_a_server_that_never_answers() -> None:
    async with StunServer(None) as silent, peer_with(silent) as one, peer_with(silent) as other:
        await one.create_channel("chat")
        started = time.monotonic()
        offer = await one.describe("offer", "trickle")
        assert time.monotonic() - started < SLACK
        assert "a=candidate:" not in offer["sdp"]
        await other.accept(offer)
        await one.accept(await other.describe("answer", "trickle"))
        carriers = [Trickling(one, other), Trickling(other, one)]
        await asyncio.gather(one.channel("chat"), other.channel("chat"))
        took = time.monotonic() - started
        states = {one.pc.iceGatheringState, other.pc.iceGatheringState}
        for carrier in carriers:
            await carrier.stop()
        assert states == {"gathering"}
        assert silent.requests >= 2
        assert took < DEFAULTS.stun_timeout / 2


async def test_a_silent_server_is_reported_in_the_end() -> None:
    settings = Settings(ice=IceSettings(stun_timeout=0.5))
    async with StunServer(None) as silent, peer_with(silent, settings=settings) as one:
        errors: list[RTCIceCandidateError] = []
        one.pc.on("icecandidateerror", errors.append)
        await one.create_channel("chat")
        await one.describe("offer", "bulk")
        assert [(error.url, error.errorCode) for error in errors] == [(silent.url, 701)]
        assert silent.host in errors[0].errorText


async def test_a_program_that_does_not_listen_gets_its_candidates_in_the_description() -> None:
    async with peer_with(listens=False) as one, peer_with(listens=False) as other:
        await one.create_channel("chat")
        started = time.monotonic()
        await one.describe("offer", "trickle")
        assert time.monotonic() - started < SLACK
        await other.accept(one.pc.localDescription)
        await other.describe("answer", "trickle")
        await one.accept(other.pc.localDescription)
        for peer in (one, other):
            sdp = peer.pc.localDescription.sdp
            assert f" {IPV4} " in sdp
            assert "a=end-of-candidates" in sdp
        await asyncio.gather(one.channel("chat"), other.channel("chat"))


async def test_bulk_has_patience_with_a_silent_server() -> None:
    async with StunServer(None) as silent, peer_with(silent, listens=False) as one:
        await one.create_channel("chat")
        started = time.monotonic()
        await one.describe("offer", "trickle")
        assert DEFAULTS.bulk_patience - 0.1 < time.monotonic() - started < DEFAULTS.bulk_patience + SLACK
        assert f" {IPV4} " in one.pc.localDescription.sdp


async def test_bulk_waits_briefly_once_a_server_has_answered() -> None:
    async with (
        StunServer(None) as silent,
        StunServer(ELSEWHERE) as good,
        peer_with(silent, good, listens=False) as one,
    ):
        await one.create_channel("chat")
        started = time.monotonic()
        await one.describe("offer", "trickle")
        assert DEFAULTS.bulk_wait - 0.1 < time.monotonic() - started < DEFAULTS.bulk_wait + SLACK
        assert re.search(rf"a=candidate:.* {ELSEWHERE} \d+ typ srflx", one.pc.localDescription.sdp)


async def test_three_dead_servers_cost_a_live_one_nothing() -> None:
    """The exact figures are those of tests/scenario/test_gathering_limits.py; here they are seen on real sockets."""
    async with (
        StunServer(None) as first,
        StunServer(None) as second,
        StunServer(None) as third,
        StunServer(ELSEWHERE) as live,
        peer_with(first, second, third, live) as one,
    ):
        loop = asyncio.get_running_loop()
        arrivals: dict[str, float] = {}
        one.pc.on("icecandidate", lambda each: arrivals.setdefault(each.type if each else "end", loop.time()))
        await one.create_channel("chat")
        started = loop.time()
        await one.describe("offer", "trickle")
        await one.pc.gathered()
        enough = loop.time() - started
        assert arrivals["host"] - started < SLACK
        assert arrivals["srflx"] - started < SLACK
        assert DEFAULTS.bulk_wait - 0.1 < enough < DEFAULTS.bulk_wait + SLACK
        await one.until(lambda: one.pc.iceGatheringState == "complete", "end of gathering")
        assert loop.time() - started < DEFAULTS.gathering_timeout + SLACK


async def test_gathered_serves_bulk_signalling_for_a_program_that_listens() -> None:
    async with StunServer(None) as silent, StunServer(ELSEWHERE) as good, peer_with(silent, good) as one:
        await one.create_channel("chat")
        await one.describe("offer", "trickle")
        started = time.monotonic()
        description = await one.pc.gathered()
        assert time.monotonic() - started < DEFAULTS.bulk_wait + SLACK
        assert ELSEWHERE in description.sdp
        assert IPV4 in description.sdp


async def test_a_reflexive_candidate_says_where_it_is_from() -> None:
    async with StunServer(ELSEWHERE) as server, peer_with(server) as one:
        await one.create_channel("chat")
        await one.describe("offer", "bulk")
        assert one.candidates[-1] is None
        found = [RTCIceCandidate(init) for init in one.candidates if init]
        (reflexive,) = (candidate for candidate in found if candidate.type == "srflx")
        hosts = [candidate for candidate in found if candidate.type == "host" and candidate.protocol == "udp"]
        (host,) = (candidate for candidate in hosts if candidate.address == IPV4)
        assert reflexive.address == ELSEWHERE
        assert (reflexive.relatedAddress, reflexive.relatedPort) == (host.address, host.port)
        assert reflexive.priority is not None
        assert host.priority is not None
        assert reflexive.priority < host.priority


@pytest.fixture
async def coturn() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(require_program("turnserver"), "-n", "--stun-only", "--no-cli", "--no-tls", "--no-dtls"),
        *("--listening-ip", IPV4, "--listening-port", str(COTURN_PORT), "--log-file", "stdout", "--pidfile", ""),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert await is_answering(IPV4, COTURN_PORT), "turnserver did not start"
        yield f"stun:{IPV4}:{COTURN_PORT}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_peers_meet_by_what_coturn_says(coturn: str) -> None:
    settings = Settings(ice=IceSettings(transport_policy="nohost"))
    configuration = {"iceServers": [{"urls": coturn}]}
    peers = [OurPeer(RTCPeerConnection(configuration, settings)) for _ in range(2)]
    async with peers[0] as one, peers[1] as other:
        await one.create_channel("chat")
        await connect(one, other, "bulk")
        await asyncio.gather(one.channel("chat"), other.channel("chat"))
        types = set(re.findall(r"typ (\w+)", one.pc.localDescription.sdp))
        assert types == {"srflx"}
