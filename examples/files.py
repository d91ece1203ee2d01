"""Files over data channels, as docs/data-protocol.md says: one channel for each transfer."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from examples.common import ExampleError, printable
from rtcpeer import RTCDataChannel

CHUNK = 16 * 1024
# Above the first number sending stops, at the second it goes on: enough for a fast path, little to lose on a slow one.
HIGH_WATER = 1 << 20
LOW_WATER = 256 * 1024
CONFIRM_TIMEOUT = 5.0

Progress = Callable[[int, int], object]  # bytes so far, bytes in all


class TransferError(ExampleError):
    """The file did not get there, or did not get here."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the sender says of its file; nothing of it can be trusted."""

    name: str
    size: int
    mime: str
    sha256: str | None


class _Line:
    """A channel to wait on."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self.channel = channel
        self.problem: str | None = None
        self._changed = asyncio.Event()
        for event in ("open", "bufferedamountlow", "closing", "close"):
            channel.on(event, self.wake)

    def wake(self) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that an event of the channel brings.

        Raises:
            TransferError: it can not come any more.
        """
        while not condition():
            if self.problem is not None:
                raise TransferError(self.problem)
            if self.channel.readyState in {"closing", "closed"}:
                raise TransferError("the other side broke off the transfer, or the connection was lost")
            self._changed.clear()
            await self._changed.wait()


async def send_file(
    channel: RTCDataChannel, source: BinaryIO, name: str, size: int, progress: Progress | None = None
) -> str:
    """Send a file on a channel of its own, which is closed at the end; the SHA-256 that both sides counted.

    Raises:
        TransferError: the receiver refused it, has something else, or went away.
    """
    line = _Line(channel)
    answer: dict[str, Any] = {}

    def take(data: str | bytes) -> None:
        message = _json_object(data)
        if message.get("type") == "error":
            line.problem = f"the receiver says: {printable(str(message.get('message')))}"
        elif message.get("type") == "received":
            answer.update(message)
        line.wake()

    channel.on("message", take)
    channel.bufferedAmountLowThreshold = LOW_WATER
    try:
        await line.until(lambda: channel.readyState == "open")
        channel.send(json.dumps({"type": "file", "name": name, "size": size}))
        digest = await _send_bytes(line, source, size, progress)
        channel.send(json.dumps({"type": "end", "sha256": digest}))
        await line.until(lambda: bool(answer))
        if (answer.get("size"), answer.get("sha256")) != (size, digest):
            raise TransferError("the receiver has something else: its size or checksum differs")
        return digest
    finally:
        channel.close()


