"""Two peer connections that may use relays alone, through coturn, over each way to it."""

import asyncio
import gc
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtcpeer import (
    IceSettings,
    RTCIceCandidate,
    RTCIceCandidateError,
    RTCPeerConnection,
    Settings,
    TurnSettings,
    time_limited_credentials,
)
from tests.interop.coturn import Coturn, CoturnSettings, coturn, turn_certificate
from tests.interop.peers.peer import Trickling, connect
from tests.interop.peers.python_peer import OurPeer
from tests.interop.peers.stun_server import StunServer
from tests.interop.private_network import IPV4, IPV6

pytestmark = pytest.mark.interop

WAYS = ["udp", "tcp", "tls", "dtls"]
PIECE = bytes(range(256)) * 64
PIECES = 64  # 1 MiB
SLACK = 0.5  # for a busy machine


@pytest.fixture(scope="module")
def server() -> Iterator[Coturn]:
    with coturn(CoturnSettings()) as running:
        yield running


def url(server: Coturn, way: str, host: str = IPV4) -> str:
    at = f"[{host}]" if ":" in host else host
    return {
        "udp": f"turn:{at}:{server.port}",
        "tcp": f"turn:{at}:{server.port}?transport=tcp",
        "tls": f"turns:{at}:{server.tls_port}",
        "dtls": f"turns:{at}:{server.tls_port}?transport=udp",
    }[way]


def configuration(server: Coturn, *urls: str, policy: str = "relay", password: str | None = None) -> dict[str, Any]:
    credentials = server.credentials
    entry = {"urls": list(urls), "username": credentials.username, "credential": password or credentials.password}
    return {"iceServers": [entry], "iceTransportPolicy": policy}


def settings(server: Coturn, **ice: Any) -> Settings:
    return Settings(ice=IceSettings(tls_ca_file=str(server.certificate), **ice))


def peer(server: Coturn, *urls: str, listens: bool = True, **kwargs: Any) -> OurPeer:
    pc = RTCPeerConnection(configuration(server, *urls, **kwargs), settings(server))
    made = OurPeer(pc, listens=listens)
    made.errors = []
    pc.on("icecandidateerror", lambda error: (made.errors.append(error), made.wake()))
    return made


def types(sdp: str) -> set[str]:
    return set(re.findall(r"a=candidate:.* typ (\w+)", sdp))


@pytest.mark.parametrize("host", [IPV4, IPV6])
@pytest.mark.parametrize("way", WAYS)
async def test_two_peers_that_only_know_relays(server: Coturn, way: str, host: str) -> None:
    address = url(server, way, host)
    async with peer(server, address) as one, peer(server, address) as other:
        await one.create_channel("bulk")
        started = time.monotonic()
        await connect(one, other, "trickle")
        await asyncio.gather(one.channel("bulk"), other.channel("bulk"))
        took = time.monotonic() - started
        await one.send("bulk", *[PIECE] * PIECES)
        await other.send("bulk", *[PIECE] * PIECES)
        assert await other.received("bulk", PIECES) == [PIECE] * PIECES
        assert await one.received("bulk", PIECES) == [PIECE] * PIECES
        assert took < (1.0 if way in {"udp", "dtls"} else 2.0) + SLACK
        for side in (one, other):
            assert types(side.pc.localDescription.sdp) == types(side.pc.remoteDescription.sdp) == {"relay"}
            assert "raddr 0.0.0.0 rport 9" in side.pc.localDescription.sdp or ":" in host
            assert f"raddr {host}" not in side.pc.localDescription.sdp
            ice = side.pc.sctp.transport.iceTransport
            pair = ice.getSelectedCandidatePair()
            assert pair.local.type == "relay"
            assert (pair.local.relayProtocol, pair.local.url) == (way, address)
            pairs = ice._agent.core.agent.statistics().pairs
            assert {each.local.type.value for each in pairs} == {"relay"}
            assert not side.errors


async def test_a_relay_beside_everything_else(server: Coturn) -> None:
    """All URLs of all kinds at once, at one address for STUN and TURN; the direct path wins."""
    urls = [f"stun:{IPV4}:{server.port}", *(url(server, way) for way in WAYS)]
    async with peer(server, *urls, policy="all") as one, peer(server, *urls, policy="all") as other:
        await one.create_channel("chat")
        await connect(one, other, "bulk")
        await asyncio.gather(one.channel("chat"), other.channel("chat"))
        assert types(one.pc.localDescription.sdp) == {"host", "relay"}  # nobody translates here
        found = one.pc.sctp.transport.iceTransport.getLocalCandidates()
        assert {each.relayProtocol for each in found if each.type == "relay"} == set(WAYS)
        ranks = {each.relayProtocol: each.priority >> 24 for each in found if each.type == "relay"}
        assert ranks == {"udp": 3, "dtls": 2, "tcp": 1, "tls": 0}
        assert one.pc.sctp.transport.iceTransport.getSelectedCandidatePair().local.type in {"host", "prflx"}
        assert not one.errors


