"""Signalling between two programs without a server: by hand, over TCP or over a Unix socket.

The messages are lines of JSON, those of aiortc's examples, so that either end may be written for it.
"""

import argparse
import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from rtcpeer.api.description import RTCSessionDescription
from rtcpeer.api.ice_candidate import RTCIceCandidate
from rtcpeer.errors import OperationError

__all__ = [
    "BYE",
    "BaseSignaling",
    "CopyAndPasteSignaling",
    "SignalingBye",
    "SignalingObject",
    "TcpSocketSignaling",
    "UnixSocketSignaling",
    "add_signaling_arguments",
    "create_signaling",
    "object_from_string",
    "object_to_string",
]

MAX_LINE = 1 << 20  # bytes; no description is as long
CONNECT_TIMEOUT = 30.0  # seconds in which the other program has to be there
CONNECT_INTERVAL = 0.2

_Accept: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


class SignalingBye:
    """The type of `BYE`."""

    def __repr__(self) -> str:
        return "BYE"


BYE: Final = SignalingBye()
"""The other side has ended the session."""

SignalingObject: TypeAlias = RTCSessionDescription | RTCIceCandidate | SignalingBye


def object_to_string(obj: SignalingObject) -> str:
    """A description, a candidate or `BYE` as a line of JSON."""
    if isinstance(obj, RTCSessionDescription):
        message: dict[str, object] = {"sdp": obj.sdp, "type": obj.type}
    elif isinstance(obj, RTCIceCandidate):
        message = {
            "candidate": obj.candidate,
            "id": obj.sdpMid,
            "label": obj.sdpMLineIndex,
            "type": "candidate",
        }
    else:
        message = {"type": "bye"}
    return json.dumps(message, sort_keys=True)


def object_from_string(message_str: str) -> SignalingObject:
    """What `object_to_string` made a line of; raises `ValueError` for any other line."""
    message = json.loads(message_str)
    match message:
        case {"type": "bye"}:
            return BYE
        case {"type": "candidate", "candidate": str(line)}:
            try:
                return RTCIceCandidate(line, message.get("id"), message.get("label"))
            except OperationError as error:
                raise ValueError(str(error)) from error
        case {"type": "offer" | "pranswer" | "answer" | "rollback" as kind, "sdp": str(sdp)}:
            return RTCSessionDescription(sdp=sdp, type=kind)
        case _:
            raise ValueError(f"This is neither a description nor a candidate nor a farewell: {message_str[:80]}")


class BaseSignaling:
    """A way to the other side, which has the same one."""

    async def connect(self) -> None:
        """Prepare it."""

    async def close(self) -> None:
        """Say `BYE` and let go of it."""

    async def send(self, descr: SignalingObject) -> None:
        """Send one description, candidate or `BYE`."""
        raise NotImplementedError

    async def receive(self) -> SignalingObject:
        """The next one that comes; `BYE` where the other side is gone."""
        raise NotImplementedError


