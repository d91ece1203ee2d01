"""What the examples share: how they start and end, the bundled server, and one connection to one peer of the room."""

import argparse
import asyncio
import contextlib
import errno
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from rtcpeer import InvalidStateError, RTCDataChannel, RTCPeerConnection, RtcpeerError
from rtcpeer.signaling import (
    ByeReceived,
    DescriptionReceived,
    Peer,
    PeerJoined,
    PeerLeft,
    PeerNegotiator,
    SignalingClient,
)
from signaling_server.app import ServerSettings, create_application
from signaling_server.page import default_web_directory

SERVER = "http://127.0.0.1:8080"
ROOM = "lobby"
# Longer than a peer behind a slow network needs, shorter than a person's patience.
CONNECT_TIMEOUT = 20.0
FINISH_TIMEOUT = 3.0
PATH_TIMEOUT = 1.0

Start = Callable[[Coroutine[Any, Any, None]], object]


class ExampleError(Exception):
    """What went wrong, in words for whoever runs the example."""


def parser(module: str, description: str, *, name: str) -> argparse.ArgumentParser:
    """The arguments of every example that enters a room."""
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    made.add_argument("--server", default=SERVER, metavar="URL", help="the signalling server (default: %(default)s)")
    made.add_argument("--room", default=ROOM, help="(default: %(default)s)")
    made.add_argument("--name", default=name, help="what the others see (default: %(default)s)")
    return made


def serving_parser(module: str, description: str, *, name: str) -> argparse.ArgumentParser:
    """The arguments of an example that may bring its own server."""
    made = parser(module, description, name=name)
    made.add_argument("--with-server", action="store_true", help="run the signalling server and the page here as well")
    made.add_argument("--host", default="127.0.0.1", help="with --with-server: listen there (default: %(default)s)")
    made.add_argument("--port", type=int, default=8080, help="with --with-server (default: %(default)s)")
    return made


@contextlib.asynccontextmanager
async def entered(options: argparse.Namespace, doing: str) -> "AsyncIterator[tuple[SignalingClient, Start]]":
    """Be in the room that `serving_parser` has arguments for, with what starts tasks there; says where and what for."""
    in_room = f'room "{options.room}" as "{options.name}". Ctrl-C ends it.'
    async with contextlib.AsyncExitStack() as stack:
        server, greeting = options.server, f"{doing} in {in_room}"
        if options.with_server:
            server = await stack.enter_async_context(bundled_server(options.host, options.port))
            greeting = (
                f"\n    Open {server} in a browser\n\nand connect to the {options.name} peer: it is in {in_room}\n"
            )
        signaling = await stack.enter_async_context(SignalingClient(server, options.room, name=options.name))
        start = await stack.enter_async_context(background())
        say(greeting)
        yield signaling, start


