"""Send a file to a peer of the room, or receive files from whoever sends some."""

import argparse
import contextlib
import itertools
import os
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import BinaryIO, Self

from examples.common import ExampleError, Link, Links, Start, background, parser, printable, run, say
from examples.files import IncomingFile, Offer, TransferError, human_size, refusing, safe_name, send_file
from rtcpeer import RTCDataChannel
from rtcpeer.signaling import Peer, PeerJoined, SignalingClient

REDRAW_INTERVAL = 0.1


class ProgressLine:
    """One line that is drawn over and over, on a terminal only."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = time.monotonic()
        self._drawn = 0.0
        self._is_terminal = sys.stdout.isatty()

    def update(self, done: int, size: int) -> None:
        now = time.monotonic()
        if not self._is_terminal or (now - self._drawn < REDRAW_INTERVAL and done < size):
            return
        self._drawn = now
        share = done / size if size else 1.0
        figures = f" {share:4.0%} of {human_size(size)}, {human_size(done / self._elapsed(now))}/s"
        room = shutil.get_terminal_size().columns - 1 - len(figures)
        name = self._what[: max(room // 2, 0)]
        width = max(room - len(name) - 3, 0)
        bar = "#" * round(share * width)
        print(f"\r{name} [{bar:<{width}}]{figures}", end="", flush=True)

    def finish(self, text: str) -> None:
        """Leave the line with this text in its place."""
        clear = "\r\x1b[K" if self._is_terminal else ""
        say(f"{clear}{text}")

    def rate(self, size: int) -> str:
        now = time.monotonic()
        return f"{human_size(size)} in {now - self._started:.1f} s, {human_size(size / self._elapsed(now))}/s"

    def _elapsed(self, now: float) -> float:
        return max(now - self._started, 0.001)


async def send(options: argparse.Namespace) -> None:
    try:
        source = options.file.open("rb")
    except OSError as error:
        raise ExampleError(f"can not read {options.file}: {error.strerror}") from None
    with source:
        async with SignalingClient(options.server, options.room, name=options.name) as signaling:
            peer = await _receiver(signaling, options.to)
            async with Link(signaling, peer) as link:
                channel = link.pc.createDataChannel("file")
                link.pc.on("datachannel", _refuse)
                await link.connected()
                say(f"connected to {link.name}: {await link.path()}")
                await _send(channel, source, options.file.name)


async def _send(channel: RTCDataChannel, source: BinaryIO, name: str) -> None:
    size = os.fstat(source.fileno()).st_size
    line = ProgressLine(printable(name))
    try:
        digest = await send_file(channel, source, name, size, line.update)
    except TransferError as error:
        line.finish(f"{printable(name)} was not delivered")
        raise ExampleError(str(error)) from None
    line.finish(f"{printable(name)} is delivered: {line.rate(size)}\nSHA-256 {digest}")


async def _receiver(signaling: SignalingClient, name: str | None) -> Peer:
    """Whom to send to: who has the name, or who is alone with us; waits for somebody to come."""
    here = [peer for peer in signaling.peers.values() if name in {None, peer.name, peer.id}]
    if len(here) > 1 and name is None:
        names = ", ".join(printable(peer.name) for peer in here)
        raise ExampleError(f"several peers are here, choose one with --to: {names}")
    if here:
        return here[-1]
    who = "somebody" if name is None else printable(name)
    say(f'waiting for {who} in room "{signaling.room}"')
    async for message in signaling:
        match message:
            case PeerJoined(peer) if name in {None, peer.name, peer.id}:
                return peer
            case _:
                pass
    raise ExampleError("the room is closed")


def _refuse(channel: RTCDataChannel) -> None:
    """Whatever the receiver opens: a sender has no use for it."""
    if channel.label == "file":
        IncomingFile(channel, refusing("this peer only sends"))
    elif channel.label != "chat":
        channel.close()


class Download:
    """One file on its way into the folder; half a file, or one that is not as it was sent, leaves nothing behind."""

    def __init__(self, folder: Path, max_size: int) -> None:
        self.line = ProgressLine("")
        self._folder = folder
        self._max_size = max_size
        self._partial = folder / f".{secrets.token_hex(8)}.part"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._partial.unlink(missing_ok=True)

    def open(self, offer: Offer) -> BinaryIO:
        """Where its bytes go; raises TransferError for one that is too large."""
        if offer.size > self._max_size:
            raise TransferError(f"files here have at most {human_size(self._max_size)}")
        self.line = ProgressLine(safe_name(offer.name))
        return self._partial.open("xb")

    def update(self, done: int, size: int) -> None:
        """Show how far it is."""
        self.line.update(done, size)

    def keep(self, name: str) -> Path:
        """Give it its name, or the next free one: nothing that is there is ever replaced."""
        stem, suffix = Path(name).stem, Path(name).suffix
        for number in itertools.count(1):
            path = self._folder / (name if number == 1 else f"{stem} ({number}){suffix}")
            # Reserves the name; a link that has it is not followed.
            with contextlib.suppress(FileExistsError):
                path.touch(exist_ok=False)
                return self._partial.replace(path)
        raise AssertionError("unreachable")


class Receiver:
    """Takes every file that somebody sends into one folder."""

    def __init__(self, options: argparse.Namespace, signaling: SignalingClient, start: Start) -> None:
        self._options = options
        self._signaling = signaling
        self._start = start
        self.links = Links(signaling, start, self._prepare)

    def _prepare(self, link: Link) -> None:
        link.pc.on("datachannel", lambda channel: self._serve(link, channel))

    def _serve(self, link: Link, channel: RTCDataChannel) -> None:
        if channel.label == "file":
            download = Download(self._options.folder, self._options.max_size << 20)
            # Made before anything can come over the channel.
            incoming = IncomingFile(channel, download.open, download.update)
            self._start(self._take(link, download, incoming))
        elif channel.label == "chat":
            link.use_chat(channel, lambda text: say(f"{link.name}: {printable(text)}"))
        else:
            channel.close()

    async def _take(self, link: Link, download: Download, incoming: IncomingFile) -> None:
        try:
            with download:
                async with incoming as file:
                    path = download.keep(safe_name(file.name))
                    rate = download.line.rate(file.size)
                    download.line.finish(f"{link.name} sent {path}: {rate}\nSHA-256 {file.sha256}")
        except (TransferError, OSError) as error:
            download.line.finish(f"* a file of {link.name} failed: {error}")
        else:
            if self._options.once:
                await self._signaling.close()


async def receive(options: argparse.Namespace) -> None:
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExampleError(f"can not make the folder {options.folder}: {error.strerror}") from None
    async with SignalingClient(options.server, options.room, name=options.name) as signaling, background() as start:
        say(f'receiving into {options.folder}/ in room "{options.room}" as "{options.name}"; Ctrl-C ends it')
        await Receiver(options, signaling, start).links.run()


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(prog="python -m examples.file_transfer", description="Send and receive files.")
    modes = made.add_subparsers(required=True, metavar="send | receive")
    sending = modes.add_parser("send", parents=[parser("", "", name="sender")], add_help=False)
    sending.add_argument("file", type=Path)
    sending.add_argument("--to", metavar="NAME", help="who is to have it (default: the only one in the room)")
    sending.set_defaults(main=send, interrupted=130)
    receiving = modes.add_parser("receive", parents=[parser("", "", name="receiver")], add_help=False)
    receiving.add_argument("folder", type=Path, nargs="?", default=Path("received"), help="(default: %(default)s)")
    receiving.add_argument("--once", action="store_true", help="end after the first file")
    receiving.add_argument(
        "--max-size", type=int, default=4096, metavar="MIB", help="refuse larger files (default: %(default)s)"
    )
    receiving.set_defaults(main=receive, interrupted=0)
    return made.parse_args()


if __name__ == "__main__":
    options = arguments()
    sys.exit(run(options.main(options), interrupted=options.interrupted))