class CopyAndPasteSignaling(BaseSignaling):
    """The user carries the messages: they are printed, and read from standard input."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[bytes | None] | None = None

    async def connect(self) -> None:
        """Begin to read standard input."""
        if self._lines is None:
            self._lines = asyncio.Queue()
            # A thread, because not every kind of standard input can be polled. It may wait for ever.
            arguments = (sys.stdin.fileno(), asyncio.get_running_loop(), self._lines)
            threading.Thread(target=_read_lines, args=arguments, name="rtcpeer-stdin", daemon=True).start()

    async def close(self) -> None:
        """Print the farewell for the other side."""
        if self._lines is not None:
            self._lines = None
            await self.send(BYE)

    async def send(self, descr: SignalingObject) -> None:
        """Print a message."""
        sys.stdout.write(f"Give this line to the other side:\n\n{object_to_string(descr)}\n\n")
        sys.stdout.flush()

    async def receive(self) -> SignalingObject:
        """Ask for a message until there is one that can be understood."""
        await self.connect()
        assert self._lines is not None
        sys.stdout.write("Paste here what the other side was told to give you:\n\n")
        sys.stdout.flush()
        while (line := await self._lines.get()) is not None:
            if not line.strip():
                continue
            try:
                return object_from_string(line.decode())
            except ValueError as error:
                sys.stdout.write(f"That was not it ({error}). Once more:\n\n")
                sys.stdout.flush()
        self._lines.put_nowait(None)  # whoever asks again is told again
        return BYE


class _StreamSignaling(BaseSignaling):
    """Whoever sends first waits for the other one, who receives first and connects."""

    def __init__(self) -> None:
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def close(self) -> None:
        """Say `BYE` and close the connection; harmless without one."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            with suppress(OSError):
                writer.write(_line(BYE))
                await writer.drain()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def send(self, descr: SignalingObject) -> None:
        """Send a message; the first one waits until the other side is there."""
        if self._writer is None:
            self._reader, self._writer = await self._accept()
        self._writer.write(_line(descr))
        await self._writer.drain()

    async def receive(self) -> SignalingObject:
        """The next message; before the first, connect to the other side, which may still be starting."""
        if self._reader is None:
            self._reader, self._writer = await self._reach()
        line = await self._reader.readline()
        return object_from_string(line.decode()) if line else BYE

    async def _accept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection = asyncio.get_running_loop().create_future()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if connection.done():
                writer.close()
            else:
                connection.set_result((reader, writer))

        server = await self._listen(accept)
        try:
            found: tuple[asyncio.StreamReader, asyncio.StreamWriter] = await connection
        finally:
            server.close()
            self._forget_address()
        return found

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CONNECT_TIMEOUT
        while True:
            try:
                return await self._open()
            except (ConnectionRefusedError, FileNotFoundError):
                if loop.time() > deadline:
                    raise
            await asyncio.sleep(CONNECT_INTERVAL)

    def _listen(self, accept: _Accept) -> Coroutine[Any, Any, asyncio.Server]:
        raise NotImplementedError

    def _open(self) -> Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        raise NotImplementedError

    def _forget_address(self) -> None:
        """Nothing is to be connected to any more."""


class TcpSocketSignaling(_StreamSignaling):
    """Over a TCP connection between the two programs."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._host = host
        self._port = port

    def _listen(self, accept: _Accept) -> Coroutine[Any, Any, asyncio.Server]:
        return asyncio.start_server(accept, self._host, self._port, limit=MAX_LINE)

    def _open(self) -> Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        return asyncio.open_connection(self._host, self._port, limit=MAX_LINE)


class UnixSocketSignaling(_StreamSignaling):
    """Over a Unix socket between two programs on one host."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def _listen(self, accept: _Accept) -> Coroutine[Any, Any, asyncio.Server]:
        return asyncio.start_unix_server(accept, self._path, limit=MAX_LINE)

    def _open(self) -> Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        return asyncio.open_unix_connection(self._path, limit=MAX_LINE)

    def _forget_address(self) -> None:
        Path(self._path).unlink(missing_ok=True)


def add_signaling_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a command line the options by which `create_signaling` chooses."""
    ways = ["copy-and-paste", "tcp-socket", "unix-socket"]
    parser.add_argument("--signaling", "-s", choices=ways, help="how the two sides exchange messages")
    parser.add_argument("--signaling-host", default="127.0.0.1", help="host of a tcp-socket")
    parser.add_argument("--signaling-port", default=1234, type=int, help="port of a tcp-socket")
    parser.add_argument("--signaling-path", default="rtcpeer.socket", help="path of a unix-socket")


def create_signaling(args: argparse.Namespace) -> BaseSignaling:
    """What the options ask for; without any, copy and paste."""
    if args.signaling == "tcp-socket":
        return TcpSocketSignaling(args.signaling_host, args.signaling_port)
    if args.signaling == "unix-socket":
        return UnixSocketSignaling(args.signaling_path)
    return CopyAndPasteSignaling()


def _line(obj: SignalingObject) -> bytes:
    return object_to_string(obj).encode() + b"\n"


def _read_lines(fd: int, loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[bytes | None]") -> None:
    rest = b""
    with suppress(RuntimeError):  # the loop may be closed by the time there is a line
        # Past Python's buffers: a thread that waits inside them does not let the interpreter exit.
        while chunk := os.read(fd, 1 << 16):
            *complete, rest = (rest + chunk).split(b"\n")
            for line in complete:
                loop.call_soon_threadsafe(lines.put_nowait, line)
        for line in filter(None, [rest]):
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)