def run(main: Coroutine[Any, Any, None], *, interrupted: int = 130) -> int:
    """Run an example; the exit status. Errors are one line on stderr, and Ctrl-C closes everything without a word."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        asyncio.run(_until_terminated(main))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if sys.stdout.isatty():
            print()  # the terminal has just written ^C
        return interrupted
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ExampleError, RtcpeerError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


async def _until_terminated(main: Coroutine[Any, Any, None]) -> None:
    task = asyncio.current_task()
    assert task is not None
    # SIGTERM ends an example as Ctrl-C does. Windows has no loop.add_signal_handler.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await main


@contextlib.asynccontextmanager
async def background() -> AsyncIterator[Start]:
    """Yields what starts a task; at the end all that still run are cancelled, and waited for."""
    tasks: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    try:
        yield start
    finally:
        while tasks:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


def printable(text: str) -> str:
    """What a peer sent, without what would move the cursor or turn the text around on our terminal."""
    zero_width_joiner = "\u200d"  # holds emoji together
    return "".join(c if c.isprintable() or c == zero_width_joiner else " " if c in "\r\n\t" else "\ufffd" for c in text)


@contextlib.asynccontextmanager
async def bundled_server(host: str, port: int) -> AsyncIterator[str]:
    """Run the signalling server with its page in this process; yields its address.

    Raises:
        ExampleError: it can not listen there.
    """
    runner = web.AppRunner(
        create_application(ServerSettings(web=default_web_directory())), access_log=None, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ExampleError(_why_not_listening(host, port, error)) from None
        except OverflowError:
            raise ExampleError(f"--port {port}: a port is a number from 0 to 65535") from None
        # Where everything is listened on, loopback is the address that surely works from here.
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        bracketed = f"[{reachable}]" if ":" in reachable else reachable
        yield f"http://{bracketed}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def _why_not_listening(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken: stop the other program or choose another with --port"
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return f"can not listen on {host} port {port}: {reason}"


@contextlib.asynccontextmanager
async def two_in_a_room(server: str) -> AsyncIterator[tuple[SignalingClient, Peer, SignalingClient, Peer]]:
    """Two clients alone in a room: the offerer, whom it sees, the answerer, whom that sees."""
    room = f"two-{secrets.token_hex(4)}"
    async with (
        SignalingClient(server, room, name="answerer") as answerer,
        SignalingClient(server, room, name="offerer") as offerer,
    ):
        async for message in answerer:
            if isinstance(message, PeerJoined):
                yield offerer, offerer.peers[answerer.id], answerer, message.peer
                return


class Link:
    """A connection to one peer, from entering ``async with`` to leaving it.

    Enter it in the turn of the event loop in which it is made, and listen to ``link.pc`` before the first await.
    """

    def __init__(self, signaling: SignalingClient, peer: Peer, *, trickle: bool = True) -> None:
        self.peer = peer
        self.name = printable(peer.name)
        self.pc = RTCPeerConnection()
        self._signaling = signaling
        self._negotiator = PeerNegotiator(signaling, peer, self.pc, trickle=trickle, on_error=self._note_error)
        self._problem = ""
        self._reason: str | None = None
        self._farewell = "the other side ended the conversation"
        self._chats: set[RTCDataChannel] = set()
        self._changed = asyncio.Event()
        self.pc.on("connectionstatechange", self._note_state)
        signaling.on("bye", self._note_bye)
        signaling.on("peerleft", self._note_left)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_ours = not self.is_ended
        self.end("closed")
        self._signaling.remove_listener("bye", self._note_bye)
        self._signaling.remove_listener("peerleft", self._note_left)
        await self._negotiator.close()
        await self.pc.close()
        if is_ours and self.peer.id in self._signaling.peers:
            with contextlib.suppress(ConnectionError):
                await self._signaling.send_bye(self.peer.id)

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self._reason is not None

    def end(self, reason: str) -> None:
        """Wake whoever waits; the first reason counts."""
        if self._reason is None:
            self._reason = reason
            self._changed.set()

    async def ended(self) -> str:
        """Wait for the end; returns its reason."""
        while self._reason is None:
            await self._change()
        return self._reason

    async def connected(self) -> None:
        """Wait until data can flow.

        Raises:
            ExampleError: it ended before, or takes too long; says why.
        """
        await self._until(lambda: self.pc.connectionState == "connected")

    async def chat_open(self) -> None:
        """Wait until something can be said; raises as `connected` does."""
        await self._until(lambda: any(channel.readyState == "open" for channel in self._chats))

    def use_chat(self, channel: RTCDataChannel, on_line: Callable[[str], object]) -> None:
        """Take part in a conversation; the connection ends with its last such channel (docs/data-protocol.md)."""
        self._chats.add(channel)
        channel.on("open", self._changed.set)
        channel.on("message", lambda data: on_line(data) if isinstance(data, str) and data else None)
        channel.on("close", lambda: self._end_chat(channel))

    def converse(self, on_line: Callable[[str], object] = lambda _: None) -> None:
        """Take part in the peer's conversation, and in nothing else that it opens a channel for."""

        def serve(channel: RTCDataChannel) -> None:
            if channel.label == "chat":
                self.use_chat(channel, on_line)
            else:
                channel.close()

        self.pc.on("datachannel", serve)

    async def finish(self) -> None:
        """End the conversation once all that was said is there, or can not get there soon."""
        self._farewell = "you ended the conversation"
        for channel in self._chats:
            channel.close()
        if not any(channel.readyState == "closing" for channel in self._chats):
            self.end(self._farewell)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended(), FINISH_TIMEOUT)
        self.end(self._farewell)

    def say(self, text: str) -> None:
        """Send a line on an open chat channel.

        Raises:
            ExampleError: there is none, or the line is too long for the peer.
        """
        channel = next((one for one in self._chats if one.readyState == "open"), None)
        if channel is None:
            raise ExampleError(f"there is no open chat with {self.name}")
        try:
            channel.send(text)
        except (InvalidStateError, TypeError) as error:
            raise ExampleError(str(error)) from None

    async def path(self) -> str:
        """The addresses in use, for people; the last word on them falls a moment after data can flow."""
        transport = self.pc.sctp.transport.iceTransport if self.pc.sctp else None
        if transport is None:
            return "no path"
        transport.on("selectedcandidatepairchange", self._changed.set)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATH_TIMEOUT):
                while transport.getSelectedCandidatePair() is None and not self.is_ended:
                    await self._change()
        pair = transport.getSelectedCandidatePair()
        if pair is None:
            return "the path is not chosen yet"
        return " to ".join(f"{_bracketed(one.address)}:{one.port}" for one in (pair.local, pair.remote))

    async def _until(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                while not condition() and not self.is_ended:
                    await self._change()
        except TimeoutError:
            self.end(f"it did not answer within {CONNECT_TIMEOUT:g} s")
        if self.is_ended:
            hint = f" ({self._problem})" if self._problem else ""
            raise ExampleError(f"no connection to {self.name}: {self._reason}{hint}")

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _end_chat(self, channel: RTCDataChannel) -> None:
        self._chats.discard(channel)
        if not self._chats:
            self.end(self._farewell)

    def _note_bye(self, message: ByeReceived) -> None:
        if message.peer.id == self.peer.id:
            self.end("the other side closed the connection")

    def _note_left(self, message: PeerLeft) -> None:
        # A connection that stands needs no server. If the peer itself is gone, ICE finds out.
        if message.peer.id == self.peer.id and self.pc.connectionState != "connected":
            self.end("the other side left the room")

    def _note_error(self, error: Exception) -> None:
        self._problem = str(error)

    def _note_state(self) -> None:
        self._changed.set()
        if self.pc.connectionState == "connected" and self.pc.sctp is not None:
            self.pc.sctp.on("statechange", self._note_association)
        if self.pc.connectionState == "disconnected" and self.peer.id not in self._signaling.peers:
            self.end("the other side is gone")
        if self.pc.connectionState == "failed":
            self.end("the connection failed: no network path between the two works (any more)")

    def _note_association(self) -> None:
        if self.pc.sctp is not None and self.pc.sctp.state == "closed":
            self.end("the other side closed the connection")


class Links:
    """The connections to the peers of a room: those that they ask for, and those that we do.

    Args:
        signaling: In the room.
        start: Runs a coroutine in the background.
        prepare: Told of each connection before anything comes over it; takes the channels.
    """

    def __init__(self, signaling: SignalingClient, start: Start, prepare: Callable[[Link], object]) -> None:
        self._signaling = signaling
        self._start = start
        self._prepare = prepare
        self._links: dict[str, Link] = {}

    def __iter__(self) -> Iterator[Link]:
        return iter([link for link in self._links.values() if not link.is_ended])

    def get(self, peer: Peer) -> Link | None:
        """The connection to this peer, if there is one."""
        link = self._links.get(peer.id)
        return None if link is None or link.is_ended else link

    def open(self, peer: Peer) -> Link:
        """Make the connection to this peer; the offer follows from the first channel, or from the peer."""
        link = self._links[peer.id] = Link(self._signaling, peer)
        self._prepare(link)
        self._start(self._keep(link))
        return link

    async def run(self) -> None:
        """Tell who comes and goes and answer every connection, until the server is lost."""
        async for message in self._signaling:
            match message:
                case PeerJoined(peer):
                    say(f"* {printable(peer.name)} came")
                case PeerLeft(peer, _):
                    say(f"* {printable(peer.name)} left")
                case DescriptionReceived(peer, _) if self.get(peer) is None:
                    self.open(peer)
                case _:
                    pass

    async def _keep(self, link: Link) -> None:
        started = time.monotonic()
        async with link:
            try:
                await link.connected()
                elapsed = time.monotonic() - started
                say(f"* {link.name} connected after {elapsed * 1000:.0f} ms: {await link.path()}")
                say(f"* {link.name} disconnected: {await link.ended()}")
            except ExampleError as error:
                say(f"* {error}")
        if self._links.get(link.peer.id) is link:
            del self._links[link.peer.id]


def _bracketed(host: str | None) -> str:
    return f"[{host}]" if host and ":" in host else str(host)
