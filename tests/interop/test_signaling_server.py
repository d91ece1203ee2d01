"""The signalling server over real sockets on the loopback, with aiohttp's client and with ours."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from rtcpeer.signaling import (
    ByeReceived,
    CandidateReceived,
    DescriptionReceived,
    PeerJoined,
    PeerLeft,
    PeerNegotiator,
    SignalingClient,
    SignalingConnectionError,
    SignalingError,
    SignalingRefusedError,
)
from signaling_server.app import ServerSettings, create_application
from signaling_server.connection import ConnectionSettings
from signaling_server.rate_limit import RateLimitSettings
from signaling_server.rooms import RoomsSettings
from tests.unit.signaling.test_negotiator import FakeConnection

pytestmark = pytest.mark.interop

OFFER = {"type": "offer", "sdp": "v=0\r\n"}


@asynccontextmanager
async def serve(settings: ServerSettings | None = None) -> AsyncIterator[str]:
    runner = web.AppRunner(create_application(settings), shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Raw:
    """A client that may misbehave."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def say(self, message: dict[str, Any] | str) -> None:
        await self.websocket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self.websocket.receive_json(timeout=10)
        return answer

    async def join(self, room: str = "lobby", name: str = "raw") -> dict[str, Any]:
        await self.say({"type": "join", "room": room, "name": name})
        return await self.hear()


@asynccontextmanager
async def raw(url: str, **options: Any) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws", **options) as websocket:
        yield Raw(websocket)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serve() as address:
        yield address


async def test_two_peers_exchange_everything(url: str) -> None:
    async with SignalingClient(url, "lobby", name="Ada") as ada, SignalingClient(url, "lobby", name="Bob") as bob:
        joined = await anext(ada)
        assert isinstance(joined, PeerJoined)
        assert (joined.peer.id, joined.peer.name, joined.peer.polite) == (bob.id, "Bob", False)
        assert dict(ada.peers) == {bob.id: joined.peer}
        (peer,) = bob.peers.values()
        assert (peer.id, peer.name, peer.polite) == (ada.id, "Ada", True)

        await bob.send_description(ada.id, OFFER)
        await bob.send_candidate(ada.id, {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0})
        await bob.send_candidate(ada.id, None)
        await bob.send_bye(ada.id, "done")
        assert await anext(ada) == DescriptionReceived(joined.peer, {"type": "offer", "sdp": "v=0\r\n"})
        assert await anext(ada) == CandidateReceived(
            joined.peer, {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0}
        )
        assert await anext(ada) == CandidateReceived(joined.peer, None)
        assert await anext(ada) == ByeReceived(joined.peer, "done")

        await bob.close()
        left = await anext(ada)
        assert isinstance(left, PeerLeft)
        assert (left.peer, left.reason) == (joined.peer, "disconnected")
        assert not ada.peers
        await ada.send_description(bob.id, OFFER)
        error = await anext(ada)
        assert isinstance(error, SignalingError)
        assert (error.code, error.request_type, error.to) == ("unknown-peer", "description", bob.id)


async def test_closing_ends_the_iteration(url: str) -> None:
    async with SignalingClient(url, "lobby") as signaling:
        waiting = asyncio.ensure_future(anext(signaling, None))
        await asyncio.sleep(0)
        await signaling.close()
        assert await waiting is None
        with pytest.raises(SignalingConnectionError, match="is closed"):
            await signaling.send_bye("x")


async def test_nothing_is_lost_between_a_message_and_its_taker(url: str) -> None:
    async with SignalingClient(url, "lobby") as ada, SignalingClient(url, "lobby") as bob:
        for index in range(5):
            await bob.send_candidate(ada.id, {"candidate": str(index)})
        for _ in range(6):
            await anext(ada)
        taken: list[Any] = []
        ada.take(bob.id, taken.append)
        await bob.send_candidate(ada.id, {"candidate": "5"})
        await anext(ada)
        assert [message.candidate["candidate"] for message in taken] == [str(index) for index in range(6)]
        with pytest.raises(RuntimeError, match="already"):
            ada.take(bob.id, taken.append)


async def test_events_are_emitted_and_a_bad_listener_harms_nobody(url: str) -> None:
    async with SignalingClient(url, "lobby") as ada:
        heard: list[object] = []

        @ada.on("peerjoined")
        def fail(_message: object) -> None:
            raise ValueError("mine")

        ada.on("peerleft", heard.append)
        async with SignalingClient(url, "lobby"):
            await anext(ada)
        left = await anext(ada)
        assert heard == [left]


