"""Where media goes that nobody wants."""

import asyncio

from rtcpeer.media.track import MediaStreamError, MediaStreamTrack

__all__ = ["MediaBlackhole"]


class MediaBlackhole:
    """Reads tracks and throws away what they give, so that their sources do not wait."""

    def __init__(self) -> None:
        self._readers: dict[MediaStreamTrack, asyncio.Task[None] | None] = {}
        self._is_started = False

    def addTrack(self, track: MediaStreamTrack) -> None:
        """Take a track; adding it twice changes nothing. After `start` it is read at once."""
        self._readers.setdefault(track, None)
        if self._is_started:
            self._read_all()

    async def start(self) -> None:
        """Begin to read; harmless when repeated."""
        self._is_started = True
        self._read_all()

    async def stop(self) -> None:
        """Read no more. The tracks are not stopped."""
        self._is_started = False
        tasks = [task for task in self._readers.values() if task is not None]
        self._readers.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _read_all(self) -> None:
        for track, task in self._readers.items():
            if task is None:
                self._readers[track] = asyncio.create_task(_drain(track))


async def _drain(track: MediaStreamTrack) -> None:
    try:
        while True:
            await track.recv()
    except MediaStreamError:
        pass
