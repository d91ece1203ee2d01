"""A terminal peer for the demo page: lines from stdin go to everybody we are connected to."""

import argparse
import asyncio
import codecs
import contextlib
import os
import sys
import threading

from examples.common import (
    ExampleError,
    Link,
    Links,
    Start,
    background,
    parser,
    printable,
    run,
    say,
)
from examples.files import IncomingFile, refusing
from rtcpeer import RTCDataChannel
from rtcpeer.signaling import Peer, SignalingClient, SignalingConnectionError

HELP = """\
  /peers             who is in the room
  /connect NAME      connect to somebody
  /disconnect NAME   end a connection
  /help              this
  /quit              leave (Ctrl-D and Ctrl-C do too)
  anything else      is said to everybody we are connected to"""


class Chat:
    """What a line from the terminal means, and what a peer's channels do."""

    def __init__(self, signaling: SignalingClient, start: Start) -> None:
        self._signaling = signaling
        self._links = Links(signaling, start, self._prepare)
        self._lines = start_reading()

    async def run(self) -> None:
        """Obey line after line until the last."""
        while (line := await self._lines.get()) is not None:
            try:
                if not await self.obey(line):
                    break
            except ExampleError as error:
                say(f"* {error}")

    async def watch(self) -> None:
        """Tell who comes and goes; answer who connects."""
        try:
            await self._links.run()
        except SignalingConnectionError as error:
            say(f"* {error}")
            if list(self._links):
                say("* what is connected stays so; /quit ends it")
            else:
                self._lines.put_nowait(None)

    async def finish(self, linger: float) -> None:
        """Let what was said arrive, and what is answered come in, before everything is closed."""
        if list(self._links):
            await asyncio.sleep(linger)
        await asyncio.gather(*(link.finish() for link in self._links))

    async def obey(self, line: str) -> bool:
        """Do what the line says; False is the end."""
        command, _, argument = line.partition(" ")
        match command:
            case "/quit":
                return False
            case "/help":
                say(HELP)
            case "/peers":
                self._list_peers()
            case "/connect":
                await self.connect(argument.strip())
            case "/disconnect":
                await self._disconnect(argument.strip())
            case _ if command.startswith("/"):
                raise ExampleError(f"there is no {printable(command)}: /help shows what there is")
            case _ if line.strip():
                self._say(line)
            case _:
                pass
        return True

    async def connect(self, name: str) -> None:
        peer = self._find(name)
        link = self._links.get(peer)
        if link is None:
            link = self._links.open(peer)
            # The first channel is what there is to offer.
            self._use_chat(link, link.pc.createDataChannel("chat"))
        with contextlib.suppress(ExampleError):  # it is told already, where connections are kept
            await link.chat_open()

    def _prepare(self, link: Link) -> None:
        link.pc.on("datachannel", lambda channel: self._serve(link, channel))

    def _serve(self, link: Link, channel: RTCDataChannel) -> None:
        match channel.label:
            case "chat":
                self._use_chat(link, channel)
            case "echo":
                channel.on("message", channel.send)
            case "file":
                IncomingFile(channel, refusing("this peer takes text only"))
            case _:
                channel.close()

    def _use_chat(self, link: Link, channel: RTCDataChannel) -> None:
        link.use_chat(channel, lambda text: say(f"{link.name}: {printable(text)}"))

    def _say(self, line: str) -> None:
        links = list(self._links)
        if not links:
            raise ExampleError("nobody is connected: /peers shows who is here, /connect NAME connects")
        for link in links:
            try:
                link.say(line)
            except ExampleError as error:
                say(f"* {error}")

    async def _disconnect(self, name: str) -> None:
        link = self._links.get(self._find(name))
        if link is None:
            raise ExampleError(f"there is no connection to {name}")
        await link.finish()

    def _list_peers(self) -> None:
        for peer in self._signaling.peers.values():
            link = self._links.get(peer)
            say(f"  {printable(peer.name)} ({link.pc.connectionState if link else 'not connected'})")
        if not self._signaling.peers:
            say("  nobody but you")

    def _find(self, name: str) -> Peer:
        found = [peer for peer in self._signaling.peers.values() if name in {peer.name, peer.id}]
        if not found:
            raise ExampleError(f"there is no {name!r} here: /peers shows who is" if name else "to whom? /connect NAME")
        return found[-1]


def start_reading() -> asyncio.Queue[str | None]:
    """The lines of stdin, None at its end; from a terminal, a pipe or a file alike."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest = ""
        # Not through sys.stdin: a thread that waits in there can not be left behind when the program ends.
        while data := os.read(0, 4096):
            *whole, rest = (rest + decoder.decode(data)).split("\n")
            for line in whole:
                loop.call_soon_threadsafe(lines.put_nowait, line.rstrip("\r"))
        for last in (rest, None) if rest else (None,):
            loop.call_soon_threadsafe(lines.put_nowait, last)

    def read_while_there_is_a_loop() -> None:
        with contextlib.suppress(RuntimeError, OSError):
            read()

    threading.Thread(target=read_while_there_is_a_loop, daemon=True).start()
    return lines


async def main(options: argparse.Namespace) -> None:
    is_terminal = sys.stdin.isatty()
    async with SignalingClient(options.server, options.room, name=options.name) as signaling, background() as start:
        chat = Chat(signaling, start)
        say(f'* you are "{options.name}" in room "{options.room}"; /help shows what there is')
        await chat.obey("/peers")
        start(chat.watch())
        if options.connect:
            await chat.connect(options.connect)
        await chat.run()
        await chat.finish(0.0 if is_terminal else options.linger)


def arguments() -> argparse.Namespace:
    made = parser("examples.chat_cli", "Chat from a terminal with the peers in a room.", name="terminal")
    made.add_argument("--connect", metavar="NAME", help="connect to this peer at once")
    made.add_argument(
        "--linger",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="where stdin is no terminal: how long to wait for answers at its end (default: %(default)s)",
    )
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments())))