async def test_offers_that_collide_over_the_real_server(url: str) -> None:
    async with SignalingClient(url, "lobby", name="Ada") as ada, SignalingClient(url, "lobby", name="Bob") as bob:
        joined = await anext(ada)
        assert isinstance(joined, PeerJoined)
        early, late = FakeConnection("early"), FakeConnection("late")
        errors: list[Exception] = []
        async with (
            PeerNegotiator(ada, joined.peer, early, on_error=errors.append),
            PeerNegotiator(bob, bob.peers[ada.id], late, on_error=errors.append),
        ):
            early.need()
            late.need()
            heard = [message async for message in take_until_answer(ada)]
            assert [message.description["sdp"] for message in heard] == ["late offer 1", "late answer", "late offer 2"]
            answer = [message async for message in take_until_answer(bob)]
            assert [message.description["sdp"] for message in answer] == ["early offer 1", "early answer"]
        assert not errors


async def take_until_answer(signaling: SignalingClient) -> AsyncIterator[DescriptionReceived]:
    """The descriptions until both needs are met: by an answer for the early one, by an offer after one for the late."""
    async with asyncio.timeout(5):
        answered = False
        async for message in signaling:
            if isinstance(message, DescriptionReceived):
                yield message
                kind = message.description["type"]
                if kind == "answer" and message.description["sdp"].startswith("early"):
                    return
                if kind == "offer" and answered:
                    return
                answered = answered or kind == "answer"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "malformed-json"),
        ("[1]", "malformed-json"),
        ("[" * 50_000, "malformed-json"),
        ('{"type": NaN}', "malformed-json"),
        ({"type": "dance"}, "unknown-type"),
        ({"no": "type"}, "unknown-type"),
        ({"type": "description", "to": "x"}, "invalid-message"),
        ({"type": "description", "to": "x", "description": OFFER}, "unknown-peer"),
        ({"type": "candidate", "to": "x", "candidate": None}, "unknown-peer"),
        ({"type": "join", "room": "lobby"}, "already-joined"),
        ({"type": "description", "to": "x", "description": OFFER | {"sdp": "s" * 65_536}}, "message-too-large"),
        ("ü" * 40_000, "message-too-large"),
        ("x" * 1_000_000, "message-too-large"),
    ],
)
async def test_bad_message_is_answered_and_disturbs_nobody(url: str, message: dict[str, Any] | str, code: str) -> None:
    async with SignalingClient(url, "lobby") as witness, raw(url) as client:
        joined = await client.join()
        await client.say(message)
        error = await client.hear()
        assert (error["type"], error["code"]) == ("error", code)
        assert 10 < len(error["message"]) < 300
        # The connection is as good as before, and the other one has heard nothing but what it should.
        await client.say({"type": "description", "to": witness.id, "description": OFFER})
        heard = [await anext(witness), await anext(witness)]
        assert [type(each) for each in heard] == [PeerJoined, DescriptionReceived]
        assert list(witness.peers) == [joined["id"]]


async def test_binary_message_is_answered(url: str) -> None:
    async with raw(url) as client:
        await client.websocket.send_bytes(b'{"type":"leave"}')
        assert (await client.hear())["code"] == "not-text"
        assert (await client.join())["type"] == "joined"


async def test_message_far_too_large_closes_with_1009(url: str) -> None:
    async with SignalingClient(url, "lobby") as witness, raw(url) as client:
        await client.join()
        with contextlib.suppress(ConnectionError):
            await client.say("x" * 2_000_000)
        await client.websocket.receive(timeout=10)
        assert client.websocket.close_code == 1009
        await anext(witness)
        assert isinstance(await anext(witness), PeerLeft)


async def test_leaving_and_joining_again(url: str) -> None:
    async with raw(url) as client, raw(url) as other:
        first = await client.join()
        await other.join()
        await client.hear()
        await client.say({"type": "leave"})
        assert await other.hear() == {"type": "peer-left", "id": first["id"], "reason": "left"}
        await client.say({"type": "leave"})
        assert (await client.hear())["code"] == "not-joined"
        second = await client.join()
        assert second["id"] != first["id"]
        assert second["peers"][0]["polite"] is True


async def test_full_room_and_bad_name_are_refused_by_name() -> None:
    async with (
        serve(ServerSettings(rooms=RoomsSettings(room_capacity=2))) as url,
        SignalingClient(url, "lobby"),
        SignalingClient(url, "lobby"),
    ):
        with pytest.raises(SignalingRefusedError, match="is full") as caught:
            await SignalingClient(url, "lobby").__aenter__()
        assert caught.value.code == "room-full"
        with pytest.raises(SignalingRefusedError, match="at most 64 characters") as caught:
            await SignalingClient(url, "x" * 65).__aenter__()
        assert caught.value.code == "invalid-message"


