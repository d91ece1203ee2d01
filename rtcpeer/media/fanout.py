"""One source, several readers at speeds of their own."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from weakref import WeakSet

from rtcpeer.media.frames import MediaFrame, needs_earlier_frames

__all__ = ["Fanout", "Subscription"]


class Fanout:
    """Pulls a source while anybody reads, and hands each frame to every reader.

    The source is asked for the next frame as soon as it has given one: its readers do not slow it down, and who reads
    too slowly loses the oldest.
    """

    def __init__(self, receive: Callable[[], Awaitable[MediaFrame]]) -> None:
        self._receive = receive
        self._readers: WeakSet[Subscription] = WeakSet()  # one that nobody holds any more reads no more
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, limit: int) -> "Subscription":
        """A reader that holds up to ``limit`` frames. It takes part from its first `Subscription.next` on."""
        return Subscription(self, limit)

    def join(self, reader: "Subscription") -> None:
        """From now on the reader gets frames."""
        self._readers.add(reader)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, reader: "Subscription") -> None:
        """It gets no more; with the last reader the pulling ends. The source itself is not stopped."""
        self._readers.discard(reader)
        if not self._readers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        this = self._task
        try:
            while self._readers:
                self._hand_out(await self._receive())
        except Exception as error:  # noqa: BLE001 whatever ended the source is what its readers are told
            for reader in tuple(self._readers):
                reader.end(error)
        if self._task is this:
            self._task = None

    def _hand_out(self, frame: MediaFrame) -> None:
        for reader in tuple(self._readers):
            reader.deliver(frame)


class Subscription:
    """One reader's share: a bounded queue that loses its oldest frames."""

    def __init__(self, fanout: Fanout, limit: int) -> None:
        self.dropped = 0
        self.on_end: Callable[[], None] = _do_nothing
        self._fanout = fanout
        self._limit = limit
        self._queue: deque[MediaFrame] = deque()
        self._is_cut = False  # what comes next can not be decoded without what was dropped
        self._error: Exception | None = None
        self._news = asyncio.Event()

    async def next(self) -> MediaFrame:
        """The oldest frame in the queue; raises what the source raised at its end, after the last frame."""
        while not self._queue:
            if self._error is not None:
                raise self._error
            self._fanout.join(self)
            self._news.clear()
            await self._news.wait()
        return self._queue.popleft()

    def close(self, error: Exception) -> None:
        """Leave; who waits for a frame gets this error."""
        self._fanout.leave(self)
        self._queue.clear()
        self.end(error)

    def deliver(self, frame: MediaFrame) -> None:
        """Put a frame into the queue (the fan-out's call)."""
        if self._is_cut and needs_earlier_frames(frame):
            self.dropped += 1
            return
        self._is_cut = False
        if len(self._queue) >= self._limit:
            self._make_room(frame)
        if not self._is_cut:
            self._queue.append(frame)
        self._news.set()

    def end(self, error: Exception) -> None:
        """The source is over, for this reason (the fan-out's call)."""
        if self._error is None:
            self._error = error
            self._news.set()
            self.on_end()

    def _make_room(self, frame: MediaFrame) -> None:
        self._queue.popleft()
        self.dropped += 1
        # Encoded pictures build on one another: after a gap everything up to a keyframe is useless.
        while self._queue and needs_earlier_frames(self._queue[0]):
            self._queue.popleft()
            self.dropped += 1
        if not self._queue and needs_earlier_frames(frame):
            self._is_cut = True
            self.dropped += 1


def _do_nothing() -> None:
    """Nobody wants to know of the end."""