async def _send_bytes(line: _Line, source: BinaryIO, size: int, progress: Progress | None) -> str:
    channel = line.channel
    digest = hashlib.sha256()
    sent = 0
    while chunk := source.read(CHUNK):
        await line.until(lambda: channel.bufferedAmount <= LOW_WATER or channel.readyState != "open")
        # Fill up to the high mark in one go, then wait for the low one.
        while chunk:
            channel.send(chunk)
            digest.update(chunk)
            sent += len(chunk)
            if channel.bufferedAmount > HIGH_WATER:
                break
            chunk = source.read(CHUNK)
        if progress is not None:
            progress(sent, size)
        if line.problem is not None:
            raise TransferError(line.problem)
    if sent != size:
        raise TransferError(f"the file changed while it was sent: it had {size} bytes, and now {sent}")
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that is here whole, and that the sender knows to be here."""

    name: str  # as the sender said it; see `safe_name`
    size: int
    sha256: str
    content: BinaryIO


class IncomingFile:
    """Takes one file from a channel that the peer has opened; make it in the ``datachannel`` handler.

    ``async with`` waits for the whole file, gives it as a `ReceivedFile`, and closes its content at the end; it raises
    `TransferError` when it will not come.

    Args:
        channel: labelled ``file``.
        open_target: gives the file to write to, once the sender has said what it sends; raises TransferError or
            OSError to refuse it.
        progress: told after every message.
    """

    def __init__(
        self, channel: RTCDataChannel, open_target: Callable[[Offer], BinaryIO], progress: Progress | None = None
    ) -> None:
        self._line = _Line(channel)
        self._open_target = open_target
        self._progress = progress
        self._offer: Offer | None = None
        self._target: BinaryIO | None = None
        self._received = 0
        self._digest = hashlib.sha256()
        self._is_whole = False
        channel.on("message", self._take)

    async def __aenter__(self) -> ReceivedFile:
        try:
            await self._line.until(lambda: self._is_whole)
        except BaseException:
            self._close_target()
            self._line.channel.close()
            raise
        assert self._offer is not None
        assert self._target is not None
        return ReceivedFile(self._offer.name, self._received, self._digest.hexdigest(), self._target)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._close_target()
        if kind is None:
            # The sender closes the channel once it knows; before that the connection must not go.
            with contextlib.suppress(TransferError, TimeoutError):
                async with asyncio.timeout(CONFIRM_TIMEOUT):
                    await self._line.until(lambda: False)

    def _close_target(self) -> None:
        if self._target is not None:
            self._target.close()

    def _take(self, data: str | bytes) -> None:
        if self._is_whole or self._line.problem is not None:
            return
        try:
            if isinstance(data, bytes):
                self._take_bytes(data)
            else:
                self._take_control(_json_object(data))
        except (TransferError, OSError) as error:
            # The operating system's text would tell a stranger where we keep our files.
            self._refuse(str(error), "the file could not be stored" if isinstance(error, OSError) else str(error))
        self._line.wake()

    def _take_bytes(self, data: bytes) -> None:
        if self._offer is None or self._target is None:
            raise TransferError("bytes came before the file was announced")
        if self._received + len(data) > self._offer.size:
            raise TransferError("more bytes came than the file was said to have")
        self._target.write(data)
        self._digest.update(data)
        self._received += len(data)
        if self._progress is not None:
            self._progress(self._received, self._offer.size)

    def _take_control(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "file" if self._offer is None:
                self._offer = _offer(message)
                self._target = self._open_target(self._offer)
            case "file":
                raise TransferError("a second file was announced on the same channel")
            case "end":
                self._finish(message)
            case "error":
                self._line.problem = f"the sender says: {printable(str(message.get('message')))}"
            case _:
                pass

    def _finish(self, message: dict[str, Any]) -> None:
        if self._offer is None or self._target is None:
            raise TransferError("the end came before the file was announced")
        if self._received != self._offer.size:
            raise TransferError(f"the file ended after {self._received} of {self._offer.size} bytes")
        ours = self._digest.hexdigest()
        if any(theirs is not None and theirs != ours for theirs in (self._offer.sha256, message.get("sha256"))):
            raise TransferError("the checksum differs")
        self._target.flush()
        self._is_whole = True
        self._tell({"type": "received", "size": self._received, "sha256": ours})

    def _refuse(self, problem: str, told: str) -> None:
        self._line.problem = problem
        self._tell({"type": "error", "message": told})
        self._line.channel.close()

    def _tell(self, message: dict[str, object]) -> None:
        if self._line.channel.readyState == "open":
            self._line.channel.send(json.dumps(message))


def _offer(message: dict[str, Any]) -> Offer:
    size = message.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise TransferError("the size of the file is no whole number")
    digest = message.get("sha256")
    return Offer(
        str(message.get("name", "")), size, str(message.get("mime", "")), digest if digest is None else str(digest)
    )


def _json_object(data: str | bytes) -> dict[str, Any]:
    """What a control message says; nothing where it is none."""
    try:
        message = json.loads(data) if isinstance(data, str) else None
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def refusing(reason: str) -> Callable[[Offer], BinaryIO]:
    """For `IncomingFile`: take none."""

    def refuse(_offer: Offer) -> BinaryIO:
        raise TransferError(reason)

    return refuse


def safe_name(name: str) -> str:
    """A name from a stranger as one that is safe in our folder: its last component, in ordinary characters."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    cleaned = "".join("_" if c in '<>:"|?*' or not c.isprintable() else c for c in last)
    # None too long for the file system, no hidden ones, and none that Windows can not have.
    return cleaned.encode()[-200:].decode(errors="ignore").strip(". ") or "unnamed"


def human_size(size: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