async def test_bulk_signalling_waits_for_the_relay(server: Coturn) -> None:
    async with peer(server, url(server, "tls"), listens=False) as one:
        await one.create_channel("chat")
        await one.pc.setLocalDescription()
        assert types(one.pc.localDescription.sdp) == {"relay"}


@pytest.mark.parametrize("way", WAYS)
async def test_wrong_credentials(server: Coturn, way: str) -> None:
    async with peer(server, url(server, way), password="babbage") as one:
        await one.create_channel("chat")
        await one.describe("offer", "bulk")
        errors: list[RTCIceCandidateError] = one.errors
        assert [(error.url, error.errorCode) for error in errors] == [(url(server, way), 401)]
        assert errors[0].errorText
        assert types(one.pc.localDescription.sdp) == set()


@pytest.mark.parametrize("way", WAYS)
async def test_a_dead_server_costs_nobody_else_any_time(server: Coturn, way: str) -> None:
    async with StunServer(None) as silent:
        at = silent.url.removeprefix("stun:")
        dead = {
            "udp": f"turn:{at}",
            "tcp": f"turn:{at}?transport=tcp",
            "tls": f"turns:{at}",
            "dtls": f"turns:{at}?transport=udp",
        }[way]
        live = url(server, "udp")
        async with peer(server, dead, live) as one, peer(server, dead, live) as other:
            await one.create_channel("chat")
            started = time.monotonic()
            offer = await one.describe("offer", "trickle")
            await other.accept(offer)
            await one.accept(await other.describe("answer", "trickle"))
            carriers = [Trickling(one, other), Trickling(other, one)]
            await asyncio.gather(one.channel("chat"), other.channel("chat"))
            took = time.monotonic() - started
            await one.until(lambda: one.pc.iceGatheringState == "complete", "end of gathering")
            for carrier in carriers:
                await carrier.stop()
            assert took < 1.0 + SLACK
            assert [(error.url, error.errorCode) for error in one.errors] == [(dead, 701)]


async def test_a_server_without_a_valid_certificate(server: Coturn) -> None:
    pc = RTCPeerConnection(configuration(server, url(server, "tls")))  # nobody whom the system trusts
    errors: list[RTCIceCandidateError] = []
    pc.on("icecandidateerror", errors.append)
    async with OurPeer(pc) as one:
        await one.create_channel("chat")
        await one.describe("offer", "bulk")
        assert [error.errorCode for error in errors] == [701]
        assert "certificate" in errors[0].errorText


@pytest.mark.parametrize("way", WAYS)
async def test_close_leaves_nothing_behind(server: Coturn, way: str) -> None:
    before = server.count("delete: realm")
    tasks = asyncio.all_tasks()
    address = url(server, way)
    async with peer(server, address) as one, peer(server, address) as other:
        await one.create_channel("chat")
        await connect(one, other, "trickle")
        await asyncio.gather(one.channel("chat"), other.channel("chat"))
        started = time.monotonic()
        await asyncio.gather(one.pc.close(), other.pc.close())
        assert time.monotonic() - started < 1.0
    assert asyncio.all_tasks() == tasks
    gc.collect()
    await asyncio.to_thread(server.wait_for, "delete: realm", before + 2)


async def test_a_stream_that_ends_fails_its_pairs() -> None:
    """The server dies: over TCP that is known at once, long before consent runs out."""
    with coturn(CoturnSettings()) as mortal:
        address = url(mortal, "tcp")
        async with peer(mortal, address) as one, peer(mortal, address) as other:
            await one.create_channel("chat")
            await connect(one, other, "trickle")
            await asyncio.gather(one.channel("chat"), other.channel("chat"))
            mortal.process.kill()
            await one.until(lambda: one.pc.connectionState == "failed", "failure", within=2.0)
            await other.until(lambda: other.pc.connectionState == "failed", "failure", within=2.0)


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_names_another_is_left_for_that(way: str, tmp_path: Path) -> None:
    """300 over each transport; over TLS and DTLS the other server has to prove the same name."""
    certificate = turn_certificate(tmp_path)
    with coturn(CoturnSettings(certificate=certificate)) as second:
        first_settings = CoturnSettings(
            alternate_server=f"{IPV4}:{second.port}",
            tls_alternate_server=f"{IPV4}:{second.tls_port}",
            is_ipv4_only=True,
            certificate=certificate,
        )
        with coturn(first_settings) as first:
            made = RTCPeerConnection(configuration(first, url(first, way)), settings(first))
            errors: list[RTCIceCandidateError] = []
            made.on("icecandidateerror", errors.append)
            async with OurPeer(made) as one:
                await one.create_channel("chat")
                await one.describe("offer", "bulk")
                assert types(made.localDescription.sdp) == {"relay"}, [
                    (each.errorCode, each.errorText) for each in errors
                ]
            await asyncio.to_thread(second.wait_for, "ALLOCATE processed, success")
            await asyncio.to_thread(second.wait_for, "delete: realm")
            assert not first.count("ALLOCATE processed, success")


