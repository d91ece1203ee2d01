"""Received frames for a program that takes them as they came, without a decoder."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Self

from rtcpeer.rtp.frames import EncodedFrame

__all__ = ["EncodedFrames"]

# Frames that nobody has taken: some seconds of video. Beyond, reading begins anew with a keyframe.
MAX_UNREAD = 256


class EncodedFrames(AsyncIterator[EncodedFrame]):
    """The frames of one receiver, from the moment at which it was made; ends with the receiver, or by `close`.

    Args:
        ask: asks the peer for a keyframe.
        leave: nobody reads any more.
    """

    def __init__(self, ask: Callable[[], None], leave: Callable[["EncodedFrames"], None]) -> None:
        self.dropped = 0  # frames that were not taken in time
        self._ask = ask
        self._leave = leave
        self._unread: deque[EncodedFrame] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._is_ended = False
        self._waits_for_keyframe = False

    def _receive(self, frame: EncodedFrame) -> None:
        """Take a frame; a reader that lags too far behind goes on at the next keyframe."""
        if self._waits_for_keyframe and not frame.is_keyframe:
            self.dropped += 1
            return
        self._waits_for_keyframe = False
        if len(self._unread) >= MAX_UNREAD:
            self.dropped += len(self._unread)
            self._unread.clear()
            if not frame.is_keyframe:
                self.dropped += 1
                self._waits_for_keyframe = True
                self._ask()
                return
        self._unread.append(frame)
        self._tell()

    def _end(self) -> None:
        """No more frames will come; those that are there can still be taken."""
        self._is_ended = True
        self._tell()

    def close(self) -> None:
        """Read no more."""
        if not self._is_ended:
            self._is_ended = True
            self._leave(self)
        self._unread.clear()
        self._tell()

    async def aclose(self) -> None:
        """`close`, by the name that asynchronous generators give it."""
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EncodedFrame:
        while not self._unread:
            if self._is_ended:
                raise StopAsyncIteration
            if self._waiter is not None:
                raise RuntimeError("two tasks read the same frames")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._unread.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
