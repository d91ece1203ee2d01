"""Answer every connection in a room, say back what is said, and return every file (the peer behind `make demo`)."""

import argparse
import contextlib
import sys
import tempfile
import time
from typing import BinaryIO, cast

from examples.common import Link, Links, Start, background, bundled_server, parser, printable, run, say
from examples.files import IncomingFile, Offer, TransferError, human_size, safe_name, send_file
from rtcpeer import InvalidStateError, RTCDataChannel
from rtcpeer.signaling import SignalingClient

# A file is kept until it has been returned: in memory while it is small, then in a temporary file.
IN_MEMORY = 64 << 20
MAX_FILE_SIZE = 4 << 30


class Echo:
    """What the echo peer does with one connection."""

    def __init__(self, link: Link, start: Start) -> None:
        self._link = link
        self._start = start
        link.pc.on("datachannel", self._serve)

    def _serve(self, channel: RTCDataChannel) -> None:
        match channel.label:
            case "chat":
                self._link.use_chat(channel, lambda text: self._answer(channel, text))
            case "echo":
                channel.on("message", channel.send)
            case "file":
                self._start(self._return(IncomingFile(channel, self._open_target)))
            case _:
                channel.close()

    def _answer(self, channel: RTCDataChannel, text: str) -> None:
        say(f"{self._link.name}: {printable(text)}")
        channel.send(text)

    def _open_target(self, offer: Offer) -> BinaryIO:
        if offer.size > MAX_FILE_SIZE:
            raise TransferError(f"files here have at most {human_size(MAX_FILE_SIZE)}")
        return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))

    async def _return(self, incoming: IncomingFile) -> None:
        name = self._link.name
        started = time.monotonic()
        try:
            async with incoming as file:
                what = f"{safe_name(file.name)} ({human_size(file.size)})"
                say(f"* {name} sent {what} in {time.monotonic() - started:.1f} s, SHA-256 {file.sha256[:12]}...")
                file.content.seek(0)
                await send_file(self._link.pc.createDataChannel("file"), file.content, file.name, file.size)
                say(f"* {name} has {what} back")
        except (TransferError, InvalidStateError) as error:
            say(f"* a file of {name} failed: {error}")


async def main(options: argparse.Namespace) -> None:
    in_room = f'room "{options.room}" as "{options.name}". Ctrl-C ends it.'
    async with contextlib.AsyncExitStack() as stack:
        server, greeting = options.server, f"Echoing in {in_room}"
        if options.with_server:
            server = await stack.enter_async_context(bundled_server(options.host, options.port))
            greeting = f"\n    Open {server} in a browser\n\nand connect to the echo peer: it is in {in_room}\n"
        signaling = await stack.enter_async_context(SignalingClient(server, options.room, name=options.name))
        start = await stack.enter_async_context(background())
        say(greeting)
        await Links(signaling, start, lambda link: Echo(link, start)).run()


def arguments() -> argparse.Namespace:
    made = parser("examples.datachannel_echo", "A peer that says back what is said to it.", name="echo")
    made.add_argument("--with-server", action="store_true", help="run the signalling server and the page here as well")
    made.add_argument("--host", default="127.0.0.1", help="with --with-server: listen there (default: %(default)s)")
    made.add_argument("--port", type=int, default=8080, help="with --with-server (default: %(default)s)")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments()), interrupted=0))