@pytest.mark.slow
async def test_everything_is_renewed_while_a_connection_lives() -> None:
    """Longer than any lifetime, over each way to the server at once; coturn's log has seen the renewals."""
    turn = TurnSettings(
        refresh_margin=2.0,
        min_refresh_interval=0.5,
        permission_interval=2.0,
        permission_lifetime=3.0,
        channel_interval=3.0,
        channel_lifetime=5.0,
        retry_interval=0.5,
    )
    limits = CoturnSettings(max_lifetime=5, permission_lifetime=3, channel_lifetime=5, nonce_lifetime=2)
    with coturn(limits) as short:

        async def run(way: str) -> None:
            chosen = Settings(ice=IceSettings(tls_ca_file=str(short.certificate)), turn=turn)
            made = [RTCPeerConnection(configuration(short, url(short, way)), chosen) for _ in range(2)]
            async with OurPeer(made[0]) as one, OurPeer(made[1]) as other:
                await one.create_channel("chat")
                await connect(one, other, "trickle")
                await asyncio.gather(one.channel("chat"), other.channel("chat"))
                for number in range(12):
                    await one.send("chat", f"{way} {number}")
                    await asyncio.sleep(1.0)
                assert await other.received("chat", 12) == [f"{way} {number}" for number in range(12)]
                for side in (one, other):
                    assert side.pc.connectionState == "connected"
                    pair = side.pc.sctp.transport.iceTransport.getSelectedCandidatePair()
                    assert (pair.local.type, pair.local.relayProtocol) == ("relay", way)

        await asyncio.gather(*(run(way) for way in WAYS))
        sessions = 2 * len(WAYS)
        await asyncio.to_thread(short.wait_for, r"delete: realm", sessions)
        assert short.count(r"REFRESH processed, success") >= 3 * sessions
        assert short.count(r"CREATE_PERMISSION processed, success") >= 3 * sessions
        assert short.count(r"CHANNEL_BIND processed, success") >= 2 * sessions
        assert short.count(r"error 438") >= sessions


@pytest.mark.parametrize("is_coroutine", [False, True])
async def test_credentials_that_the_program_makes(is_coroutine: bool) -> None:
    with coturn(CoturnSettings(secret="north")) as sharing:
        calls: list[float] = []

        def plain() -> tuple[str, str]:
            calls.append(time.monotonic())
            made = time_limited_credentials("north", expires_at=time.time() + 60, user_id="ada")
            return made.username, made.password

        async def coroutine() -> tuple[str, str]:
            await asyncio.sleep(0.01)
            return plain()

        urls = [url(sharing, way) for way in WAYS]
        servers = [{"urls": urls, "credential": coroutine if is_coroutine else plain}]
        made = RTCPeerConnection({"iceServers": servers, "iceTransportPolicy": "relay"}, settings(sharing))
        found: list[RTCIceCandidate | None] = []
        made.on("icecandidate", found.append)
        async with OurPeer(made) as one:
            await one.create_channel("chat")
            await one.describe("offer", "bulk")
            await one.until(lambda: None in found, "end of gathering")
            assert {each.relayProtocol for each in found if each is not None and each.candidate} == set(WAYS)
            assert len(calls) == 1


async def test_credentials_that_the_program_fails_to_make(server: Coturn) -> None:
    def fail() -> tuple[str, str]:
        raise LookupError("the key server is down")

    address = url(server, "udp")
    made = RTCPeerConnection({"iceServers": [{"urls": address, "credential": fail}]}, settings(server))
    errors: list[RTCIceCandidateError] = []
    made.on("icecandidateerror", errors.append)
    async with OurPeer(made) as one:
        await one.create_channel("chat")
        await one.describe("offer", "bulk")
        assert [(error.url, error.errorCode) for error in errors] == [(address, 701)]
        assert "the key server is down" in errors[0].errorText


async def test_credentials_are_made_anew_before_they_end() -> None:
    """Asked again before they end, and the allocation lives on."""
    turn = TurnSettings(min_refresh_interval=0.5, retry_interval=0.5)
    with coturn(CoturnSettings(secret="north", max_lifetime=4, nonce_lifetime=1)) as sharing:
        made: list[str] = []

        def make() -> tuple[str, str, float]:
            fresh = time_limited_credentials("north", expires_at=time.time() + 60 + len(made), user_id="ada")
            made.append(fresh.username)
            return fresh.username, fresh.password, 2.0

        servers = [{"urls": url(sharing, "udp"), "credential": make}]
        chosen = Settings(ice=settings(sharing).ice, turn=turn)
        pc = RTCPeerConnection({"iceServers": servers, "iceTransportPolicy": "relay"}, chosen)
        async with OurPeer(pc) as one:
            await one.create_channel("chat")
            await one.describe("offer", "bulk")
            assert len(made) == 1
            # Asked again by the time that it gave (at least 5 s). coturn holds on to the user who allocated: 441, and
            # the allocation lives on with the first credentials.
            async with asyncio.timeout(10.0):
                while len(made) < 2:
                    await asyncio.sleep(0.1)
            await asyncio.to_thread(sharing.wait_for, r"error 441")
            refreshed = sharing.count(r"REFRESH processed, success")
            await asyncio.to_thread(sharing.wait_for, r"REFRESH processed, success", refreshed + 1)