async def test_client_that_does_not_read_is_dropped_and_the_rest_goes_on() -> None:
    settings = ServerSettings(
        connection=ConnectionSettings(max_queued_messages=50, close_timeout=0.2),
        rate_limit=RateLimitSettings(rate=1e9, burst=1e9),
    )
    async with serve(settings) as url, SignalingClient(url, "lobby") as sender:
        host, port = url.removeprefix("http://").split(":")
        # A socket with a small buffer that shakes hands, joins and never reads again.
        reader, writer = await asyncio.open_connection(host, int(port), limit=4096)
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        payload = json.dumps({"type": "join", "room": "lobby"}).encode()
        writer.write(bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
        joined = await anext(sender)
        assert isinstance(joined, PeerJoined)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        big = OFFER | {"sdp": "s" * 60_000}
        left: asyncio.Future[Any] = asyncio.ensure_future(anext(sender))
        for _ in range(2000):
            if left.done():
                break
            await sender.send_description(joined.peer.id, big)
        message = await asyncio.wait_for(left, 10)
        assert isinstance(message, PeerLeft)
        assert message.reason == "too-slow"
        writer.transport.abort()
        async with SignalingClient(url, "lobby") as third:
            assert list(third.peers) == [sender.id]


async def test_client_that_answers_no_ping_is_removed() -> None:
    async with (
        serve(ServerSettings(connection=ConnectionSettings(heartbeat=0.4))) as url,
        raw(url, autoping=False) as mute,
        raw(url) as witness,
    ):
        await mute.join()
        joined = await witness.join()
        left = await witness.hear()
        assert left == {"type": "peer-left", "id": joined["peers"][0]["id"], "reason": "timeout"}


async def test_fast_sender_is_slowed_down_and_loses_nothing() -> None:
    settings = ServerSettings(rate_limit=RateLimitSettings(rate=100, burst=10))
    async with serve(settings) as url, SignalingClient(url, "lobby") as ada, SignalingClient(url, "lobby") as bob:
        await anext(ada)
        started = asyncio.get_running_loop().time()
        for index in range(60):
            await bob.send_candidate(ada.id, {"candidate": str(index)})
        for index in range(60):
            message = await anext(ada)
            assert isinstance(message, CandidateReceived)
            assert message.candidate == {"candidate": str(index)}
        # 1 + 60 messages, 10 of them on credit: 0.5 s, less what the timers' grain gives.
        assert asyncio.get_running_loop().time() - started > 0.4


async def test_origins(url: str) -> None:
    async with raw(url, origin=url) as client:
        assert (await client.join())["type"] == "joined"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with raw(url, origin="https://evil.example"):
            pass
    assert caught.value.status == 403
    for allowed in ("https://good.example", "*"):
        settings = ServerSettings(allowed_origins=frozenset({allowed}))
        async with serve(settings) as other, raw(other, origin="https://good.example") as client:
            assert (await client.join())["type"] == "joined"


async def test_connections_are_limited() -> None:
    async with serve(ServerSettings(max_connections=1)) as url, SignalingClient(url, "lobby"):
        with pytest.raises(SignalingConnectionError, match="HTTP 503"):
            await SignalingClient(url, "lobby").__aenter__()


async def test_health_and_status(url: str) -> None:
    async with SignalingClient(url, "one"), SignalingClient(url, "two"), aiohttp.ClientSession() as session:
        async with raw(url), session.get(f"{url}/api/status") as response:
            assert await response.json() == {"rooms": 2, "peers": 2, "connections": 3, "relayed": 0}
        async with session.get(f"{url}/healthz") as response:
            assert (response.status, await response.text()) == (200, "ok\n")


async def test_page_types_headers_and_nothing_outside(tmp_path: Path) -> None:
    root = tmp_path / "web"
    (root / "js").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>", "utf-8")
    (root / "js" / "app.js").write_text("export {};", "utf-8")
    (root / "style.css").write_text("", "utf-8")
    (root / ".secret").write_text("s", "utf-8")
    (tmp_path / "outside.txt").write_text("s", "utf-8")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    async with serve(ServerSettings(web=root)) as url, aiohttp.ClientSession() as session:
        for path, content_type in (
            ("/", "text/html; charset=utf-8"),
            ("/index.html", "text/html; charset=utf-8"),
            ("/js/app.js", "text/javascript; charset=utf-8"),
            ("/style.css", "text/css; charset=utf-8"),
        ):
            async with session.get(url + path) as response:
                assert (response.status, response.headers["Content-Type"]) == (200, content_type), path
                assert response.headers["Cache-Control"] == "no-cache"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        for path in (
            "/js",
            "/.secret",
            "/link.txt",
            "/%2e%2e/outside.txt",
            "/..%2foutside.txt",
            "/none",
            "/" + "x" * 5000,
            "/a%00b",
        ):
            async with session.get(url + path) as response:
                assert response.status == 404, path


async def test_without_a_page_the_server_says_so(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 404
        assert "--web DIR" in await response.text()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_server_that_is_not_running() -> None:
    port = unused_port()
    with pytest.raises(SignalingConnectionError) as caught:
        await SignalingClient(f"http://127.0.0.1:{port}", "lobby").__aenter__()
    assert str(caught.value) == (
        f"cannot reach the signalling server at ws://127.0.0.1:{port}/ws (connection refused): "
        "start it with `python -m signaling_server`"
    )


async def test_something_else_that_answers(url: str) -> None:
    with pytest.raises(SignalingConnectionError, match="HTTP 200, not as a signalling server"):
        await SignalingClient(f"{url}/healthz", "lobby").__aenter__()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(SignalingConnectionError, match="did not answer within"):
            await SignalingClient(f"http://127.0.0.1:{port}", "lobby", timeout=0.2).__aenter__()


async def test_shutdown_is_told_to_the_clients() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serve() as url:
            ours = await stack.enter_async_context(SignalingClient(url, "lobby"))
            theirs = await stack.enter_async_context(raw(url))
            receiving = asyncio.ensure_future(theirs.websocket.receive())
        frame = await asyncio.wait_for(receiving, 5)
        assert (frame.type, frame.data) == (WSMsgType.CLOSE, 1001)
        with pytest.raises(SignalingConnectionError, match="has shut down; join again once it is back"):
            await anext(ours)
        with pytest.raises(SignalingConnectionError, match="has shut down"):
            await ours.send_bye("x")


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "signaling_server", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONWARNINGS": "default"},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def first_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 20)).decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_command_line_serves_until_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("hello", "utf-8")
    async with started("--port", "0", "--web", str(tmp_path)) as process:
        line = await first_line(process)
        assert line.startswith("Open http://127.0.0.1:")
        url = line.split()[1].rstrip("/")
        async with SignalingClient(url, "lobby") as signaling:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                assert await response.text() == "hello"
            process.send_signal(number)
            with pytest.raises(SignalingConnectionError, match="has shut down"):
                await anext(signaling)
        output, errors = await asyncio.wait_for(process.communicate(), 10)
        assert (process.returncode, output, errors) == (0, b"", b"")


async def test_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with started("--port", str(port)) as process:
            output, errors = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, output) == (1, b"")
    assert errors.decode() == (
        f"rtcpeer-signaling: port {port} on 127.0.0.1 is in use already: "
        "stop the other program or choose another with --port\n"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--web", "/nonexistent"], "there is no such directory"),
        (["--port", "70000"], "from 0 to 65535"),
        (["--room-capacity", "1"], "at least 2"),
        (["--key", "k.pem"], "--key needs --certificate"),
        (["--certificate", "/nonexistent.pem"], "can not use the certificate"),
        (["--host", "192.0.2.1"], "can not listen on 192.0.2.1 port 8080: "),
    ],
)
async def test_what_can_not_start_is_one_line(arguments: list[str], text: str) -> None:
    async with started(*arguments) as process:
        output, errors = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, output) == (1, b"")
    assert errors.count(b"\n") == 1
    assert text in errors.decode()


async def test_tls(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "index.html").write_text("hello", "utf-8")
    files = ["--certificate", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"), "--web", str(tmp_path)]
    async with started("--port", "0", *files) as process:
        line = await first_line(process)
        assert line.startswith("Open https://127.0.0.1:")
        url = line.split()[1]
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        async with SignalingClient(url, "lobby", tls=trusting) as signaling:
            assert signaling.url.startswith("wss://")
        with pytest.raises(SignalingConnectionError, match="is not trusted"):
            await SignalingClient(url, "lobby").__aenter__()


def test_settings_name_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="max_connections"):
        ServerSettings(max_connections=0)
    with pytest.raises(ValueError, match="heartbeat"):
        replace(ConnectionSettings(), heartbeat=0)
