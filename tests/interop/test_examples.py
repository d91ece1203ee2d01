"""The examples as child processes, run as their READMEs say."""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import aiohttp
import pytest
import pytest_asyncio

from rtcpeer import RTCDataChannel, RTCPeerConnection
from rtcpeer.signaling import PeerNegotiator, SignalingClient
from tests.interop.conftest import require_program

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NAMES = (
    "chat_cli",
    "datachannel_echo",
    "file_transfer",
    "filters_and_policies",
    "ice_agent_alone",
    "ice_restart",
    "play_file",
    "record",
    "relay_only",
    "sfu",
    "single_port_server",
    "trickle_vs_bulk",
    "video_echo",
    "webcam",
)
MIB = 1 << 20


class Example:
    """A running command; what it says, on stdout and stderr together, is in `output`."""

    def __init__(self, *command: str) -> None:
        self._command = (sys.executable, "-m", *command) if command[0].startswith("examples.") else command
        self.output = ""
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            # Its own group, so that a signal reaches what it has started as well, as a terminal's Ctrl-C does.
            start_new_session=True,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "80"},
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self.ended()

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while data := await self._process.stdout.read(1 << 16):
            self.output += data.decode()
            self._news.set()
        self._news.set()

    async def says(self, pattern: str, within: float = 30.0) -> re.Match[str]:
        """Wait until the output matches."""
        assert self._reader is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not re.search(pattern, self.output) and not self._reader.done():
                    self._news.clear()
                    await self._news.wait()
        found = re.search(pattern, self.output)
        assert found, f"{self._command} never said {pattern!r}:\n{self.output}"
        return found

    async def type(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def interrupt(self) -> int:
        """Press Ctrl-C; the exit status."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGINT)
        return await self.ended()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()

    async def ended(self, within: float = 30.0) -> int:
        """The exit status, once it has come to its end without a traceback."""
        assert self._process is not None
        assert self._reader is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        status = await asyncio.wait_for(self._process.wait(), within)
        await self._reader
        assert "Traceback" not in self.output, self.output
        assert "Exception ignored" not in self.output, self.output
        assert "never retrieved" not in self.output, self.output
        return status


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def readme_commands() -> list[str]:
    """Every command line in a README of an example."""
    return sorted(
        {
            command
            for name in NAMES
            for command in re.findall(
                r"^\$ (?:.*\| )?(python -m examples\.[^\n|#]+)",
                (EXAMPLES / name / "README.md").read_text(),
                re.MULTILINE,
            )
        }
    )


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    """The address of a server with the echo peer in the lobby."""
    async with Example("examples.datachannel_echo", "--with-server", "--port", "0") as echo:
        yield (await echo.says(r"Open (http://127\.0\.0\.1:\d+/) in a browser"))[1]
        assert await echo.interrupt() == 0


def test_every_readme_shows_its_example() -> None:
    shown = " ".join(readme_commands())
    for name in NAMES:
        assert f"python -m examples.{name}" in shown


@pytest.mark.parametrize("command", readme_commands())
async def test_readme_commands_without_a_server(command: str) -> None:
    _, _, *arguments = shlex.split(command)
    async with Example(*arguments) as example:
        if arguments[0] == "examples.play_file":
            assert await example.ended() == 1
            assert "can not play film.mp4" in example.output
        elif arguments[0] == "examples.webcam" and "lavfi" not in arguments and not Path("/dev/video0").exists():
            assert await example.ended() == 1
            assert "a picture without a camera: --format lavfi" in example.output
        elif "--with-server" in arguments:
            await example.says("Open http://")
            assert await example.interrupt() == 0
        elif arguments == ["examples.single_port_server"]:
            await example.says("Post offers to http://")
            assert await example.interrupt() == 0
        elif arguments[0] == "examples.single_port_server":
            assert await example.ended() == 1
            assert "http://127.0.0.1:8080/offer does not answer" in example.output
        elif arguments[0] == "examples.filters_and_policies":
            is_sense = "srflx" not in arguments
            assert await example.ended() == (0 if is_sense else 1)
            assert ("Two such peers connect from host" if is_sense else "error: candidate_types") in example.output
        elif arguments[0] == "examples.ice_agent_alone":
            assert await example.ended() == 0
            assert "8.0 MB arrived intact" in example.output
        elif arguments[0] in {"examples.ice_restart", "examples.trickle_vs_bulk"}:
            assert await example.ended(within=100) == 0
        elif arguments[0] == "examples.relay_only":
            is_ours = "--turn" not in arguments
            assert await example.ended() == (0 if is_ours else 1)
            assert ("16384 bytes there and back" in example.output) is is_ours
        else:
            assert await example.ended() == 1
            assert "cannot reach the signalling server at ws://" in example.output
            assert "start it with `python -m signaling_server`" in example.output


@pytest.mark.parametrize("name", [*NAMES, "file_transfer send", "file_transfer receive"])
async def test_help_fits_a_terminal(name: str) -> None:
    async with Example(*f"examples.{name}".split(), "--help") as example:
        assert await example.ended() == 0
        assert max(len(line) for line in example.output.splitlines()) <= 80


async def test_a_taken_port_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with Example("examples.datachannel_echo", "--with-server", "--port", str(port)) as echo:
            assert await echo.ended() == 1
            assert f"port {port} on 127.0.0.1 is taken" in echo.output


@pytest.mark.parametrize(
    ("command", "sign", "status"),
    [
        ("chat_cli", "you are", 130),
        ("datachannel_echo", "Echoing", 0),
        ("file_transfer send ARCHITECTURE.md --to nobody", "waiting for nobody", 130),
        ("file_transfer receive {folder}", "receiving into", 0),
    ],
)
async def test_ctrl_c_ends_it(url: str, tmp_path: Path, command: str, sign: str, status: int) -> None:
    async with Example(*f"examples.{command}".format(folder=tmp_path).split(), "--server", url) as example:
        await example.says(sign)
        assert await example.interrupt() == status


@pytest.mark.parametrize("delay", [0.2, 0.7, 3.0])
async def test_ctrl_c_at_any_time(delay: float) -> None:
    """In the middle of the imports the signal itself ends it."""
    async with Example("examples.trickle_vs_bulk", "--dead-server") as example:
        await asyncio.sleep(delay)
        assert await example.interrupt() in {130, -signal.SIGINT}


async def test_a_server_that_goes_is_said(tmp_path: Path) -> None:
    port = str(free_port())
    async with Example(sys.executable, "-m", "signaling_server", "--port", port) as server:
        await server.says("Open http")
        address = f"http://127.0.0.1:{port}"
        async with (
            Example("examples.datachannel_echo", "--server", address) as echo,
            Example("examples.file_transfer", "receive", str(tmp_path), "--server", address) as receiver,
            Example("examples.chat_cli", "--server", address) as chat,
        ):
            await echo.says("Echoing")
            await receiver.says("receiving")
            await chat.says("you are")
            assert await server.interrupt() == 0
            assert (await echo.ended(), await receiver.ended(), await chat.ended()) == (1, 1, 0)
            for example in (echo, receiver, chat):
                assert "has shut down; join again once it is back" in example.output


async def test_a_chat_through_a_pipe(url: str) -> None:
    async with Example("examples.chat_cli", "--server", url) as chat:
        for line in ("/peers", "hello?", "/connect nobody", "/connect echo", "Grüße, 世界 👋", "/nonsense", "two"):
            await chat.type(line)
        assert await chat.ended() == 0
        assert "  echo (not connected)" in chat.output
        assert "nobody is connected" in chat.output
        assert "there is no 'nobody' here" in chat.output
        assert "there is no /nonsense" in chat.output
        assert "echo: Grüße, 世界 👋\necho: two\n" in chat.output
        assert max(len(line) for line in chat.output.splitlines()) <= 80


async def test_two_terminals_talk(url: str) -> None:
    async with (
        Example("examples.chat_cli", "--server", url, "--room", "two", "--name", "Bob") as bob,
        Example("examples.chat_cli", "--server", url, "--room", "two", "--name", "Ada") as ada,
    ):
        await bob.says("Ada came|Ada \\(not connected\\)")
        await ada.says("Bob came|Bob \\(not connected\\)")
        await ada.type("/connect Bob")
        await ada.says("Bob connected after")
        await bob.says("Ada connected after")
        await ada.type("hello Bob")
        await bob.says("Ada: hello Bob")
        await bob.type("hello Ada")
        await ada.says("Bob: hello Ada")
        # Again after an end, from the other side.
        await bob.type("/disconnect Ada")
        await ada.says("Bob disconnected: the other side")
        await bob.says("Ada disconnected: you ended the conversation")
        await bob.type("/connect Ada")
        await bob.type("once more")
        await ada.says("Bob: once more")
        await ada.type("/quit")
        assert await ada.ended() == 0
        await bob.says("Ada disconnected[^*]*\\* Ada left|Ada left[^*]*\\* Ada disconnected")
        await bob.type("/quit")
        assert await bob.ended() == 0


async def test_what_a_peer_says_can_not_steer_the_terminal(url: str) -> None:
    async with (
        Example("examples.chat_cli", "--server", url, "--room", "two", "--name", "Bob") as bob,
        Example("examples.chat_cli", "--server", url, "--room", "two", "--name", "Ada") as ada,
    ):
        await ada.says("you are")
        await bob.says("you are")
        await ada.says("Bob")
        await ada.type("/connect Bob")
        await ada.says("Bob connected")
        await ada.type("\x1b[2Jgone\u202e")
        await bob.says("Ada: \ufffd\\[2Jgone\ufffd\n")


@pytest.mark.parametrize("size", [0, 1, 20 * MIB])
async def test_a_file_arrives(url: str, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    source = tmp_path / "holiday photos.tar"
    source.write_bytes(content)
    folder = tmp_path / "received"
    folder.mkdir()
    (folder / source.name).write_text("was here before")
    async with (
        Example("examples.file_transfer", "receive", str(folder), "--once", "--server", url) as receiver,
        Example("examples.file_transfer", "send", str(source), "--to", "receiver", "--server", url) as sender,
    ):
        assert await sender.ended(within=60) == 0
        assert await receiver.ended() == 0
    digest = hashlib.sha256(content).hexdigest()
    for example in (sender, receiver):
        assert f"SHA-256 {digest}" in example.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "holiday photos.tar": b"was here before",
        "holiday photos (2).tar": content,
    }


async def test_a_file_that_can_not_be_sent_is_said(url: str, tmp_path: Path) -> None:
    for arguments, complaint in (
        (["send", str(tmp_path / "none")], "can not read .*none: No such file or directory"),
        (["receive", "/proc/nowhere"], "can not make the folder /proc/nowhere"),
    ):
        async with Example("examples.file_transfer", *arguments, "--server", url) as example:
            assert await example.ended() == 1
            await example.says(complaint)


async def test_a_peer_that_dies_is_noticed(url: str) -> None:
    async with Example("examples.chat_cli", "--server", url) as chat:
        async with Example("examples.chat_cli", "--server", url, "--name", "mortal") as mortal:
            await mortal.says("terminal")
            await mortal.type("/connect terminal")
            await mortal.says("terminal connected")
            await chat.says("mortal connected")
            mortal.kill()
        await chat.says("mortal left")
        await chat.says("mortal disconnected: the other side is gone", within=15)


@pytest.mark.timeout(90)
async def test_a_peer_that_does_not_answer_is_said(url: str) -> None:
    address = url.rstrip("/")
    async with (
        Example("examples.chat_cli", "--server", address) as chat,
        Example("examples.file_transfer", "send", "LICENSE", "--to", "mute", "--server", address) as sender,
    ):
        await chat.says("you are")
        async with SignalingClient(address, "lobby", name="leaving"), SignalingClient(address, "lobby", name="mute"):
            await chat.says("mute came")
            await chat.type("/connect mute")
            assert await sender.ended() == 1
            await sender.says("error: no connection to mute: it did not answer within 20 s")
            await chat.says("no connection to mute: it did not answer within 20 s")
            await chat.type("/connect leaving")
            await chat.type("/peers")
            await asyncio.sleep(0.5)
        await chat.says("no connection to leaving: the other side left the room")
        assert await chat.ended() == 0


class Stranger:
    """Opens `file` channels to a peer of the room and says on them what no honest sender says."""

    def __init__(self, url: str, room: str, name: str) -> None:
        self._url, self._room, self._name = url, room, name
        self._stack = contextlib.AsyncExitStack()
        self.pc = RTCPeerConnection()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.pc)
        signaling = await self._stack.enter_async_context(SignalingClient(self._url, self._room, name="stranger"))
        (peer,) = [peer for peer in signaling.peers.values() if peer.name == self._name]
        await self._stack.enter_async_context(PeerNegotiator(signaling, peer, self.pc))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def say(self, *messages: dict[str, object] | bytes | str) -> dict[str, object]:
        """Say all that on a new channel; the first answer."""
        channel: RTCDataChannel = self.pc.createDataChannel("file")
        answers: asyncio.Queue[str] = asyncio.Queue()
        opened = asyncio.Event()
        channel.on("open", opened.set)
        channel.on("message", answers.put_nowait)
        await asyncio.wait_for(opened.wait(), 20)
        for message in messages:
            channel.send(json.dumps(message) if isinstance(message, dict) else message)
        answer = json.loads(await asyncio.wait_for(answers.get(), 20))
        channel.close()
        return answer


def announced(name: object = "x", size: object = 1, **more: object) -> dict[str, object]:
    return {"type": "file", "name": name, "size": size, **more}


async def test_no_name_leads_out_of_the_folder(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "here"
    names = {
        "../../evil": "evil",
        "/etc/passwd": "passwd",
        "..": "unnamed",
        "": "unnamed (2)",
        "C:\\Windows\\x.exe": "x.exe",
        ".profile": "profile",
        "a\x00b\x1b[2J": "a_b_[2J",
        "x" * 300 + ".txt": "x" * 196 + ".txt",
        "nest/..": "unnamed (3)",
    }
    async with Example("examples.file_transfer", "receive", str(folder), "--server", url) as receiver:
        await receiver.says("receiving into")
        async with Stranger(url, "lobby", "receiver") as stranger:
            for name, kept in names.items():
                answer = await stranger.say(announced(name), b"x", {"type": "end"})
                assert answer["type"] == "received", name
                await receiver.says(re.escape(str(folder / kept)) + ": ")
        assert await receiver.interrupt() == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(names.values())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in folder.parent.iterdir()] == ["here"]
    assert "\x1b" not in receiver.output


async def test_a_sender_that_lies_is_refused_and_leaves_nothing(url: str, tmp_path: Path) -> None:
    end = {"type": "end"}
    lies = {
        "bytes came before": [b"x"],
        "the end came before": [end],
        "more bytes came": [announced(size=1), b"xx"],
        "ended after 1 of 2": [announced(size=2), b"x", end],
        "the checksum differs": [announced(size=1), b"x", {**end, "sha256": "00"}],
        "the checksum  differs": [announced(size=1, sha256=["odd"]), b"x", end],
        "no whole number": [announced(size=1.5)],
        "no whole  number": [announced(size=-1)],
        "at most": [announced(size=1 << 50)],
        "second file": [announced(), announced()],
    }
    async with Example("examples.file_transfer", "receive", str(tmp_path), "--server", url) as receiver:
        await receiver.says("receiving into")
        async with Stranger(url, "lobby", "receiver") as stranger:
            for complaint, messages in lies.items():
                answer = await stranger.say(*messages)
                assert answer["type"] == "error"
                assert " ".join(complaint.split()) in str(answer["message"])
            nonsense = ["", "nonsense", "[" * 5000, {"type": "news"}]
            assert (await stranger.say(*nonsense, announced(), *nonsense, b"x", end))["type"] == "received"
        await receiver.says("sent .*x: 1 B")
        assert [path.name for path in tmp_path.iterdir()] == ["x"]
        assert await receiver.interrupt() == 0


async def test_the_echo_peer_takes_no_more_than_it_can_keep(url: str) -> None:
    async with Stranger(url, "lobby", "echo") as stranger:
        answer = await stranger.say(announced(size=1 << 50))
        assert answer == {"type": "error", "message": "files here have at most 4.0 GiB"}


def times(output: str) -> dict[str, tuple[float, float]]:
    rows = re.findall(r"^(.+?) +([\d.]+) +([\d.]+) +-?[\d.]+$", output, re.MULTILINE)
    return {step: (float(trickle), float(bulk)) for step, trickle, bulk in rows}


async def test_trickling_does_not_wait_for_a_dead_server() -> None:
    async with Example("examples.trickle_vs_bulk", "--dead-server", "--rounds", "1") as example:
        assert await example.ended(within=60) == 0
    rows = times(example.output)
    assert list(rows) == [
        "first candidate",
        "offer received",
        "answer received",
        "connected",
        "channel open",
        "gathering complete",
    ]
    trickle, bulk = rows["channel open"]
    assert trickle < 1000 < 2500 < bulk
    assert rows["offer received"][0] < 500 < rows["offer received"][1]
    assert min(rows["gathering complete"]) > 4500
    assert "(which never answers)" in example.output
    assert max(len(line) for line in example.output.splitlines()) <= 80


async def test_both_ways_are_quick_without_servers(url: str) -> None:
    async with Example("examples.trickle_vs_bulk", "--server", url, "--rounds", "2") as example:
        assert await example.ended() == 0
    assert max(times(example.output)["channel open"]) < 1500


async def test_a_bad_stun_url_is_said() -> None:
    async with Example("examples.trickle_vs_bulk", "--stun", "http://x") as example:
        assert await example.ended() == 1
        assert "not the URL of an ICE server" in example.output


async def test_restarts_disturb_nothing() -> None:
    async with Example("examples.ice_restart", "--restarts", "3", "--pause", "0.2") as example:
        assert await example.ended() == 0
        sides = re.findall(r"restart \d, asked for by the (\w+): both on a new pair after \d+ ms", example.output)
        assert sides == ["offerer", "answerer", "offerer"]
        assert re.search(r"(\d+) messages sent, \1 received in order; always connected", example.output)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_two_peers_meet_at_a_relay_of_our_own(transport: str) -> None:
    require_program("turnserver")
    async with Example("examples.relay_only", "--transport", transport) as example:
        assert await example.ended() == 0
    shown = re.findall(r"^(one|other): (\w+) 127\.0\.0\.1:\d+, reached over (\w+)$", example.output, re.MULTILINE)
    assert {name for name, *_ in shown} == {"one", "other"}
    assert {(kind, way) for _, kind, way in shown} == {("relay", transport)}
    assert re.search(r"^    relay 127\.0\.0\.1:\d+  <->  relay 127\.0\.0\.1:\d+$", example.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--turn", "turn:127.0.0.1"], "needs a username and a credential"),
        (["--turn", "turm:127.0.0.1"], "not the URL of an ICE server"),
    ],
)
async def test_a_relay_that_can_not_be_used_is_said(arguments: list[str], text: str) -> None:
    async with Example("examples.relay_only", *arguments) as example:
        assert await example.ended() == 1
        assert text in example.output


async def test_many_clients_share_one_port() -> None:
    async with Example("examples.single_port_server", "--port", "0", "--udp-port", "40123") as server:
        url = (await server.says(r"Post offers to (http://\S+/offer)\."))[1]
        await server.says("Ctrl-C")
        assert set(re.findall(r"^ +(\S+):40123$", server.output, re.MULTILINE)) == {"[fd77::2]", "10.77.0.2"}
        for _ in range(2):
            async with Example("examples.single_port_server", "--clients", "10", "--url", url) as clients:
                assert await clients.ended(within=60) == 0
                assert "10 clients connected and got their own words back" in clients.output
        await server.says("client 20 connected")
        await server.says("the last client has gone; 0 connections, 0 routes")
        async with aiohttp.ClientSession() as session:
            for nonsense in (
                "nonsense",
                "{}",
                "[]",
                '{"type": "offer", "sdp": "nonsense"}',
                '{"type": "answer", "sdp": ""}',
            ):
                async with session.post(url, data=nonsense) as response:
                    assert response.status == 400
        assert await server.interrupt() == 0


@pytest.mark.parametrize(
    ("arguments", "hosts", "ending"),
    [
        ("", {"fd77::2", "10.77.0.2"}, "from host fd77::2 to host fd77::2"),
        ("--interface rtc0 --network 10.0.0.0/8", {"10.77.0.2"}, "from host 10.77.0.2 to host 10.77.0.2"),
        ("--bind 10.77.0.2 --port-range 50000 50001", {"10.77.0.2"}, "from host 10.77.0.2 to host 10.77.0.2"),
        ("--interface lo", {"::1", "127.0.0.1"}, "from host ::1 to host ::1"),
        ("--loopback --peer-network 127.0.0.0/8", {"::1", "127.0.0.1", "fd77::2", "10.77.0.2"}, "to host 127.0.0.1"),
        ("--external 198.51.100.7", {"fd77::2", "198.51.100.7"}, "from host fd77::2 to host fd77::2"),
        ("--hide host", set(), "error: these settings leave no candidate"),
        ("--interface eth7", set(), "error: these settings leave no candidate"),
        ("--port-range 9 1", set(), "error: port_range must be (first, last)"),
    ],
)
async def test_filters_choose_candidates(arguments: str, hosts: set[str], ending: str) -> None:
    async with Example("examples.filters_and_policies", *arguments.split()) as example:
        assert await example.ended(within=60) == (0 if hosts else 1)
    assert set(re.findall(r"^host +(\S+) ", example.output, re.MULTILINE)) == hosts
    assert ending in example.output
